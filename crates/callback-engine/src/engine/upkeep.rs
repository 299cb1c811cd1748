//! Upkeep: what is kept for a time only is removed in small batches, by one node at a time.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::Engine;
use crate::command::{Answer, What};
use crate::error::Error;
use crate::ledger::Actor;

/// Rows of each kind that one transaction removes.
const REMOVED: usize = 200;
/// The rest between two transactions while there is more to remove.
const REST: Duration = Duration::from_millis(50);
/// How often to look for what is old.
const PERIOD: Duration = Duration::from_secs(60);

/// What is removed, and what was.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    terminated_days: AtomicU32,
    purged: AtomicU64,
    changed: Notify,
}

impl Engine {
    /// Removes what is old, for as long as the engine runs.
    pub(super) async fn keep_tidy(self) {
        loop {
            match self.tidy().await {
                Ok(true) => sleep(REST).await,
                Ok(false) => {
                    let _woken = timeout(PERIOD, self.0.upkeep.changed.notified()).await.is_ok();
                }
                Err(error) => {
                    tracing::warn!(%error, "failed to remove what is old; trying again");
                    sleep(PERIOD).await;
                }
            }
        }
    }

    /// Keeps terminated callbacks for so many days from now on; 0 is for good, as before the first call.
    pub fn retain_terminated(&self, days: u32) {
        self.0.upkeep.terminated_days.store(days, Ordering::Relaxed);
        self.0.upkeep.changed.notify_one();
    }

    /// How many callbacks this process has removed since its start.
    #[must_use]
    pub fn purged(&self) -> u64 {
        self.0.upkeep.purged.load(Ordering::Relaxed)
    }

    /// Removes one batch of what is old; answers whether more may be left.
    ///
    /// # Errors
    /// When the store cannot do it.
    pub async fn tidy(&self) -> Result<bool, Error> {
        let terminated_days = self.0.upkeep.terminated_days.load(Ordering::Relaxed);
        let what = What::Tidy { limit: REMOVED, terminated_days };
        let Answer::Tidied { purged, more, .. } = self.run(Actor::Timer, what).await? else {
            unreachable!("tidying has an answer of its own")
        };
        if purged > 0 {
            self.0.upkeep.purged.fetch_add(purged as u64, Ordering::Relaxed);
            tracing::info!(purged, "removed callbacks whose time of retention is over");
        }
        Ok(more)
    }
}
