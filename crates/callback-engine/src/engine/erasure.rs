//! Erasing a person's data, from outside.

use std::time::Duration;

use callback_domain::dto::ErasureRequest;
use callback_domain::id::CallbackId;
use callback_domain::search::{Column, Query};
use callback_domain::target::TargetKey;
use tokio::time::sleep;

use super::Engine;
use crate::command::{Answer, What};
use crate::erasure::{Erased, Step, Stepped, concerns};
use crate::error::Error;
use crate::ledger::Actor;

/// Callbacks read at once while those of the person are looked for.
const READ: usize = 1_000;
/// Callbacks that one transaction removes, and answers that it looks at.
const STEP: usize = 100;
/// How often it is looked whether a call has ended.
const LOOK: Duration = Duration::from_millis(250);
/// How often at most: a driver that hangs up does so within this time.
const LOOKS: usize = 40;

impl Engine {
    /// Erases what is kept about a person; what lives is cancelled and hung up first.
    ///
    /// What was erased stays so when it fails midway, and asking again goes on.
    ///
    /// # Errors
    /// [`Error::InUse`] while a call to the person has not ended.
    pub async fn erase(&self, actor: Actor, request: ErasureRequest) -> Result<Erased, Error> {
        let ErasureRequest { key, keep_suppression } = request;
        let id = self.site().mint.timed(self.now().await?);
        let mut found = self.callbacks_of(&key).await?;
        let (mut callbacks, mut answers) = (0, 0);
        for look in 0..=LOOKS {
            let mut open = Vec::new();
            for ids in found.chunks(STEP) {
                let done = self.erase_step(&actor, &key, Step::Callbacks(ids.to_vec())).await?;
                callbacks += done.removed;
                open.extend(done.open);
            }
            found = open;
            if found.is_empty() {
                break;
            }
            if look == LOOKS {
                let why = "its call has not ended; erase again when it has";
                return Err(Error::InUse { what: format!("callback {}", found[0]), why });
            }
            sleep(LOOK).await;
        }
        let mut after = None;
        loop {
            let done = self.erase_step(&actor, &key, Step::Answers { after, limit: STEP }).await?;
            answers += done.removed;
            after = done.after;
            if after.is_none() {
                break;
            }
        }
        let now = self.now().await?;
        let mut suppressions = self.store().suppressions(Some(&key), 0, usize::MAX >> 1).await?;
        suppressions.retain(|entry| !keep_suppression || entry.until.is_some_and(|at| at <= now));
        let suppressions = suppressions.into_iter().map(|entry| entry.id).collect();
        let last = Step::Line { id, suppressions, callbacks };
        let suppressions = self.erase_step(&actor, &key, last).await?.removed;
        Ok(Erased { id, callbacks, suppressions, answers })
    }

    async fn erase_step(
        &self,
        actor: &Actor,
        key: &TargetKey,
        step: Step,
    ) -> Result<Stepped, Error> {
        let what = What::Erase { key: key.clone(), step: Box::new(step) };
        let Answer::Erased(stepped) = self.run(actor.clone(), what).await? else {
            unreachable!("an erasure has an answer of its own")
        };
        Ok(stepped)
    }

    /// Every callback of a person: all are looked at, since an address that another stands in for
    /// is in no index.
    async fn callbacks_of(&self, key: &TargetKey) -> Result<Vec<CallbackId>, Error> {
        let query = Query { order_by: Column::Id, ..Query::default() };
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.store().page(&query, after.as_ref(), 0, READ).await?;
            found.extend(page.iter().filter(|one| concerns(one, key)).map(|one| one.id));
            match page.last() {
                Some(last) if page.len() >= READ => after = Some(query.place(last)),
                Some(_) | None => return Ok(found),
            }
        }
    }
}
