//! What is kept for a time: answers under idempotency keys, and callbacks that are over.

use callback_domain::date;

use super::Work;
use crate::command::{Answer, What};
use crate::error::Error;
use crate::remembered::{Kept, REMEMBERED_SECONDS};
use crate::store::{Idempotency, Rows};

/// Seconds in a day.
const DAY_SECONDS: i64 = 86_400;

impl<R: Rows> Work<'_, R> {
    /// Does something once under a key, and answers alike from then on.
    pub(super) async fn once(
        &mut self,
        idempotency: &Idempotency,
        what: &What,
    ) -> Result<Answer, Error> {
        if let Some(known) = self.known(Some(idempotency)).await? {
            return known.answer();
        }
        let answer = Box::pin(self.perform(what)).await?;
        self.keep(Some(idempotency), &answer).await?;
        Ok(answer)
    }

    /// What was answered under a key before.
    pub(super) async fn known(
        &mut self,
        idempotency: Option<&Idempotency>,
    ) -> Result<Option<Kept>, Error> {
        let Some(asked) = idempotency else { return Ok(None) };
        let Some(known) = self.rows.remembered(&asked.principal, &asked.key).await? else {
            return Ok(None);
        };
        if known.body_hash != asked.body_hash {
            return Err(Error::IdempotencyKeyReused);
        }
        Ok(Some(known.kept))
    }

    /// Remembers an answer under a key.
    pub(super) async fn keep(
        &mut self,
        idempotency: Option<&Idempotency>,
        answer: &Answer,
    ) -> Result<(), Error> {
        if let Some(asked) = idempotency
            && let Some(kept) = Kept::of(answer)
        {
            self.rows.remember(asked, &kept).await?;
        }
        Ok(())
    }

    pub(super) async fn tidy(
        &mut self,
        limit: usize,
        terminated_days: u32,
    ) -> Result<Answer, Error> {
        if !self.rows.tidy_turn().await? {
            return Ok(Answer::Tidied { forgotten: 0, purged: 0, more: false });
        }
        let oldest = date::add_seconds(self.now, -REMEMBERED_SECONDS);
        let forgotten = self.rows.forget_remembered(oldest, limit).await?;
        let mut purged = Vec::new();
        if terminated_days > 0 {
            let before = date::add_seconds(self.now, -DAY_SECONDS * i64::from(terminated_days));
            purged = self.rows.ended_before(before, limit).await?;
            self.rows.remove_callbacks(&purged).await?;
        }
        let (purged, more) = (purged.len(), forgotten.max(purged.len()) >= limit);
        Ok(Answer::Tidied { forgotten, purged, more })
    }
}
