//! The rules that must hold of what a round left behind, each with the number of times it was asked.
//!
//! The ledger is read in its own order, which for all lines of one callback, one customer's line,
//! one agent and one service's picks is the order in which their transactions were committed.
//! Its instants are those at which transactions began, so rules about order rely on them only
//! where they say so.

mod calls;
mod order;
mod promises;
mod replay;

#[cfg(test)]
mod tests;

use super::evidence::Evidence;
use super::journal::Told;
use super::stage::Service;

/// Violations of one rule that are kept in words.
const EXAMPLES: usize = 10;

/// What came of asking one rule.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    pub(crate) rule: &'static str,
    pub(crate) checks: u64,
    pub(crate) violations: u64,
    pub(crate) examples: Vec<String>,
}

impl Verdict {
    const fn new(rule: &'static str) -> Self {
        Self { rule, checks: 0, violations: 0, examples: Vec::new() }
    }

    /// Asks once; the words are only made when the rule does not hold.
    fn demand(&mut self, holds: bool, words: impl FnOnce() -> String) {
        self.checks += 1;
        if !holds {
            self.violations += 1;
            if self.examples.len() < EXAMPLES {
                self.examples.push(words());
            }
        }
    }
}

/// What the checker has to know of the installation.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) services: Vec<Service>,
    /// How long, in microseconds, something must have been ready before a pick must have seen it.
    ///
    /// 0 where one writer does everything; a transaction's length where several write at a time.
    pub(crate) grace: i64,
}

/// Asks every rule.
pub(crate) fn check(evidence: &Evidence, told: &Told, terms: &Terms) -> Vec<Verdict> {
    let mut verdicts = promises::check(evidence, told);
    verdicts.extend(calls::check(evidence));
    verdicts.extend(replay::check(evidence, terms));
    verdicts
}
