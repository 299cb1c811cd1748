//! The suppression list: added to, taken from.

use callback_domain::lifecycle::Event;
use uuid::Uuid;

use super::Work;
use crate::command::Answer;
use crate::error::Error;
use crate::store::Rows;
use crate::suppression::Suppression;

impl<R: Rows> Work<'_, R> {
    pub(super) async fn suppress(&mut self, list: &[Suppression]) -> Result<Answer, Error> {
        for suppression in list {
            if let Some(service) = suppression.service_id {
                self.service(service).await?;
            }
        }
        let mut stored = Vec::with_capacity(list.len());
        for suppression in list {
            let sequence = self.rows.put_suppression(suppression).await?;
            self.withdraw(suppression).await?;
            self.refresh(&suppression.key).await?;
            stored.push(Suppression { sequence, ..suppression.clone() });
        }
        Ok(Answer::Suppressions(stored))
    }

    /// Takes back what was offered but is not yet dialled on a line that is suppressed now.
    async fn withdraw(&mut self, suppression: &Suppression) -> Result<(), Error> {
        let Some(claim) = self.rows.claim(&suppression.key).await? else { return Ok(()) };
        if claim.attempt.is_some() || !suppression.holds(claim.service, self.now) {
            return Ok(());
        }
        let offered = self.callback(claim.callback).await?;
        self.must_step(offered, Event::Withdraw).await?;
        Ok(())
    }

    pub(super) async fn unsuppress(&mut self, id: Uuid) -> Result<Answer, Error> {
        let Some(removed) = self.rows.delete_suppression(id).await? else {
            return Err(Error::SuppressionNotFound(id.to_string()));
        };
        self.refresh(&removed.key).await?;
        Ok(Answer::Done)
    }
}
