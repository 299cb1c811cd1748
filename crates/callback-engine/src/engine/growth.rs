//! Following the ledger: how far it goes, and when it grows.

use tokio::sync::watch;

use super::Engine;
use crate::store::StoreError;

impl Engine {
    /// Tells of each growth of the ledger by this process; the number only says that there is
    /// something to read.
    #[must_use]
    pub fn ledger_growth(&self) -> watch::Receiver<u64> {
        self.0.ledger.subscribe()
    }

    /// The sequence number of the last line that can be read, at least `known`, which was read or is 0.
    ///
    /// It takes one read when nothing follows `known`, else a number that grows with the logarithm
    /// of what does.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn ledger_end(&self, known: u64) -> Result<u64, StoreError> {
        let Some(mut last) = self.line_after(known).await? else { return Ok(known) };
        let mut stride = 1_u64;
        let mut beyond = loop {
            let probe = last.saturating_add(stride);
            match self.line_after(probe).await? {
                Some(found) => last = found,
                None => break probe,
            }
            stride = stride.saturating_mul(2);
        };
        while last < beyond {
            let middle = last + (beyond - last) / 2;
            match self.line_after(middle).await? {
                Some(found) => last = found,
                None => beyond = middle,
            }
        }
        Ok(last)
    }

    async fn line_after(&self, sequence: u64) -> Result<Option<u64>, StoreError> {
        let found = self.store().ledger(None, sequence, 1).await?;
        Ok(found.first().map(|line| line.sequence))
    }
}
