//! The log of a day that failed, and its playing back.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use callback_domain::date::Instant;
use callback_engine::command::{Done, What};
use callback_engine::error::Error;
use callback_engine::ledger::Actor;

use super::broken::Broken;
use super::day;
use super::floor::Floor;

/// A day that failed, as it is written to a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its seed.
    pub seed: u64,
    /// What it was like.
    pub floor: Floor,
    /// The invariant that did not hold.
    pub invariant: String,
    /// How.
    pub what: String,
    /// Everything up to there.
    pub events: Vec<String>,
}

/// Something that a store was made to do on a day, for doing it again on another store.
#[derive(Clone, Debug)]
pub enum Recorded {
    /// A process began, from which the following commands come.
    Start {
        /// When.
        at: Instant,
        /// The seed of its identities.
        seed: u64,
        /// Whether agents dial.
        manual: bool,
    },
    /// A command was run.
    Run {
        /// When.
        at: Instant,
        /// By whom.
        actor: Actor,
        /// Which.
        what: Box<What>,
        /// What came of it.
        done: Box<Result<Done, Error>>,
    },
}

impl Record {
    /// Plays a failing day once more and writes down what happens; `None` when it does not fail.
    #[must_use]
    pub fn of(seed: u64, floor: &Floor) -> Option<Self> {
        let (Broken { invariant, what }, events) = day::run(seed, floor, true).err()?;
        Some(Self { seed, floor: floor.clone(), invariant: invariant.to_owned(), what, events })
    }
}

/// Plays a record back, and says in words how that went.
#[must_use]
pub fn replay(record: &Record) -> String {
    let mut told = format!(
        "seed {}, {:?}\nthen: {}: {}\n",
        record.seed, record.floor, record.invariant, record.what
    );
    let Some(now) = Record::of(record.seed, &record.floor) else {
        told.push_str("now: every invariant holds\n");
        return told;
    };
    let _infallible = writeln!(told, "now: {}: {}", now.invariant, now.what);
    let parted = record.events.iter().zip(&now.events).position(|(then, now)| then != now);
    match parted {
        None => told.push_str("the same events led there\n"),
        Some(at) => {
            let (then, now) = (&record.events[at], &now.events[at]);
            let _infallible = writeln!(told, "parted at event {at}:\nthen: {then}\nnow: {now}");
        }
    }
    told
}
