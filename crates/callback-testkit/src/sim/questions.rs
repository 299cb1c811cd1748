//! Explanations held against what the dispatcher does, on branches of the day.

use super::day::Day;

impl Day {
    /// Asks about some of those that wait.
    pub(super) fn question(&mut self) {
        self.figures.questions += 1;
    }
}
