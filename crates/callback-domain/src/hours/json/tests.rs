use alloc::vec;

use serde_json::json;

use super::*;

#[test]
fn the_form_of_the_wire_is_kept() {
    let json = json!({
        "TimeZone": "Europe/Zurich",
        "Weekly": [
            {"Day": "Monday", "From": "08:00", "To": "18:00"},
            {"Day": "Friday", "From": "22:00", "To": "02:00"},
            {"Day": "Sunday", "From": "00:00", "To": "24:00"},
        ],
        "Exceptions": [
            {"Date": "2026-12-25", "Intervals": []},
            {"Date": "2026-12-24", "Intervals": [{"From": "08:00", "To": "12:00"}]},
        ],
    });
    let hours = OpeningHours::from_json(&json).unwrap();
    assert_eq!(serde_json::to_value(&hours).unwrap(), json);
    let text = serde_json::to_string(&hours).unwrap();
    assert!(
        text.starts_with(
            r#"{"TimeZone":"Europe/Zurich","Weekly":[{"Day":"Monday","From":"08:00","To":"18:00"}"#
        ),
        "{text}"
    );
    assert_eq!(serde_json::from_str::<OpeningHours>(&text).unwrap(), hours);
    let error = serde_json::from_str::<OpeningHours>(r#"{"TimeZone":"X"}"#).unwrap_err();
    assert!(error.to_string().contains("OpeningHours.TimeZone"), "{error}");
}

#[test]
fn all_that_is_wrong_is_reported_at_once() {
    let json = json!({
        "TimeZone": "Europe/Zürich",
        "Weekly": [
            {"Day": "monday", "From": "8:00", "To": "18:60"},
            {"Day": "Monday", "From": "24:00", "To": "24:01", "Until": "x"},
            {"Day": 1, "To": null},
            "Monday",
            {"Day": "Monday", "From": "08:00", "To": "18:00"},
        ],
        "Exceptions": [
            {"Date": "2026-12-24", "Intervals": [{"From": "00:00", "To": "00:00"}, 5]},
            {"Date": "2026-12-24"},
            {"Date": "2026-02-29", "Intervals": {}},
            {"Date": "10000-01-01", "Intervals": vec![json!({"From": "01:00", "To": "02:00"}); 25]},
        ],
        "Closed": false,
    });
    let problems = OpeningHours::from_json(&json).unwrap_err();
    let mut found: Vec<(&str, &str)> =
        problems.iter().map(|problem| (problem.member.as_str(), problem.code)).collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("OpeningHours.Closed", "UnknownMember"),
            ("OpeningHours.Exceptions[0].Intervals[1]", "WrongType"),
            ("OpeningHours.Exceptions[1].Date", "DuplicateDate"),
            ("OpeningHours.Exceptions[1].Intervals", "Required"),
            ("OpeningHours.Exceptions[2].Date", "InvalidDate"),
            ("OpeningHours.Exceptions[2].Intervals", "WrongType"),
            ("OpeningHours.Exceptions[3].Date", "InvalidDate"),
            ("OpeningHours.Exceptions[3].Intervals", "TooMany"),
            ("OpeningHours.TimeZone", "UnknownTimeZone"),
            ("OpeningHours.Weekly[0].Day", "UnknownValue"),
            ("OpeningHours.Weekly[0].From", "InvalidTime"),
            ("OpeningHours.Weekly[0].To", "InvalidTime"),
            ("OpeningHours.Weekly[1].From", "InvalidTime"),
            ("OpeningHours.Weekly[1].To", "InvalidTime"),
            ("OpeningHours.Weekly[1].Until", "UnknownMember"),
            ("OpeningHours.Weekly[2].Day", "WrongType"),
            ("OpeningHours.Weekly[2].From", "Required"),
            ("OpeningHours.Weekly[2].To", "Required"),
            ("OpeningHours.Weekly[3]", "WrongType"),
        ]
    );
}

#[test]
fn what_is_no_object_or_too_long_is_refused() {
    for (json, member, code) in [
        (json!(null), "OpeningHours", "WrongType"),
        (json!([]), "OpeningHours", "WrongType"),
        (json!({}), "OpeningHours.TimeZone", "Required"),
        (json!({"TimeZone": "UTC", "Weekly": 1}), "OpeningHours.Weekly", "WrongType"),
        (json!({"TimeZone": "UTC", "Weekly": vec![0; 101]}), "OpeningHours.Weekly", "TooMany"),
        (
            json!({"TimeZone": "UTC", "Exceptions": vec![0; 733]}),
            "OpeningHours.Exceptions",
            "TooMany",
        ),
    ] {
        let problems = OpeningHours::from_json(&json).unwrap_err();
        let found: Vec<(&str, &str)> =
            problems.iter().map(|problem| (problem.member.as_str(), problem.code)).collect();
        assert_eq!(found, [(member, code)]);
    }
    let sparse = json!({"TimeZone": "UTC", "Weekly": null, "Exceptions": null});
    assert_eq!(
        OpeningHours::from_json(&sparse),
        OpeningHours::new(Tz::UTC, vec![], vec![]).map_err(|_| vec![])
    );
}
