//! Erasing a person's data.

use callback_domain::id::CallbackId;
use callback_domain::lifecycle::Event;
use callback_domain::target::TargetKey;
use serde_json::{Map, json};

use super::Work;
use crate::command::Answer;
use crate::erasure::{Step, Stepped, concerns, tells_of};
use crate::error::Error;
use crate::ledger::Subject;
use crate::store::Rows;

impl<R: Rows> Work<'_, R> {
    pub(super) async fn erase(&mut self, key: &TargetKey, step: &Step) -> Result<Answer, Error> {
        let stepped = match step {
            Step::Callbacks(ids) => self.erase_callbacks(key, ids).await?,
            Step::Answers { after, limit } => {
                let page = self.rows.remembered_after(after.clone(), *limit).await?;
                let after = page.last().filter(|_| page.len() >= *limit);
                let after = after.map(|(principal, key, _)| (principal.clone(), key.clone()));
                let mut removed = 0;
                for (principal, name, known) in page {
                    if tells_of(&known.kept, key) {
                        self.rows.forget(&principal, &name).await?;
                        removed += 1;
                    }
                }
                Stepped { removed, open: Vec::new(), after }
            }
            Step::Line { id, suppressions, callbacks } => {
                let mut removed = 0;
                for suppression in suppressions {
                    removed +=
                        usize::from(self.rows.delete_suppression(*suppression).await?.is_some());
                }
                self.rows.remove_attempts_to(key).await?;
                if removed > 0 {
                    self.refresh(key).await?;
                }
                let details = [("Callbacks", *callbacks), ("Suppressions", removed)];
                let details = details.map(|(name, count)| (name.to_owned(), json!(count)));
                let about = Subject::Erasure(*id);
                self.append(about, None, "PersonErased", Map::from_iter(details)).await?;
                Stepped { removed, open: Vec::new(), after: None }
            }
        };
        Ok(Answer::Erased(stepped))
    }

    async fn erase_callbacks(
        &mut self,
        key: &TargetKey,
        ids: &[CallbackId],
    ) -> Result<Stepped, Error> {
        let (mut ended, mut open) = (Vec::new(), Vec::new());
        for id in ids {
            let Some(mut callback) = self.rows.callback(*id).await? else { continue };
            if !concerns(&callback, key) {
                continue;
            }
            if !callback.is_terminated() {
                callback = self.must_step(callback, Event::Cancel).await?;
            }
            let holds = self.rows.claim(&callback.key()).await?;
            if holds.is_some_and(|claim| claim.callback == *id) {
                open.push(*id);
            } else {
                ended.push(*id);
            }
        }
        self.rows.remove_callbacks(&ended).await?;
        Ok(Stepped { removed: ended.len(), open, after: None })
    }
}
