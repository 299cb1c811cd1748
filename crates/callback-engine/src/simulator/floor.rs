//! Agents who work by themselves: they take, decline or miss what they are offered.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use callback_domain::agent::{Distribution, Presence};
use callback_domain::callback::Phase;
use callback_domain::id::AgentId;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Span;
use crate::command::{AgentChange, Answer, Motion, Task, What};
use crate::engine::Engine;
use crate::error::Error;
use crate::ledger::Actor;

/// How simulated agents behave.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// How long an agent looks at an offer or a preview.
    pub reacts: Span,
    /// Offers declined, in percent.
    pub declines_percent: u32,
    /// Offers missed, in percent.
    pub misses_percent: u32,
    /// How long an agent stays in RONA.
    pub recovers: Duration,
    /// How long a pull agent waits after the queue was empty.
    pub pulls_every: Duration,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            reacts: Span::millis(800, 4_000),
            declines_percent: 4,
            misses_percent: 3,
            recovers: Duration::from_secs(15),
            pulls_every: Duration::from_secs(3),
        }
    }
}

/// Lets these users work until the answer is dropped.
#[must_use]
pub fn work_the_floor(
    engine: &Engine,
    agents: Vec<AgentId>,
    habits: Habits,
    seed: u64,
) -> JoinSet<()> {
    let mut floor = JoinSet::new();
    let mut seeds = StdRng::seed_from_u64(seed);
    for agent in agents {
        let random = Mutex::new(StdRng::seed_from_u64(seeds.random()));
        let worker = Worker { engine: engine.clone(), agent, habits, random: Arc::new(random) };
        floor.spawn(worker.work());
    }
    floor
}

struct Worker {
    engine: Engine,
    agent: AgentId,
    habits: Habits,
    random: Arc<Mutex<StdRng>>,
}

impl Worker {
    async fn work(self) {
        let mut growth = self.engine.ledger_growth();
        loop {
            if let Err(error) = self.turn().await {
                tracing::debug!(%error, agent = %self.agent, "a simulated agent's move was refused");
            }
            let _grown = timeout(self.habits.pulls_every, growth.changed()).await.is_ok();
        }
    }

    /// Looks at the desk once and does what there is to do.
    async fn turn(&self) -> Result<(), Error> {
        let agent = self.engine.agent(self.agent).await?;
        if agent.presence != Presence::Available {
            return self.change(AgentChange::Presence(Presence::Available)).await;
        }
        if agent.rona {
            sleep(self.habits.recovers).await;
            return self.change(AgentChange::ResetRona).await;
        }
        let idle = agent.task.is_none() && agent.after_call_work_until.is_none();
        let what = match agent.distribution {
            Distribution::Pull if idle && agent.attempt.is_none() => What::Next { agent: agent.id },
            Distribution::Push | Distribution::Pull if agent.task.is_some() => {
                What::Task { agent: agent.id }
            }
            Distribution::Push | Distribution::Pull => return Ok(()),
        };
        let Answer::Task(Some(task)) = self.run(what).await? else { return Ok(()) };
        self.handle(*task).await
    }

    async fn handle(&self, task: Task) -> Result<(), Error> {
        let (react, roll) = {
            let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
            (self.habits.reacts.draw(&mut random), random.random_range(0..100))
        };
        let by = match task.callback.phase {
            Phase::Offered { .. } => {
                if roll < self.habits.declines_percent {
                    Motion::Decline(task.token)
                } else if roll < self.habits.declines_percent + self.habits.misses_percent {
                    sleep(self.habits.recovers).await;
                    return Ok(());
                } else {
                    Motion::Accept(task.token)
                }
            }
            Phase::Preview { .. } => Motion::Dial(task.token),
            Phase::Dialout { .. }
            | Phase::Connected { .. }
            | Phase::Pending
            | Phase::InQueue { .. }
            | Phase::Terminated { .. } => return Ok(()),
        };
        sleep(react).await;
        let actor = Actor::Agent(self.agent);
        self.engine.move_callback(actor, task.callback.id, by, None).await.map(|_| ())
    }

    async fn change(&self, change: AgentChange) -> Result<(), Error> {
        self.run(What::ChangeAgent { agent: self.agent, change }).await.map(|_| ())
    }

    async fn run(&self, what: What) -> Result<Answer, Error> {
        self.engine.run(Actor::Agent(self.agent), what).await
    }
}
