//! Many callbacks in one transaction.

use callback_domain::lifecycle::{Event, Step};

use super::Work;
use super::callbacks::{Ahead, Checked};
use crate::bulk::{Batch, Placed, Withdrawal};
use crate::command::Answer;
use crate::error::Error;
use crate::store::Rows;

impl<R: Rows> Work<'_, R> {
    /// Every item is checked, with those before it in mind, before the first is written.
    pub(super) async fn create_batch(&mut self, batch: &Batch) -> Result<Answer, Error> {
        let (mut ahead, mut checked) = (Ahead::default(), Vec::with_capacity(batch.items.len()));
        for item in &batch.items {
            let found = match item {
                Ok(create) => self.check(create, &ahead).await,
                Err(refusal) => Err(refusal.clone()),
            };
            if let Err(stopped @ (Error::Store(_) | Error::ServiceChanged(_))) = found {
                return Err(stopped);
            }
            if let Ok(Checked::New(step)) = &found {
                ahead.add(&step.callback);
            }
            checked.push(found);
        }
        if batch.whole && checked.iter().any(Result::is_err) {
            let refused = checked.into_iter().enumerate();
            let refused = refused.filter_map(|(index, found)| Some((index, found.err()?)));
            return Err(Error::BatchRefused(refused.collect()));
        }
        let mut placed = Vec::with_capacity(checked.len());
        for (found, item) in checked.into_iter().zip(&batch.items) {
            placed.push(match found {
                Ok(Checked::New(step)) => {
                    if !batch.dry_run {
                        let enters = item.as_ref().is_ok_and(|create| create.enters);
                        self.write(&step, enters).await?;
                    }
                    let Step { callback, .. } = *step;
                    Placed::New(Box::new(callback))
                }
                Ok(Checked::Existing(callback)) => Placed::Existing(callback),
                Err(refusal) => Placed::Refused((batch.tell)(&refusal)),
            });
        }
        Ok(Answer::Batch(placed))
    }

    /// Cancels what is still found; what has moved on is left as it is.
    pub(super) async fn withdraw_all(&mut self, these: &Withdrawal) -> Result<Answer, Error> {
        let mut moved_on = Vec::new();
        for id in &these.callbacks {
            let found = self.rows.callback(*id).await?;
            let found = found.filter(|found| !found.is_terminated() && these.query.matches(found));
            match found {
                Some(before) => {
                    let event = if these.fulfilled { Event::Fulfil } else { Event::Cancel };
                    self.must_step(before, event).await?;
                }
                None => moved_on.push(*id),
            }
        }
        Ok(Answer::Withdrawn { moved_on })
    }
}
