//! What the clock does, and what an edit of a service does to deadlines, in batches.

use callback_domain::attempt::Outcome;
use callback_domain::id::{AgentId, ServiceId};
use callback_domain::lifecycle::Event;

use super::Work;
use crate::command::Answer;
use crate::error::Error;
use crate::store::Rows;

impl<R: Rows> Work<'_, R> {
    pub(super) async fn tick(&mut self, limit: usize) -> Result<Answer, Error> {
        let due = self.rows.due(self.now, limit).await?;
        let full = [due.callbacks.len(), due.attempts.len(), due.agents.len(), due.keys.len()]
            .into_iter()
            .max()
            .is_some_and(|most| most >= limit);
        let moved = due.callbacks.len() + due.attempts.len() + due.agents.len() + due.keys.len();
        for mut agent in due.agents {
            agent.finish_after_call_work(self.now);
            self.rows.put_agent(&agent).await?;
            self.after.agents.insert(agent.id);
        }
        for attempt in due.attempts {
            self.end_attempt(attempt.id, Outcome::Lost, None).await?;
        }
        for callback in due.callbacks {
            let start = self.site.start(self.now);
            self.must_step(callback, Event::Tick { start }).await?;
        }
        for key in due.keys {
            self.rows.unwake_key(&key).await?;
            self.refresh(&key).await?;
        }
        self.after.note_deadline(self.rows.next_deadline().await?);
        Ok(Answer::Ticked { moved, more: full })
    }

    /// Brings callbacks that are due into the queue without waiting for the clock's own turn.
    pub(super) async fn promote_due(&mut self, limit: usize) -> Result<(), Error> {
        let due = self.rows.due(self.now, limit).await?;
        for callback in due.callbacks {
            let start = self.site.start(self.now);
            self.must_step(callback, Event::Tick { start }).await?;
        }
        Ok(())
    }

    /// Computes deadlines anew after a service's edit, and says whether more are left.
    pub(super) async fn recalculate(&mut self, limit: usize) -> Result<Answer, Error> {
        let pending = self.rows.recalculations().await?;
        let Some((service, after)) = pending.first().copied() else {
            return Ok(Answer::Ticked { moved: 0, more: false });
        };
        let batch = self.rows.live_callbacks(service, after, limit).await?;
        let (moved, last) = (batch.len(), batch.last().map(|callback| callback.id));
        for callback in batch {
            let key = callback.key();
            self.must_step(callback, Event::PolicyChanged).await?;
            self.refresh(&key).await?;
        }
        if moved < limit {
            self.rows.end_recalculation(service).await?;
            self.after.services.insert(service);
        } else {
            self.rows.put_recalculation(service, last).await?;
        }
        Ok(Answer::Ticked { moved, more: moved >= limit || pending.len() > 1 })
    }

    /// Opens callbacks held for an agent who is gone, of one service or of all.
    pub(super) async fn release_held(
        &mut self,
        agent: AgentId,
        service: Option<ServiceId>,
    ) -> Result<(), Error> {
        const BATCH: usize = 1_000;
        loop {
            let held = self.rows.held_callbacks(agent, service, BATCH).await?;
            let last = held.len() < BATCH;
            for callback in held {
                self.must_step(callback, Event::PreferredGone).await?;
            }
            if last {
                return Ok(());
            }
        }
    }
}
