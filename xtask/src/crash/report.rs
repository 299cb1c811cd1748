//! What a round came to, as tables for people.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use super::checker::Verdict;
use super::evidence::Evidence;
use super::figures::Figures;
use super::journal::Told;

/// What was done to the processes of a round.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Damage {
    pub(crate) node_kills: u64,
    pub(crate) database_kills: u64,
    /// The longest that a killed process took to serve again, once it was started.
    pub(crate) slowest_start: Duration,
}

/// Prints the figures of a round.
pub(crate) fn print_figures(
    evidence: &Evidence,
    told: &Told,
    figures: &Figures,
    damage: Damage,
    worked: Duration,
) {
    row("callbacks there", evidence.callbacks.len());
    row("creations acknowledged", told.created.len());
    row("  with an idempotency key", told.keys.len());
    row("requests that make no sense, refused", told.nonsense);
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for callback in evidence.callbacks.values() {
        *reasons.entry(callback.reason.as_deref().unwrap_or("not ended")).or_default() += 1;
    }
    for (reason, count) in reasons {
        row(&format!("  {reason}"), count);
    }
    row("lines of the ledger about callbacks", evidence.lines.len());
    row("calls", evidence.attempts.len());
    row("  reported and acknowledged", told.reported.len());
    for what in ["offers declined", "offers missed", "moves too late"] {
        row(what, figures.counted(what));
    }
    row("writes acknowledged", figures.writes());
    row("processes killed", damage.node_kills);
    row("databases killed", damage.database_kills);
    row("requests refused with 503", figures.refused());
    row("requests without an answer", figures.unanswered());
    row("longest time without an acknowledged write", seconds(figures.longest_outage()));
    row("longest start of a killed process", seconds(damage.slowest_start));
    row("time under load", seconds(worked));
}

/// Prints what the rules came to; answers whether all of them hold.
pub(crate) fn print_verdicts(verdicts: &[Verdict]) -> bool {
    println!();
    let mut hold = true;
    for verdict in verdicts {
        let result = match verdict.violations {
            0 => "holds".to_owned(),
            violations => format!("BROKEN {violations} times"),
        };
        println!("  {:<56} {:>9} checks  {result}", verdict.rule, verdict.checks);
        for example in &verdict.examples {
            println!("      {example}");
        }
        hold &= verdict.violations == 0;
    }
    hold
}

fn row(what: &str, figure: impl Display) {
    println!("  {what:<56} {:>9}", figure.to_string());
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
