//! Many callbacks at once, asked for from outside.

use callback_domain::agent::Agent;
use callback_domain::dto::{BulkCancelRequest, CancelReason, CreateRequest};
use callback_domain::id::CallbackId;

use super::Engine;
use super::requests::{Creation, within};
use crate::access::Scope;
use crate::bulk::{Batch, Cancelled, Placed, Tell, Withdrawal};
use crate::command::{Answer, What};
use crate::error::Error;
use crate::ledger::Actor;

/// How often a batch is held against its services anew when one was edited meanwhile.
const CHECKS: usize = 5;
/// Callbacks that one transaction cancels.
const CANCELLED_AT_ONCE: usize = 500;
/// Callbacks that an answer names.
const NAMED: usize = 100;

impl Engine {
    /// Makes many callbacks in one transaction: those that can be made, or all or none.
    ///
    /// # Errors
    /// [`Error::BatchRefused`] names every item in the way of a batch that is made whole or not
    /// at all.
    pub async fn create_batch(
        &self,
        actor: Actor,
        requests: Vec<CreateRequest>,
        creation: Creation,
        whole: bool,
        tell: Tell,
    ) -> Result<Vec<Placed>, Error> {
        let mut checks = 0;
        loop {
            let batch = self.batch(requests.clone(), &creation, whole, tell).await?;
            let what = What::CreateBatch(Box::new(batch));
            let once = creation.idempotency.clone();
            checks += 1;
            match self.run_once(actor.clone(), what, once).await {
                Err(Error::ServiceChanged(_)) if checks < CHECKS => {}
                answer => {
                    let Answer::Batch(placed) = answer? else {
                        unreachable!("a batch has an answer of its own")
                    };
                    return Ok(placed);
                }
            }
        }
    }

    async fn batch(
        &self,
        requests: Vec<CreateRequest>,
        creation: &Creation,
        whole: bool,
        tell: Tell,
    ) -> Result<Batch, Error> {
        let prefers = requests.iter().any(|request| request.preferred_agent().is_some());
        let agents = if prefers { self.store().agents().await? } else { Vec::new() };
        let mut items = Vec::with_capacity(requests.len());
        for request in requests {
            let item = self.resolve(request, creation, Some(&agents)).await;
            if let Err(Error::Store(error)) = item {
                return Err(error.into());
            }
            items.push(item);
        }
        Ok(Batch { items, whole, dry_run: creation.dry_run, tell })
    }

    /// Cancels whatever a search finds that is not over, when it is as many as were expected; the
    /// list is taken first, from one look at the store.
    ///
    /// # Errors
    /// [`Error::CountMismatch`] has done nothing, [`Error::Invalid`] names every problem.
    pub async fn cancel_found(
        &self,
        actor: Actor,
        request: BulkCancelRequest,
        scope: &Scope,
    ) -> Result<Cancelled, Error> {
        let fulfilled = request.reason == CancelReason::FulfilledElsewhere;
        let expected = request.expected_count;
        let query = self.query(request.search).await?;
        let Some(mut query) = query.and_then(|query| within(query, scope)) else {
            return match expected {
                None | Some(0) => Ok(Cancelled::of(0, Vec::new())),
                Some(expected) => Err(Error::CountMismatch { found: 0, expected }),
            };
        };
        query.live = true;
        let Some(expected) = expected else {
            let found = self.store().page(&query, None, 0, NAMED).await?;
            let ids = found.into_iter().map(|callback| callback.id).collect();
            return Ok(Cancelled::of(self.store().count(&query).await?, ids));
        };
        let wanted = usize::try_from(expected).unwrap_or(usize::MAX);
        let found = self.store().page(&query, None, 0, wanted.saturating_add(1)).await?;
        if found.len() != wanted {
            let beyond = found.len() > wanted;
            let found = found.len() as u64;
            let found = if beyond { self.store().count(&query).await?.max(found) } else { found };
            return Err(Error::CountMismatch { found, expected });
        }
        let ids: Vec<CallbackId> = found.into_iter().map(|callback| callback.id).collect();
        let mut done = Cancelled::of(u64::from(expected), ids.clone());
        for callbacks in ids.chunks(CANCELLED_AT_ONCE) {
            let (callbacks, query) = (callbacks.to_vec(), query.clone());
            let count = callbacks.len();
            let what = What::CancelThese(Box::new(Withdrawal { callbacks, query, fulfilled }));
            let Answer::Withdrawn { moved_on } = self.run(actor.clone(), what).await? else {
                unreachable!("a withdrawal has an answer of its own")
            };
            done.cancelled += count - moved_on.len();
            done.moved_on.extend(moved_on);
        }
        Ok(done)
    }
}

impl Cancelled {
    fn of(found: u64, mut ids: Vec<CallbackId>) -> Self {
        ids.truncate(NAMED);
        Self { found, ids, cancelled: 0, moved_on: Vec::new() }
    }
}

/// Whom a request prefers, among users that were read before.
pub(super) fn preferred(request: &CreateRequest, agents: &[Agent]) -> Option<Agent> {
    let key = request.preferred_agent()?.key();
    agents.iter().find(|agent| agent.sip_uri.key() == key).cloned()
}
