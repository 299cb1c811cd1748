//! The copy itself: batch by batch, taken up again where it was cut off, compared at the end.

use callback_domain::date::{self, Instant};
use callback_domain::id::NodeId;
use uuid::Uuid;

use super::checksum::Tallying;
use super::{End, Endpoint, Key, Kind, Progress, Record, Stage, Tally};
use crate::store::StoreError;

/// Records that are read, and written in one transaction.
const BATCH: usize = 2_000;

/// What can be chosen about a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The source in words; the target keeps it, so it must hold no password.
    pub source: String,
    /// Whether leases of nodes that have not lapsed count as left behind.
    pub is_stopped: bool,
}

/// What is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Records are written.
    Copying,
    /// Both ends are read and compared.
    Comparing,
}

/// What is seen of a copy that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What is going on.
    pub doing: Doing,
    /// With which kind.
    pub kind: Kind,
    /// How many records are done.
    pub records: u64,
    /// About how many there are.
    pub of: u64,
}

/// One kind at both ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// The kind.
    pub kind: Kind,
    /// What the source holds.
    pub source: Tally,
    /// What the target holds.
    pub target: Tally,
}

impl Compared {
    /// Whether both ends hold the same.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.source == self.target
    }
}

/// What a copy came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it had been complete before, and was only compared again.
    pub was_complete: bool,
    /// Records that were written by this run.
    pub written: u64,
    /// Every kind, compared.
    pub compared: Vec<Compared>,
}

impl Outcome {
    /// The kinds in which the ends differ.
    pub fn different(&self) -> impl Iterator<Item = Kind> {
        self.compared.iter().filter(|compared| !compared.is_equal()).map(|compared| compared.kind)
    }
}

/// Why nothing is copied, or no further.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CopyError {
    /// The source could not be read.
    #[error("read the source: {0}")]
    Source(StoreError),
    /// The target could not be read or written.
    #[error("write the target: {0}")]
    Target(StoreError),
    /// Some node still works on a store.
    #[error(
        "use the {end}: node {node} has a lease on it until {}; stop that process and wait until \
         then, or pass --nodes-are-stopped", date::format(*until)
    )]
    InUse {
        /// Which store.
        end: End,
        /// The node.
        node: NodeId,
        /// Until when its lease runs.
        until: Instant,
    },
    /// The source is itself a copy that was cut off.
    #[error("read the source: it holds a copy of {0} that is not finished; finish that copy first")]
    SourceUnfinished(String),
    /// Source and target are one.
    #[error("write the target: it is installation {0}, which is also the source")]
    Same(Uuid),
    /// The target holds records that no copy wrote.
    #[error("write the target: it already holds {}; name an empty database", .0.name())]
    NotEmpty(Kind),
    /// The target holds a copy of something else.
    #[error(
        "write the target: it holds a copy of installation {installation}, from {source_name}; \
         name an empty database"
    )]
    OtherCopy {
        /// What was copied.
        installation: Uuid,
        /// Where it was.
        source_name: String,
    },
    /// Somebody worked on the source since the copy began.
    #[error(
        "go on with the copy: the source was used since it began; begin again with an empty \
         database as the target"
    )]
    SourceChanged,
}

/// Copies an installation, or goes on with a copy that was cut off, and compares both ends.
///
/// The target can be used only after a comparison that found everything equal; whether this one
/// did is for the caller to see in the answer.
///
/// # Errors
/// [`CopyError`] says why the copy was refused or is cut off; run again, it goes on.
pub async fn copy(
    source: &mut dyn Endpoint,
    target: &mut dyn Endpoint,
    options: &Options,
    watch: &mut (dyn FnMut(Seen) + Send),
) -> Result<Outcome, CopyError> {
    source.hold(End::Source).await.map_err(CopyError::Source)?;
    if !options.is_stopped {
        refuse_live(source, End::Source).await?;
    }
    if let Some(unfinished) = source.progress().await.map_err(CopyError::Source)?
        && unfinished.stage != Stage::Complete
    {
        return Err(CopyError::SourceUnfinished(unfinished.source));
    }
    let mut progress = match target.progress().await.map_err(CopyError::Target)? {
        Some(progress) => taken_up(source, progress).await?,
        None => begun(source, target, options).await?,
    };
    let was_complete = progress.stage == Stage::Complete;
    let mut written = 0;
    if !was_complete {
        target.hold(End::Target).await.map_err(CopyError::Target)?;
        while let Stage::Copying { kind, after, records } = progress.stage.clone() {
            let total = source.count(kind).await.map_err(CopyError::Source)?;
            watch(Seen { doing: Doing::Copying, kind, records, of: total });
            let mut batch = read(source, kind, after.as_ref()).await?;
            let mut records = records;
            while !batch.is_empty() {
                let more = batch.len() == BATCH;
                let last = batch.last().map(Record::key);
                let count = batch.len() as u64;
                records += count;
                progress.stage = Stage::Copying { kind, after: last.clone(), records };
                let (next, put) = tokio::join!(
                    async {
                        if more { read(source, kind, last.as_ref()).await } else { Ok(Vec::new()) }
                    },
                    target.put(batch, &progress),
                );
                put.map_err(CopyError::Target)?;
                written += count;
                watch(Seen { doing: Doing::Copying, kind, records, of: total });
                batch = next?;
            }
            progress.stage = following(kind);
        }
        // What was written last, when the last kinds had no records.
        target.put(Vec::new(), &progress).await.map_err(CopyError::Target)?;
    }
    let outcome =
        Outcome { was_complete, written, compared: compare(source, target, watch).await? };
    if !was_complete && outcome.different().next().is_none() {
        progress.stage = Stage::Complete;
        target.put(Vec::new(), &progress).await.map_err(CopyError::Target)?;
    }
    Ok(outcome)
}

fn following(kind: Kind) -> Stage {
    let next = Kind::ALL.iter().copied().find(|next| *next > kind);
    next.map_or(Stage::Comparing, |kind| Stage::Copying { kind, after: None, records: 0 })
}

async fn refuse_live(store: &mut dyn Endpoint, end: End) -> Result<(), CopyError> {
    let live = store.live_node().await.map_err(failed(end))?;
    live.map_or(Ok(()), |(node, until)| Err(CopyError::InUse { end, node, until }))
}

fn failed(end: End) -> fn(StoreError) -> CopyError {
    match end {
        End::Source => CopyError::Source,
        End::Target => CopyError::Target,
    }
}

/// A copy that has begun before, if it is of this source as it still is.
async fn taken_up(source: &mut dyn Endpoint, progress: Progress) -> Result<Progress, CopyError> {
    if progress.installation != installation(source, End::Source).await? {
        return Err(CopyError::OtherCopy {
            installation: progress.installation,
            source_name: progress.source,
        });
    }
    if progress.stage != Stage::Complete && progress.stamp != stamp(source).await? {
        return Err(CopyError::SourceChanged);
    }
    Ok(progress)
}

/// A copy that begins, into a store that nobody has used.
async fn begun(
    source: &mut dyn Endpoint,
    target: &mut dyn Endpoint,
    options: &Options,
) -> Result<Progress, CopyError> {
    target.hold(End::Target).await.map_err(CopyError::Target)?;
    let id = installation(source, End::Source).await?;
    if id == installation(target, End::Target).await? {
        return Err(CopyError::Same(id));
    }
    if !options.is_stopped {
        refuse_live(target, End::Target).await?;
    }
    for kind in Kind::ALL.iter().copied().filter(|kind| !is_in_an_empty_store(*kind)) {
        if !target.page(kind, None, 1).await.map_err(CopyError::Target)?.is_empty() {
            return Err(CopyError::NotEmpty(kind));
        }
    }
    let stage = Stage::Copying { kind: Kind::Installation, after: None, records: 0 };
    let (source, stamp) = (options.source.clone(), stamp(source).await?);
    let progress = Progress { installation: id, source, stamp, stage };
    target.begin(&progress).await.map_err(CopyError::Target)?;
    Ok(progress)
}

/// Kinds of which there are records in a store that was only made, or started once.
const fn is_in_an_empty_store(kind: Kind) -> bool {
    matches!(kind, Kind::Installation | Kind::Nodes | Kind::Outbox | Kind::Sequences)
}

async fn installation(store: &mut dyn Endpoint, end: End) -> Result<Uuid, CopyError> {
    let found = store.page(Kind::Installation, None, 1).await.map_err(failed(end))?;
    match found.first() {
        Some(Record::Installation(id)) => Ok(*id),
        Some(_) | None => Err(failed(end)(StoreError::Unavailable {
            during: "reading the installation",
            cause: "it has no identity".to_owned(),
        })),
    }
}

/// What changes as soon as somebody works on a source: its ledger's end, and the leases of nodes.
async fn stamp(source: &mut dyn Endpoint) -> Result<String, CopyError> {
    let mut tallying = Tallying::default();
    for kind in [Kind::Sequences, Kind::Nodes] {
        let mut batch = read(source, kind, None).await?;
        while let Some(last) = batch.last().map(Record::key) {
            batch.iter().for_each(|record| tallying.add(record));
            batch = read(source, kind, Some(&last)).await?;
        }
    }
    Ok(tallying.end().checksum)
}

async fn read(
    source: &mut dyn Endpoint,
    kind: Kind,
    after: Option<&Key>,
) -> Result<Vec<Record>, CopyError> {
    source.page(kind, after, BATCH).await.map_err(CopyError::Source)
}

async fn compare(
    source: &mut dyn Endpoint,
    target: &mut dyn Endpoint,
    watch: &mut (dyn FnMut(Seen) + Send),
) -> Result<Vec<Compared>, CopyError> {
    let mut compared = Vec::with_capacity(Kind::ALL.len());
    for kind in Kind::ALL.iter().copied() {
        let total = source.count(kind).await.map_err(CopyError::Source)?;
        let mut seen = |records| {
            watch(Seen { doing: Doing::Comparing, kind, records, of: total });
        };
        let mut unseen = |_| {};
        let (source, target) =
            tokio::join!(tally(source, kind, &mut seen), tally(target, kind, &mut unseen));
        let source = source.map_err(CopyError::Source)?;
        compared.push(Compared { kind, source, target: target.map_err(CopyError::Target)? });
    }
    Ok(compared)
}

async fn tally(
    store: &mut dyn Endpoint,
    kind: Kind,
    seen: &mut (dyn FnMut(u64) + Send),
) -> Result<Tally, StoreError> {
    let mut tallying = Tallying::default();
    let mut records = 0;
    let mut after = None;
    loop {
        let batch = store.page(kind, after.as_ref(), BATCH).await?;
        batch.iter().for_each(|record| tallying.add(record));
        records += batch.len() as u64;
        seen(records);
        if batch.len() < BATCH {
            return Ok(tallying.end());
        }
        after = batch.last().map(Record::key);
    }
}
