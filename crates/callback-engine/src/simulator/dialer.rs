//! The driver that plays calls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use callback_domain::attempt::{Attempt, DriverCaps, Outcome};
use callback_domain::id::AttemptId;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::Plan;
use crate::command::Report;
use crate::dialer::{Dialer, Reports, Resumed, Started};

/// Plays calls by a seeded plan; they end with the process.
#[derive(Clone, Debug)]
pub struct SimulatedDialer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    plan: Plan,
    random: Mutex<StdRng>,
    calls: Mutex<BTreeMap<AttemptId, oneshot::Sender<()>>>,
}

/// One call as it will go, unless it is stopped.
struct Script {
    steps: Vec<(Duration, Report)>,
    after: Duration,
    outcome: Outcome,
}

impl SimulatedDialer {
    /// A driver with a plan and a seed.
    #[must_use]
    pub fn new(plan: Plan, seed: u64) -> Self {
        let random = Mutex::new(StdRng::seed_from_u64(seed));
        Self(Arc::new(Inner { plan, random, calls: Mutex::default() }))
    }

    fn calls(&self) -> MutexGuard<'_, BTreeMap<AttemptId, oneshot::Sender<()>>> {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn script(&self, attempt: &Attempt) -> Script {
        let odds = self.0.plan.odds(attempt.service);
        let mut random = self.0.random.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = odds.draw(&mut random);
        let agent_rings = odds.agent_rings.draw(&mut random);
        let customer_rings = odds.customer_rings.draw(&mut random);
        let talks = odds.talks.draw(&mut random);
        drop(random);
        let rung = Duration::from_secs(u64::from(attempt.customer_ring_in_seconds));
        let answered = (agent_rings, Report::AgentAnswered);
        let ringing = (Duration::ZERO, Report::CustomerRinging);
        let connected = (customer_rings.min(rung / 2), Report::Connected);
        let (steps, after) = match outcome {
            Outcome::Failed | Outcome::AgentUnavailable | Outcome::Lost => (vec![], agent_rings),
            Outcome::Busy | Outcome::InvalidTarget | Outcome::Unreachable => {
                (vec![answered], customer_rings / 4)
            }
            Outcome::NoAnswer => (vec![answered, ringing], rung),
            Outcome::Rejected => (vec![answered, ringing], customer_rings),
            Outcome::Voicemail
            | Outcome::OptedOut
            | Outcome::Completed
            | Outcome::Cancelled
            | Outcome::Unknown => (vec![answered, ringing, connected], talks),
        };
        Script { steps, after, outcome }
    }

    async fn play(
        self,
        id: AttemptId,
        script: Script,
        stop: oneshot::Receiver<()>,
        reports: Reports,
    ) {
        let mut number = 0;
        let mut say = |report| {
            number += 1;
            reports.send(id, number, report);
        };
        let whole = async {
            for (wait, report) in script.steps {
                sleep(wait).await;
                say(report);
            }
            sleep(script.after).await;
        };
        let outcome = tokio::select! {
            () = whole => script.outcome,
            _ = stop => Outcome::Cancelled,
        };
        self.calls().remove(&id);
        reports.send(
            id,
            u32::MAX,
            Report::Ended { outcome, detail: None, retry_after_seconds: None },
        );
    }
}

#[async_trait]
impl Dialer for SimulatedDialer {
    fn name(&self) -> &'static str {
        "simulator"
    }

    fn caps(&self) -> DriverCaps {
        DriverCaps {
            places_calls: true,
            reports_progress: true,
            can_cancel: true,
            survives_restart: false,
            human_reports: false,
        }
    }

    async fn start(&self, attempt: &Attempt, reports: Reports) -> Started {
        let (stop, stopped) = oneshot::channel();
        if self.calls().insert(attempt.id, stop).is_none() {
            let script = self.script(attempt);
            tokio::spawn(self.clone().play(attempt.id, script, stopped, reports));
        }
        Started::Started
    }

    async fn stop(&self, attempt: &Attempt) {
        if let Some(stop) = self.calls().remove(&attempt.id) {
            let _heard = stop.send(()).is_ok();
        }
    }

    async fn resume(&self, attempt: &Attempt, _reports: Reports) -> Resumed {
        if self.calls().contains_key(&attempt.id) { Resumed::Live } else { Resumed::Unknown }
    }

    fn live(&self) -> Vec<AttemptId> {
        self.calls().keys().copied().collect()
    }
}
