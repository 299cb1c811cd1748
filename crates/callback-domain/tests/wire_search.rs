//! What a client may search for, and which callbacks it finds.

#![expect(clippy::unwrap_used, reason = "a test that panics fails")]

use callback_domain::callback::{Callback, Creator, Phase, PhaseName, State, TerminationReason};
use callback_domain::date::{self, Instant};
use callback_domain::dto::{AgentRef, CreateRequest, Problems, SearchRequest, SortOrder};
use callback_domain::id::{AgentId, CallbackId, LeaseToken, ServiceId};
use callback_domain::lifecycle::Event;
use callback_domain::priority::Priority;
use callback_domain::search::{Column, Query, SortValue};
use callback_domain::service::{DirectionType, Service};
use serde_json::{Value, json};

const SERVICE: ServiceId = ServiceId::from_u128(1);

fn at(text: &str) -> Instant {
    date::parse(text).unwrap()
}

fn now() -> Instant {
    at("2019-06-25T07:00:00Z")
}

fn service() -> Service {
    let address = "sip:smoky.car@dev.local".parse().unwrap();
    Service::new(SERVICE, "Smoky cars".into(), address, DirectionType::Outbound, now())
}

fn callback(id: u128, mut body: Value) -> Callback {
    body["ServiceId"] = json!(SERVICE);
    let request = CreateRequest::read(&body, true);
    let new = request.resolve(&service(), None, Creator::Api, None).unwrap();
    Callback::create(new, CallbackId::from_u128(id), now()).callback
}

fn query(body: &Value) -> Query {
    let request = SearchRequest::read(body).unwrap();
    let service = service();
    let found = request.service.as_ref().map(|_| &service);
    request.resolve(found, None).unwrap()
}

fn found(problems: Problems) -> Vec<(String, &'static str)> {
    problems.0.into_iter().map(|problem| (problem.member, problem.code)).collect()
}

#[test]
fn the_documented_search_is_read() {
    let body = serde_json::from_str(include_str!("vectors/search.request.json")).unwrap();
    let request = SearchRequest::read(&body).unwrap();
    let address = request.service.as_ref().and_then(|service| service.sip.clone());
    assert_eq!(address, Some("sip:smoky.car@dev.local".parse().unwrap()));
    let expected = Query {
        service: Some(SERVICE),
        state: Some(State::InQueue),
        creator: Some(Creator::Api),
        due_from: Some(at("2019-06-25T07:30:00Z")),
        due_to: Some(at("2019-06-25T07:35:00Z")),
        ..Query::default()
    };
    assert_eq!(request.resolve(Some(&service()), None), Ok(expected));
}

#[test]
fn every_member_is_read() {
    let request = SearchRequest::read(&json!({
        "Target": "tel:+41 78 555 66 77",
        "ServiceId": SERVICE,
        "State": "Terminated",
        "Phase": "Offered",
        "Creator": "Luware.API",
        "AppPoolId": "00000000-0000-0000-0000-000000000009",
        "StartDate": "25.06.2019 07:30:00Z",
        "EndDate": "2019-06-25T07:35",
        "Limit": 5,
        "Offset": 6,
        "OrderBy": "Priority",
        "SortOrder": "Descending",
        "ExternalTaskId": "T",
        "CallerId": "+41",
        "Priority": "Low",
        "Agent": "00000000-0000-0000-0000-000000000007",
        "TerminationReason": "OptedOut"
    }))
    .unwrap();
    let agent = AgentId::from_u128(7);
    assert_eq!(request.app_pool_id.map(|id| id.as_u128()), Some(9));
    assert_eq!((request.limit, request.offset), (Some(5), 6));
    assert_eq!(request.agent, Some(AgentRef::Id(agent)));
    let query = request.resolve(Some(&service()), Some(agent)).unwrap();
    assert_eq!(query.target.as_ref().map(|key| key.as_str()), Some("+41785556677"));
    assert_eq!(query.creator, Some(Creator::Api));
    assert_eq!((query.state, query.phase), (Some(State::Terminated), Some(PhaseName::Offered)));
    assert_eq!((query.priority, query.agent), (Some(Priority::Low), Some(agent)));
    assert_eq!(query.reason, Some(TerminationReason::OptedOut));
    assert_eq!(query.external_task_id.as_deref(), Some("T"));
    assert_eq!(query.caller_id.as_deref(), Some("+41"));
    assert_eq!((query.order_by, query.descending), (Column::Priority, true));
}

#[test]
fn nothing_said_is_everything_by_due_date() {
    for body in [json!({}), json!({"Limit": 0, "State": null, "OrderBy": null})] {
        let request = SearchRequest::read(&body).unwrap();
        assert_eq!((request.limit, request.offset), (None, 0));
        assert_eq!(request.sort_order, SortOrder::Ascending);
        let query = request.resolve(None, None).unwrap();
        assert_eq!(query, Query::default());
        assert_eq!(query.order_by, Column::DueDate);
        assert!(query.matches(&callback(1, json!({"Target": "sip:a@b"}))));
    }
}

#[test]
fn each_problem_of_a_search_is_named() {
    let table = [
        ("Target", json!("nonsense"), "MissingScheme"),
        ("Target", json!("tel:078"), "CountryCodeNeeded"),
        ("ServiceId", json!("x"), "InvalidGuid"),
        ("State", json!("Queued"), "UnknownValue"),
        ("State", json!(1), "WrongType"),
        ("Creator", json!("luware.api"), "UnknownValue"),
        ("AppPoolId", json!("x"), "InvalidGuid"),
        ("StartDate", json!("06/24/2019"), "InvalidDate"),
        ("Limit", json!(-1), "OutOfRange"),
        ("Limit", json!("5"), "WrongType"),
        ("Offset", json!(1.5), "WrongType"),
        ("OrderBy", json!("LeftInQueueTimeInSeconds"), "UnknownValue"),
        ("OrderBy", json!("ServiceSip"), "UnknownValue"),
        ("OrderBy", json!("dueDate"), "UnknownValue"),
        ("SortOrder", json!("Up"), "UnknownValue"),
        ("Agent", json!("Anna"), "InvalidAgent"),
        ("Agent", json!(7), "WrongType"),
        ("Order", json!("Id"), "UnknownMember"),
    ];
    for (member, value, code) in table {
        let mut body = json!({});
        body[member] = value;
        let problems = SearchRequest::read(&body).unwrap_err();
        assert_eq!(found(problems), [(member.to_owned(), code)], "{body}");
    }
}

#[test]
fn a_national_number_is_searched_for_within_a_service_that_completes_it() {
    let body = json!({"Target": "tel:078 555 66 77", "ServiceId": SERVICE});
    let request = SearchRequest::read(&body).unwrap();
    let refused = request.clone().resolve(Some(&service()), None).unwrap_err();
    assert_eq!(found(refused), [("Target".to_owned(), "CountryCodeNeeded")]);
    let mut service = service();
    service.default_country_code = Some("41".parse().unwrap());
    let query = request.resolve(Some(&service), None).unwrap();
    assert_eq!(query.target.as_ref().map(|key| key.as_str()), Some("+41785556677"));
}

#[test]
fn agents_are_named_by_address_too() {
    let request = SearchRequest::read(&json!({"Agent": "sip:Anna@b"})).unwrap();
    assert_eq!(request.agent, Some(AgentRef::Sip("sip:Anna@b".parse().unwrap())));
}

#[test]
fn every_column_sorts_under_its_own_name() {
    for column in Column::ALL {
        let query = query(&json!({"OrderBy": column.name()}));
        assert_eq!(query.order_by, *column);
    }
}

#[test]
fn every_condition_narrows() {
    let found = callback(
        1,
        json!({
            "Target": "sip:Smoky.QQ@dev.local;transport=tcp",
            "ExternalTaskId": "T",
            "CallerId": "+41",
            "Priority": "Low",
            "DueDate": "2019-06-25T07:30"
        }),
    );
    let offered = {
        let mut offered = found.clone();
        offered.phase = Phase::Terminated { reason: TerminationReason::OptedOut, at: now() };
        offered
    };
    // What matches the first, and what does not.
    let table = [
        (json!({"Target": "sip:smoky.qq@DEV.local"}), json!({"Target": "sip:x@dev.local"})),
        (json!({"State": "Pending"}), json!({"State": "InQueue"})),
        (json!({"Phase": "Pending"}), json!({"Phase": "Dialout"})),
        (json!({"Creator": "API"}), json!({"Creator": "WebService"})),
        (json!({"Priority": "Low"}), json!({"Priority": "High"})),
        (json!({"ExternalTaskId": "T"}), json!({"ExternalTaskId": "t"})),
        (json!({"CallerId": "+41"}), json!({"CallerId": "+4"})),
        (json!({"StartDate": "2019-06-25T07:30"}), json!({"StartDate": "2019-06-25T07:30:01"})),
        (json!({"EndDate": "2019-06-25T07:30"}), json!({"EndDate": "2019-06-25T07:29:59"})),
        (json!({}), json!({"TerminationReason": "OptedOut"})),
    ];
    for (yes, no) in table {
        assert!(query(&yes).matches(&found), "{yes}");
        assert!(!query(&no).matches(&found), "{no}");
    }
    assert!(query(&json!({"TerminationReason": "OptedOut"})).matches(&offered));
    let other = Query { service: Some(ServiceId::from_u128(2)), ..Query::default() };
    assert!(!other.matches(&found));
    let both = json!({"State": "Pending", "Priority": "High"});
    assert!(!query(&both).matches(&found));
}

#[test]
fn the_agent_is_matched_while_the_task_is_theirs() {
    let agent = AgentId::from_u128(7);
    let wanted = Query { agent: Some(agent), ..Query::default() };
    let pending = callback(1, json!({"Target": "sip:a@b"}));
    assert!(!wanted.matches(&pending));
    let mut queued = pending;
    queued.phase = Phase::InQueue {
        place: now(),
        wait: callback_domain::callback::Wait::run(
            callback_domain::callback::Budget { wait_micros: 1, hold_micros: 0 },
            now(),
            None,
        ),
        held_for: None,
        not_before: None,
    };
    let offer = Event::Offer { agent, token: LeaseToken::from_u128(1) };
    let offered = queued.step(&service(), offer, now()).unwrap().callback;
    assert!(wanted.matches(&offered));
}

#[test]
fn the_called_target_is_searched_and_not_the_one_it_replaces() {
    let callback = callback(1, json!({"Target": "sip:a@b", "AlternativeTarget": "sip:c@d"}));
    assert!(query(&json!({"Target": "sip:c@d"})).matches(&callback));
    assert!(!query(&json!({"Target": "sip:a@b"})).matches(&callback));
}

#[test]
fn sort_values_are_of_the_promised_kind() {
    let callback = callback(0xabc, json!({"Target": "sip:a@b", "Priority": "Low"}));
    let text = |text: &str| SortValue::Text(text.into());
    for (column, value) in [
        (Column::Id, text("00000000-0000-0000-0000-000000000abc")),
        (Column::ServiceId, text("00000000-0000-0000-0000-000000000001")),
        (Column::Creator, text("API")),
        (Column::State, text("Pending")),
        (Column::Phase, text("Pending")),
        (Column::Target, text("sip:a@b")),
        (Column::Priority, SortValue::Integer(5)),
        (Column::MaxRetries, SortValue::Integer(3)),
        (Column::Version, SortValue::Integer(1)),
        (Column::DueDate, SortValue::Integer(1_561_446_000_000_000)),
        (Column::Description, SortValue::Null),
        (Column::Agent, SortValue::Null),
        (Column::TerminationReason, SortValue::Null),
    ] {
        let query = Query { order_by: column, ..Query::default() };
        assert_eq!(query.sort_value(&callback), value, "{}", column.name());
    }
}

#[test]
fn ties_are_broken_by_identity_and_descending_reverses_all() {
    let mut callbacks = [
        callback(3, json!({"Target": "sip:a@b", "Description": "b"})),
        callback(2, json!({"Target": "sip:a@b"})),
        callback(4, json!({"Target": "sip:a@b", "Description": "B"})),
        callback(1, json!({"Target": "sip:a@b", "Description": "b"})),
    ];
    let mut sorted = |body: &Value| {
        let query = query(body);
        callbacks.sort_by(|left, right| query.order(&query.place(left), &query.place(right)));
        callbacks.each_ref().map(|callback| callback.id.0.as_u128())
    };
    assert_eq!(sorted(&json!({})), [1, 2, 3, 4]);
    assert_eq!(sorted(&json!({"SortOrder": "Descending"})), [4, 3, 2, 1]);
    assert_eq!(sorted(&json!({"OrderBy": "Description"})), [2, 4, 1, 3]);
    let body = json!({"OrderBy": "Description", "SortOrder": "Descending"});
    assert_eq!(sorted(&body), [3, 1, 4, 2]);
}
