use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Bound;

use chrono::{Datelike as _, NaiveDate, Weekday};

use super::{Exception, Interval, WeeklyInterval};

const DAY_MINUTES: u16 = 1_440;

/// The first local date that no accepted instant can fall on, in any zone.
const END: NaiveDate = NaiveDate::from_ymd_opt(10_000, 1, 3).expect("a date of the library");

/// A stretch of local time, in minutes since the midnight of the day on which it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) from: u16,
    /// At most a day after `from`, unless spans were joined.
    pub(super) to: u16,
}

/// What begins on which local date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Calendar {
    weekdays: [Vec<Span>; 7],
    exceptions: BTreeMap<NaiveDate, Vec<Span>>,
    covers_the_week: bool,
}

impl Calendar {
    pub(super) fn new(weekly: &[WeeklyInterval], exceptions: &[Exception]) -> Self {
        let weekdays = core::array::from_fn(|index| {
            joined(
                weekly.iter().filter(|weekly| day_index(weekly.day) == index).map(|w| w.interval),
            )
        });
        let exceptions = exceptions
            .iter()
            .map(|exception| (exception.date, joined(exception.intervals.iter().copied())))
            .collect();
        let covers_the_week = cover_the_week(&weekdays);
        Self { weekdays, exceptions, covers_the_week }
    }

    /// What begins on this date, in order of time.
    pub(super) fn spans(&self, date: NaiveDate) -> &[Span] {
        match self.exceptions.get(&date) {
            Some(spans) => spans,
            None => &self.weekdays[day_index(date.weekday())],
        }
    }

    /// The first date from this one on, on which anything begins.
    pub(super) fn opening_date(&self, mut date: NaiveDate) -> Option<NaiveDate> {
        let weekly = self.weekdays.iter().any(|spans| !spans.is_empty());
        while date < END {
            if !self.spans(date).is_empty() {
                return Some(date);
            }
            date = if weekly { date.succ_opt()? } else { self.exception_after(date)? };
        }
        None
    }

    /// Whether nothing but a later exception can close after this date,
    /// because the weekly intervals leave no hole.
    pub(super) fn stays_open_after(&self, date: NaiveDate) -> bool {
        self.covers_the_week && !self.exceptions.contains_key(&date)
    }

    /// The first date after this one that has an exception.
    pub(super) fn exception_after(&self, date: NaiveDate) -> Option<NaiveDate> {
        let mut later = self.exceptions.range((Bound::Excluded(date), Bound::Unbounded));
        later.next().map(|(date, _)| *date)
    }
}

fn day_index(day: Weekday) -> usize {
    usize::try_from(day.num_days_from_monday()).expect("a week has seven days")
}

/// The intervals of one day in order of time, those that overlap or touch as one.
fn joined(intervals: impl Iterator<Item = Interval>) -> Vec<Span> {
    let mut spans: Vec<Span> = intervals.map(span).collect();
    spans.sort_unstable();
    spans.dedup_by(|later, earlier| {
        let touches = later.from <= earlier.to;
        if touches {
            earlier.to = earlier.to.max(later.to);
        }
        touches
    });
    spans
}

fn span(interval: Interval) -> Span {
    let (from, to) = (interval.from().minutes(), interval.to().minutes());
    Span { from, to: if to > from { to } else { to + DAY_MINUTES } }
}

/// Whether the spans leave no minute of the week out, whatever week follows.
fn cover_the_week(weekdays: &[Vec<Span>; 7]) -> bool {
    let mut reached = None;
    // The second round shows whether the end of the week leads on to its beginning.
    for (day, spans) in (0_u32..).zip(weekdays.iter().chain(weekdays)) {
        let midnight = day * u32::from(DAY_MINUTES);
        for span in spans {
            let (from, to) = (midnight + u32::from(span.from), midnight + u32::from(span.to));
            if reached.is_some_and(|reached| from > reached) {
                return false;
            }
            reached = reached.max(Some(to));
        }
    }
    reached.is_some()
}
