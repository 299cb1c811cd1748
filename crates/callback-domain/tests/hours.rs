//! Opening hours against a walk of the minutes, around the clock changes of all zones.

use std::collections::BTreeMap;
use std::ops::Range;

use callback_domain::date::Instant;
use callback_domain::hours::{Exception, Interval, LocalTime, OpeningHours, WeeklyInterval};
use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Weekday};
use chrono_tz::{TZ_VARIANTS, Tz};
use proptest::prelude::*;
use proptest::sample::Index;

const MINUTES: i64 = 5 * 1_440;
/// The minutes that no change of the clock before or after the walk reaches.
const SURE: Range<i64> = 1_440..4 * 1_440;

/// Five days of a zone, minute by minute.
///
/// Built from what the zone's clock shows at each minute, and from nothing else of the zone.
struct Walk {
    start: Instant,
    open: Vec<bool>,
}

impl Walk {
    fn new(hours: &OpeningHours, start: Instant) -> Self {
        let shown: Vec<NaiveDateTime> =
            (0..MINUTES).map(|minute| shown(hours.zone(), after(start, minute))).collect();
        let mut latest_so_far = shown.clone();
        for minute in 1..shown.len() {
            latest_so_far[minute] = latest_so_far[minute].max(latest_so_far[minute - 1]);
        }
        let mut earliest_from = shown.clone();
        for minute in (1..shown.len()).rev() {
            earliest_from[minute - 1] = earliest_from[minute - 1].min(earliest_from[minute]);
        }
        let windows = local_windows(hours, shown[0].date());
        let is_open = |minute: usize| {
            windows.iter().any(|(from, to)| {
                let has_opened = latest_so_far[minute] >= *from;
                let shows_its_end_later = earliest_from.get(minute + 1).is_none_or(|at| at <= to);
                has_opened && (shown[minute] < *to || shows_its_end_later)
            })
        };
        Self { start, open: (0..shown.len()).map(is_open).collect() }
    }

    fn is_open(&self, at: Instant) -> bool {
        let minute = usize::try_from((at - self.start).num_minutes());
        self.open[minute.expect("the walk begins before")]
    }

    /// The first instant from one on, at a full minute or the first itself, with this openness.
    fn first(&self, from: Instant, open: bool) -> Option<Instant> {
        if self.is_open(from) == open {
            return Some(from);
        }
        let now = (from - self.start).num_minutes();
        (now + 1..MINUTES)
            .map(|minute| after(self.start, minute))
            .find(|at| self.is_open(*at) == open)
    }

    fn open_between(&self, from: Instant, to: Instant) -> TimeDelta {
        (0..MINUTES)
            .map(|minute| (after(self.start, minute), after(self.start, minute + 1)))
            .filter(|(begin, _)| self.is_open(*begin))
            .map(|(begin, end)| (end.min(to) - begin.max(from)).max(TimeDelta::zero()))
            .sum()
    }
}

/// What begins on each local date of the walk and around, by the words of the calendar.
fn local_windows(hours: &OpeningHours, first: NaiveDate) -> Vec<(NaiveDateTime, NaiveDateTime)> {
    let exceptions: BTreeMap<NaiveDate, &[Interval]> = hours
        .exceptions()
        .iter()
        .map(|exception| (exception.date, exception.intervals.as_slice()))
        .collect();
    let mut windows = Vec::new();
    for days in -3..=6 {
        let date = first + TimeDelta::days(days);
        let weekly = hours.weekly().iter().filter(|weekly| weekly.day == date.weekday());
        let intervals: Vec<Interval> = match exceptions.get(&date) {
            Some(intervals) => intervals.to_vec(),
            None => weekly.map(|weekly| weekly.interval).collect(),
        };
        for interval in intervals {
            let after_midnight = |time: LocalTime| {
                date.and_time(NaiveTime::MIN) + TimeDelta::minutes(time.minutes().into())
            };
            let (from, mut to) = (after_midnight(interval.from()), after_midnight(interval.to()));
            if to <= from {
                to += TimeDelta::days(1);
            }
            windows.push((from, to));
        }
    }
    windows
}

fn shown(zone: Tz, at: Instant) -> NaiveDateTime {
    let shown = at.with_timezone(&zone).naive_local();
    assert_eq!(shown.and_utc().timestamp() % 60, 0, "{zone} is not at full minutes at {at}");
    shown
}

fn after(start: Instant, minutes: i64) -> Instant {
    start + TimeDelta::minutes(minutes)
}

/// Full days from 1973 on, before which some zones kept seconds, until 2037.
fn any_day() -> impl Strategy<Value = Instant> {
    (1_096_i64..24_800).prop_map(|day| DateTime::UNIX_EPOCH + TimeDelta::days(day))
}

fn any_zone() -> impl Strategy<Value = Tz> {
    any::<Index>().prop_map(|index| *index.get(&TZ_VARIANTS))
}

/// A zone, and the start of a walk whose middle has a change of its clock, if one comes soon.
fn zone_and_start() -> impl Strategy<Value = (Tz, Instant)> {
    (any_zone(), any_day()).prop_map(|(zone, day)| {
        let offset = |day: Instant| day.with_timezone(&zone).naive_local() - day.naive_utc();
        let changes = |days: &i64| offset(day + TimeDelta::days(*days)) != offset(day);
        let days = (1..366).find(changes).unwrap_or(0);
        (zone, day + TimeDelta::days(days - 3))
    })
}

/// Times with a liking for the hours at which clocks change.
fn any_time() -> impl Strategy<Value = LocalTime> {
    let time = |(hour, minute)| LocalTime::new(hour, minute).expect("a time of day");
    prop_oneof![
        (0_u8..24, 0_u8..60).prop_map(time),
        (0_u8..5, prop::sample::select(vec![0_u8, 1, 10, 30, 50, 59])).prop_map(time),
        prop::sample::select(vec![(0_u8, 0_u8), (8, 0), (23, 0), (23, 30), (23, 59)])
            .prop_map(time),
    ]
}

fn any_interval() -> impl Strategy<Value = Interval> {
    let end = prop_oneof![4 => any_time(), 1 => Just(LocalTime::END_OF_DAY)];
    (any_time(), end, any::<bool>()).prop_map(|(from, to, whole_day)| {
        let to = if whole_day && to.minutes() % 7 == 0 { from } else { to };
        Interval::new(from, to).expect("begins within the day")
    })
}

fn any_weekly() -> impl Strategy<Value = Vec<WeeklyInterval>> {
    let days = [
        Weekday::Mon,
        Weekday::Tue,
        Weekday::Wed,
        Weekday::Thu,
        Weekday::Fri,
        Weekday::Sat,
        Weekday::Sun,
    ];
    let some = (prop::sample::select(days.to_vec()), any_interval())
        .prop_map(|(day, interval)| WeeklyInterval { day, interval });
    let every_day = move |interval| days.map(|day| WeeklyInterval { day, interval }).to_vec();
    prop_oneof![
        prop::collection::vec(some, 0..6),
        any_interval().prop_map(every_day),
        any_time().prop_map(move |time| {
            every_day(Interval::new(time, time).expect("begins within the day"))
        }),
    ]
}

/// Opening hours with exceptions within the walk that begins at the start.
fn hours_and_start() -> impl Strategy<Value = (OpeningHours, Instant)> {
    let exceptions =
        prop::collection::btree_map(-2_i64..6, prop::collection::vec(any_interval(), 0..3), 0..4);
    (zone_and_start(), any_weekly(), exceptions).prop_map(|((zone, start), weekly, exceptions)| {
        let first = start.with_timezone(&zone).date_naive();
        let exceptions = exceptions
            .into_iter()
            .map(|(days, intervals)| Exception { date: first + TimeDelta::days(days), intervals })
            .collect();
        (OpeningHours::new(zone, weekly, exceptions).expect("few entries"), start)
    })
}

/// An instant in the middle of the walk, to the microsecond or at a full minute.
fn any_offset() -> impl Strategy<Value = TimeDelta> {
    let micros = prop_oneof![Just(0), 0_i64..60_000_000];
    (SURE, micros)
        .prop_map(|(minute, micros)| TimeDelta::minutes(minute) + TimeDelta::microseconds(micros))
}

/// An answer agrees with the walk; beyond the walk's sure days only its not being sooner is known.
fn agrees(walk: &Walk, found: Option<Instant>, expected: Option<Instant>) -> bool {
    let horizon = after(walk.start, SURE.end);
    match expected {
        Some(expected) if expected < horizon => found == Some(expected),
        Some(_) | None => found.is_none_or(|found| found >= horizon),
    }
}

proptest! {
    #[test]
    fn openness_is_that_of_the_walked_minutes((hours, start) in hours_and_start()) {
        let walk = Walk::new(&hours, start);
        for minute in SURE {
            let at = after(start, minute);
            let open = walk.is_open(at);
            prop_assert_eq!(hours.is_open(at), open, "{}", at);
            if walk.is_open(after(start, minute + 1)) != open {
                let late = at + TimeDelta::microseconds(59_999_999);
                prop_assert_eq!(hours.is_open(late), open, "{}", late);
            }
        }
    }

    #[test]
    fn changes_are_those_of_the_walked_minutes(
        (hours, start) in hours_and_start(),
        offsets in prop::collection::vec(any_offset(), 1..12),
    ) {
        let walk = Walk::new(&hours, start);
        for from in offsets.into_iter().map(|offset| start + offset) {
            let opening = hours.next_opening(from);
            prop_assert!(agrees(&walk, opening, walk.first(from, true)), "{} opens {:?}", from, opening);
            let change = hours.next_change(from);
            let expected = walk.first(from, !walk.is_open(from));
            prop_assert!(agrees(&walk, change, expected), "{} changes {:?}, not {:?}", from, change, expected);
        }
    }

    #[test]
    fn open_time_is_that_of_the_walked_minutes(
        (hours, start) in hours_and_start(),
        ends in (any_offset(), any_offset()),
    ) {
        let walk = Walk::new(&hours, start);
        let (from, to) = (start + ends.0.min(ends.1), start + ends.0.max(ends.1));
        let open = walk.open_between(from, to);
        prop_assert_eq!(hours.open_between(from, to), open);
        prop_assert_eq!(hours.open_between(to, from), TimeDelta::zero());

        let reached = hours.after_open_time(from, open);
        prop_assert!(reached.is_some_and(|reached| reached <= to), "{:?}", reached);
        let reached = reached.unwrap();
        prop_assert_eq!(walk.open_between(from, reached), open);
        if reached > from {
            let sooner = reached - TimeDelta::microseconds(1);
            prop_assert!(walk.open_between(from, sooner) < open, "{}", sooner);
        }
        let more = hours.after_open_time(from, open + TimeDelta::microseconds(1));
        prop_assert!(more.is_none_or(|more| more > to), "{:?}", more);
    }

    #[test]
    fn a_long_time_is_the_sum_of_its_changes((hours, start) in hours_and_start(), days in 0_i64..500) {
        let to = start + TimeDelta::days(days);
        let (mut at, mut open) = (start, TimeDelta::zero());
        while at < to {
            let next = hours.next_change(at).unwrap_or(to);
            prop_assert!(next > at);
            if hours.is_open(at) {
                open += next.min(to) - at;
                prop_assert_eq!(hours.next_opening(at), Some(at));
            } else {
                prop_assert!(hours.next_opening(at).is_none_or(|opening| opening >= next));
            }
            if next < to {
                prop_assert_ne!(hours.is_open(at), hours.is_open(next));
            }
            at = next;
        }
        prop_assert_eq!(hours.open_between(start, to), open);
        let reached = hours.after_open_time(start, open);
        prop_assert!(reached.is_some_and(|reached| reached <= to), "{:?}", reached);
    }

    #[test]
    fn what_is_written_is_read_back((hours, _) in hours_and_start()) {
        let json = serde_json::to_value(&hours).unwrap();
        prop_assert_eq!(OpeningHours::from_json(&json), Ok(hours.clone()));
        let text = serde_json::to_string(&hours).unwrap();
        prop_assert_eq!(serde_json::from_str::<OpeningHours>(&text).unwrap(), hours);
    }
}
