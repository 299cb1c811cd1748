//! What can be chosen about a store.

use std::sync::Arc;
use std::time::Duration;

use callback_engine::clock::Clock;

/// What can be chosen about a store when it is opened.
#[derive(Clone)]
pub struct Options {
    /// Where transactions have their time from.
    pub clock: Arc<dyn Clock>,
    /// How many reads go on side by side; at least 1.
    pub readers: usize,
    /// How long a statement waits for a lock that a foreign tool holds on the file.
    pub busy_timeout: Duration,
    /// The most pages of 4 KiB that the file may have; `None` is as many as the disk holds.
    pub max_pages: Option<u32>,
}

impl Options {
    /// The usual choices, with this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, readers: 4, busy_timeout: Duration::from_secs(5), max_pages: None }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("readers", &self.readers)
            .field("busy_timeout", &self.busy_timeout)
            .field("max_pages", &self.max_pages)
            .finish_non_exhaustive()
    }
}
