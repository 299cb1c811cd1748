//! What a client may change of a callback, and how agents and users move it.

#![expect(clippy::unwrap_used, clippy::unwrap_in_result, reason = "a test that panics fails")]

use callback_domain::agent::{Agent, Presence};
use callback_domain::attempt::Outcome;
use callback_domain::callback::Preferred;
use callback_domain::date;
use callback_domain::dto::{
    CancelReason, CancelRequest, MoveRequest, OutcomeRequest, PatchRequest, PresenceRequest,
    Problems,
};
use callback_domain::id::{AgentId, LeaseToken, ServiceId};
use callback_domain::lifecycle::{Change, Edit};
use callback_domain::priority::Priority;
use callback_domain::service::{DirectionType, Service};
use serde_json::{Value, json};

const SERVICE: ServiceId = ServiceId::from_u128(1);
const AGENT: AgentId = AgentId::from_u128(7);

fn service() -> Service {
    let address = "sip:hotline@b".parse().unwrap();
    let now = date::EARLIEST;
    let mut service =
        Service::new(SERVICE, "Hotline".into(), address, DirectionType::Outbound, now);
    service.allowed_targets = Some(vec!["*@b".parse().unwrap()]);
    service.caller_ids = vec!["+41".into()];
    service
}

fn resolve(body: &Value) -> Result<Edit, Problems> {
    let mut agent = Agent::new(AGENT, "Anna".into(), "sip:anna@b".parse().unwrap(), date::EARLIEST);
    agent.services.insert(SERVICE);
    let patch = PatchRequest::read(body);
    let found = patch.preferred_agent().filter(|address| address.as_str() == "sip:anna@b");
    let found = found.map(|_| &agent);
    patch.clone().resolve(&service(), found)
}

fn found(problems: Problems) -> Vec<(String, &'static str)> {
    problems.0.into_iter().map(|problem| (problem.member, problem.code)).collect()
}

#[test]
fn an_empty_patch_changes_nothing() {
    assert_eq!(resolve(&json!({})), Ok(Edit::default()));
}

#[test]
fn members_that_are_named_change() {
    let edit = resolve(&json!({
        "Target": "sip:x@b",
        "AlternativeTarget": "sip:y@b",
        "DueDate": "2019-06-25T07:30",
        "Priority": "Lowest",
        "MaxRetries": 1,
        "SecondsBetweenRetries": 2,
        "Description": "new",
        "ContextUrl": "http://a/b",
        "CallerId": "+41",
        "PreferredAgent": "sip:anna@b"
    }));
    let preferred = Preferred { sip_uri: "sip:anna@b".parse().unwrap(), agent: AGENT };
    let expected = Edit {
        target: Change::To("sip:x@b".parse().unwrap()),
        alternative_target: Change::To(Some("sip:y@b".parse().unwrap())),
        due: Change::To(date::parse("2019-06-25T07:30:00Z").unwrap()),
        priority: Change::To(Priority::Lowest),
        max_retries: Change::To(1),
        seconds_between_retries: Change::To(2),
        description: Change::To(Some("new".into())),
        context_url: Change::To(Some("http://a/b".into())),
        caller_id: Change::To(Some("+41".into())),
        preferred: Change::To(Some(preferred)),
    };
    assert_eq!(edit, Ok(expected));
}

#[test]
fn null_removes_what_a_callback_can_be_without() {
    let edit = resolve(&json!({
        "AlternativeTarget": null,
        "Description": null,
        "ContextUrl": null,
        "CallerId": null,
        "PreferredAgent": null
    }));
    let expected = Edit {
        alternative_target: Change::To(None),
        description: Change::To(None),
        context_url: Change::To(None),
        caller_id: Change::To(None),
        preferred: Change::To(None),
        ..Edit::default()
    };
    assert_eq!(edit, Ok(expected));
}

#[test]
fn each_problem_of_a_patch_is_named() {
    let table = [
        ("Target", json!(null), "Required"),
        ("DueDate", json!(null), "Required"),
        ("Priority", json!(null), "Required"),
        ("MaxRetries", json!(null), "Required"),
        ("SecondsBetweenRetries", json!(null), "Required"),
        ("Target", json!("sip:a@elsewhere"), "TargetNotAllowed"),
        ("Target", json!("nonsense"), "MissingScheme"),
        ("AlternativeTarget", json!("tel:5"), "CountryCodeNeeded"),
        ("AlternativeTarget", json!(5), "WrongType"),
        ("CallerId", json!("+42"), "CallerIdNotAllowed"),
        ("PreferredAgent", json!("sip:bert@b"), "NotAUser"),
        ("DueDate", json!("tomorrow"), "InvalidDate"),
        ("MaxRetries", json!(101), "OutOfRange"),
        ("ServiceId", json!(null), "NotPatchable"),
        ("ServiceSip", json!("sip:a@b"), "NotPatchable"),
        ("ExternalTaskId", json!("x"), "NotPatchable"),
        ("LeftInQueueTimeInSeconds", json!(5), "NotPatchable"),
        ("Id", json!("x"), "NotPatchable"),
        ("Version", json!(1), "NotPatchable"),
        ("Descripton", json!("x"), "UnknownMember"),
    ];
    for (member, value, code) in table {
        let mut body = json!({});
        body[member] = value;
        let problems = resolve(&body).unwrap_err();
        assert_eq!(found(problems), [(member.to_owned(), code)], "{body}");
    }
    let problems = resolve(&json!({"Target": null, "Id": 1, "X": 2})).unwrap_err();
    assert_eq!(problems.0.len(), 3);
    assert_eq!(found(resolve(&json!([])).unwrap_err()), [(String::new(), "WrongType")]);
}

#[test]
fn a_move_needs_its_token() {
    let token = LeaseToken::from_u128(5);
    let read = MoveRequest::read(&json!({"LeaseToken": token}));
    assert_eq!(read, Ok(MoveRequest { lease_token: token }));
    for (body, member, code) in [
        (json!({}), "LeaseToken", "Required"),
        (json!({"LeaseToken": null}), "LeaseToken", "Required"),
        (json!({"LeaseToken": "x"}), "LeaseToken", "InvalidGuid"),
        (json!({"LeaseToken": 5}), "LeaseToken", "WrongType"),
        (json!({"LeaseToken": token, "Leasetoken": 1}), "Leasetoken", "UnknownMember"),
        (json!("x"), "", "WrongType"),
    ] {
        let problems = MoveRequest::read(&body).unwrap_err();
        assert_eq!(found(problems), [(member.to_owned(), code)], "{body}");
    }
}

#[test]
fn only_outcomes_that_a_person_can_know_are_reported() {
    let token = LeaseToken::from_u128(5);
    for outcome in Outcome::ALL {
        let body = json!({"LeaseToken": token, "Outcome": outcome, "Detail": "a\nb"});
        let read = OutcomeRequest::read(&body);
        if outcome.reportable() {
            let detail = Some("a\nb".to_owned());
            assert_eq!(read, Ok(OutcomeRequest { lease_token: token, outcome: *outcome, detail }));
        } else {
            assert_eq!(found(read.unwrap_err()), [("Outcome".to_owned(), "NotAllowed")]);
        }
    }
    let body = json!({"Outcome": "Fine", "Detail": "x".repeat(256)});
    let expected = [("LeaseToken", "Required"), ("Outcome", "UnknownValue"), ("Detail", "TooLong")];
    let problems = OutcomeRequest::read(&body).unwrap_err();
    assert_eq!(found(problems), expected.map(|(member, code)| (member.to_owned(), code)));
}

#[test]
fn presence_is_chosen_by_name() {
    let read = PresenceRequest::read(&json!({"Presence": "Busy"}));
    assert_eq!(read, Ok(PresenceRequest { presence: Presence::Busy }));
    let problems = PresenceRequest::read(&json!({"Presence": "busy"})).unwrap_err();
    assert_eq!(found(problems), [("Presence".to_owned(), "UnknownValue")]);
    let problems = PresenceRequest::read(&json!({})).unwrap_err();
    assert_eq!(found(problems), [("Presence".to_owned(), "Required")]);
}

#[test]
fn a_cancel_needs_no_body() {
    let cancelled = Ok(CancelRequest { reason: CancelReason::Cancelled });
    assert_eq!(CancelRequest::read(None), cancelled);
    for body in [json!(null), json!({}), json!({"Reason": null}), json!({"Reason": "Cancelled"})] {
        assert_eq!(CancelRequest::read(Some(&body)), cancelled);
    }
    let body = json!({"Reason": "FulfilledElsewhere"});
    let fulfilled = Ok(CancelRequest { reason: CancelReason::FulfilledElsewhere });
    assert_eq!(CancelRequest::read(Some(&body)), fulfilled);
    for body in [json!({"Reason": "Completed"}), json!({"reason": "Cancelled"}), json!([])] {
        assert!(CancelRequest::read(Some(&body)).is_err(), "{body}");
    }
}
