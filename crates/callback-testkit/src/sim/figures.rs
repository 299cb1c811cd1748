//! What happened on a day, in numbers.

use std::collections::BTreeMap;
use std::fmt;

use callback_domain::callback::TerminationReason;

/// What happened on some days, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Days that were simulated.
    pub days: u64,
    /// Commands run.
    pub steps: u64,
    /// Commands refused.
    pub refusals: u64,
    /// Callbacks made.
    pub creates: u64,
    /// Offers made.
    pub offers: u64,
    /// Attempts given to the driver or the agent.
    pub attempts: u64,
    /// Retries.
    pub retries: u64,
    /// Crashes of the process.
    pub crashes: u64,
    /// Attempts that failed for reasons of the route.
    pub failures: u64,
    /// Times at which everything at rest was checked.
    pub rests: u64,
    /// Explanations held against the dispatcher.
    pub questions: u64,
    /// Callbacks by how they ended.
    pub ended: BTreeMap<TerminationReason, u64>,
}

impl Figures {
    /// Adds another day's.
    pub fn add(&mut self, other: &Self) {
        self.days += other.days;
        self.steps += other.steps;
        self.refusals += other.refusals;
        self.creates += other.creates;
        self.offers += other.offers;
        self.attempts += other.attempts;
        self.retries += other.retries;
        self.crashes += other.crashes;
        self.failures += other.failures;
        self.rests += other.rests;
        self.questions += other.questions;
        for (reason, count) in &other.ended {
            *self.ended.entry(*reason).or_default() += count;
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "days {}, commands {}, refused {}", self.days, self.steps, self.refusals)?;
        writeln!(
            f,
            "callbacks {}, offers {}, attempts {}, of them failed {}, retries {}",
            self.creates, self.offers, self.attempts, self.failures, self.retries
        )?;
        write!(
            f,
            "crashes {}, rests checked {}, explanations checked {}",
            self.crashes, self.rests, self.questions
        )?;
        for (reason, count) in &self.ended {
            write!(f, "\n  {:<20} {count}", reason.name())?;
        }
        Ok(())
    }
}
