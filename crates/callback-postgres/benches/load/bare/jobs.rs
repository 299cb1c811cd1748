//! A table of jobs with one index.

use async_trait::async_trait;
use tokio_postgres::{Client, Statement};

use super::Session;
use crate::database::Database;

const SCHEMA: &str = "\
    CREATE TABLE jobs (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, priority integer NOT NULL, \
        due timestamptz NOT NULL DEFAULT now(), state text NOT NULL DEFAULT 'waiting', \
        payload text NOT NULL); \
    CREATE INDEX jobs_waiting ON jobs (priority, due, id) WHERE state = 'waiting'";
const CREATE: &str = "INSERT INTO jobs (priority, payload) VALUES ($1, $2) RETURNING id";
const TAKE: &str = "UPDATE jobs SET state = 'taken' WHERE id = ( \
        SELECT id FROM jobs WHERE state = 'waiting' AND due <= now() \
        ORDER BY priority, due, id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, payload";
const END: &str = "UPDATE jobs SET state = 'done' WHERE id = $1";
/// As many bytes as a callback's task has.
const PAYLOAD: usize = 400;

pub(super) struct Jobs {
    client: Client,
    create: Statement,
    take: Statement,
    end: Statement,
}

pub(super) async fn prepare(database: &Database) -> anyhow::Result<()> {
    Ok(database.client().await?.batch_execute(SCHEMA).await?)
}

impl Jobs {
    pub(super) async fn open(database: &Database) -> anyhow::Result<Self> {
        let client = database.client().await?;
        let create = client.prepare(CREATE).await?;
        let take = client.prepare(TAKE).await?;
        let end = client.prepare(END).await?;
        Ok(Self { client, create, take, end })
    }
}

#[async_trait]
impl Session for Jobs {
    async fn create(&self, number: u32) -> anyhow::Result<()> {
        let level = i32::try_from(number % 9)?;
        self.client.query_one(&self.create, &[&level, &"x".repeat(PAYLOAD)]).await?;
        Ok(())
    }

    async fn take_and_end(&self, _number: u32) -> anyhow::Result<()> {
        let taken = self.client.query_opt(&self.take, &[]).await?;
        if let Some(row) = taken {
            self.client.execute(&self.end, &[&row.get::<_, i64>(0)]).await?;
        }
        Ok(())
    }
}
