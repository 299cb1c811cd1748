//! What an operator may say of services and users, and what they look like in answers.

#![expect(clippy::unwrap_used, reason = "a test that panics fails")]

use callback_domain::agent::{Agent, Distribution, Presence};
use callback_domain::attempt::Outcome;
use callback_domain::date::{self, Instant};
use callback_domain::dto::{Problems, ServiceRequest, UserDto, UserRequest};
use callback_domain::id::{AgentId, ServiceId};
use callback_domain::service::{DirectionType, DuplicatePolicy, RetryRule, Service};
use serde_json::{Value, json};

const SERVICE: ServiceId = ServiceId::from_u128(1);
const AGENT: AgentId = AgentId::from_u128(7);

fn now() -> Instant {
    date::parse("2019-06-25T07:00:00Z").unwrap()
}

fn later() -> Instant {
    date::parse("2019-06-25T08:00:00Z").unwrap()
}

fn found(problems: Problems) -> Vec<(String, &'static str)> {
    problems.0.into_iter().map(|problem| (problem.member, problem.code)).collect()
}

fn least_service() -> Value {
    json!({"Name": "Hotline", "SipUri": "sip:hotline@b", "DirectionType": "Outbound"})
}

fn whole_service() -> Service {
    let body = json!({
        "Name": "Hotline",
        "SipUri": "SIP:hotline@B",
        "DirectionType": "InboundOutbound",
        "MaxConcurrentOutboundSessions": 0,
        "MaxQueueTimeInSeconds": 172_800,
        "SecondsBetweenRetries": 1,
        "RonaTimeoutInSeconds": 2,
        "PreviewTimeInSeconds": 0,
        "MaxDialoutTimeInSeconds": 3_600,
        "AfterCallWorkInSeconds": 0,
        "PreferredAgentHoldInSeconds": 5,
        "OpeningHours": {
            "TimeZone": "Europe/Zurich",
            "Weekly": [{"Day": "Monday", "From": "08:00", "To": "17:00"}],
            "Exceptions": [{"Date": "2026-12-24", "Intervals": []}]
        },
        "DuplicatePolicy": "Reject",
        "RetryByOutcome": {
            "Busy": {"Retry": true, "DelayInSeconds": 60},
            "Voicemail": {"Retry": false}
        },
        "MaxAttemptsPerTargetPerDay": 4,
        "DefaultCountryCode": "+41",
        "CallerIds": ["+41"],
        "AllowedTargets": ["+41*", "*@b"],
        "MaxQueued": 6
    });
    ServiceRequest::read(&body).unwrap().into_service(SERVICE, now())
}

#[test]
fn a_service_needs_three_members_and_has_defaults_for_the_rest() {
    let service = ServiceRequest::read(&least_service()).unwrap().into_service(SERVICE, now());
    let address = "sip:hotline@b".parse().unwrap();
    let expected = Service::new(SERVICE, "Hotline".into(), address, DirectionType::Outbound, now());
    assert_eq!(service, expected);
    let expected = [("Name", "Required"), ("SipUri", "Required"), ("DirectionType", "Required")];
    let problems = ServiceRequest::read(&json!({})).unwrap_err();
    assert_eq!(found(problems), expected.map(|(member, code)| (member.to_owned(), code)));
}

#[test]
fn every_member_of_a_service_is_read() {
    let service = whole_service();
    assert_eq!(service.sip_uri.as_str(), "sip:hotline@b");
    assert_eq!(service.direction_type, DirectionType::InboundOutbound);
    assert_eq!(service.max_concurrent_outbound_sessions, Some(0));
    assert_eq!(service.max_queue_time_in_seconds, 172_800);
    assert_eq!(service.seconds_between_retries, 1);
    assert_eq!(service.rona_timeout_in_seconds, 2);
    assert_eq!(service.preview_time_in_seconds, 0);
    assert_eq!(service.max_dialout_time_in_seconds, 3_600);
    assert_eq!(service.after_call_work_in_seconds, 0);
    assert_eq!(service.preferred_agent_hold_in_seconds, 5);
    assert!(service.opening_hours.is_some());
    assert_eq!(service.duplicate_policy, DuplicatePolicy::Reject);
    let busy = RetryRule { retry: true, delay_in_seconds: Some(60) };
    let voicemail = RetryRule { retry: false, delay_in_seconds: None };
    let rules: Vec<_> = service.retry_by_outcome.into_iter().collect();
    assert_eq!(rules, [(Outcome::Busy, busy), (Outcome::Voicemail, voicemail)]);
    assert_eq!(service.max_attempts_per_target_per_day, Some(4));
    assert_eq!(service.default_country_code, "41".parse().ok());
    assert_eq!(service.caller_ids, ["+41"]);
    assert_eq!(service.allowed_targets.map(|patterns| patterns.len()), Some(2));
    assert_eq!(service.max_queued, Some(6));
}

#[test]
fn a_service_is_shown_under_its_documented_names_and_can_be_put_back() {
    let service = whole_service();
    let shown = serde_json::to_value(&service).unwrap();
    let names = [
        "AfterCallWorkInSeconds",
        "AllowedTargets",
        "CallerIds",
        "CreatedAt",
        "DefaultCountryCode",
        "DirectionType",
        "DuplicatePolicy",
        "Id",
        "MaxAttemptsPerTargetPerDay",
        "MaxConcurrentOutboundSessions",
        "MaxDialoutTimeInSeconds",
        "MaxQueueTimeInSeconds",
        "MaxQueued",
        "Name",
        "OpeningHours",
        "PreferredAgentHoldInSeconds",
        "PreviewTimeInSeconds",
        "RetryByOutcome",
        "RonaTimeoutInSeconds",
        "SecondsBetweenRetries",
        "SipUri",
        "UpdatedAt",
        "Version",
    ];
    let mut shown_names: Vec<_> = shown.as_object().unwrap().keys().collect();
    shown_names.sort_unstable();
    assert_eq!(shown_names, names);
    assert_eq!(shown["CreatedAt"], json!("2019-06-25T07:00:00Z"));
    let busy = json!({"Retry": true, "DelayInSeconds": 60});
    assert_eq!(shown["RetryByOutcome"]["Busy"], busy);

    let put = ServiceRequest::read(&shown).unwrap().replace(&service, later());
    assert_eq!(put, Service { updated_at: later(), version: 2, ..service.clone() });
    let least = ServiceRequest::read(&least_service()).unwrap().replace(&service, later());
    assert_eq!(least.opening_hours, None);
    assert_eq!((least.id, least.created_at, least.version), (SERVICE, now(), 2));

    let by_defaults = ServiceRequest::read(&least_service()).unwrap().into_service(SERVICE, now());
    let shown = serde_json::to_value(&by_defaults).unwrap();
    assert_eq!(ServiceRequest::read(&shown).unwrap().into_service(SERVICE, now()), by_defaults);
}

#[test]
fn each_problem_of_a_service_is_named() {
    let table = [
        ("Name", json!(""), "Name", "Required"),
        ("Name", json!("x".repeat(256)), "Name", "TooLong"),
        ("Name", json!("a\u{7}"), "Name", "ControlCharacter"),
        ("SipUri", json!("tel:+41785556677"), "SipUri", "NotSip"),
        ("DirectionType", json!("Both"), "DirectionType", "UnknownValue"),
        ("MaxConcurrentOutboundSessions", json!(-1), "MaxConcurrentOutboundSessions", "OutOfRange"),
        ("MaxQueueTimeInSeconds", json!(0), "MaxQueueTimeInSeconds", "OutOfRange"),
        ("MaxQueueTimeInSeconds", json!(172_801), "MaxQueueTimeInSeconds", "OutOfRange"),
        ("SecondsBetweenRetries", json!(604_801), "SecondsBetweenRetries", "OutOfRange"),
        ("RonaTimeoutInSeconds", json!(0), "RonaTimeoutInSeconds", "OutOfRange"),
        ("PreviewTimeInSeconds", json!(3_601), "PreviewTimeInSeconds", "OutOfRange"),
        ("MaxDialoutTimeInSeconds", json!(0), "MaxDialoutTimeInSeconds", "OutOfRange"),
        ("AfterCallWorkInSeconds", json!("30"), "AfterCallWorkInSeconds", "WrongType"),
        ("PreferredAgentHoldInSeconds", json!(1e9), "PreferredAgentHoldInSeconds", "WrongType"),
        ("OpeningHours", json!("always"), "OpeningHours", "WrongType"),
        ("OpeningHours", json!({"TimeZone": "Mars"}), "OpeningHours.TimeZone", "UnknownTimeZone"),
        ("DuplicatePolicy", json!("allow"), "DuplicatePolicy", "UnknownValue"),
        ("RetryByOutcome", json!([]), "RetryByOutcome", "WrongType"),
        ("RetryByOutcome", json!({"Busy": true}), "RetryByOutcome.Busy", "WrongType"),
        ("RetryByOutcome", json!({"Busy": {}}), "RetryByOutcome.Busy.Retry", "Required"),
        (
            "RetryByOutcome",
            json!({"Busy": {"Retry": true, "Delay": 1}}),
            "RetryByOutcome.Busy.Delay",
            "UnknownMember",
        ),
        (
            "RetryByOutcome",
            json!({"Completed": {"Retry": true}}),
            "RetryByOutcome.Completed",
            "NotAllowed",
        ),
        ("RetryByOutcome", json!({"Bsy": {}}), "RetryByOutcome.Bsy", "UnknownMember"),
        ("MaxAttemptsPerTargetPerDay", json!(1.5), "MaxAttemptsPerTargetPerDay", "WrongType"),
        ("DefaultCountryCode", json!("ch"), "DefaultCountryCode", "BadCountryCode"),
        ("DefaultCountryCode", json!(41), "DefaultCountryCode", "WrongType"),
        ("CallerIds", json!("+41"), "CallerIds", "WrongType"),
        ("CallerIds", json!(["+41", ""]), "CallerIds[1]", "Required"),
        ("AllowedTargets", json!(["+41*", "http"]), "AllowedTargets[1]", "BadPattern"),
        ("MaxQueued", json!(4_294_967_296_u64), "MaxQueued", "OutOfRange"),
        ("Colour", json!(1), "Colour", "UnknownMember"),
    ];
    for (member, value, at, code) in table {
        let mut body = least_service();
        body[member] = value;
        let problems = ServiceRequest::read(&body).unwrap_err();
        assert_eq!(found(problems), [(at.to_owned(), code)], "{body}");
    }
}

#[test]
fn problems_beside_a_missing_name_are_reported_too() {
    let problems = ServiceRequest::read(&json!({"MaxQueued": "many", "Name": null})).unwrap_err();
    assert_eq!(problems.0.len(), 4);
}

#[test]
fn a_user_needs_two_members_and_has_defaults_for_the_rest() {
    let body = json!({"Name": "Anna", "SipUri": "sip:anna@b"});
    let agent = UserRequest::read(&body).unwrap().into_agent(AGENT, now());
    let address = "sip:anna@b".parse().unwrap();
    assert_eq!(agent, Agent::new(AGENT, "Anna".into(), address, now()));
    let problems = UserRequest::read(&json!({"Selectable": "no"})).unwrap_err();
    let expected = [("Name", "Required"), ("SipUri", "Required"), ("Selectable", "WrongType")];
    assert_eq!(found(problems), expected.map(|(member, code)| (member.to_owned(), code)));
}

#[test]
fn every_member_of_a_user_is_read_shown_and_can_be_put_back() {
    let body = json!({
        "Name": "Anna",
        "SipUri": "sip:anna@b",
        "Services": [SERVICE, SERVICE],
        "Selectable": false,
        "Distribution": "Pull",
        "Presence": "Busy"
    });
    let mut agent = UserRequest::read(&body).unwrap().into_agent(AGENT, now());
    assert_eq!(agent.services.iter().collect::<Vec<_>>(), [&SERVICE]);
    assert!(!agent.selectable);
    assert_eq!((agent.distribution, agent.presence), (Distribution::Pull, Presence::Busy));
    agent.rona = true;

    let shown = serde_json::to_value(UserDto::from(&agent)).unwrap();
    let expected = json!({
        "Id": AGENT,
        "Name": "Anna",
        "SipUri": "sip:anna@b",
        "Services": [SERVICE],
        "Selectable": false,
        "Distribution": "Pull",
        "Presence": "Busy",
        "Rona": true,
        "IdleSince": "2019-06-25T07:00:00Z",
        "Task": null,
        "AfterCallWorkUntil": null,
        "CreatedAt": "2019-06-25T07:00:00Z",
        "UpdatedAt": "2019-06-25T07:00:00Z",
        "Version": 1
    });
    assert_eq!(shown, expected);

    let put = UserRequest::read(&shown).unwrap().replace(&agent, later());
    assert_eq!(put, Agent { updated_at: later(), version: 2, ..agent.clone() });
    let available = json!({"Name": "A", "SipUri": "sip:a@b", "Presence": "Available"});
    let put = UserRequest::read(&available).unwrap().replace(&agent, later());
    assert_eq!((put.presence, put.rona, put.version), (Presence::Available, false, 2));
    let silent = json!({"Name": "A", "SipUri": "sip:a@b"});
    let put = UserRequest::read(&silent).unwrap().replace(&agent, later());
    assert_eq!((put.presence, put.rona, put.selectable), (Presence::Busy, true, true));
}

#[test]
fn each_problem_of_a_user_is_named() {
    let table = [
        ("Name", json!("  "), "Name", "Required"),
        ("SipUri", json!("anna"), "SipUri", "MissingScheme"),
        ("Services", json!("x"), "Services", "WrongType"),
        ("Services", json!([SERVICE, "x"]), "Services[1]", "InvalidGuid"),
        ("Services", json!(vec![SERVICE; 1_001]), "Services", "TooLong"),
        ("Selectable", json!(1), "Selectable", "WrongType"),
        ("Distribution", json!("push"), "Distribution", "UnknownValue"),
        ("Presence", json!("Here"), "Presence", "UnknownValue"),
        ("Attempt", json!(null), "Attempt", "UnknownMember"),
    ];
    for (member, value, at, code) in table {
        let mut body = json!({"Name": "Anna", "SipUri": "sip:anna@b"});
        body[member] = value;
        let problems = UserRequest::read(&body).unwrap_err();
        assert_eq!(found(problems), [(at.to_owned(), code)], "{body}");
    }
}
