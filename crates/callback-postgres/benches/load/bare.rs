//! What an engineer would write instead: one prepared statement for each transaction, and nothing
//! that decides.

mod jobs;
mod rows;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::task::JoinSet;

use crate::database::Database;

/// How the waiting is kept.
#[derive(Clone, Copy)]
pub(crate) enum Kept {
    /// In a table of jobs with one index, which knows no more than what waits.
    AsJobs,
    /// In the rows in which ours keeps it: searchable, with history, attempts and claims.
    AsOurs,
}

/// One client's connection.
#[async_trait]
trait Session: Send + Sync {
    async fn create(&self, number: u32) -> anyhow::Result<()>;

    /// Takes what is next, if anything is there, and ends it.
    async fn take_and_end(&self, number: u32) -> anyhow::Result<()>;
}

pub(crate) struct Bare {
    sessions: Vec<Arc<dyn Session>>,
    number: Arc<AtomicU32>,
}

impl Bare {
    pub(crate) async fn open(
        database: &Database,
        clients: usize,
        kept: Kept,
    ) -> anyhow::Result<Self> {
        match kept {
            Kept::AsJobs => jobs::prepare(database).await?,
            Kept::AsOurs => rows::prepare(database, clients).await?,
        }
        let mut sessions: Vec<Arc<dyn Session>> = Vec::new();
        for agent in (0..).take(clients) {
            sessions.push(match kept {
                Kept::AsJobs => Arc::new(jobs::Jobs::open(database).await?),
                Kept::AsOurs => Arc::new(rows::Rows::open(database, agent).await?),
            });
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
                    let number = number.fetch_add(1, Ordering::Relaxed);
                    session.create(number).await?;
                    if whole {
                        session.take_and_end(number).await?;
                    }
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
