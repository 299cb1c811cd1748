//! How a call ends, and what its end means for the promise.

use alloc::string::String;

use super::{Effect, Happening, Step, Why};
use crate::agent::Leave;
use crate::attempt::Outcome;
use crate::callback::{Budget, Callback, Leg, Move, Phase, Settled, TerminationReason};
use crate::date::{self, Instant};
use crate::defaults;
use crate::hours;
use crate::id::{AgentId, AttemptId, LeaseToken};
use crate::service::Service;

/// How an attempt came out, and what is to become of its call.
struct End {
    attempt: AttemptId,
    agent: AgentId,
    /// The place and budget to go back to; `None` once connected.
    back: Option<(Instant, Budget)>,
    outcome: Outcome,
    detail: Option<String>,
    retry_after_seconds: Option<u32>,
    /// Why the call must be stopped; `None` when it has ended already.
    stop: Option<&'static str>,
    leave: Leave,
    what: Happening,
}

impl Callback {
    pub(super) fn ended(
        self,
        policy: &Service,
        reported: AttemptId,
        outcome: Outcome,
        detail: Option<String>,
        retry_after_seconds: Option<u32>,
        now: Instant,
    ) -> Result<Step, Why> {
        if self.attempt().ok_or(Why::WrongPhase)? != reported {
            return Err(Why::OtherAttempt);
        }
        let outcome = if outcome == Outcome::Cancelled { Outcome::Lost } else { outcome };
        let mut end = self.end(outcome, Happening::AttemptEnded)?;
        end.detail = detail;
        end.retry_after_seconds = retry_after_seconds;
        Ok(self.conclude(policy, end, now))
    }

    pub(super) fn report(
        mut self,
        policy: &Service,
        token: LeaseToken,
        outcome: Outcome,
        detail: Option<String>,
        now: Instant,
    ) -> Result<Step, Why> {
        if self.token() != Some(token) {
            return self.repeated(token, Move::Outcome(outcome));
        }
        let allowed = match self.phase {
            Phase::Dialout { .. } => outcome.reportable(),
            Phase::Connected { .. } => {
                matches!(outcome, Outcome::Completed | Outcome::Voicemail | Outcome::OptedOut)
            }
            Phase::Pending
            | Phase::InQueue { .. }
            | Phase::Offered { .. }
            | Phase::Preview { .. }
            | Phase::Terminated { .. } => return Err(Why::WrongPhase),
        };
        if !allowed {
            return Err(Why::Outcome(outcome));
        }
        self.settled = Some(Settled { token, by: Move::Outcome(outcome) });
        let mut end = self.end(outcome, Happening::AttemptEnded)?;
        end.detail = detail;
        end.stop = Some("the agent reported the outcome");
        Ok(self.conclude(policy, end, now))
    }

    pub(super) fn hang_up(mut self, token: LeaseToken, now: Instant) -> Result<Step, Why> {
        if self.token() != Some(token) {
            return self.repeated(token, Move::HangUp);
        }
        let Phase::Connected { lease, attempt, .. } = self.phase else {
            return Err(Why::WrongPhase);
        };
        self.settled = Some(Settled { token, by: Move::HangUp });
        let step = self.terminate(TerminationReason::Completed, Happening::HungUp, now);
        Ok(step.effect(Effect::ReleaseAgent(lease.agent, Leave::Freed)).effect(
            Effect::StopAttempt {
                attempt,
                outcome: Outcome::Completed,
                detail: None,
                why: "the agent hung up",
            },
        ))
    }

    /// A phone rang for too long.
    pub(super) fn give_up(
        self,
        policy: &Service,
        outcome: Outcome,
        now: Instant,
    ) -> Result<Step, Why> {
        let mut end = self.end(outcome, Happening::AttemptEnded)?;
        end.stop = Some("the phone rang for too long");
        Ok(self.conclude(policy, end, now))
    }

    pub(super) fn lose_lease(self, policy: &Service, now: Instant) -> Result<Step, Why> {
        if let Phase::Preview { place, budget, lease, .. } = self.phase {
            let step = self.queue_again(policy, place, budget, None, Happening::LeaseLost, now);
            return Ok(step.effect(Effect::ReleaseAgent(lease.agent, Leave::Rona)));
        }
        let mut end = self.end(Outcome::Lost, Happening::LeaseLost)?;
        end.leave = Leave::Rona;
        end.stop = Some("the lease was lost");
        Ok(self.conclude(policy, end, now))
    }

    /// Ends the callback from outside, whatever it is doing.
    pub(super) fn abandon(
        self,
        what: Happening,
        reason: TerminationReason,
        now: Instant,
    ) -> Result<Step, Why> {
        if self.is_terminated() {
            return Err(Why::WrongPhase);
        }
        let (agent, attempt) = (self.agent(), self.attempt());
        let mut step = self.terminate(reason, what, now);
        if let Some(agent) = agent {
            step = step.effect(Effect::ReleaseAgent(agent, Leave::Freed));
        }
        if let Some(attempt) = attempt {
            step = step.effect(Effect::StopAttempt {
                attempt,
                outcome: Outcome::Cancelled,
                detail: None,
                why: "the callback was taken off the queue",
            });
        }
        Ok(step)
    }

    /// The end of the attempt in progress; once connected, only some outcomes still make sense.
    const fn end(&self, outcome: Outcome, what: Happening) -> Result<End, Why> {
        let (agent, attempt, back, outcome) = match &self.phase {
            Phase::Dialout { place, budget, lease, attempt, .. } => {
                (lease.agent, *attempt, Some((*place, *budget)), outcome)
            }
            Phase::Connected { lease, attempt, .. } => {
                (lease.agent, *attempt, None, outcome_after_connection(outcome))
            }
            Phase::Pending
            | Phase::InQueue { .. }
            | Phase::Offered { .. }
            | Phase::Preview { .. }
            | Phase::Terminated { .. } => return Err(Why::WrongPhase),
        };
        let leave = match outcome {
            Outcome::AgentUnavailable => Leave::Rona,
            Outcome::Completed
            | Outcome::Busy
            | Outcome::NoAnswer
            | Outcome::Rejected
            | Outcome::Unreachable
            | Outcome::Voicemail
            | Outcome::InvalidTarget
            | Outcome::OptedOut
            | Outcome::Failed
            | Outcome::Lost
            | Outcome::Cancelled
            | Outcome::Unknown => Leave::Freed,
        };
        Ok(End {
            attempt,
            agent,
            back,
            outcome,
            detail: None,
            retry_after_seconds: None,
            stop: None,
            leave,
            what,
        })
    }

    /// What an outcome means for the promise.
    fn conclude(mut self, policy: &Service, end: End, now: Instant) -> Step {
        let asked_too_early = matches!(self.phase, Phase::Dialout { leg: Leg::Agent, .. })
            && end.outcome.shows_customer_leg();
        if asked_too_early {
            self.dialouts = self.dialouts.saturating_add(1);
        }
        self.failures =
            if end.outcome == Outcome::Failed { self.failures.saturating_add(1) } else { 0 };
        let step = match (end.outcome, end.back) {
            (Outcome::Completed | Outcome::Unknown | Outcome::Cancelled, _) => {
                self.terminate(TerminationReason::Completed, end.what, now)
            }
            (Outcome::InvalidTarget, _) => {
                self.terminate(TerminationReason::InvalidTarget, end.what, now)
            }
            (Outcome::OptedOut, _) => {
                self.terminate(TerminationReason::OptedOut, end.what, now).effect(Effect::Suppress)
            }
            (Outcome::AgentUnavailable, Some((place, budget))) => {
                self.queue_again(policy, place, budget, None, end.what, now)
            }
            (Outcome::Failed, Some((place, budget))) => {
                let seconds =
                    back_off_seconds(self.failures).max(end.retry_after_seconds.unwrap_or(0));
                let not_before = date::add_seconds(now, i64::from(seconds));
                self.queue_again(policy, place, budget, Some(not_before), end.what, now)
            }
            (
                Outcome::Busy
                | Outcome::NoAnswer
                | Outcome::Rejected
                | Outcome::Unreachable
                | Outcome::Voicemail
                | Outcome::Lost
                | Outcome::AgentUnavailable
                | Outcome::Failed,
                _,
            ) => self.retry(policy, end.outcome, end.retry_after_seconds, end.what, now),
        };
        let mut step = step.detail("Outcome", end.outcome.name());
        if let Some(detail) = &end.detail {
            step = step.detail("Detail", detail.as_str());
        }
        if asked_too_early {
            step = step.effect(Effect::NoteCustomerRequested(end.attempt));
        }
        let End { attempt, agent, outcome, detail, .. } = end;
        let step = step.effect(Effect::ReleaseAgent(agent, end.leave));
        step.effect(match end.stop {
            Some(why) => Effect::StopAttempt { attempt, outcome, detail, why },
            None => Effect::EndAttempt { attempt, outcome, detail },
        })
    }

    fn retry(
        mut self,
        policy: &Service,
        outcome: Outcome,
        retry_after_seconds: Option<u32>,
        what: Happening,
        now: Instant,
    ) -> Step {
        let rule = policy.retry_by_outcome.get(&outcome);
        let wanted = rule.is_none_or(|rule| rule.retry);
        if !wanted || self.retry_count >= self.max_retries || self.dialouts > self.max_retries {
            return self.terminate(TerminationReason::RetriesExhausted, what, now);
        }
        let own = self.seconds_between_retries;
        let mut seconds = rule.and_then(|rule| rule.delay_in_seconds).unwrap_or(own);
        if outcome == Outcome::Lost {
            seconds = seconds.max(defaults::LOST_RETRY_SECONDS);
        }
        let seconds = seconds.max(retry_after_seconds.unwrap_or(0));
        let earliest = date::add_seconds(now, i64::from(seconds));
        self.retry_count = self.retry_count.saturating_add(1);
        self.due = hours::next_opening(policy.hours(), earliest).unwrap_or(earliest);
        self.due_set_at = self.due;
        let due = date::format(self.due);
        let count = self.retry_count;
        self.enter(Phase::Pending, what, now).detail("DueDate", due).detail("RetryCount", count)
    }
}

/// The pause after a number of failures in a row: one second, doubling, at most a minute.
#[must_use]
pub fn back_off_seconds(failures: u32) -> u32 {
    let doublings = failures.saturating_sub(1).min(16);
    (defaults::BACK_OFF_SECONDS << doublings).min(defaults::BACK_OFF_SECONDS_LIMIT)
}

/// Once they speak, the customer was reached: a fault or a loss then ends the callback all the same.
const fn outcome_after_connection(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Completed | Outcome::Voicemail | Outcome::OptedOut => outcome,
        Outcome::Busy
        | Outcome::NoAnswer
        | Outcome::Rejected
        | Outcome::Unreachable
        | Outcome::InvalidTarget
        | Outcome::AgentUnavailable
        | Outcome::Failed
        | Outcome::Lost
        | Outcome::Cancelled
        | Outcome::Unknown => Outcome::Unknown,
    }
}
