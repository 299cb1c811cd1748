//! Life beside other nodes: their hints are followed, and what no hint told is found by looking.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::sleep;

use super::Engine;
use crate::command::{After, What};
use crate::error::Error;
use crate::hint::Hint;
use crate::ledger::Actor;

/// How often a node on a shared store looks for what no hint told it.
const LOOK_AROUND: Duration = Duration::from_secs(4);

impl Engine {
    /// Does what other nodes' hints ask for.
    pub(super) async fn follow_hints(self, mut hints: UnboundedReceiver<Hint>) {
        while let Some(hint) = hints.recv().await {
            let (survey, stops) = (hint.survey, hint.stops);
            self.follow_up(After {
                services: hint.services,
                agents: hint.agents,
                deadline: hint.deadline,
                lines: usize::from(hint.lines),
                recalculate: hint.recalculate,
                services_edited: hint.services_edited,
                webhooks: hint.webhooks,
                deliveries: hint.deliveries,
                ..After::default()
            });
            let mut done = Ok(());
            if survey {
                done = self.survey().await;
            }
            if stops && done.is_ok() {
                done = self.take_over(false).await;
            }
            if let Err(error) = done {
                tracing::warn!(%error, "failed to follow another node's hint; looking again soon");
            }
        }
    }

    /// Looks for what hints may have missed, so that a lost one only delays.
    pub(super) async fn look_around(self) {
        loop {
            sleep(LOOK_AROUND).await;
            if let Err(error) = self.survey().await {
                tracing::warn!(%error, "failed to look for work; trying again");
            }
        }
    }

    async fn survey(&self) -> Result<(), Error> {
        self.run(Actor::Dispatcher, What::Survey).await?;
        // Without a known deadline the next beat asks the store for it.
        self.agenda().deadline = None;
        self.0.ledger.send_modify(|growth| *growth += 1);
        self.0.wake.notify_one();
        Ok(())
    }
}
