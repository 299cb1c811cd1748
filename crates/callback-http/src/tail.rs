//! The last lines of the ledger, read once for everybody who follows it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use callback_domain::id::ServiceId;
use callback_engine::Engine;
use callback_engine::ledger::{EventDto, Line};
use callback_engine::store::StoreError;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::events::Kind;
use crate::metrics::Metrics;

/// Lines that are kept for readers; who is further behind reads the store.
const KEPT: usize = 1_024;
/// Lines read at once.
const BATCH: usize = 500;
/// How long to rest before looking again for what other processes wrote.
const REST: Duration = Duration::from_secs(3);
/// Lines of one look that make a ledger a busy one.
const BUSY: usize = 32;
/// How long the lines of a busy ledger are gathered before they are read.
const GATHERING: Duration = Duration::from_millis(20);

/// A line of the ledger in the form in which it is sent.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) sequence: u64,
    pub(crate) kind: Kind,
    pub(crate) service: Option<ServiceId>,
    pub(crate) subject: Uuid,
    pub(crate) name: String,
    line: Line,
    data: OnceLock<String>,
}

impl Entry {
    /// The line as it is sent, written when somebody is there to read it.
    pub(crate) fn data(&self) -> &str {
        self.data.get_or_init(|| {
            serde_json::to_string(&EventDto::from(&self.line))
                .expect("a line in memory can be written as JSON")
        })
    }
}

impl From<Line> for Entry {
    fn from(line: Line) -> Self {
        Self {
            sequence: line.sequence,
            kind: Kind::from(line.subject),
            service: line.service,
            subject: line.subject.id(),
            // A name stands on one line of the stream, whatever the row holds.
            name: line.what.replace(char::is_control, " "),
            line,
            data: OnceLock::new(),
        }
    }
}

/// The end of the ledger, followed by a task that ends with it.
#[derive(Debug)]
pub(crate) struct Tail {
    kept: Arc<Kept>,
    _follower: JoinSet<()>,
}

#[derive(Debug)]
struct Kept {
    lines: Mutex<Lines>,
    reached: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Lines {
    /// Every line after this one, as far as was read, is here.
    floor: u64,
    entries: VecDeque<Arc<Entry>>,
}

impl Tail {
    /// Follows the ledger from its present end; to be called within a runtime.
    pub(crate) fn follow(engine: Engine, metrics: Arc<Metrics>) -> Self {
        let lines = Mutex::new(Lines { floor: u64::MAX, entries: VecDeque::new() });
        let kept = Arc::new(Kept { lines, reached: watch::Sender::new(0) });
        let mut follower = JoinSet::new();
        follower.spawn(keep(engine, Arc::clone(&kept), metrics));
        Self { kept, _follower: follower }
    }

    /// The last line that was read.
    pub(crate) fn reached(&self) -> u64 {
        *self.kept.reached.borrow()
    }

    /// How many readers there are.
    pub(crate) fn readers(&self) -> usize {
        self.kept.reached.receiver_count()
    }

    /// Tells of each growth.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.kept.reached.subscribe()
    }

    /// Up to `limit` lines after a sequence number; `None` when they are no longer all here.
    pub(crate) fn after(&self, sequence: u64, limit: usize) -> Option<Vec<Arc<Entry>>> {
        let lines = self.kept.lines();
        if sequence < lines.floor {
            return None;
        }
        let first = lines.entries.partition_point(|entry| entry.sequence <= sequence);
        Some(lines.entries.range(first..).take(limit).cloned().collect())
    }
}

impl Kept {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, end: u64) {
        self.lines().floor = end;
        self.reached.send_replace(end);
    }

    fn push(&self, read: Vec<Line>) {
        let Some(last) = read.last().map(|last| last.sequence) else { return };
        let mut lines = self.lines();
        lines.entries.extend(read.into_iter().map(|line| Arc::new(Entry::from(line))));
        while lines.entries.len() > KEPT
            && let Some(gone) = lines.entries.pop_front()
        {
            lines.floor = gone.sequence;
        }
        drop(lines);
        self.reached.send_replace(last);
    }
}

/// Reads the ledger as it grows, for as long as somebody holds the tail.
async fn keep(engine: Engine, kept: Arc<Kept>, metrics: Arc<Metrics>) {
    let mut growth = engine.ledger_growth();
    let mut reached = loop {
        match engine.ledger_end(0).await {
            Ok(end) => break end,
            Err(error) => pause(&error).await,
        }
    };
    kept.begin(reached);
    loop {
        growth.mark_unchanged();
        match engine.store().ledger(None, reached, BATCH).await {
            Ok(lines) => {
                // Counted first, so that who has read an event finds it in the figures.
                lines.iter().for_each(|line| metrics.note(line));
                let (is_full, is_busy) = (lines.len() >= BATCH, lines.len() >= BUSY);
                reached = lines.last().map_or(reached, |last| last.sequence);
                kept.push(lines);
                if !is_full && timeout(REST, growth.changed()).await.is_ok() && is_busy {
                    sleep(GATHERING).await;
                }
            }
            Err(error) => pause(&error).await,
        }
    }
}

async fn pause(error: &StoreError) {
    tracing::error!(%error, "failed to follow the ledger; trying again");
    sleep(REST).await;
}
