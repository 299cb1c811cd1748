//! Ours: an engine on the store, with validation, history, claims and everything else.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use callback_domain::attempt::Outcome;
use callback_domain::callback::Creator;
use callback_domain::dto::{CreateRequest, ServiceRequest, UserRequest};
use callback_domain::id::{AgentId, ServiceId};
use callback_domain::priority::Priority;
use callback_engine::access::Scope;
use callback_engine::command::{Answer, Motion, What};
use callback_engine::dialer::ManualDialer;
use callback_engine::engine::requests::Creation;
use callback_engine::ledger::Actor;
use callback_engine::mint::Mint;
use callback_engine::{Engine, Parts, Running};
use callback_postgres::{Options, PostgresStore};
use serde_json::json;
use tokio::task::JoinSet;

use crate::database::Database;

const DESCRIPTION: &str = "the customer asks about the invoice of last month, which was paid twice";
/// How many creations fill a backlog at a time.
const FILLERS: u32 = 256;
/// How long a pick may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much waits, and how much is not yet due.
#[derive(Clone, Copy)]
pub(crate) struct Backlog {
    pub(crate) waiting: u32,
    pub(crate) future: u32,
}

impl Backlog {
    pub(crate) const NONE: Self = Self { waiting: 0, future: 0 };
}

impl fmt::Display for Backlog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} waiting, {} not due", self.waiting, self.future))
    }
}

pub(crate) struct Installation {
    engine: Engine,
    running: Running,
    service: ServiceId,
    agents: Vec<AgentId>,
    number: Arc<AtomicU32>,
}

impl Installation {
    /// Opens a store with one service, a pull agent for each client, and a backlog.
    pub(crate) async fn open(
        database: &Database,
        clients: usize,
        backlog: Backlog,
    ) -> anyhow::Result<Self> {
        let store = PostgresStore::connect(&database.address(), Options::default()).await?;
        let mint = Mint::unpredictable().context("no randomness")?;
        let (engine, running) = Engine::start(Parts { store, dialer: ManualDialer, mint }).await?;
        let body = json!({
            "Name": "Hotline", "SipUri": "sip:hotline@dev.local", "DirectionType": "Outbound",
            "PreviewTimeInSeconds": 0, "AfterCallWorkInSeconds": 0,
            "MaxQueueTimeInSeconds": 172_800,
        });
        let request = ServiceRequest::read(&body).map_err(|_| anyhow::anyhow!("the service"))?;
        let service = engine.create_service(Actor::Operator, request).await?.id;
        let mut agents = Vec::new();
        for number in 0..clients {
            let body = json!({
                "Name": format!("Agent {number}"), "SipUri": format!("sip:{number}@dev.local"),
                "Services": [service.to_string()], "Distribution": "Pull", "Presence": "Available",
            });
            let request = UserRequest::read(&body).map_err(|_| anyhow::anyhow!("the user"))?;
            agents.push(engine.create_agent(Actor::Operator, request).await?.id);
        }
        let installation = Self { engine, running, service, agents, number: Arc::default() };
        installation.fill(backlog).await?;
        let client = database.client().await?;
        // Nobody looks after a database with nothing in it.
        if backlog.waiting + backlog.future > 0 {
            client.batch_execute("VACUUM ANALYZE").await?;
        }
        client.batch_execute("CHECKPOINT").await?;
        Ok(installation)
    }

    pub(crate) async fn close(self) {
        self.running.stop().await;
    }

    async fn fill(&self, backlog: Backlog) -> anyhow::Result<()> {
        let mut fillers = JoinSet::new();
        for filler in 0..FILLERS {
            let client = self.client(None);
            fillers.spawn(async move {
                for number in (filler..backlog.waiting + backlog.future).step_by(FILLERS as usize) {
                    client.create(number >= backlog.waiting).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(filler) = fillers.join_next().await {
            filler??;
        }
        self.settle().await
    }

    /// Waits until everything that is due is in the queue.
    pub(crate) async fn settle(&self) -> anyhow::Result<()> {
        loop {
            let answer = self.engine.run(Actor::Timer, What::Tick { limit: 500 }).await?;
            if matches!(answer, Answer::Ticked { moved: 0, .. }) {
                return Ok(());
            }
        }
    }

    fn client(&self, agent: Option<AgentId>) -> Client {
        Client {
            engine: self.engine.clone(),
            service: self.service,
            agent,
            number: Arc::clone(&self.number),
        }
    }

    pub(crate) async fn creates(&self, part: Duration) -> anyhow::Result<f64> {
        self.work(part, false, None).await
    }

    pub(crate) async fn cycles(&self, part: Duration) -> anyhow::Result<f64> {
        self.work(part, true, None).await
    }

    /// Cycles, so many a second at most.
    pub(crate) async fn paced_cycles(&self, part: Duration, pace: f64) -> anyhow::Result<f64> {
        self.work(part, true, Some(pace)).await
    }

    async fn work(&self, part: Duration, whole: bool, pace: Option<f64>) -> anyhow::Result<f64> {
        let each = pace.map(|pace| Duration::from_secs_f64(self.agents.len() as f64 / pace));
        let over = Arc::new(AtomicBool::new(false));
        let mut workers = JoinSet::new();
        let began = Instant::now();
        for agent in &self.agents {
            let (client, over) = (self.client(Some(*agent)), Arc::clone(&over));
            workers.spawn(async move {
                let mut made = 0_u32;
                while !over.load(Ordering::Relaxed) {
                    client.create(false).await?;
                    if whole {
                        client.take_and_end().await?;
                    }
                    made += 1;
                    if let Some(each) = each {
                        tokio::time::sleep_until((began + each * made).into()).await;
                    }
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

    /// The median time of a pick, alone on the store; what was picked is called off and made anew.
    ///
    /// What the clock is just moving into the queue is not there yet for the agent, who asks again.
    pub(crate) async fn picks(&self, count: usize) -> anyhow::Result<Duration> {
        let client = self.client(self.agents.first().copied());
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            client.create(false).await?;
            let began = Instant::now();
            let picked = loop {
                if let Some(task) = client.take().await? {
                    break task;
                }
                if began.elapsed() > PATIENCE {
                    bail!("nothing was there to pick");
                }
            };
            times.push(began.elapsed());
            client.end(picked).await?;
        }
        times.sort_unstable();
        Ok(times[times.len() / 2])
    }
}

type Task = Box<callback_engine::command::Task>;

/// Somebody who works.
struct Client {
    engine: Engine,
    service: ServiceId,
    agent: Option<AgentId>,
    number: Arc<AtomicU32>,
}

impl Client {
    async fn create(&self, later: bool) -> anyhow::Result<()> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let level = u8::try_from(number % 9).unwrap_or(0);
        let mut body = json!({
            "ServiceId": self.service.to_string(),
            "Target": format!("tel:+4178{number:08}"),
            "Priority": Priority::from_level(level).unwrap_or_default().name(),
            "LeftInQueueTimeInSeconds": 172_800,
            "Description": DESCRIPTION,
        });
        if later {
            body["DueDate"] = json!("2036-01-01T00:00:00Z");
        }
        let creation = Creation {
            creator: Creator::Api,
            initiator: None,
            idempotency: None,
            dry_run: false,
            within: Scope::All,
        };
        let request = CreateRequest::read(&body, false);
        self.engine.create(Actor::Operator, request, creation).await?;
        Ok(())
    }

    async fn take_and_end(&self) -> anyhow::Result<()> {
        match self.take().await? {
            Some(task) => self.end(task).await,
            None => Ok(()),
        }
    }

    async fn take(&self) -> anyhow::Result<Option<Task>> {
        let agent = self.agent.context("a client who takes is an agent")?;
        let answer = self.engine.run(Actor::Agent(agent), What::Next { agent }).await?;
        let Answer::Task(task) = answer else { bail!("a task was expected") };
        Ok(task)
    }

    async fn end(&self, task: Task) -> anyhow::Result<()> {
        let agent = self.agent.context("a client who ends is an agent")?;
        let by = Motion::Outcome(task.token, Outcome::Completed, None);
        self.engine.move_callback(Actor::Agent(agent), task.callback.id, by, None).await?;
        Ok(())
    }
}
