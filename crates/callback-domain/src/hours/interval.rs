use core::fmt;

use serde::{Serialize, Serializer};

use super::HoursError;

/// A local time of day to the minute, `00:00` to `24:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalTime {
    minutes: u16,
}

impl LocalTime {
    /// The end of the day, `24:00`.
    pub const END_OF_DAY: Self = Self { minutes: 1_440 };

    /// The time at this hour and minute, `None` beyond `24:00`.
    #[must_use]
    pub fn new(hour: u8, minute: u8) -> Option<Self> {
        let time = Self { minutes: u16::from(hour) * 60 + u16::from(minute) };
        (minute < 60 && time <= Self::END_OF_DAY).then_some(time)
    }

    /// Reads `HH:MM`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = |tens: u8, ones: u8| {
            let is_number = tens.is_ascii_digit() && ones.is_ascii_digit();
            is_number.then(|| (tens - b'0') * 10 + (ones - b'0'))
        };
        let &[h, hh, b':', m, mm] = text.as_bytes() else { return None };
        Self::new(number(h, hh)?, number(m, mm)?)
    }

    /// Minutes since midnight.
    #[must_use]
    pub const fn minutes(self) -> u16 {
        self.minutes
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

impl Serialize for LocalTime {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// From one local time until before another, which is on the next day when it is not the later one;
/// equal times are a whole day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Interval {
    from: LocalTime,
    to: LocalTime,
}

impl Interval {
    /// The interval between these times.
    ///
    /// # Errors
    /// When it would begin at `24:00`.
    pub fn new(from: LocalTime, to: LocalTime) -> Result<Self, HoursError> {
        if from == LocalTime::END_OF_DAY {
            return Err(HoursError::BeginsAtEndOfDay);
        }
        Ok(Self { from, to })
    }

    /// When it begins.
    #[must_use]
    pub const fn from(self) -> LocalTime {
        self.from
    }

    /// When it is over.
    #[must_use]
    pub const fn to(self) -> LocalTime {
        self.to
    }
}
