//! The one driver: it sleeps until the next deadline, lets the clock do what is due, and dispatches.

use std::time::Duration;

use callback_domain::date::Instant;
use callback_domain::defaults;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{sleep, timeout};

use super::Engine;
use crate::command::{Answer, What};
use crate::dialer::Numbered;
use crate::error::Error;
use crate::ledger::Actor;

/// How many due things of each kind one transaction moves.
const TICK_BATCH: usize = 500;
/// How many offers one transaction makes.
const DISPATCH_BATCH: usize = 64;
/// The longest sleep before the wall clock is read again, which may have been set meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// The pause after the store could not be reached.
const STORE_PAUSE: Duration = Duration::from_millis(500);

impl Engine {
    pub(super) async fn drive(self) {
        loop {
            match self.beat().await {
                Ok(Some(rest)) => {
                    let _woken = timeout(rest, self.0.wake.notified()).await.is_ok();
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%error, "failed to drive the queue; trying again");
                    sleep(STORE_PAUSE).await;
                }
            }
        }
    }

    /// Does what is due now; answers how long to rest, or `None` to go on at once.
    async fn beat(&self) -> Result<Option<Duration>, Error> {
        let now = self.now().await?;
        let (due, recalculate) = {
            let agenda = self.agenda();
            (agenda.deadline.is_none_or(|at| at <= now), agenda.recalculate)
        };
        if due {
            // Forgotten before the tick, so that a deadline written meanwhile is not lost.
            self.agenda().deadline = None;
            let ticked = self.run(Actor::Timer, What::Tick { limit: TICK_BATCH }).await;
            if ticked.is_err() {
                self.agenda().deadline = Some(now);
            }
            if let Answer::Ticked { more: true, .. } = ticked? {
                self.agenda().deadline = Some(now);
            }
        }
        let dispatched = self.dispatch(now).await?;
        let recalculated = recalculate && self.recalculate().await?;
        if dispatched || recalculated {
            return Ok(None);
        }
        let now = self.now().await?;
        let rest = match self.agenda().next(now) {
            Some(at) => (at - now).to_std().unwrap_or(Duration::ZERO),
            None => LONGEST_SLEEP,
        };
        Ok((!rest.is_zero()).then_some(rest.min(LONGEST_SLEEP)))
    }

    async fn dispatch(&self, now: Instant) -> Result<bool, Error> {
        let (services, agents) = self.agenda().take(now);
        if services.is_empty() && agents.is_empty() {
            return Ok(false);
        }
        let what = What::Dispatch {
            services: services.clone(),
            agents: agents.clone(),
            limit: DISPATCH_BATCH,
        };
        let answer = self.run(Actor::Dispatcher, what).await;
        let again = !matches!(answer, Ok(Answer::Dispatched { more: false, .. }));
        if again {
            self.agenda().look_for(services, agents);
        } else if let Ok(Answer::Dispatched { offers: 0, .. }) = answer {
            self.agenda().found_nobody(services, now);
        }
        answer.map(|_| again)
    }

    async fn recalculate(&self) -> Result<bool, Error> {
        self.agenda().recalculate = false;
        let answer = self.run(Actor::Timer, What::Recalculate { limit: TICK_BATCH }).await;
        let again = !matches!(answer, Ok(Answer::Ticked { more: false, .. }));
        self.agenda().recalculate |= again;
        answer.map(|_| again)
    }

    /// Renews this node's lease, takes over what others left, and repeats stops.
    pub(super) async fn keep_alive(self) {
        let period = Duration::from_secs(u64::from(defaults::LEASE_SECONDS) / 3);
        loop {
            sleep(period).await;
            let renewed = self.renew().await;
            let taken = match renewed {
                Ok(()) => self.take_over(false).await,
                Err(error) => Err(error),
            };
            if let Err(error) = taken {
                tracing::error!(%error, "failed to renew the node's lease; trying again");
            }
        }
    }

    /// Takes the reports of one lane, in order, and never loses one to a store that is away.
    pub(super) async fn take_reports(self, mut lane: UnboundedReceiver<Numbered>) {
        while let Some(Numbered { attempt, number, report }) = lane.recv().await {
            loop {
                let actor = Actor::Driver(self.0.site.driver.clone());
                let what = What::Report { attempt, number, report: report.clone() };
                match self.run(actor, what).await {
                    Ok(_) => break,
                    Err(Error::Store(error)) => {
                        tracing::error!(%error, %attempt, "failed to store a report; trying again");
                        sleep(STORE_PAUSE).await;
                    }
                    Err(error) => {
                        tracing::warn!(%error, %attempt, "a driver's report was refused");
                        break;
                    }
                }
            }
        }
    }
}
