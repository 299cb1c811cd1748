//! Attempts and their drivers: reports, ends, and what is taken over from a dead node.

use callback_domain::attempt::{Attempt, Outcome};
use callback_domain::date;
use callback_domain::defaults;
use callback_domain::id::AttemptId;
use callback_domain::lifecycle::{Event, Why};

use super::Work;
use crate::command::{Answer, Report};
use crate::error::Error;
use crate::store::{Rows, StoreError};

impl<R: Rows> Work<'_, R> {
    /// Takes a driver's report; late and doubled ones change nothing.
    pub(super) async fn report(
        &mut self,
        id: AttemptId,
        number: u32,
        report: &Report,
    ) -> Result<Answer, Error> {
        let Some(mut attempt) = self.rows.attempt(id).await?.filter(Attempt::is_open) else {
            return Ok(Answer::Done);
        };
        let ended = matches!(report, Report::Ended { .. });
        if number <= attempt.last_report && !ended {
            return Ok(Answer::Done);
        }
        attempt.last_report = attempt.last_report.max(number);
        match report {
            Report::CustomerRinging => {
                attempt.customer_ringing_at.get_or_insert(self.now);
            }
            Report::Journal(notes) => attempt.journal.clone_from(notes),
            Report::AgentAnswered | Report::Connected | Report::Ended { .. } => {}
        }
        self.rows.put_attempt(&attempt).await?;
        let event = match report {
            Report::CustomerRinging | Report::Journal(_) => return Ok(Answer::Done),
            Report::AgentAnswered => Event::AgentAnswered { attempt: id },
            Report::Connected => Event::Connected { attempt: id },
            Report::Ended { outcome, detail, retry_after_seconds } => Event::Ended {
                attempt: id,
                outcome: *outcome,
                detail: detail.clone(),
                retry_after_seconds: *retry_after_seconds,
            },
        };
        let callback = self.rows.callback(attempt.callback).await?;
        let current = callback.filter(|callback| callback.attempt() == Some(id));
        match (current, report) {
            (Some(callback), _) => match self.step(callback, event).await {
                Ok(_) => {}
                // The report came in a phase that has moved on; the attempt is not its business.
                Err(Error::Refused(refused)) if refused.why == Why::WrongPhase => {}
                Err(error) => return Err(error),
            },
            (None, Report::Ended { outcome, detail, .. }) => {
                self.end_attempt(id, *outcome, detail.clone()).await?;
            }
            (
                None,
                Report::AgentAnswered
                | Report::CustomerRinging
                | Report::Connected
                | Report::Journal(_),
            ) => {}
        }
        Ok(Answer::Done)
    }

    /// Writes the end of an attempt and frees whom it occupied.
    pub(super) async fn end_attempt(
        &mut self,
        id: AttemptId,
        outcome: Outcome,
        detail: Option<String>,
    ) -> Result<(), StoreError> {
        let mut attempt = self.stored_attempt(id).await?;
        attempt.decide(outcome, detail, self.now);
        attempt.end(self.now);
        self.rows.put_attempt(&attempt).await?;
        self.after_attempt(&attempt).await
    }

    /// What the end of an attempt frees: the agent's phone, the customer's line, the route.
    pub(super) async fn after_attempt(&mut self, attempt: &Attempt) -> Result<(), StoreError> {
        let outcome = attempt.outcome().unwrap_or(Outcome::Unknown);
        self.judge_route(outcome).await?;
        if let Some(mut agent) = self.rows.agent(attempt.agent).await?
            && agent.attempt == Some(attempt.id)
        {
            let service = self.rows.service(attempt.service).await?;
            let seconds = match outcome {
                Outcome::Failed | Outcome::AgentUnavailable => 0,
                Outcome::Completed
                | Outcome::Busy
                | Outcome::NoAnswer
                | Outcome::Rejected
                | Outcome::Unreachable
                | Outcome::Voicemail
                | Outcome::InvalidTarget
                | Outcome::OptedOut
                | Outcome::Lost
                | Outcome::Cancelled
                | Outcome::Unknown => {
                    service.map_or(0, |service| service.after_call_work_in_seconds)
                }
            };
            agent.end_attempt(seconds, self.now);
            self.rows.put_agent(&agent).await?;
            self.after.note_deadline(agent.deadline());
            self.after.agents.insert(agent.id);
        }
        let key = attempt.key();
        let held = self.rows.claim(&key).await?;
        if held.is_some_and(|claim| claim.attempt == Some(attempt.id)) {
            self.release_line(&key, attempt.service).await?;
        }
        Ok(())
    }

    /// Counts an outcome for or against the route it was made on.
    async fn judge_route(&mut self, outcome: Outcome) -> Result<(), StoreError> {
        let site = self.site;
        let standing = self.rows.route(&site.driver).await?;
        let mut route = standing.clone();
        match outcome {
            Outcome::Failed => route.fail(self.now),
            Outcome::Completed
            | Outcome::Busy
            | Outcome::NoAnswer
            | Outcome::Rejected
            | Outcome::Unreachable
            | Outcome::Voicemail
            | Outcome::InvalidTarget
            | Outcome::OptedOut => route.succeed(),
            Outcome::AgentUnavailable | Outcome::Lost | Outcome::Cancelled | Outcome::Unknown => {}
        }
        if route != standing {
            self.rows.put_route(&site.driver, &route).await?;
            if standing.failures >= defaults::BREAKER_FAILURES {
                self.wake_all().await?;
            }
        }
        Ok(())
    }

    /// Notes that this node lives, and extends the leases of what its driver still has.
    pub(super) async fn renew(&mut self, attempts: &[AttemptId]) -> Result<Answer, Error> {
        let until = date::add_seconds(self.now, i64::from(defaults::LEASE_SECONDS));
        self.rows.put_node_lease(self.site.node, until).await?;
        for id in attempts {
            let Some(attempt) = self.rows.attempt(*id).await?.filter(Attempt::is_open) else {
                continue;
            };
            let callback = self.rows.callback(attempt.callback).await?;
            if let Some(callback) = callback.filter(|callback| callback.attempt() == Some(*id)) {
                self.must_step(callback, Event::Renew { attempt: *id }).await?;
            }
        }
        Ok(Answer::Done)
    }

    /// Makes the open attempts of dead nodes this node's, and lists what is still to be stopped.
    pub(super) async fn take_over(&mut self, alone: bool) -> Result<Answer, Error> {
        let (mut taken, mut stopping) = (Vec::new(), Vec::new());
        for mut attempt in self.rows.open_attempts().await? {
            let mine = attempt.node == self.site.node;
            if !mine {
                let lease = self.rows.node_lease(attempt.node).await?;
                if !alone && lease.is_some_and(|until| until > self.now) {
                    continue;
                }
                attempt.node = self.site.node;
                self.rows.put_attempt(&attempt).await?;
            }
            if attempt.stop.is_some() {
                stopping.push(attempt.clone());
            }
            if !mine {
                taken.push(attempt);
            }
        }
        Ok(Answer::Attempts { taken, stopping })
    }
}
