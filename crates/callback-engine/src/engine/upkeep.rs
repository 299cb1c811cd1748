//! Upkeep: what is kept for a time only is removed in small batches, by one node at a time.

use std::time::Duration;

use tokio::time::sleep;

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

impl Engine {
    /// Removes what is old, for as long as the engine runs.
    pub(super) async fn keep_tidy(self) {
        loop {
            match self.tidy().await {
                Ok(true) => sleep(REST).await,
                Ok(false) => sleep(PERIOD).await,
                Err(error) => {
                    tracing::warn!(%error, "failed to remove what is old; trying again");
                    sleep(PERIOD).await;
                }
            }
        }
    }

    /// Removes one batch of what is old; answers whether more may be left.
    ///
    /// # Errors
    /// When the store cannot do it.
    pub async fn tidy(&self) -> Result<bool, Error> {
        let answer = self.run(Actor::Timer, What::Tidy { limit: REMOVED }).await?;
        let Answer::Tidied { more, .. } = answer else {
            unreachable!("tidying has an answer of its own")
        };
        Ok(more)
    }
}
