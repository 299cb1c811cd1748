//! How many tests passed, failed and could not run, read from what the runners print.

use std::fmt;
use std::ops::AddAssign;

/// The outcome of one or more test runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    /// Reads nextest's summary, such as `Summary [ 0.2s] 3 tests run: 2 passed (1 slow), 1 timed out, 0 skipped`.
    ///
    /// Whatever neither passed nor was skipped has failed, under whichever name nextest gives it.
    pub(crate) fn from_nextest_line(line: &str) -> Option<Self> {
        let (_, counts) = line.trim_start().strip_prefix("Summary [")?.split_once(" run: ")?;
        let mut tally = Self::default();
        for count in without_asides(counts).split(',') {
            let (number, outcome) = count.trim().split_once(' ')?;
            let number = number.parse::<u64>().ok()?;
            match outcome.trim() {
                "passed" => tally.passed += number,
                "skipped" => tally.skipped += number,
                _ => tally.failed += number,
            }
        }
        Some(tally)
    }

    /// Reads libtest's summary, such as `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; …`.
    pub(crate) fn from_libtest_line(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let mut tally = Self::default();
        for count in counts.split(';') {
            let Some((number, outcome)) = count.trim().split_once(' ') else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match outcome {
                "passed" => tally.passed += number,
                "failed" => tally.failed += number,
                "ignored" => tally.skipped += number,
                _ => {}
            }
        }
        Some(tally)
    }

    /// Moves tests that returned early, and so passed in the eyes of the runner, to the skipped.
    pub(crate) fn set_aside(&mut self, skipped: u64) {
        self.passed = self.passed.saturating_sub(skipped);
        self.skipped += skipped;
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

/// The text with everything in parentheses left out.
fn without_asides(text: &str) -> String {
    let mut depth = 0_u32;
    text.chars()
        .filter(|letter| match letter {
            '(' => {
                depth += 1;
                false
            }
            ')' => {
                depth = depth.saturating_sub(1);
                false
            }
            _ => depth == 0,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(passed: u64, failed: u64, skipped: u64) -> Tally {
        Tally { passed, failed, skipped }
    }

    #[test]
    fn nextest_counts_are_read() {
        let line = "     Summary [   0.152s] 2 tests run: 1 passed, 1 failed, 1 skipped";
        assert_eq!(Tally::from_nextest_line(line), Some(tally(1, 1, 1)));
    }

    #[test]
    fn what_nextest_calls_neither_passed_nor_skipped_has_failed() {
        let line = " Summary [  61.0s] 9/12 tests run: 5 passed (1 slow, 2 leaky), 1 failed, 1 exec failed, 2 timed out, 3 skipped";
        assert_eq!(Tally::from_nextest_line(line), Some(tally(5, 4, 3)));
    }

    #[test]
    fn libtest_counts_are_read() {
        let line = "test result: FAILED. 3 passed; 2 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.14s";
        assert_eq!(Tally::from_libtest_line(line), Some(tally(3, 2, 1)));
    }

    #[test]
    fn other_lines_count_nothing() {
        for line in ["", "test result", "Summary [", "    Summary of the day", "running 3 tests"] {
            assert_eq!(Tally::from_nextest_line(line), None, "{line}");
            assert_eq!(Tally::from_libtest_line(line), None, "{line}");
        }
    }

    #[test]
    fn skipped_tests_are_named_only_when_there_are_some() {
        assert_eq!(tally(4, 0, 0).to_string(), "4 passed, 0 failed");
        assert_eq!(tally(4, 1, 2).to_string(), "4 passed, 1 failed, 2 skipped");
    }

    #[test]
    fn tests_set_aside_no_longer_count_as_passed() {
        let mut counted = tally(4, 1, 0);
        counted.set_aside(3);
        assert_eq!(counted, tally(1, 1, 3));
    }
}
