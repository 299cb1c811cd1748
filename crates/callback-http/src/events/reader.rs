//! One reader of the events: pulled forward by its connection, a batch at a time.

use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::Event;
use callback_engine::Engine;
use callback_engine::store::StoreError;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, sleep_until};

use super::event_id;
use super::filter::Filter;
use crate::access::Caller;
use crate::problem::ApiError;
use crate::router::Api;
use crate::serve::Stopping;
use crate::tail::{Entry, Tail};

/// Lines that a reader holds at most.
const BATCH: usize = 100;
/// How soon a client is to come back after its connection broke.
const RETRY: Duration = Duration::from_secs(2);
/// How often it is asked whether a silent reader may still read.
const ASKED: Duration = Duration::from_secs(1);
/// How long a client may go without learning the id of what was passed over for it.
const ANNOUNCED: Duration = Duration::from_secs(15);

/// A place in the ledger that moves on as the connection takes events.
pub(super) struct Reader {
    engine: Engine,
    caller: Caller,
    tail: Arc<Tail>,
    reached: watch::Receiver<u64>,
    stopping: Option<Stopping>,
    filter: Filter,
    /// The last line that was looked at.
    after: u64,
    batch: std::vec::IntoIter<Arc<Entry>>,
    /// When to tell how far it is, since lines were passed over.
    announce_at: Option<Instant>,
}

impl Reader {
    pub(super) fn new(
        api: &Api,
        caller: Caller,
        filter: Filter,
        after: u64,
        stopping: Option<Stopping>,
    ) -> Self {
        Self {
            engine: api.engine.clone(),
            caller,
            tail: Arc::clone(&api.tail),
            reached: api.tail.watch(),
            stopping,
            filter,
            after,
            batch: Vec::new().into_iter(),
            announce_at: None,
        }
    }

    /// The events; a failure breaks the connection, and the client resumes where it was.
    ///
    /// The first says from where to resume, so that a connection that breaks before anything
    /// happened loses nothing either.
    pub(super) fn events(self) -> impl Stream<Item = Result<Event, StoreError>> + Send {
        let first = Event::default().retry(RETRY).id(event_id(self.after));
        let rest = stream::try_unfold(self, |mut reader| async move {
            let next = reader.next().await;
            let next = next.inspect_err(|error| ApiError::from(error.clone()).log())?;
            Ok(next.map(|event| (event, reader)))
        });
        stream::iter([Ok(first)]).chain(rest)
    }

    /// The next event; `None` when the server stops, or the reader may read no longer.
    async fn next(&mut self) -> Result<Option<Event>, StoreError> {
        loop {
            match self.engine.is_still_admitted(self.caller.principal()).await {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                // Nothing is sent until it is known again.
                Err(_) => {
                    if self.stopping.as_ref().is_some_and(Stopping::is_asked) {
                        return Ok(None);
                    }
                    sleep(ASKED).await;
                    continue;
                }
            }
            for entry in self.batch.by_ref() {
                self.after = entry.sequence;
                if self.filter.passes(&entry) {
                    self.announce_at = None;
                    let event = Event::default().id(event_id(entry.sequence));
                    return Ok(Some(event.event(&entry.name).data(entry.data())));
                }
                self.announce_at.get_or_insert_with(|| Instant::now() + ANNOUNCED);
            }
            if self.announce_at.is_some_and(|at| at <= Instant::now()) {
                self.announce_at = None;
                return Ok(Some(Event::default().id(event_id(self.after))));
            }
            if self.stopping.as_ref().is_some_and(Stopping::is_asked) {
                return Ok(None);
            }
            // Marked before the look, so that what comes in between wakes again.
            self.reached.mark_unchanged();
            self.batch = match self.tail.after(self.after, BATCH) {
                Some(batch) => batch,
                None => self.stored().await?,
            }
            .into_iter();
            if self.batch.as_slice().is_empty() {
                self.rest().await;
            } else {
                yield_now().await;
            }
        }
    }

    /// Lines that the tail no longer holds.
    async fn stored(&self) -> Result<Vec<Arc<Entry>>, StoreError> {
        let lines = self.engine.store().ledger(None, self.after, BATCH).await?;
        Ok(lines.into_iter().map(|line| Arc::new(Entry::from(line))).collect())
    }

    /// Rests until there is more to read, something to announce, or the server stops.
    async fn rest(&mut self) {
        let announce = async {
            match self.announce_at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let stopped = async {
            match &mut self.stopping {
                Some(stopping) => stopping.asked().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.reached.changed() => {}
            () = sleep(ASKED) => {}
            () = announce => {}
            () = stopped => {}
        }
    }
}
