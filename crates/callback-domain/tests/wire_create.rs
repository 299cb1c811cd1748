//! What a client may post to ask for a callback, and what it gets back.

#![expect(clippy::unwrap_used, reason = "a test that panics fails")]

use callback_domain::agent::Agent;
use callback_domain::callback::{Callback, Creator};
use callback_domain::date::{self, Instant};
use callback_domain::dto::{CallbackDto, CreateRequest, Problems, TaskDto};
use callback_domain::id::{AgentId, CallbackId, LeaseToken, ServiceId};
use callback_domain::lifecycle::{Event, NewCallback};
use callback_domain::priority::Priority;
use callback_domain::service::{DirectionType, Service};
use callback_domain::target::SipAddress;
use serde_json::{Map, Value, json};
use uuid::Uuid;

const SERVICE: ServiceId = ServiceId::from_u128(0x58c4_1e40_a491_4119_852a_31fd_c627_48c6);
const AGENT: AgentId = AgentId::from_u128(7);
const APP_POOL: Uuid = Uuid::from_u128(0x9925_c9b8);

fn now() -> Instant {
    date::parse("2019-06-24T13:00:56Z").unwrap()
}

fn sip(text: &str) -> SipAddress {
    SipAddress::parse(text).unwrap()
}

fn service() -> Service {
    let name = "Smoky cars".into();
    let sip_uri = sip("sip:smoky.car@dev.local");
    Service::new(SERVICE, name, sip_uri, DirectionType::InboundOutbound, now())
}

fn agent() -> Agent {
    let mut agent = Agent::new(AGENT, "Anna".into(), sip("sip:anna@dev.local"), now());
    agent.services.insert(SERVICE);
    agent
}

fn resolve(body: &Value, service: &Service) -> Result<NewCallback, Problems> {
    CreateRequest::read(body, false).resolve(service, Some(&agent()), Creator::Api, None)
}

fn create(body: &Value) -> Callback {
    let new = resolve(body, &service()).unwrap();
    Callback::create(new, CallbackId::from_u128(1), now()).callback
}

fn shown(callback: &Callback) -> Map<String, Value> {
    let left = callback.wait_left_seconds(now(), None);
    let dto = serde_json::to_value(CallbackDto::new(callback, APP_POOL, left)).unwrap();
    dto.as_object().unwrap().clone()
}

fn found(problems: Problems) -> Vec<(String, &'static str)> {
    problems.0.into_iter().map(|problem| (problem.member, problem.code)).collect()
}

fn vector(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_documented_request_gets_the_documented_answer() {
    let request = vector(include_str!("vectors/create.request.json"));
    let read = CreateRequest::read(&request, true);
    let service_ref = read.service().unwrap();
    assert_eq!(service_ref.id, None);
    assert_eq!(service_ref.sip, Some(sip("sip:smoky.car@dev.local")));

    let mut answer = shown(&create(&request));
    let mut documented = vector(include_str!("vectors/create.response.json"));
    for made_here in ["Id", "AppPoolId", "DueDate"] {
        documented[made_here] = answer[made_here].clone();
    }
    for (member, value) in documented.as_object().unwrap() {
        assert_eq!(answer.remove(member).as_ref(), Some(value), "{member}");
    }
    let ours = [
        "Agent",
        "CreatedAt",
        "Phase",
        "PreferredAgent",
        "TerminationReason",
        "UpdatedAt",
        "Version",
    ];
    let mut rest: Vec<_> = answer.keys().map(String::as_str).collect();
    rest.sort_unstable();
    assert_eq!(rest, ours);
}

#[test]
fn members_are_written_in_the_documented_order() {
    let callback = create(&json!({"Target": "sip:a@b", "ServiceId": SERVICE}));
    let text = serde_json::to_string(&CallbackDto::new(&callback, APP_POOL, 1)).unwrap();
    let documented = include_str!("vectors/create.response.json");
    let names = documented.lines().filter_map(|line| line.split('"').nth(1));
    let mut from = 0;
    for name in names.chain(["PreferredAgent", "Phase", "Agent", "TerminationReason", "Version"]) {
        let quoted = format!("\"{name}\":");
        from += text[from..].find(&quoted).unwrap_or_else(|| panic!("{name} after {from}"));
    }
}

#[test]
fn an_answer_can_be_posted_back() {
    let first = create(&json!({
        "Target": "tel:+41 78 555 66 77",
        "AlternativeTarget": "sip:b@b",
        "ServiceId": SERVICE,
        "Priority": "Low",
        "MaxRetries": 0,
        "DueDate": "24.06.2019 13:00:56.2732376Z",
        "Description": "two\nlines",
        "ExternalTaskId": "T-1",
        "IncomingServiceSipUri": "sip:in@b",
        "ContextUrl": "https://crm.example/1",
        "Supervisor": "Sue",
        "CallerId": "+41",
        "PreferredAgent": "sip:anna@dev.local",
        "LeftInQueueTimeInSeconds": 99
    }));
    let answer = shown(&first);
    let again = create(&Value::Object(answer.clone()));
    assert_eq!(again, first);

    let over = first.step(&service(), Event::Cancel, now()).unwrap().callback;
    let over = Value::Object(shown(&over));
    assert_eq!(over["LeftInQueueTimeInSeconds"], json!(0));
    let again = create(&over);
    assert_eq!(again.allowed_wait_seconds, 3_600);

    let strict = CreateRequest::read(&Value::Object(answer), true);
    let strict = found(strict.resolve(&service(), Some(&agent()), Creator::Api, None).unwrap_err());
    let owned = [
        "Id",
        "Creator",
        "AppPoolId",
        "State",
        "RetryType",
        "RetryCount",
        "Phase",
        "CreatedAt",
        "UpdatedAt",
        "Version",
    ];
    assert_eq!(strict, owned.map(|name| (name.to_owned(), "ServerOwned")));
}

#[test]
fn what_is_absent_or_null_gets_its_default() {
    let mut service = service();
    service.seconds_between_retries = 77;
    service.max_queue_time_in_seconds = 88;
    let mut body = json!({"Target": "sip:a@b", "ServiceId": SERVICE});
    let absent = resolve(&body, &service).unwrap();
    assert_eq!(absent.priority, Priority::Normal);
    assert_eq!(absent.max_retries, 3);
    assert_eq!(absent.seconds_between_retries, 77);
    assert_eq!(absent.allowed_wait_seconds, 88);
    assert_eq!(absent.due, None);
    for name in shown(&create(&body)).keys() {
        if !["Target", "ServiceId"].contains(&name.as_str()) {
            body[name] = Value::Null;
        }
    }
    assert_eq!(resolve(&body, &service), Ok(absent));
}

#[test]
fn every_problem_is_named() {
    let mut service = service();
    service.allowed_targets = Some(vec!["*@b".parse().unwrap()]);
    service.caller_ids = vec!["+41".into()];
    let long = "x".repeat(256);
    let table = [
        ("Target", json!(""), "Empty"),
        ("Target", json!(7), "WrongType"),
        ("Target", json!(null), "Required"),
        ("Target", json!("sip:a@b\0"), "ControlCharacter"),
        ("Target", json!("sip:a@elsewhere"), "TargetNotAllowed"),
        ("Target", json!("tel:078 555 66 77"), "CountryCodeNeeded"),
        ("AlternativeTarget", json!("http://a"), "UnknownScheme"),
        ("AlternativeTarget", json!("sip:a@elsewhere"), "TargetNotAllowed"),
        ("Priority", json!("normal"), "UnknownValue"),
        ("Priority", json!(4), "WrongType"),
        ("MaxRetries", json!(101), "OutOfRange"),
        ("MaxRetries", json!(-1), "OutOfRange"),
        ("MaxRetries", json!("3"), "WrongType"),
        ("MaxRetries", json!(3.0), "WrongType"),
        ("SecondsBetweenRetries", json!(604_801), "OutOfRange"),
        ("DueDate", json!("2019-06-25"), "InvalidDate"),
        ("DueDate", json!(1_561_380_056), "WrongType"),
        ("Description", json!("é".repeat(151)), "TooLong"),
        ("Description", json!("a\u{1b}[2J"), "ControlCharacter"),
        ("ExternalTaskId", json!(long), "TooLong"),
        ("ExternalTaskId", json!("a\nb"), "ControlCharacter"),
        ("IncomingServiceSipUri", json!(long), "TooLong"),
        ("ContextUrl", json!("javascript:alert(1)"), "InvalidUrl"),
        ("Supervisor", json!({}), "WrongType"),
        ("CallerId", json!("+42"), "CallerIdNotAllowed"),
        ("PreferredAgent", json!("tel:+41"), "NotSip"),
        ("LeftInQueueTimeInSeconds", json!(0), "OutOfRange"),
        ("LeftInQueueTimeInSeconds", json!(172_801), "OutOfRange"),
        ("target", json!("sip:a@b"), "UnknownMember"),
    ];
    for (member, value, code) in table {
        let mut body = json!({"Target": "sip:a@b", "ServiceId": SERVICE});
        body[member] = value.clone();
        let problems = resolve(&body, &service).unwrap_err();
        assert_eq!(found(problems), [(member.to_owned(), code)], "{member}: {value}");
    }
}

#[test]
fn values_at_the_limits_are_accepted() {
    let table = [
        ("Description", json!("é".repeat(150))),
        ("Description", json!("")),
        ("ExternalTaskId", json!("x".repeat(255))),
        ("MaxRetries", json!(0)),
        ("MaxRetries", json!(100)),
        ("SecondsBetweenRetries", json!(0)),
        ("SecondsBetweenRetries", json!(604_800)),
        ("LeftInQueueTimeInSeconds", json!(1)),
        ("LeftInQueueTimeInSeconds", json!(172_800)),
        ("DueDate", json!("1970-01-01T00:00")),
        ("CallerId", json!("anything")),
        ("ServiceSip", json!("nonsense")),
    ];
    for (member, value) in table {
        let mut body = json!({"Target": "sip:a@b", "ServiceId": SERVICE});
        body[member] = value.clone();
        assert!(resolve(&body, &service()).is_ok(), "{member}: {value}");
    }
}

#[test]
fn all_problems_of_both_readings_are_reported_at_once() {
    let body = json!({
        "Target": "tel:5",
        "MaxRetries": -1,
        "PreferredAgent": "sip:nobody@b",
        "Priorty": "Low",
        "ServiceId": SERVICE
    });
    let request = CreateRequest::read(&body, false);
    let problems = request.resolve(&service(), None, Creator::Api, None).unwrap_err();
    let text = problems.to_string();
    assert!(text.contains("Priorty: the member is unknown; the nearest known one is Priority"));
    assert!(text.contains("; Target: "), "{text}");
    let expected = [
        ("MaxRetries", "OutOfRange"),
        ("Priorty", "UnknownMember"),
        ("Target", "CountryCodeNeeded"),
        ("PreferredAgent", "NotAUser"),
    ];
    assert_eq!(found(problems), expected.map(|(member, code)| (member.to_owned(), code)));
}

#[test]
fn the_service_address_counts_only_without_a_valid_id() {
    let id = json!("58c41e40-a491-4119-852a-31fdc62748c6");
    let address = json!("sip:smoky.car@dev.local");
    // What is given, whether id and address are taken, and the problem when neither is.
    let table = [
        (id.clone(), address.clone(), (true, true), None),
        (id.clone(), json!("nonsense"), (true, false), None),
        (id, json!(null), (true, false), None),
        (json!("nonsense"), address.clone(), (false, true), None),
        (json!(7), address.clone(), (false, true), None),
        (json!(null), address, (false, true), None),
        (json!(null), json!(null), (false, false), Some(("ServiceId", "Required"))),
        (json!("nonsense"), json!(null), (false, false), Some(("ServiceId", "InvalidGuid"))),
        (json!(null), json!("nonsense"), (false, false), Some(("ServiceSip", "MissingScheme"))),
    ];
    for (id, sip, taken, problem) in table {
        let body = json!({"Target": "sip:a@b", "ServiceId": id, "ServiceSip": sip});
        let request = CreateRequest::read(&body, false);
        let service = request.service().cloned().unwrap_or_default();
        assert_eq!((service.id.is_some(), service.sip.is_some()), taken, "{body}");
        let problems = request.problems_without_service().map(found).unwrap_or_default();
        let expected: Vec<_> =
            problem.map(|(member, code)| (member.to_owned(), code)).into_iter().collect();
        assert_eq!(problems, expected, "{body}");
    }
}

#[test]
fn without_its_service_a_request_still_has_its_own_problems() {
    let body = json!({"Target": "tel:078", "AlternativeTarget": "nonsense", "ServiceId": SERVICE});
    let problems = CreateRequest::read(&body, false).problems_without_service().unwrap();
    assert_eq!(found(problems), [("AlternativeTarget".to_owned(), "MissingScheme")]);
}

#[test]
fn the_service_completes_national_numbers() {
    let mut service = service();
    service.default_country_code = Some("41".parse().unwrap());
    let body = json!({"Target": "tel:078 555 66 77", "ServiceId": SERVICE});
    let new = resolve(&body, &service).unwrap();
    assert_eq!(new.target.as_str(), "tel:+41785556677");
}

#[test]
fn a_preferred_agent_is_a_user_of_the_service() {
    let body = json!({"Target": "sip:a@b", "ServiceId": SERVICE, "PreferredAgent": "sip:anna@b"});
    let mut agent = agent();
    let request = CreateRequest::read(&body, false);
    assert_eq!(request.preferred_agent(), Some(&sip("sip:anna@b")));
    let new = request.resolve(&service(), Some(&agent), Creator::Api, None).unwrap();
    assert_eq!(new.preferred.map(|preferred| preferred.agent), Some(AGENT));
    agent.services.clear();
    let request = CreateRequest::read(&body, false);
    let problems = request.resolve(&service(), Some(&agent), Creator::Api, None).unwrap_err();
    assert_eq!(found(problems), [("PreferredAgent".to_owned(), "NotAUser")]);
}

#[test]
fn who_creates_it_is_not_taken_from_the_body() {
    let body =
        json!({"Target": "sip:a@b", "ServiceId": SERVICE, "Creator": "API", "Initiator": [1]});
    let request = CreateRequest::read(&body, false);
    let sue = Some("Sue".to_owned());
    let new = request.resolve(&service(), None, Creator::WebService, sue.clone()).unwrap();
    assert_eq!((new.creator, new.initiator), (Creator::WebService, sue));
}

#[test]
fn a_task_shows_its_token_only_in_somebodys_hands() {
    let callback = create(&json!({"Target": "sip:a@b", "ServiceId": SERVICE}));
    assert_eq!(TaskDto::new(&callback, APP_POOL, 1), None);
    let token = LeaseToken::from_u128(9);
    let queued = callback.step(&service(), tick(), now()).unwrap().callback;
    let offer = Event::Offer { agent: AGENT, token };
    let offered = queued.step(&service(), offer, now()).unwrap().callback;
    let task = serde_json::to_value(TaskDto::new(&offered, APP_POOL, 1).unwrap()).unwrap();
    assert_eq!(task["LeaseToken"], json!(token));
    assert_eq!(task["Callback"]["Agent"], json!(AGENT));
    assert_eq!(task["Callback"]["State"], json!("InQueue"));
    assert_eq!(task["Callback"]["Phase"], json!("Offered"));
    assert_eq!((&task["LeaseUntil"], &task["AttemptId"]), (&json!(null), &json!(null)));
}

fn tick() -> Event {
    use callback_domain::attempt::{DriverCaps, Start};
    use callback_domain::id::{AttemptId, NodeId};
    let caps = DriverCaps {
        places_calls: false,
        reports_progress: false,
        can_cancel: false,
        survives_restart: true,
        human_reports: true,
    };
    let attempt = AttemptId::from_u128(3);
    Event::Tick {
        start: Start { attempt, node: NodeId::from_u128(4), driver: "desk".into(), caps },
    }
}
