use alloc::string::ToString as _;
use alloc::vec::Vec;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Vectors {
    accepted: Vec<(String, String)>,
    refused: Vec<String>,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../tests/vectors/dates.json")).unwrap()
}

fn read(text: &str) -> String {
    format(parse(text).unwrap_or_else(|error| panic!("{text}: {error}")))
}

#[test]
fn documented_spellings_mean_their_instants() {
    let vectors = vectors();
    assert!(!vectors.accepted.is_empty());
    for (text, meaning) in vectors.accepted {
        assert_eq!(read(&text), meaning, "{text}");
    }
}

#[test]
fn every_refusal_shows_the_accepted_forms() {
    let vectors = vectors();
    assert!(!vectors.refused.is_empty());
    for text in vectors.refused {
        let error = parse(&text).expect_err(&text).to_string();
        assert!(error.contains("2019-06-24T13:00"), "{text}: {error}");
        assert!(error.contains("24.06.2019 13:00:56.2732376Z"), "{text}: {error}");
    }
}

#[test]
fn what_is_finer_than_a_microsecond_is_cut() {
    assert_eq!(read("2019-06-24T13:00:56.9999999Z"), "2019-06-24T13:00:56.999999Z");
    assert_eq!(read("2019-06-24T13:00:56.00000099999999999999Z"), "2019-06-24T13:00:56Z");
    assert_eq!(read("2019-06-24T13:00:56.5"), "2019-06-24T13:00:56.500Z");
    assert_eq!(read("9999-12-31T23:59:59.9999999Z"), "9999-12-31T23:59:59.999999Z");
}

#[test]
fn letters_of_either_case_and_any_offset_are_read() {
    assert_eq!(read("2019-06-25t07:30:00z"), "2019-06-25T07:30:00Z");
    assert_eq!(read("2019-06-25T07:30:00-00:00"), "2019-06-25T07:30:00Z");
    assert_eq!(read("2019-06-25T07:30:00+23:59"), "2019-06-24T07:31:00Z");
    assert_eq!(read("2019-06-25T07:30:00-23:59"), "2019-06-26T07:29:00Z");
}

#[test]
fn a_leap_second_is_the_first_second_of_the_next_day() {
    assert_eq!(read("2016-12-31T23:59:60Z"), "2017-01-01T00:00:00Z");
    assert_eq!(read("2016-12-31T15:59:60.25-08:00"), "2017-01-01T00:00:00.250Z");
    assert_eq!(parse("2016-12-31T23:58:60Z"), Err(DateError::NoSuchTime));
    assert_eq!(parse("2016-12-31T23:59:61Z"), Err(DateError::Form));
    assert_eq!(parse("9999-12-31T23:59:60Z"), Err(DateError::Year));
}

#[test]
fn years_are_those_of_universal_time() {
    assert_eq!(parse("1970-01-01T00:00"), Ok(EARLIEST));
    assert_eq!(parse("1969-12-31T23:00:00-01:00"), Ok(EARLIEST));
    assert_eq!(parse("1970-01-01T00:59:59+01:00"), Err(DateError::Year));
    assert_eq!(parse("9999-12-31T23:59:59.999999Z"), Ok(LATEST));
    assert_eq!(parse("9999-12-31T23:00:00-01:00"), Err(DateError::Year));
    assert_eq!(parse("0000-01-01T00:00"), Err(DateError::Year));
}

#[test]
fn other_forms_are_refused() {
    for text in [
        "2019-06-25 07:30:00Z",
        "2019-06-25T07:30Z",
        "2019-06-25T07:30+02:00",
        "2019-06-25T07:30:00+0200",
        "2019-06-25T07:30:00+24:00",
        "2019-06-25T07:30:00+02:60",
        "2019-06-25T07:30:00.Z",
        "2019-06-25T07:30:00,5Z",
        "2019-06-25T7:30",
        "2019-06-25T07",
        "-2019-06-25T07:30",
        "+2019-06-25T07:30",
        " 2019-06-25T07:30",
        "2019-06-25T07:30:00Z ",
        "24.06.2019 13:00:56",
        "24.06.2019 13:00Z",
        "24.6.2019 13:00:56Z",
        "24.06.2019T13:00:56Z",
        "２０１９-06-25T07:30",
    ] {
        assert_eq!(parse(text), Err(DateError::Form), "{text}");
    }
    for text in ["2019-02-29T07:30", "2019-06-25T24:00", "31.06.2019 13:00:56Z", "2019-06-25T07:60"]
    {
        assert_eq!(parse(text), Err(DateError::NoSuchTime), "{text}");
    }
}

#[test]
fn sums_stop_at_the_accepted_years() {
    assert_eq!(add_seconds(EARLIEST, i64::MAX), LATEST);
    assert_eq!(add_seconds(LATEST, i64::MIN), EARLIEST);
    assert_eq!(add_seconds(EARLIEST, 60) - EARLIEST, TimeDelta::minutes(1));
    assert_eq!(add(LATEST, TimeDelta::MAX), LATEST);
    assert_eq!(add(LATEST, TimeDelta::MIN), EARLIEST);
    assert_eq!(add(EARLIEST, TimeDelta::nanoseconds(1_999)), EARLIEST + TimeDelta::microseconds(1));
    assert_eq!(add(Instant::MAX_UTC, TimeDelta::seconds(1)), LATEST);
    assert_eq!(add(Instant::MIN_UTC, TimeDelta::seconds(1)), EARLIEST);
}

#[test]
fn extreme_instants_are_cut_and_written_without_panic() {
    for at in [Instant::MIN_UTC, Instant::MAX_UTC] {
        assert_eq!(truncate(at).timestamp_micros(), micros(at));
        assert!(!format(at).is_empty());
    }
}

#[test]
fn microseconds_outside_the_accepted_years_are_no_instant() {
    assert_eq!(from_micros(micros(LATEST)), Some(LATEST));
    assert_eq!(from_micros(0), Some(EARLIEST));
    for outside in [-1, micros(LATEST) + 1, i64::MIN, i64::MAX] {
        assert_eq!(from_micros(outside), None);
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(number in 0..=micros(LATEST)) {
        let at = from_micros(number).unwrap();
        prop_assert_eq!(micros(at), number);
        prop_assert_eq!(parse(&format(at)), Ok(at));
        prop_assert_eq!(truncate(at + TimeDelta::nanoseconds(999)), at);
    }

    #[test]
    fn all_forms_agree(number in 0..=micros(LATEST), east in -1_439_i32..=1_439) {
        let at = from_micros(number).unwrap();
        let zone = chrono::FixedOffset::east_opt(east * 60).unwrap();
        for text in [
            at.with_timezone(&zone).format("%Y-%m-%dT%H:%M:%S%.6f%:z").to_string(),
            at.format("%Y-%m-%dT%H:%M:%S%.6f").to_string(),
            at.format("%d.%m.%Y %H:%M:%S%.6f7Z").to_string(),
        ] {
            // The local year may have five digits, or be before 1970, at the very ends.
            if !text.starts_with('+') {
                prop_assert_eq!(parse(&text), Ok(at), "{}", text);
            }
        }
    }

    #[test]
    fn no_text_panics(text in ".*", near in "[0-9]{0,4}[-.][0-9]{2}[-.][0-9]{2,4}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]*)?)?([Zz]|[-+][0-9]{2}:[0-9]{2})?") {
        for text in [text, near] {
            if let Ok(at) = parse(&text) {
                prop_assert!((EARLIEST..=LATEST).contains(&at));
                prop_assert_eq!(parse(&format(at)), Ok(at));
            }
        }
    }
}
