//! Making callbacks and moving them; the one place where a step is applied to the rows.

use std::collections::BTreeMap;

use callback_domain::agent::Leave;
use callback_domain::attempt::Outcome;
use callback_domain::callback::{Callback, Phase, PhaseName};
use callback_domain::id::{AgentId, AttemptId, CallbackId, ServiceId};
use callback_domain::lifecycle::{Change, Effect, Event, Step};
use callback_domain::service::DuplicatePolicy;
use callback_domain::target::TargetKey;
use serde_json::Map;

use super::Work;
use crate::command::{Answer, Create, Motion};
use crate::error::Error;
use crate::ledger::{Actor, Line, Subject};
use crate::store::{Claim, Rows, StoreError};
use crate::suppression::Suppression;

/// Who moves what is due.
static TIMER: Actor = Actor::Timer;

/// What a creation would come to.
pub(super) enum Checked {
    /// A callback.
    New(Box<Step>),
    /// The one that stands there already.
    Existing(Box<Callback>),
}

/// Callbacks that the same transaction is about to write.
#[derive(Default)]
pub(super) struct Ahead {
    lines: BTreeMap<(ServiceId, TargetKey), Callback>,
    services: BTreeMap<ServiceId, u32>,
}

impl Ahead {
    pub(super) fn add(&mut self, callback: &Callback) {
        let line = (callback.service, callback.key());
        self.lines.entry(line).or_insert_with(|| callback.clone());
        *self.services.entry(callback.service).or_default() += 1;
    }

    fn of_line(&self, callback: &Callback) -> Option<&Callback> {
        self.lines.get(&(callback.service, callback.key()))
    }

    fn of_service(&self, service: ServiceId) -> u32 {
        self.services.get(&service).copied().unwrap_or(0)
    }
}

impl<R: Rows> Work<'_, R> {
    pub(super) async fn create(&mut self, create: &Create) -> Result<Answer, Error> {
        let idempotency = create.idempotency.as_ref();
        if let Some(known) = self.known(idempotency).await? {
            return known.answer();
        }
        let answer = self.make(create).await?;
        if !create.dry_run {
            self.keep(idempotency, &answer).await?;
        }
        Ok(answer)
    }

    async fn make(&mut self, create: &Create) -> Result<Answer, Error> {
        match self.check(create, &Ahead::default()).await? {
            Checked::Existing(callback) => Ok(Answer::Existing(callback)),
            Checked::New(step) => {
                if !create.dry_run {
                    self.write(&step, create.enters).await?;
                }
                let Step { callback, .. } = *step;
                Ok(Answer::Created(Box::new(callback)))
            }
        }
    }

    /// What a creation would come to after those ahead of it; nothing is written.
    pub(super) async fn check(&mut self, create: &Create, ahead: &Ahead) -> Result<Checked, Error> {
        let service = self.service(create.new.service).await?;
        if service.version != create.service_version {
            return Err(Error::ServiceChanged(service.id));
        }
        if !service.takes_callbacks() {
            return Err(Error::ServiceNotOutbound(service.id));
        }
        let step = Callback::create(create.new.clone(), create.id, self.now);
        if let Some(suppression) = self.suppression_for(&step.callback).await? {
            return Err(Error::TargetSuppressed { reason: suppression.reason });
        }
        let policy = service.duplicate_policy;
        let stored = self.duplicate_of(policy, &step.callback).await?;
        let standing = match (stored, policy) {
            (Some(existing), DuplicatePolicy::ReturnExisting) => {
                Some(self.callback(existing).await?)
            }
            (Some(existing), DuplicatePolicy::Allow | DuplicatePolicy::Reject) => {
                return Err(Error::DuplicateCallback(existing));
            }
            (None, DuplicatePolicy::Allow) => None,
            (None, DuplicatePolicy::Reject | DuplicatePolicy::ReturnExisting) => {
                ahead.of_line(&step.callback).cloned()
            }
        };
        if let Some(standing) = standing {
            return match policy {
                DuplicatePolicy::ReturnExisting => Ok(Checked::Existing(Box::new(standing))),
                DuplicatePolicy::Allow | DuplicatePolicy::Reject => {
                    Err(Error::DuplicateCallback(standing.id))
                }
            };
        }
        if let Some(limit) = service.max_queued {
            let stored = self.rows.queued_up_to(service.id, limit).await?;
            if stored.saturating_add(ahead.of_service(service.id)) >= limit {
                return Err(Error::QueueFull { service: service.id, limit });
            }
        }
        Ok(Checked::New(Box::new(step)))
    }

    /// Writes a new callback; one that enters and is due is moved as the clock would at once.
    pub(super) async fn write(&mut self, step: &Step, enters: bool) -> Result<(), StoreError> {
        self.rows.insert_callback(&step.callback).await?;
        self.after.note_deadline(step.callback.deadline().map(|(at, _)| at));
        self.append_entry(step).await?;
        self.after.keys.push(step.callback.key());
        if enters && step.callback.deadline().is_some_and(|(at, _)| at <= self.now) {
            let asked_by = std::mem::replace(&mut self.actor, &TIMER);
            let start = self.site.start(self.now);
            self.must_step(step.callback.clone(), Event::Tick { start }).await?;
            self.actor = asked_by;
        }
        Ok(())
    }

    async fn duplicate_of(
        &mut self,
        policy: DuplicatePolicy,
        callback: &Callback,
    ) -> Result<Option<CallbackId>, StoreError> {
        match policy {
            DuplicatePolicy::Allow => Ok(None),
            DuplicatePolicy::Reject | DuplicatePolicy::ReturnExisting => {
                self.rows.live_duplicate(callback.service, &callback.key()).await
            }
        }
    }

    pub(super) async fn move_by(
        &mut self,
        id: CallbackId,
        by: &Motion,
        if_version: Option<u64>,
    ) -> Result<Answer, Error> {
        let before = self.callback(id).await?;
        if let Some(version) = if_version
            && version != before.version
        {
            return Err(Error::StaleVersion { current: before.version });
        }
        let gone = matches!(by, Motion::Cancel | Motion::Fulfil) && before.is_terminated();
        if gone {
            return Err(Error::CallbackNotFound(id.to_string()));
        }
        if let Motion::Edit(edit, service_version) = by {
            let service = self.service(before.service).await?;
            if service.version != *service_version {
                return Err(Error::ServiceChanged(service.id));
            }
            if edit.target != Change::Keep || edit.alternative_target != Change::Keep {
                self.check_new_target(&before, by).await?;
            }
        }
        let callback = self.step(before, self.event(by)).await?;
        Ok(Answer::Callback(Box::new(callback)))
    }

    fn event(&self, by: &Motion) -> Event {
        let start = || self.site.start(self.now);
        match by {
            Motion::Accept(token) => Event::Accept { token: *token, start: start() },
            Motion::Decline(token) => Event::Decline { token: *token },
            Motion::Dial(token) => Event::Dial { token: *token, start: start() },
            Motion::Answered(token) => Event::Answered { token: *token },
            Motion::Outcome(token, outcome, detail) => {
                Event::Report { token: *token, outcome: *outcome, detail: detail.clone() }
            }
            Motion::HangUp(token) => Event::HangUp { token: *token },
            Motion::Heartbeat(token) => Event::Heartbeat { token: *token },
            Motion::Cancel => Event::Cancel,
            Motion::Fulfil => Event::Fulfil,
            Motion::Edit(edit, _) => Event::Edit(edit.clone()),
        }
    }

    /// A new target is checked as on creation.
    async fn check_new_target(&mut self, before: &Callback, by: &Motion) -> Result<(), Error> {
        let service = self.service(before.service).await?;
        let Ok(step) = before.clone().step(&service, self.event(by), self.now) else {
            return Ok(());
        };
        if step.callback.key() == before.key() {
            return Ok(());
        }
        if let Some(suppression) = self.suppression_for(&step.callback).await? {
            return Err(Error::TargetSuppressed { reason: suppression.reason });
        }
        match self.duplicate_of(service.duplicate_policy, &step.callback).await? {
            Some(existing) if existing != before.id => Err(Error::DuplicateCallback(existing)),
            Some(_) | None => Ok(()),
        }
    }

    /// Moves a stored callback by an event and applies everything that follows.
    pub(super) async fn step(&mut self, before: Callback, event: Event) -> Result<Callback, Error> {
        let service = self.service_of(&before).await?;
        let step = before.clone().step(&service, event, self.now).map_err(Error::Refused)?;
        Ok(self.apply(&before, step).await?)
    }

    /// Moves a stored callback by an event that cannot be refused here.
    ///
    /// Other rows may have been written in the same transaction, so a refusal aborts it.
    pub(super) async fn must_step(
        &mut self,
        before: Callback,
        event: Event,
    ) -> Result<Callback, StoreError> {
        let id = before.id;
        match self.step(before, event).await {
            Ok(callback) => Ok(callback),
            Err(Error::Store(error)) => Err(error),
            Err(refusal) => Err(StoreError::Corrupt {
                table: "callbacks",
                column: "phase",
                id: id.to_string(),
                cause: refusal.to_string(),
            }),
        }
    }

    /// Writes a step: callback, ledger, attempt, agent and line together.
    pub(super) async fn apply(
        &mut self,
        before: &Callback,
        step: Step,
    ) -> Result<Callback, StoreError> {
        if step.callback != *before {
            self.rows.update_callback(before, &step.callback).await?;
        }
        self.after.note_deadline(step.callback.deadline().map(|(at, _)| at));
        self.append_entry(&step).await?;
        let Step { callback, effects, .. } = step;
        for effect in effects {
            self.carry_out(&callback, effect).await?;
        }
        self.settle_line(before, &callback).await?;
        if self.is_held_for_nobody(before, &callback).await? {
            return Box::pin(self.release_hold(callback)).await;
        }
        Ok(callback)
    }

    /// Whether a callback has just come to be held for somebody who no longer works for its service.
    async fn is_held_for_nobody(
        &mut self,
        before: &Callback,
        callback: &Callback,
    ) -> Result<bool, StoreError> {
        let Phase::InQueue { held_for: Some(agent), .. } = callback.phase else { return Ok(false) };
        if before.phase_name() == PhaseName::InQueue && before.preferred == callback.preferred {
            return Ok(false);
        }
        let stored = self.rows.agent(agent).await?;
        Ok(!stored.is_some_and(|agent| agent.services.contains(&callback.service)))
    }

    async fn release_hold(&mut self, callback: Callback) -> Result<Callback, StoreError> {
        let service = self.service_of(&callback).await?;
        match callback.clone().step(&service, Event::PreferredGone, self.now) {
            Ok(step) => self.apply(&callback, step).await,
            Err(_) => Ok(callback),
        }
    }

    async fn append_entry(&mut self, step: &Step) -> Result<(), StoreError> {
        let Some(entry) = &step.entry else { return Ok(()) };
        self.append_line(Line {
            sequence: 0,
            subject: Subject::Callback(step.callback.id),
            service: Some(step.callback.service),
            at: step.callback.updated_at,
            what: entry.what.name().to_owned(),
            from: entry.from,
            to: Some(entry.to),
            actor: self.actor.label(),
            details: entry.details.clone(),
        })
        .await
    }

    async fn carry_out(&mut self, callback: &Callback, effect: Effect) -> Result<(), StoreError> {
        match effect {
            Effect::TakeAgent(agent) => self.take_agent(agent, callback).await,
            Effect::ReleaseAgent(agent, leave) => self.release_agent(agent, leave).await,
            Effect::OpenAttempt(attempt) => self.open_attempt(*attempt, callback).await,
            Effect::NoteCustomerRequested(attempt) => {
                let now = self.now;
                self.change_attempt(attempt, |attempt| {
                    attempt.customer_requested_at.get_or_insert(now);
                })
                .await
            }
            Effect::NoteConnected(attempt) => {
                let now = self.now;
                self.change_attempt(attempt, |attempt| {
                    attempt.customer_requested_at.get_or_insert(now);
                    attempt.connected_at.get_or_insert(now);
                })
                .await
            }
            Effect::EndAttempt { attempt, outcome, detail } => {
                self.end_attempt(attempt, outcome, detail).await
            }
            Effect::StopAttempt { attempt, outcome, detail, why } => {
                self.stop_attempt(attempt, outcome, detail, why).await
            }
            Effect::Suppress => self.suppress_line(callback).await,
        }
    }

    async fn take_agent(&mut self, id: AgentId, callback: &Callback) -> Result<(), StoreError> {
        if let Some(mut agent) = self.rows.agent(id).await? {
            agent.take(callback.id, self.now);
            self.rows.put_agent(&agent).await?;
        }
        Ok(())
    }

    async fn release_agent(&mut self, id: AgentId, leave: Leave) -> Result<(), StoreError> {
        let Some(mut agent) = self.rows.agent(id).await? else { return Ok(()) };
        agent.leave(leave, self.now);
        self.rows.put_agent(&agent).await?;
        self.after.agents.insert(id);
        if leave == Leave::Rona {
            self.append(Subject::User(id), None, "RonaSet", Map::new()).await?;
        }
        Ok(())
    }

    async fn open_attempt(
        &mut self,
        attempt: callback_domain::attempt::Attempt,
        callback: &Callback,
    ) -> Result<(), StoreError> {
        self.rows.put_attempt(&attempt).await?;
        let claim =
            Claim { callback: callback.id, service: callback.service, attempt: Some(attempt.id) };
        self.rows.put_claim(&attempt.key(), claim).await?;
        if let Some(mut agent) = self.rows.agent(attempt.agent).await? {
            agent.attempt = Some(attempt.id);
            agent.touch(self.now);
            self.rows.put_agent(&agent).await?;
        }
        self.after.start.push(attempt);
        Ok(())
    }

    /// Takes or lets go of the customer's line, and keeps the queue's readiness in line.
    async fn settle_line(
        &mut self,
        before: &Callback,
        callback: &Callback,
    ) -> Result<(), StoreError> {
        let (was, is) = (before.phase_name(), callback.phase_name());
        let key = callback.key();
        if holds_line(is) && !holds_line(was) {
            let claim = Claim { callback: callback.id, service: callback.service, attempt: None };
            self.rows.put_claim(&key, claim).await?;
        }
        if holds_line(was) && !holds_line(is) {
            self.release_probe(callback.id).await?;
            let held = self.rows.claim(&key).await?;
            if held.is_some_and(|claim| claim.callback == callback.id && claim.attempt.is_none()) {
                return self.release_line(&key, callback.service).await;
            }
        }
        let waited = was == PhaseName::InQueue;
        if waited && before.key() != key {
            self.refresh(&before.key()).await?;
        }
        if waited || is == PhaseName::InQueue {
            self.refresh(&key).await?;
        }
        Ok(())
    }

    async fn suppress_line(&mut self, callback: &Callback) -> Result<(), StoreError> {
        let suppression = Suppression {
            sequence: 0,
            id: self.site.mint.timed(self.now),
            key: callback.key(),
            service_id: Some(callback.service),
            reason: Some("the customer opted out".to_owned()),
            until: None,
            created_at: self.now,
        };
        self.rows.put_suppression(&suppression).await?;
        self.refresh(&suppression.key).await
    }

    /// The outcome and the attempt of a change that the callback's step has ordered.
    pub(super) async fn change_attempt(
        &mut self,
        id: AttemptId,
        change: impl FnOnce(&mut callback_domain::attempt::Attempt) + Send,
    ) -> Result<(), StoreError> {
        let mut attempt = self.stored_attempt(id).await?;
        change(&mut attempt);
        self.rows.put_attempt(&attempt).await
    }

    pub(super) async fn stored_attempt(
        &mut self,
        id: AttemptId,
    ) -> Result<callback_domain::attempt::Attempt, StoreError> {
        self.rows.attempt(id).await?.ok_or_else(|| StoreError::Corrupt {
            table: "callbacks",
            column: "phase",
            id: id.to_string(),
            cause: "the attempt is missing".to_owned(),
        })
    }

    async fn stop_attempt(
        &mut self,
        id: AttemptId,
        outcome: Outcome,
        detail: Option<String>,
        why: &'static str,
    ) -> Result<(), StoreError> {
        let mut attempt = self.stored_attempt(id).await?;
        attempt.decide(outcome, detail, self.now);
        attempt.request_stop(why, self.now);
        self.rows.put_attempt(&attempt).await?;
        self.after.note_deadline(attempt.deadline());
        if attempt.is_open() {
            self.after.stop.push(attempt);
            return Ok(());
        }
        self.after_attempt(&attempt).await
    }
}

/// Whether a callback in this phase keeps others from calling its line.
const fn holds_line(phase: PhaseName) -> bool {
    match phase {
        PhaseName::Offered | PhaseName::Preview | PhaseName::Dialout | PhaseName::Connected => true,
        PhaseName::Pending | PhaseName::InQueue | PhaseName::Terminated => false,
    }
}
