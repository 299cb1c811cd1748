//! The driver of the calls and the customers at their ends, with every way of reporting badly.

use std::collections::{BTreeMap, BTreeSet};

use callback_domain::attempt::{Attempt, Outcome};
use callback_domain::id::AttemptId;
use callback_domain::target::TargetKey;
use callback_engine::command::{Report, What};
use callback_engine::ledger::Actor;
use rand::RngExt as _;

use super::broken::{Broken, demand};
use super::day::{Day, Happens};
use super::node::DRIVER;

/// What the phones say when told to place an attempt.
pub(super) enum Placed {
    Started,
    Refused(&'static str),
}

/// What the phones say of an attempt after a restart.
pub(super) enum Resumed {
    Live,
    Ended(Outcome),
    Unknown,
}

struct Call {
    key: TargetKey,
    /// Hears no order to stop.
    deaf: bool,
    /// Is not among the calls that the driver says it has.
    unseen: bool,
}

/// The calls there are.
#[derive(Default)]
pub(super) struct Phones {
    calls: BTreeMap<AttemptId, Call>,
    ended: BTreeMap<AttemptId, Outcome>,
    dialled: BTreeSet<AttemptId>,
}

impl Phones {
    pub(super) fn live(&self) -> Vec<AttemptId> {
        let seen = self.calls.iter().filter(|(_, call)| !call.unseen);
        seen.map(|(id, _)| *id).collect()
    }

    pub(super) fn resume(&self, id: AttemptId) -> Resumed {
        match (self.calls.contains_key(&id), self.ended.get(&id)) {
            (true, _) => Resumed::Live,
            (false, Some(outcome)) => Resumed::Ended(*outcome),
            (false, None) => Resumed::Unknown,
        }
    }

    /// The driver's memory goes with its process, and the calls with it.
    pub(super) fn forget(&mut self) {
        self.calls.clear();
        self.ended.clear();
    }
}

impl Day {
    pub(super) fn phones_place(&mut self, attempt: &Attempt) -> Result<Placed, Broken> {
        let (id, key) = (attempt.id, attempt.key());
        demand!(invariant_no_attempt_is_dialled_twice: self.phones.dialled.insert(id),
            "{id} was placed twice");
        let other = self
            .phones
            .calls
            .iter()
            .find(|(other, call)| call.key == key && self.mirror.open.contains_key(other));
        demand!(invariant_one_live_call_per_line: other.is_none(),
            "{id} was placed while {:?} calls {}", other.map(|(id, _)| id), key.as_str());
        if self.outage.is_some() {
            if self.random.random_bool(0.5) {
                return Ok(Placed::Refused("the dialler is out of order"));
            }
            self.phones.calls.insert(id, Call { key, deaf: false, unseen: false });
            let wait = self.millis(100, 3_000);
            self.say(wait, id, 1, ended(Outcome::Failed));
            return Ok(Placed::Started);
        }
        if self.fault(10) {
            return Ok(Placed::Refused("the dialler is busy"));
        }
        let (deaf, unseen) = (self.fault(10), self.fault(10));
        self.phones.calls.insert(id, Call { key, deaf, unseen });
        if deaf || self.fault(20) {
            return Ok(Placed::Started);
        }
        self.play(attempt);
        Ok(Placed::Started)
    }

    /// Draws how the call goes and plans its reports.
    fn play(&mut self, attempt: &Attempt) {
        let outcome = self.draw_outcome();
        let mut wait = self.millis(300, 6_000);
        if !self.floor.everybody_answers && self.chance(30) {
            wait += 1_000 * i64::from(attempt.agent_ring_in_seconds);
        }
        let mut number = 0;
        let mut next = || {
            number += 1;
            number
        };
        if !matches!(outcome, Outcome::AgentUnavailable | Outcome::Failed) || self.chance(200) {
            self.say(wait, attempt.id, next(), Report::AgentAnswered);
            wait += self.millis(0, 3_000);
        }
        if matches!(
            outcome,
            Outcome::Completed | Outcome::OptedOut | Outcome::Voicemail | Outcome::NoAnswer
        ) {
            self.say(wait, attempt.id, next(), Report::CustomerRinging);
            let most = if self.floor.everybody_answers { 3_000 } else { 20_000 };
            wait += self.millis(500, most);
            if self.chance(100) {
                self.say(wait, attempt.id, next(), Report::Journal(vec![1, 2, 3]));
            }
        }
        if matches!(outcome, Outcome::Completed | Outcome::OptedOut) {
            self.say(wait, attempt.id, next(), Report::Connected);
            wait += self.millis(2_000, 180_000);
        }
        let retry_after_seconds = self.chance(50).then(|| self.random.random_range(0..900));
        let end = Report::Ended { outcome, detail: None, retry_after_seconds };
        wait += self.millis(0, 2_000);
        self.say(wait, attempt.id, next(), end);
    }

    fn draw_outcome(&mut self) -> Outcome {
        if self.floor.everybody_answers {
            return Outcome::Completed;
        }
        match self.random.random_range(0..100) {
            0..50 => Outcome::Completed,
            50..63 => Outcome::NoAnswer,
            63..73 => Outcome::Busy,
            73..77 => Outcome::Rejected,
            77..81 => Outcome::Unreachable,
            81..87 => Outcome::Voicemail,
            87..89 => Outcome::InvalidTarget,
            89..91 => Outcome::OptedOut,
            91..95 => Outcome::AgentUnavailable,
            _ => Outcome::Failed,
        }
    }

    /// Plans a report, sometimes late, sometimes twice.
    fn say(&mut self, millis: i64, attempt: AttemptId, number: u32, report: Report) {
        let late = if self.fault(30) { self.millis(0, 90_000) } else { 0 };
        if self.fault(30) {
            let again = self.millis(0, 60_000);
            let report = report.clone();
            self.plan(millis + late + again, Happens::Says { attempt, number, report });
        }
        self.plan(millis + late, Happens::Says { attempt, number, report });
    }

    pub(super) fn phones_say(&mut self, attempt: AttemptId, number: u32, report: Report) {
        if let Report::Ended { outcome, .. } = &report {
            self.phones.calls.remove(&attempt);
            self.phones.ended.insert(attempt, *outcome);
            self.figures.failures += u64::from(*outcome == Outcome::Failed);
        }
        let actor = Actor::Driver(DRIVER.to_owned());
        let answer = self.run(actor, What::Report { attempt, number, report });
        if let Some(Err(error)) = answer {
            self.unexpected("a report", &error);
        }
    }

    pub(super) fn phones_stop(&mut self, attempt: AttemptId) {
        let Some(call) = self.phones.calls.get(&attempt) else { return };
        if call.deaf {
            return;
        }
        let millis = self.millis(0, 2_000);
        self.plan(
            millis,
            Happens::Says { attempt, number: u32::MAX, report: ended(Outcome::Cancelled) },
        );
    }
}

const fn ended(outcome: Outcome) -> Report {
    Report::Ended { outcome, detail: None, retry_after_seconds: None }
}
