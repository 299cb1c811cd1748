//! Instants: read in every accepted spelling, written in one, kept in microseconds.

#![expect(
    clippy::module_name_repetitions,
    reason = "other modules of the domain use these names without the module's"
)]

use alloc::string::String;

use chrono::{DateTime, NaiveDate, SecondsFormat, SubsecRound as _, TimeDelta, Utc};
use thiserror::Error;

mod reader;

use reader::Reader;

/// A moment in universal time.
pub type Instant = DateTime<Utc>;

/// The first accepted instant: the beginning of 1970.
pub const EARLIEST: Instant = DateTime::UNIX_EPOCH;

/// The last accepted instant: the last microsecond of 9999.
pub const LATEST: Instant = DateTime::from_timestamp_micros(253_402_300_799_999_999)
    .expect("the end of 9999 is a date of the library");

/// Why a text is not an accepted date; each message shows the accepted forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DateError {
    /// It is written in no accepted form.
    #[error("the date is written in no accepted form; {ACCEPTED}")]
    Form,
    /// It names a day or a time of day that does not exist.
    #[error("the date names no existing day or time of day; {ACCEPTED}")]
    NoSuchTime,
    /// Its year, in universal time, is not accepted.
    #[error("the date is outside the years 1970 to 9999; {ACCEPTED}")]
    Year,
}

const ACCEPTED: &str = "accepted are RFC 3339 as in 2019-06-24T15:00:56.273237+02:00, \
    times without a zone, which are universal, as in 2019-06-24T13:00:56.273237 or 2019-06-24T13:00, \
    and 24.06.2019 13:00:56.2732376Z, fractions being optional, in the years 1970 to 9999";

/// Reads a date in one of the accepted spellings; what is finer than a microsecond is cut off.
///
/// Years are those of universal time.
/// A leap second, `23:59:60` in universal time, is the first second of the next day.
///
/// # Errors
/// When the form is another, the day or time of day does not exist, or the year is not accepted.
pub fn parse(text: &str) -> Result<Instant, DateError> {
    let written = Reader::new(text).written().ok_or(DateError::Form)?;
    let (year, month, day) = written.date;
    let (hour, minute, second) = written.time;
    let leaps = second == 60;
    let instant = NaiveDate::from_ymd_opt(year, month, day)
        .and_then(|date| date.and_hms_micro_opt(hour, minute, second.min(59), written.micros))
        .and_then(|local| local.checked_sub_offset(written.offset))
        .ok_or(DateError::NoSuchTime)?
        .and_utc();
    let instant = match (leaps, instant.timestamp().rem_euclid(DAY_SECONDS)) {
        (false, _) => instant,
        (true, LAST_SECOND) => instant + TimeDelta::seconds(1),
        (true, _) => return Err(DateError::NoSuchTime),
    };
    if (EARLIEST..=LATEST).contains(&instant) { Ok(instant) } else { Err(DateError::Year) }
}

const DAY_SECONDS: i64 = 86_400;
const LAST_SECOND: i64 = DAY_SECONDS - 1;

/// Writes an instant as RFC 3339 in universal time with `Z`, cut to microseconds.
///
/// The fraction has three or six digits and is left out when it is zero.
#[must_use]
pub fn format(at: Instant) -> String {
    truncate(at).to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// The instant without what is finer than a microsecond.
#[must_use]
pub fn truncate(at: Instant) -> Instant {
    at.trunc_subsecs(6)
}

/// Microseconds since the beginning of 1970; what is finer is cut off.
#[must_use]
pub const fn micros(at: Instant) -> i64 {
    at.timestamp_micros()
}

/// The instant at this number of microseconds since the beginning of 1970,
/// `None` outside the accepted years.
#[must_use]
pub fn from_micros(micros: i64) -> Option<Instant> {
    DateTime::from_timestamp_micros(micros).filter(|at| (EARLIEST..=LATEST).contains(at))
}

/// The instant this many seconds later, or the nearest accepted one.
#[must_use]
pub fn add_seconds(at: Instant, seconds: i64) -> Instant {
    let bound = if seconds < 0 { TimeDelta::MIN } else { TimeDelta::MAX };
    add(at, TimeDelta::try_seconds(seconds).unwrap_or(bound))
}

/// The instant this much later, cut to microseconds, or the nearest accepted one.
#[must_use]
pub fn add(at: Instant, span: TimeDelta) -> Instant {
    let bound = if span < TimeDelta::zero() { EARLIEST } else { LATEST };
    truncate(at.checked_add_signed(span).unwrap_or(bound).clamp(EARLIEST, LATEST))
}

#[cfg(test)]
mod tests;
