//! Opening hours: when a service may call.
//!
//! Hours are local times of one zone, to the minute.
//! An interval belongs to the day on which it begins and may run on into the next.
//! An exception replaces the intervals that begin on its date;
//! one that began the evening before still runs on.
//! Intervals that overlap or touch are one, without a change between them.
//!
//! Where the zone's clock jumps forward, a boundary inside the gap moves to the first instant after it;
//! an interval that is wholly inside does not open.
//! Where the clock is set back, an opening takes the earlier of its two instants and a closing the later.
//!
//! The functions of this module take `None` for a service that is always open.

#![expect(
    clippy::module_name_repetitions,
    reason = "other modules of the domain use these names without the module's"
)]

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use chrono::{Datelike as _, NaiveDate, TimeDelta, Weekday};
use chrono_tz::Tz;
use serde::Serialize;

use crate::date::{self, Instant};

mod calendar;
mod clock;
mod error;
mod interval;
mod json;
mod walk;

use calendar::Calendar;
pub use error::{HoursError, HoursProblem};
pub use interval::{Interval, LocalTime};

/// Most weekly intervals of one service.
pub const MAX_WEEKLY: usize = 100;

/// Most dated exceptions of one service: two years of them.
pub const MAX_EXCEPTIONS: usize = 732;

/// Most intervals of one exception.
pub const MAX_EXCEPTION_INTERVALS: usize = 24;

/// The opening hours of a service; its serialised form is also that of the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct OpeningHours {
    #[serde(rename = "TimeZone")]
    zone: Tz,
    weekly: Vec<WeeklyInterval>,
    exceptions: Vec<Exception>,
    #[serde(skip)]
    calendar: Calendar,
}

/// An interval of every week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct WeeklyInterval {
    /// The day on which it begins.
    #[serde(serialize_with = "json::serialize_day")]
    pub day: Weekday,
    /// From when until when.
    #[serde(flatten)]
    pub interval: Interval,
}

/// A date whose intervals are not those of its day of the week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Exception {
    /// The local date.
    pub date: NaiveDate,
    /// The intervals that begin on it; none when nothing opens.
    pub intervals: Vec<Interval>,
}

impl OpeningHours {
    /// Opening hours of a zone; without any interval they never open.
    ///
    /// # Errors
    /// When there are too many entries, a date has two exceptions, or its year is not accepted.
    pub fn new(
        zone: Tz,
        weekly: Vec<WeeklyInterval>,
        exceptions: Vec<Exception>,
    ) -> Result<Self, HoursError> {
        if weekly.len() > MAX_WEEKLY {
            return Err(HoursError::TooManyWeekly);
        }
        if exceptions.len() > MAX_EXCEPTIONS {
            return Err(HoursError::TooManyExceptions);
        }
        let mut dates = BTreeSet::new();
        for Exception { date, intervals } in &exceptions {
            if !(1970..=9999).contains(&date.year()) {
                return Err(HoursError::Year(*date));
            }
            if !dates.insert(*date) {
                return Err(HoursError::DuplicateDate(*date));
            }
            if intervals.len() > MAX_EXCEPTION_INTERVALS {
                return Err(HoursError::TooManyIntervals(*date));
            }
        }
        let calendar = Calendar::new(&weekly, &exceptions);
        Ok(Self { zone, weekly, exceptions, calendar })
    }

    /// The zone of its local times.
    #[must_use]
    pub const fn zone(&self) -> Tz {
        self.zone
    }

    /// The intervals of every week, as given.
    #[must_use]
    pub fn weekly(&self) -> &[WeeklyInterval] {
        &self.weekly
    }

    /// The dated exceptions, as given.
    #[must_use]
    pub fn exceptions(&self) -> &[Exception] {
        &self.exceptions
    }
}

/// Whether the service is open; the instant of opening counts, that of closing does not.
#[must_use]
pub fn is_open(hours: Option<&OpeningHours>, at: Instant) -> bool {
    hours.is_none_or(|hours| hours.is_open(at))
}

/// The first instant from `from` on at which the service is open: `from` itself when it is,
/// `None` when it never is again.
#[must_use]
pub fn next_opening(hours: Option<&OpeningHours>, from: Instant) -> Option<Instant> {
    hours.map_or_else(|| within_years(from), |hours| hours.next_opening(from))
}

/// The first instant after `from` at which the service opens or closes.
#[must_use]
pub fn next_change(hours: Option<&OpeningHours>, from: Instant) -> Option<Instant> {
    hours.and_then(|hours| hours.next_change(from))
}

/// How long the service is open from `from` until before `to`; zero when `to` is not later.
#[must_use]
pub fn open_between(hours: Option<&OpeningHours>, from: Instant, to: Instant) -> TimeDelta {
    hours.map_or_else(|| (to - from).max(TimeDelta::zero()), |hours| hours.open_between(from, to))
}

/// The first instant by which the service has been open this long since `from`,
/// `None` when it never will; `from` itself when the time is not positive.
#[must_use]
pub fn after_open_time(
    hours: Option<&OpeningHours>,
    from: Instant,
    open: TimeDelta,
) -> Option<Instant> {
    hours.map_or_else(
        || from.checked_add_signed(open.max(TimeDelta::zero())).and_then(within_years),
        |hours| hours.after_open_time(from, open),
    )
}

fn within_years(at: Instant) -> Option<Instant> {
    (at <= date::LATEST).then_some(at)
}

#[cfg(test)]
mod tests;
