use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use chrono::{NaiveDate, Weekday};
use chrono_tz::Tz;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};
use serde_json::{Map, Value};

use super::{
    Exception, HoursProblem, Interval, LocalTime, MAX_EXCEPTION_INTERVALS, MAX_EXCEPTIONS,
    MAX_WEEKLY, OpeningHours, WeeklyInterval,
};
use crate::date;

const DAYS: [(Weekday, &str); 7] = [
    (Weekday::Mon, "Monday"),
    (Weekday::Tue, "Tuesday"),
    (Weekday::Wed, "Wednesday"),
    (Weekday::Thu, "Thursday"),
    (Weekday::Fri, "Friday"),
    (Weekday::Sat, "Saturday"),
    (Weekday::Sun, "Sunday"),
];

/// Characters of an unknown name that are echoed.
const ECHOED_CHARACTERS: usize = 64;

impl OpeningHours {
    /// Reads the form of the wire; `Weekly` and `Exceptions` may be missing or null.
    ///
    /// # Errors
    /// All that is wrong, never nothing.
    pub fn from_json(value: &Value) -> Result<Self, Vec<HoursProblem>> {
        let mut reader = Reader { problems: Vec::new() };
        match reader.hours("OpeningHours", value) {
            Some(hours) if reader.problems.is_empty() => Ok(hours),
            Some(_) | None => Err(reader.problems),
        }
    }
}

impl<'de> Deserialize<'de> for OpeningHours {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::from_json(&Value::deserialize(from)?).map_err(|problems| {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            D::Error::custom(problems.join("; "))
        })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
pub(super) fn serialize_day<S: Serializer>(day: &Weekday, to: S) -> Result<S::Ok, S::Error> {
    let name = DAYS.iter().find(|(known, _)| known == day).map(|(_, name)| *name);
    to.serialize_str(name.expect("the table names every day"))
}

/// Reads members one after the other; what is `None` has left a problem behind.
struct Reader {
    problems: Vec<HoursProblem>,
}

type Object = Map<String, Value>;

impl Reader {
    fn hours(&mut self, at: &str, value: &Value) -> Option<OpeningHours> {
        let object = self.object(at, value, &["TimeZone", "Weekly", "Exceptions"])?;
        let zone = self.text(at, object, "TimeZone").and_then(|(at, name)| self.zone(&at, name));
        let mut weekly = Vec::new();
        for (at, value) in self.list(at, object, "Weekly", MAX_WEEKLY) {
            weekly.extend(self.weekly(&at, value));
        }
        let mut exceptions = Vec::new();
        let mut dates = BTreeSet::new();
        for (at, value) in self.list(at, object, "Exceptions", MAX_EXCEPTIONS) {
            exceptions.extend(self.exception(&at, value, &mut dates));
        }
        if !self.problems.is_empty() {
            return None;
        }
        OpeningHours::new(zone?, weekly, exceptions)
            .map_err(|error| self.problem(at, "Invalid", &error.to_string()))
            .ok()
    }

    fn zone(&mut self, at: &str, name: &str) -> Option<Tz> {
        let zone = name.parse().ok();
        if zone.is_none() {
            let message = "the name of an IANA time zone is expected, as in Europe/Zurich";
            self.problem(at, "UnknownTimeZone", message);
        }
        zone
    }

    fn weekly(&mut self, at: &str, value: &Value) -> Option<WeeklyInterval> {
        let object = self.object(at, value, &["Day", "From", "To"])?;
        let day = self.text(at, object, "Day").and_then(|(at, name)| self.day(&at, name));
        let interval = self.bounds(at, object);
        Some(WeeklyInterval { day: day?, interval: interval? })
    }

    fn day(&mut self, at: &str, name: &str) -> Option<Weekday> {
        let day = DAYS.iter().find(|(_, known)| *known == name).map(|(day, _)| *day);
        if day.is_none() {
            let names = DAYS.map(|(_, name)| name).join(", ");
            self.problem(at, "UnknownValue", &format!("the accepted values are {names}"));
        }
        day
    }

    fn exception(
        &mut self,
        at: &str,
        value: &Value,
        dates: &mut BTreeSet<NaiveDate>,
    ) -> Option<Exception> {
        let object = self.object(at, value, &["Date", "Intervals"])?;
        let date = self.text(at, object, "Date").and_then(|(at, text)| self.date(&at, text, dates));
        if object.get("Intervals").is_none_or(Value::is_null) {
            self.problem(
                &format!("{at}.Intervals"),
                "Required",
                "a list is expected, empty to stay closed",
            );
        }
        let mut intervals = Vec::new();
        for (at, value) in self.list(at, object, "Intervals", MAX_EXCEPTION_INTERVALS) {
            if let Some(object) = self.object(&at, value, &["From", "To"]) {
                intervals.extend(self.bounds(&at, object));
            }
        }
        Some(Exception { date: date?, intervals })
    }

    fn date(&mut self, at: &str, text: &str, dates: &mut BTreeSet<NaiveDate>) -> Option<NaiveDate> {
        // The midnight of a date can be read exactly when the date can.
        let Ok(midnight) = date::parse(&format!("{text}T00:00")) else {
            let message =
                "an existing date of the years 1970 to 9999 is expected, as in 2026-12-24";
            self.problem(at, "InvalidDate", message);
            return None;
        };
        let date = midnight.date_naive();
        if !dates.insert(date) {
            self.problem(at, "DuplicateDate", &format!("there is another exception of {date}"));
        }
        Some(date)
    }

    fn bounds(&mut self, at: &str, object: &Object) -> Option<Interval> {
        let from = self.text(at, object, "From").and_then(|(at, text)| {
            let time = LocalTime::parse(text).filter(|time| *time < LocalTime::END_OF_DAY);
            self.time(&at, time, "a time from 00:00 to 23:59 is expected")
        });
        let to = self.text(at, object, "To").and_then(|(at, text)| {
            self.time(&at, LocalTime::parse(text), "a time from 00:00 to 24:00 is expected")
        });
        Interval::new(from?, to?).ok()
    }

    fn time(&mut self, at: &str, time: Option<LocalTime>, expected: &str) -> Option<LocalTime> {
        if time.is_none() {
            self.problem(at, "InvalidTime", expected);
        }
        time
    }

    fn object<'v>(&mut self, at: &str, value: &'v Value, known: &[&str]) -> Option<&'v Object> {
        let Value::Object(object) = value else {
            self.problem(at, "WrongType", "an object is expected");
            return None;
        };
        for name in object.keys().filter(|name| !known.contains(&name.as_str())) {
            let name: String = name.chars().take(ECHOED_CHARACTERS).collect();
            let message = format!("the known members are {}", known.join(", "));
            self.problem(&format!("{at}.{name}"), "UnknownMember", &message);
        }
        Some(object)
    }

    /// A string that must be there, and its path.
    fn text<'v>(&mut self, at: &str, object: &'v Object, name: &str) -> Option<(String, &'v str)> {
        let at = format!("{at}.{name}");
        match object.get(name) {
            Some(Value::String(text)) => return Some((at, text)),
            None | Some(Value::Null) => self.problem(&at, "Required", "a string is expected"),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                self.problem(&at, "WrongType", "a string is expected");
            }
        }
        None
    }

    /// The elements of a list that may be missing, each with its path; none when there are too many.
    fn list<'v>(
        &mut self,
        at: &str,
        object: &'v Object,
        name: &str,
        limit: usize,
    ) -> Vec<(String, &'v Value)> {
        let at = format!("{at}.{name}");
        match object.get(name) {
            Some(Value::Array(values)) if values.len() <= limit => {
                let path = |(index, value)| (format!("{at}[{index}]"), value);
                return values.iter().enumerate().map(path).collect();
            }
            Some(Value::Array(_)) => {
                self.problem(&at, "TooMany", &format!("at most {limit} entries are accepted"));
            }
            None | Some(Value::Null) => {}
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
                self.problem(&at, "WrongType", "a list is expected");
            }
        }
        Vec::new()
    }

    fn problem(&mut self, member: &str, code: &'static str, message: &str) {
        let (member, message) = (member.to_owned(), message.to_owned());
        self.problems.push(HoursProblem { member, code, message });
    }
}

#[cfg(test)]
mod tests;
