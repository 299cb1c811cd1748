//! `callback copy`: a whole installation from one database to another.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, stderr};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use callback_engine::transfer::{
    Compared, Doing, End, Endpoint, Kind, Options, Outcome, Seen, copy,
};
use callback_postgres::PostgresEndpoint;
use callback_sqlite::SqliteEndpoint;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::CopyArgs;
use crate::database::Database;

/// The least time between two lines about the same kind, where there is no terminal.
const BETWEEN_LINES: Duration = Duration::from_secs(5);
/// How much of a checksum is shown.
const SHOWN: usize = 16;

pub(crate) fn run(args: &CopyArgs) -> anyhow::Result<()> {
    let (from, to) = (Database::from(args.from.as_str()), Database::from(args.to.as_str()));
    if from == to {
        bail!("failed to copy {from}: it is both the source and the target");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")?;
    let began = Instant::now();
    let outcome = runtime
        .block_on(copied(&from, &to, args.nodes_are_stopped))
        .with_context(|| format!("failed to copy {from} to {to}"))?;
    print_out(&report(&outcome, began.elapsed()));
    let different: Vec<&str> = outcome.different().map(Kind::name).collect();
    if different.is_empty() {
        return Ok(());
    }
    let different = different.join(", ");
    if outcome.was_complete {
        bail!(
            "{from} and {to} differ in {different}; the copy was complete, so one of them was used \
             or changed since"
        );
    }
    bail!(
        "{to} is not the same as {from}: they differ in {different}; it was changed by something \
         else and cannot be served, so copy again into an empty database"
    );
}

async fn copied(
    from: &Database,
    to: &Database,
    nodes_are_stopped: bool,
) -> anyhow::Result<Outcome> {
    let mut source = opened(from, End::Source).await?;
    let mut target = opened(to, End::Target).await?;
    let options = Options { source: from.to_string(), is_stopped: nodes_are_stopped };
    let mut shown = Shown::new();
    let mut watch = |seen| shown.show(&seen);
    let outcome = copy(&mut *source, &mut *target, &options, &mut watch).await;
    shown.end();
    Ok(outcome?)
}

async fn opened(database: &Database, end: End) -> anyhow::Result<Box<dyn Endpoint>> {
    let during = || format!("failed to open the {end}");
    Ok(match database {
        Database::Sqlite(path) => {
            let path = path.clone();
            let opened = tokio::task::spawn_blocking(move || SqliteEndpoint::open(&path, end));
            Box::new(opened.await.with_context(during)?.with_context(during)?)
        }
        Database::Postgres(address) => {
            let options = callback_postgres::Options {
                application_name: "callback copy".to_owned(),
                ..callback_postgres::Options::default()
            };
            let opened = PostgresEndpoint::open(address, end, &options);
            Box::new(opened.await.with_context(during)?)
        }
    })
}

/// What goes on, shown as a bar on a terminal and as lines elsewhere.
struct Shown {
    bar: Option<ProgressBar>,
    last: Option<(Doing, Kind, Instant)>,
}

impl Shown {
    fn new() -> Self {
        let bar = stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template(
                "{prefix:10} {msg:20} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}",
            );
            let bar = ProgressBar::new(0);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Self { bar, last: None }
    }

    fn show(&mut self, seen: &Seen) {
        let Seen { doing, kind, records, of } = *seen;
        let of = of.max(records);
        let word = match doing {
            Doing::Copying => "copying",
            Doing::Comparing => "comparing",
        };
        let same = self.last.filter(|last| (last.0, last.1) == (doing, kind));
        if let Some(bar) = &self.bar {
            if same.is_none() {
                bar.reset();
                bar.set_prefix(word);
                bar.set_message(kind.name());
                self.last = Some((doing, kind, Instant::now()));
            }
            bar.set_length(of);
            bar.set_position(records);
        } else if same.is_none_or(|(.., at)| at.elapsed() >= BETWEEN_LINES) {
            if of > 0 {
                tell(&format!("{word} {}: {records} of {of}", kind.name()));
            }
            self.last = Some((doing, kind, Instant::now()));
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// What was done, as a table.
fn report(outcome: &Outcome, took: Duration) -> String {
    let mut text = String::new();
    let _infallible =
        writeln!(text, "{:<20} {:>10}  {:<SHOWN$}  equal", "kind", "records", "checksum");
    for compared in &outcome.compared {
        let Compared { kind, source, target } = compared;
        let _infallible = if compared.is_equal() {
            let (name, records) = (kind.name(), source.records);
            writeln!(text, "{name:<20} {records:>10}  {}  yes", short(&source.checksum))
        } else {
            writeln!(
                text,
                "{:<20} {:>10}  {}  NO: the target has {} with {}",
                kind.name(),
                source.records,
                short(&source.checksum),
                target.records,
                short(&target.checksum),
            )
        };
    }
    let records: u64 = outcome.compared.iter().map(|compared| compared.source.records).sum();
    if outcome.different().next().is_none() {
        let done = if outcome.was_complete {
            "the copy was complete already, and still is"
        } else {
            "the copy is complete: serve the target, and the source no more"
        };
        let _infallible = writeln!(
            text,
            "{records} records, {} written now, in {:.1} s; {done}",
            outcome.written,
            took.as_secs_f64(),
        );
    }
    text
}

fn short(checksum: &str) -> &str {
    checksum.get(..SHOWN).unwrap_or(checksum)
}

#[expect(clippy::print_stdout, reason = "what a command did goes to standard output")]
fn print_out(text: &str) {
    print!("{text}");
}

#[expect(clippy::print_stderr, reason = "how far a command has come goes to standard error")]
fn tell(line: &str) {
    eprintln!("{line}");
}

#[cfg(test)]
mod tests {
    use callback_engine::transfer::Tally;

    use super::*;

    fn tally(records: u64, byte: &str) -> Tally {
        Tally { records, checksum: byte.repeat(32) }
    }

    fn outcome(target: Tally) -> Outcome {
        let compared = vec![Compared { kind: Kind::Callbacks, source: tally(3, "ab"), target }];
        Outcome { was_complete: false, written: 3, compared }
    }

    #[test]
    fn a_complete_copy_says_what_to_serve() {
        let text = report(&outcome(tally(3, "ab")), Duration::from_secs(2));
        assert!(text.contains("callbacks                     3  abababababababab  yes"), "{text}");
        assert!(text.contains("serve the target, and the source no more"), "{text}");
    }

    #[test]
    fn a_difference_shows_both_ends() {
        let text = report(&outcome(tally(2, "cd")), Duration::from_secs(2));
        assert!(text.contains("NO: the target has 2 with cdcdcdcdcdcdcdcd"), "{text}");
        assert!(!text.contains("complete"), "{text}");
    }
}
