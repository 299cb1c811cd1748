use alloc::string::String;
use core::fmt;

use chrono::NaiveDate;
use thiserror::Error;

use super::{MAX_EXCEPTION_INTERVALS, MAX_EXCEPTIONS, MAX_WEEKLY};

/// Why opening hours are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HoursError {
    /// An interval begins at 24:00, which only ends a day.
    #[error("an interval begins at 24:00, which is only an end")]
    BeginsAtEndOfDay,
    /// More weekly intervals than [`MAX_WEEKLY`].
    #[error("there are more than {MAX_WEEKLY} weekly intervals")]
    TooManyWeekly,
    /// More exceptions than [`MAX_EXCEPTIONS`].
    #[error("there are more than {MAX_EXCEPTIONS} exceptions")]
    TooManyExceptions,
    /// An exception with more intervals than [`MAX_EXCEPTION_INTERVALS`].
    #[error("the exception of {0} has more than {MAX_EXCEPTION_INTERVALS} intervals")]
    TooManyIntervals(NaiveDate),
    /// Two exceptions of one date.
    #[error("there are two exceptions of {0}")]
    DuplicateDate(NaiveDate),
    /// An exception outside the accepted years.
    #[error("the exception of {0} is outside the years 1970 to 9999")]
    Year(NaiveDate),
}

/// One thing that is wrong with opening hours on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoursProblem {
    /// Which member, as in `OpeningHours.Weekly[2].From`.
    pub member: String,
    /// The kind of problem, in `PascalCase`.
    pub code: &'static str,
    /// What is wrong, in words.
    pub message: String,
}

impl fmt::Display for HoursProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.member, self.message)
    }
}

impl core::error::Error for HoursProblem {}
