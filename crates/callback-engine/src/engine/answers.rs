//! Use cases whose answers are typed: what is asked of users' tasks, gates, queues and lines.

use callback_domain::explain::Explanation;
use callback_domain::id::{AgentId, CallbackId, ServiceId};

use super::Engine;
use crate::command::{Answer, Task, What};
use crate::error::Error;
use crate::insight::{Position, QueueInsight};
use crate::ledger::Actor;
use crate::store::Idempotency;
use crate::suppression::Suppression;

impl Engine {
    /// The task in a user's hands.
    ///
    /// # Errors
    /// [`Error::UserNotFound`].
    pub async fn task(&self, agent: AgentId) -> Result<Option<Box<Task>>, Error> {
        let Answer::Task(task) = self.run(Actor::Agent(agent), What::Task { agent }).await? else {
            unreachable!("a user's task has an answer of its own")
        };
        Ok(task)
    }

    /// A user's next task, accepted.
    ///
    /// # Errors
    /// [`Error::UserNotFound`].
    pub async fn next(&self, actor: Actor, agent: AgentId) -> Result<Option<Box<Task>>, Error> {
        let Answer::Task(task) = self.run(actor, What::Next { agent }).await? else {
            unreachable!("a user's next task has an answer of its own")
        };
        Ok(task)
    }

    /// Why a callback is not being called, by an agent or by whomever would be asked.
    ///
    /// # Errors
    /// [`Error::CallbackNotFound`], [`Error::UserNotFound`].
    pub async fn explain(
        &self,
        callback: CallbackId,
        agent: Option<AgentId>,
    ) -> Result<Box<Explanation>, Error> {
        let Answer::Explanation(explanation) =
            self.run(Actor::Dispatcher, What::Explain { callback, agent }).await?
        else {
            unreachable!("an explanation has an answer of its own")
        };
        Ok(explanation)
    }

    /// Where a callback stands in its queue; `None` when it does not wait there.
    ///
    /// # Errors
    /// [`Error::CallbackNotFound`].
    pub async fn position(&self, callback: CallbackId) -> Result<Option<Position>, Error> {
        let Answer::Position(position) =
            self.run(Actor::Dispatcher, What::Position { callback }).await?
        else {
            unreachable!("a position has an answer of its own")
        };
        Ok(position)
    }

    /// How a service's queue stands.
    ///
    /// # Errors
    /// [`Error::ServiceNotFound`].
    pub async fn insight(&self, service: ServiceId) -> Result<Box<QueueInsight>, Error> {
        let Answer::Insight(insight) =
            self.run(Actor::Dispatcher, What::Insight { service }).await?
        else {
            unreachable!("an insight has an answer of its own")
        };
        Ok(insight)
    }

    /// Puts lines on the suppression list, all or none.
    ///
    /// # Errors
    /// [`Error::ServiceNotFound`].
    pub async fn suppress(
        &self,
        actor: Actor,
        list: Vec<Suppression>,
        once: Option<Idempotency>,
    ) -> Result<Vec<Suppression>, Error> {
        let Answer::Suppressions(stored) = self.run_once(actor, What::Suppress(list), once).await?
        else {
            unreachable!("a suppression has an answer of its own")
        };
        Ok(stored)
    }

    /// As [`Self::suppress`], once under an idempotency key; answers how many were put there.
    ///
    /// # Errors
    /// [`Error::ServiceNotFound`], or [`Error::IdempotencyKeyReused`].
    pub async fn import(
        &self,
        actor: Actor,
        list: Vec<Suppression>,
        once: Option<Idempotency>,
    ) -> Result<usize, Error> {
        let answer = self.run_once(actor, What::Suppress(list), once).await?;
        if let Answer::Suppressions(stored) = answer {
            return Ok(stored.len());
        }
        let Answer::Imported(count) = answer else {
            unreachable!("an import has an answer of its own")
        };
        Ok(count)
    }

    /// Runs a command that makes something, once under an idempotency key if there is one.
    ///
    /// # Errors
    /// As [`Self::run`], and [`Error::IdempotencyKeyReused`].
    pub async fn run_once(
        &self,
        actor: Actor,
        what: What,
        once: Option<Idempotency>,
    ) -> Result<Answer, Error> {
        let what = match once {
            Some(idempotency) => What::Once { idempotency, what: Box::new(what) },
            None => what,
        };
        self.run(actor, what).await
    }

    /// Runs a command that answers nothing, a removal for one.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn carry_out(&self, actor: Actor, what: What) -> Result<(), Error> {
        self.run(actor, what).await.map(|_| ())
    }
}
