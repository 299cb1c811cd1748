use alloc::string::{String, ToString as _};
use alloc::vec;

use serde_json::{Value, json};

use super::*;

fn zurich(weekly: &Value, exceptions: &Value) -> OpeningHours {
    hours("Europe/Zurich", weekly, exceptions)
}

fn hours(zone: &str, weekly: &Value, exceptions: &Value) -> OpeningHours {
    let json = json!({"TimeZone": zone, "Weekly": weekly, "Exceptions": exceptions});
    OpeningHours::from_json(&json).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn every_day(from: &str, to: &str) -> Value {
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
        .map(|day| json!({"Day": day, "From": from, "To": to}))
        .into_iter()
        .collect()
}

fn at(text: &str) -> Instant {
    date::parse(text).unwrap()
}

/// The openings and closings after an instant, as `from/to` in universal time.
fn changes(hours: &OpeningHours, from: &str, count: usize) -> Vec<String> {
    let next = |from: &Instant| hours.next_change(*from);
    core::iter::successors(next(&at(from)), next).take(count).map(date::format).collect()
}

#[test]
fn the_opening_counts_and_the_closing_does_not() {
    let hours = zurich(&json!([{"Day": "Monday", "From": "08:00", "To": "18:00"}]), &json!([]));
    let (opens, closes) = (at("2026-01-05T07:00"), at("2026-01-05T17:00"));
    let moment = TimeDelta::microseconds(1);
    assert!(!hours.is_open(opens - moment));
    assert!(hours.is_open(opens));
    assert!(hours.is_open(closes - moment));
    assert!(!hours.is_open(closes));
    assert_eq!(hours.next_opening(opens - moment), Some(opens));
    assert_eq!(hours.next_opening(opens), Some(opens));
    assert_eq!(hours.next_opening(closes), Some(at("2026-01-12T07:00")));
    assert_eq!(hours.next_change(opens - moment), Some(opens));
    assert_eq!(hours.next_change(opens), Some(closes));
    assert_eq!(hours.next_change(closes), Some(at("2026-01-12T07:00")));
}

#[test]
fn an_interval_runs_through_midnight_into_an_exception() {
    let weekly = json!([{"Day": "Thursday", "From": "22:00", "To": "02:00"}, {"Day": "Friday", "From": "00:00", "To": "24:00"}]);
    let hours = zurich(&weekly, &json!([{"Date": "2026-12-25", "Intervals": []}]));
    assert_eq!(
        changes(&hours, "2026-12-24T12:00", 4),
        [
            "2026-12-24T21:00:00Z",
            "2026-12-25T01:00:00Z",
            "2026-12-31T21:00:00Z",
            "2027-01-01T23:00:00Z"
        ]
    );
}

#[test]
fn an_exception_replaces_what_begins_on_its_date() {
    let exceptions = json!([
        {"Date": "2026-12-25", "Intervals": []},
        {"Date": "2026-12-24", "Intervals": [{"From": "10:00", "To": "12:00"}, {"From": "20:00", "To": "01:00"}]},
    ]);
    let hours = zurich(&every_day("08:00", "18:00"), &exceptions);
    assert_eq!(
        changes(&hours, "2026-12-23T20:00", 5),
        [
            "2026-12-24T09:00:00Z",
            "2026-12-24T11:00:00Z",
            "2026-12-24T19:00:00Z",
            "2026-12-25T00:00:00Z",
            "2026-12-26T07:00:00Z",
        ]
    );
}

#[test]
fn equal_times_are_a_whole_day_and_midnight_joins() {
    let monday = json!([{"Day": "Monday", "From": "09:30", "To": "09:30"}, {"Day": "Sunday", "From": "22:00", "To": "24:00"}, {"Day": "Monday", "From": "00:00", "To": "09:30"}]);
    assert_eq!(
        changes(&zurich(&monday, &json!([])), "2026-01-04T12:00", 2),
        ["2026-01-04T21:00:00Z", "2026-01-06T08:30:00Z"]
    );
}

#[test]
fn in_spring_a_boundary_in_the_gap_moves_to_its_end() {
    let opens = zurich(&every_day("02:30", "05:00"), &json!([]));
    assert_eq!(
        changes(&opens, "2026-03-29T00:00", 2),
        ["2026-03-29T01:00:00Z", "2026-03-29T03:00:00Z"]
    );
    let closes = zurich(&every_day("01:00", "02:30"), &json!([]));
    assert_eq!(
        changes(&closes, "2026-03-28T12:00", 2),
        ["2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z"]
    );
    let inside = zurich(&every_day("02:10", "02:50"), &json!([]));
    assert_eq!(
        changes(&inside, "2026-03-28T12:00", 2),
        ["2026-03-30T00:10:00Z", "2026-03-30T00:50:00Z"]
    );
    assert!(!inside.is_open(at("2026-03-29T01:00")));
}

#[test]
fn a_clock_set_back_over_midnight_keeps_yesterday_open() {
    let friday = json!([{"Day": "Friday", "From": "23:59", "To": "23:59"}]);
    let hours = hours("America/St_Johns", &friday, &json!([]));
    // At 02:31 the clock goes from 00:01 on Sunday to 23:01 on Saturday.
    let sunday = at("2010-11-07T02:30:30");
    assert!(hours.is_open(sunday));
    assert_eq!(hours.next_change(sunday), Some(at("2010-11-07T03:29")));
}

#[test]
fn in_autumn_an_opening_is_early_and_a_closing_late() {
    let table = [
        ("02:30", "04:00", ["2026-10-25T00:30:00Z", "2026-10-25T03:00:00Z"]),
        ("01:00", "02:30", ["2026-10-24T23:00:00Z", "2026-10-25T01:30:00Z"]),
        ("02:10", "02:20", ["2026-10-25T00:10:00Z", "2026-10-25T01:20:00Z"]),
        ("03:00", "04:00", ["2026-10-25T02:00:00Z", "2026-10-25T03:00:00Z"]),
    ];
    for (from, to, expected) in table {
        let hours = zurich(&every_day(from, to), &json!([]));
        assert_eq!(changes(&hours, "2026-10-24T12:00", 2), expected, "{from}-{to}");
    }
}

#[test]
fn half_an_hour_is_a_clock_change_too() {
    let spring = hours("Australia/Lord_Howe", &every_day("02:10", "03:00"), &json!([]));
    assert_eq!(
        changes(&spring, "2026-10-03T12:00", 2),
        ["2026-10-03T15:30:00Z", "2026-10-03T16:00:00Z"]
    );
    let autumn = hours("Australia/Lord_Howe", &every_day("01:40", "01:50"), &json!([]));
    assert_eq!(
        changes(&autumn, "2026-04-04T12:00", 2),
        ["2026-04-04T14:40:00Z", "2026-04-04T15:20:00Z"]
    );
}

#[test]
fn a_day_that_the_zone_left_out_does_not_open() {
    let days = hours("Pacific/Apia", &every_day("08:00", "18:00"), &json!([]));
    assert_eq!(
        changes(&days, "2011-12-29T12:00", 4),
        [
            "2011-12-29T18:00:00Z",
            "2011-12-30T04:00:00Z",
            "2011-12-30T18:00:00Z",
            "2011-12-31T04:00:00Z"
        ]
    );
    let friday_night = json!([{"Day": "Friday", "From": "22:00", "To": "02:00"}]);
    let night = hours("Pacific/Apia", &friday_night, &json!([]));
    assert_eq!(
        changes(&night, "2011-12-29T12:00", 2),
        ["2011-12-30T10:00:00Z", "2011-12-30T12:00:00Z"]
    );
}

#[test]
fn hours_without_a_hole_never_change() {
    for (from, to) in [("00:00", "24:00"), ("08:00", "08:00"), ("00:00", "23:59")] {
        let hours = zurich(&every_day(from, to), &json!([]));
        let is_whole = to != "23:59";
        assert!(hours.is_open(at("2026-03-29T01:00")));
        assert_eq!(hours.next_change(at("2026-03-29T01:00")).is_none(), is_whole, "{from}-{to}");
    }
    let past =
        zurich(&every_day("08:00", "08:00"), &json!([{"Date": "2026-03-20", "Intervals": []}]));
    assert_eq!(past.next_change(at("2026-03-29T01:00")), None);
}

#[test]
fn hours_without_a_hole_close_at_an_exception_in_millennia() {
    let exceptions =
        json!([{"Date": "9998-07-01", "Intervals": [{"From": "09:00", "To": "11:00"}]}]);
    let hours = hours("UTC", &every_day("08:00", "08:00"), &exceptions);
    for from in [
        "2026-01-01T00:00",
        "9998-06-27T00:00",
        "9998-06-28T23:00",
        "9998-06-29T00:00",
        "9998-07-01T07:59",
    ] {
        assert_eq!(
            changes(&hours, from, 5),
            [
                "9998-07-01T08:00:00Z",
                "9998-07-01T09:00:00Z",
                "9998-07-01T11:00:00Z",
                "9998-07-02T08:00:00Z"
            ],
            "{from}"
        );
    }
}

#[test]
fn hours_may_never_open_again() {
    let never = zurich(&json!([]), &json!([]));
    assert!(!never.is_open(at("2026-01-01T00:00")));
    assert_eq!(never.next_opening(date::EARLIEST), None);
    assert_eq!(never.next_change(date::EARLIEST), None);
    assert_eq!(never.open_between(date::EARLIEST, date::LATEST), TimeDelta::zero());
    assert_eq!(never.after_open_time(date::EARLIEST, TimeDelta::seconds(1)), None);

    let once = zurich(
        &json!([]),
        &json!([{"Date": "2026-06-01", "Intervals": [{"From": "08:00", "To": "09:00"}]}]),
    );
    assert_eq!(
        changes(&once, "1970-01-01T00:00", 3),
        ["2026-06-01T06:00:00Z", "2026-06-01T07:00:00Z"]
    );
    let hour = TimeDelta::hours(1);
    assert_eq!(once.after_open_time(date::EARLIEST, hour), Some(at("2026-06-01T07:00")));
    assert_eq!(once.after_open_time(date::EARLIEST, hour + TimeDelta::microseconds(1)), None);
}

#[test]
fn open_time_adds_up_over_many_weeks() {
    let hours = zurich(&json!([{"Day": "Monday", "From": "12:00", "To": "12:01"}]), &json!([]));
    let from = at("2026-01-05T11:00:30");
    let weeks = 2_880;
    // Half a minute is in the first week, half in the last, both in winter.
    let to = at("2081-03-17T11:00:30");
    assert_eq!(to - from, TimeDelta::weeks(weeks));
    assert_eq!(hours.open_between(from, to), TimeDelta::minutes(weeks));
    assert_eq!(hours.after_open_time(from, TimeDelta::minutes(weeks)), Some(to));
}

#[test]
fn the_ends_of_the_accepted_years_are_reached_without_panic() {
    let outside = [Instant::MIN_UTC, Instant::MAX_UTC];
    let inside = [date::EARLIEST, date::LATEST];
    for zone in ["Pacific/Kiritimati", "Etc/GMT+12", "Africa/Monrovia"] {
        for hours in [
            hours(zone, &every_day("22:00", "02:00"), &json!([])),
            hours(zone, &every_day("00:00", "24:00"), &json!([])),
        ] {
            for from in outside.into_iter().chain(inside) {
                assert_eq!(
                    hours.is_open(from),
                    hours.is_open(from.clamp(date::EARLIEST, date::LATEST))
                );
                for found in [
                    hours.next_opening(from),
                    hours.next_change(from),
                    hours.after_open_time(from, TimeDelta::hours(30)),
                    hours.after_open_time(from.max(date::LATEST), TimeDelta::MAX),
                ] {
                    assert!(
                        found.is_none_or(|found| (date::EARLIEST..=date::LATEST).contains(&found))
                    );
                }
            }
            assert_eq!(hours.next_opening(Instant::MAX_UTC), None);
            assert_eq!(hours.next_change(date::LATEST), None);
            assert_eq!(hours.open_between(Instant::MAX_UTC, Instant::MIN_UTC), TimeDelta::zero());
        }
    }
}

#[test]
fn no_hours_are_always_open() {
    let now = at("2026-01-01T00:00");
    let later = now + TimeDelta::hours(1);
    assert!(is_open(None, now));
    assert_eq!(next_opening(None, now), Some(now));
    assert_eq!(next_change(None, now), None);
    assert_eq!(open_between(None, now, later), TimeDelta::hours(1));
    assert_eq!(open_between(None, later, now), TimeDelta::zero());
    assert_eq!(after_open_time(None, now, TimeDelta::hours(1)), Some(later));
    assert_eq!(after_open_time(None, now, TimeDelta::MIN), Some(now));
    assert_eq!(after_open_time(None, date::LATEST, TimeDelta::microseconds(1)), None);
    assert_eq!(after_open_time(None, now, TimeDelta::MAX), None);
}

#[test]
fn the_constructor_keeps_to_the_same_limits() {
    let time = |text| LocalTime::parse(text).unwrap();
    let interval = Interval::new(time("08:00"), LocalTime::END_OF_DAY).unwrap();
    let begins_late = Interval::new(LocalTime::END_OF_DAY, time("08:00"));
    assert_eq!(begins_late, Err(HoursError::BeginsAtEndOfDay));

    let weekly = vec![WeeklyInterval { day: Weekday::Mon, interval }; MAX_WEEKLY + 1];
    assert_eq!(OpeningHours::new(Tz::UTC, weekly, vec![]), Err(HoursError::TooManyWeekly));

    let date = NaiveDate::from_ymd_opt(2026, 12, 24).unwrap();
    let on = |date, count| Exception { date, intervals: vec![interval; count] };
    let new = |exceptions| OpeningHours::new(Tz::UTC, vec![], exceptions).map(|_| ());
    let days: Vec<Exception> =
        date.iter_days().take(MAX_EXCEPTIONS + 1).map(|day| on(day, 1)).collect();
    assert_eq!(new(days[1..].to_vec()), Ok(()));
    assert_eq!(new(days), Err(HoursError::TooManyExceptions));
    assert_eq!(new(vec![on(date, 0), on(date, 1)]), Err(HoursError::DuplicateDate(date)));
    assert_eq!(new(vec![on(date, MAX_EXCEPTION_INTERVALS)]), Ok(()));
    assert_eq!(
        new(vec![on(date, MAX_EXCEPTION_INTERVALS + 1)]),
        Err(HoursError::TooManyIntervals(date))
    );
    let early = NaiveDate::from_ymd_opt(1969, 12, 31).unwrap();
    assert_eq!(new(vec![on(early, 0)]), Err(HoursError::Year(early)));
}

#[test]
fn only_hours_and_minutes_with_two_digits_are_times() {
    for text in ["00:00", "09:05", "23:59", "24:00"] {
        assert_eq!(LocalTime::parse(text).unwrap().to_string(), text);
    }
    for text in [
        "", "9:05", "09:5", "24:01", "25:00", "23:60", "09-05", "09:05:00", "+9:05", " 9:05",
        "0９:0",
    ] {
        assert_eq!(LocalTime::parse(text), None, "{text}");
    }
}
