//! What an engineer would write instead: a table, and one statement for each transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_postgres::{Client, Statement};

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

struct Session {
    client: Client,
    create: Statement,
    take: Statement,
    end: Statement,
}

pub(crate) struct Bare {
    sessions: Vec<Arc<Session>>,
    number: Arc<AtomicI32>,
}

impl Bare {
    pub(crate) async fn open(database: &Database, clients: usize) -> anyhow::Result<Self> {
        database.client().await?.batch_execute(SCHEMA).await?;
        let mut sessions = Vec::new();
        for _ in 0..clients {
            let client = database.client().await?;
            let create = client.prepare(CREATE).await?;
            let take = client.prepare(TAKE).await?;
            let end = client.prepare(END).await?;
            sessions.push(Arc::new(Session { client, create, take, end }));
        }
        Ok(Self { sessions, number: Arc::default() })
    }

    pub(crate) async fn creates(&self, part: Duration) -> anyhow::Result<f64> {
        self.work(part, false).await
    }

    pub(crate) async fn cycles(&self, part: Duration) -> anyhow::Result<f64> {
        self.work(part, true).await
    }

    async fn work(&self, part: Duration, whole: bool) -> anyhow::Result<f64> {
        let over = Arc::new(AtomicBool::new(false));
        let mut workers = JoinSet::new();
        let began = Instant::now();
        for session in &self.sessions {
            let (session, over) = (Arc::clone(session), Arc::clone(&over));
            let number = Arc::clone(&self.number);
            workers.spawn(async move {
                let mut made = 0_u32;
                while !over.load(Ordering::Relaxed) {
                    session.turn(number.fetch_add(1, Ordering::Relaxed), whole).await?;
                    made += 1;
                }
                anyhow::Ok(made)
            });
        }
        tokio::time::sleep(part).await;
        over.store(true, Ordering::Relaxed);
        let mut made = 0;
        while let Some(worker) = workers.join_next().await {
            made += worker??;
        }
        Ok(f64::from(made) / began.elapsed().as_secs_f64())
    }
}

impl Session {
    async fn turn(&self, number: i32, whole: bool) -> anyhow::Result<()> {
        let payload = "x".repeat(PAYLOAD);
        self.client.query_one(&self.create, &[&(number % 9), &payload]).await?;
        if !whole {
            return Ok(());
        }
        let taken = self.client.query_opt(&self.take, &[]).await?;
        if let Some(row) = taken {
            self.client.execute(&self.end, &[&row.get::<_, i64>(0)]).await?;
        }
        Ok(())
    }
}
