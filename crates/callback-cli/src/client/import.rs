//! Many callbacks from a file: several requests at once, and nothing twice however often it runs.

mod progress;
mod records;
mod sending;
mod state;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, sync_channel};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use serde_json::json;

use self::progress::Progress;
use self::records::{Record, Source};
use self::sending::{Fate, send};
use self::state::{Report, State};
use super::api::{Api, ServiceArgs};
use super::export::Form;
use super::output::Printer;

/// Ask for many callbacks, from a CSV or NDJSON file.
///
/// CSV has the members of the API as its first line, and an empty cell is an absent member; NDJSON
/// has one object in each line. What only the service sets is ignored, so that an export can be
/// imported.
///
/// Each line is sent with an idempotency key made of the file's content and the line's number, and
/// a state file notes what was acknowledged. So the same command, run again after it was broken
/// off, goes on where it was and makes nothing twice. A file that was changed is another file.
///
/// Lines that the service refuses are written to a report, each as a JSON object with Line, Code,
/// Message, Details and the Record itself. They are tried again when the command is run again.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:
  callback import callbacks.csv
  callback import - --format ndjson --report refused.ndjson < callbacks.ndjson

Exit codes: 0 all lines are in, 1 some were refused or the file is not readable, 3 the service lets \
nothing in, 4 the service cannot be reached.")]
pub(crate) struct ImportArgs {
    /// The file, or - for standard input.
    file: PathBuf,
    /// The form of the file [default: ndjson when it begins with {, otherwise csv].
    #[arg(long, value_enum)]
    format: Option<Form>,
    /// How many requests are on their way at one time, 1 to 64.
    #[arg(long, value_name = "NUMBER", default_value_t = 8,
          value_parser = clap::value_parser!(u8).range(1..=64))]
    parallel: u8,
    /// Where to note what was acknowledged [default: FILE.state; none for standard input].
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Where to write refused lines [default: FILE.refused; none for standard input].
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    service: ServiceArgs,
}

/// How many lines came out how.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) created: u64,
    pub(crate) skipped: u64,
    pub(crate) refused: u64,
}

pub(crate) fn run(args: &ImportArgs) -> anyhow::Result<()> {
    let api = Api::new(&args.service)?;
    let source = Source::open(&args.file, args.format)?;
    let beside = |given: &Option<PathBuf>, ending: &str| {
        let name = || (!source.is_stdin()).then(|| format!("{}.{ending}", args.file.display()));
        given.clone().or_else(|| name().map(PathBuf::from))
    };
    let state_file = beside(&args.state, "state");
    let (mut state, done) = State::open(state_file.as_deref(), source.hash())?;
    let mut report = Report::new(beside(&args.report, "refused"));
    let progress = Progress::new(source.bytes());
    let mut counts = Counts::default();
    let stopped = AtomicBool::new(false);
    let (lines, queue) = sync_channel(usize::from(args.parallel) * 4);
    let queue = Mutex::new(queue);
    let sent = std::thread::scope(|scope| {
        let (fates, results) = mpsc::channel();
        let (queue, stopped, source, done) = (&queue, &stopped, &source, &done);
        let reader = scope.spawn(move || read(source, done, &lines, stopped));
        for _ in 0..args.parallel {
            let (api, fates) = (api.clone(), fates.clone());
            scope.spawn(move || {
                // The lock ends before the request begins.
                let next = || queue.lock().ok().and_then(|queue| queue.recv().ok());
                while let Some((record, is_done)) = next() {
                    if stopped.load(Ordering::Relaxed) {
                        continue;
                    }
                    let fate = if is_done {
                        Ok(Fate::Skipped)
                    } else {
                        send(&api, source.hash(), &record)
                    };
                    if fates.send((record, fate)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(fates);
        let mut failure = None;
        for (record, fate) in results {
            let noted = fate.and_then(|fate| {
                match &fate {
                    Fate::Created(id) => {
                        counts.created += 1;
                        state.acknowledge(record.line, id)?;
                    }
                    Fate::Skipped => counts.skipped += 1,
                    Fate::Refused(refused) => {
                        counts.refused += 1;
                        report.refuse(&record, refused)?;
                    }
                }
                progress.show(record.bytes, counts);
                Ok(())
            });
            if let Err(error) = noted {
                stopped.store(true, Ordering::Relaxed);
                failure.get_or_insert(error);
            }
        }
        let read = reader.join().unwrap_or_else(|_| bail!("the reader of the file ended early"));
        failure.map_or(read, Err)
    });
    progress.end();
    report.finish()?;
    summary(args, counts, &report)?;
    sent.with_context(|| match &state_file {
        Some(_) => "the import broke off; the same command goes on where it was".to_owned(),
        None => "the import broke off".to_owned(),
    })?;
    let place = report.place();
    ensure!(counts.refused == 0, "{} refused{place}", counts.refused);
    Ok(())
}

/// Reads lines for those who send them, and says of each whether it was acknowledged before.
fn read(
    source: &Source,
    done: &BTreeSet<u64>,
    lines: &mpsc::SyncSender<(Record, bool)>,
    stopped: &AtomicBool,
) -> anyhow::Result<()> {
    for record in source.records()? {
        let record = record?;
        let is_done = done.contains(&record.line);
        if stopped.load(Ordering::Relaxed) || lines.send((record, is_done)).is_err() {
            break;
        }
    }
    Ok(())
}

fn summary(args: &ImportArgs, counts: Counts, report: &Report) -> anyhow::Result<()> {
    let Counts { created, skipped, refused } = counts;
    let words = format!(
        "{created} created, {skipped} acknowledged before, {refused} refused{}",
        report.place()
    );
    let item = json!({"Created": created, "AcknowledgedBefore": skipped, "Refused": refused});
    Printer::new(args.service.output).done(&words, &item)
}
