//! No body, however odd, does more than collect problems.

#![expect(clippy::unwrap_used, reason = "a test that panics fails")]

use callback_domain::callback::{Callback, Creator};
use callback_domain::date;
use callback_domain::dto::{
    CallbackDto, CancelRequest, CreateRequest, MoveRequest, OutcomeRequest, PatchRequest,
    PresenceRequest, Problems, SearchRequest, ServiceRequest, UserDto, UserRequest,
};
use callback_domain::id::{AgentId, CallbackId, ServiceId};
use callback_domain::lifecycle::NewCallback;
use callback_domain::priority::Priority;
use callback_domain::service::{DirectionType, Service};
use proptest::prelude::*;
use serde_json::{Map, Number, Value, json};

/// Members of all requests, so that arbitrary values reach every reader.
const NAMES: [&str; 44] = [
    "Target",
    "AlternativeTarget",
    "ServiceId",
    "ServiceSip",
    "Priority",
    "MaxRetries",
    "SecondsBetweenRetries",
    "DueDate",
    "Description",
    "ExternalTaskId",
    "IncomingServiceSipUri",
    "ContextUrl",
    "Supervisor",
    "CallerId",
    "PreferredAgent",
    "LeftInQueueTimeInSeconds",
    "Id",
    "State",
    "Phase",
    "Creator",
    "AppPoolId",
    "StartDate",
    "EndDate",
    "Limit",
    "Offset",
    "OrderBy",
    "SortOrder",
    "Agent",
    "TerminationReason",
    "Name",
    "SipUri",
    "DirectionType",
    "OpeningHours",
    "RetryByOutcome",
    "Busy",
    "DefaultCountryCode",
    "CallerIds",
    "AllowedTargets",
    "Services",
    "Presence",
    "LeaseToken",
    "Outcome",
    "Detail",
    "Reason",
];

/// Texts that some reader looks at closely.
const TEXTS: [&str; 14] = [
    "",
    "\0",
    "sip:a@b",
    "tel:078",
    "tel:+41785556677",
    "2019-06-25T07:30",
    "58c41e40-a491-4119-852a-31fdc62748c6",
    "Normal",
    "API",
    "Id",
    "Outbound",
    "http://[::1]:80/",
    "http://é:",
    "+41*",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(TEXTS.as_slice()).prop_map(str::to_owned),
        any::<String>(),
        "(https?|sips?|tel)://?[\\PC\\[\\]:@;=%]{0,12}",
    ]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..200_u32).prop_map(Value::from),
        any::<f64>().prop_map(|number| Number::from_f64(number).map_or(Value::Null, Value::Number)),
        text().prop_map(Value::from),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        9 => proptest::sample::select(NAMES.as_slice()).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn json_value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 64, 12, |inner| {
        prop_oneof![
            1 => proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            3 => proptest::collection::vec((name(), inner), 0..12)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Bodies of which many are accepted.
fn plausible() -> impl Strategy<Value = Value> {
    let targets = ["sip:A@B;transport=tcp", "tel:+41 78 555 66 77", "sip:+4178@h;user=phone"];
    let dates = ["2019-06-25T07:30", "24.06.2019 13:00:56.2732376Z", "2019-06-25T09:30:00+02:00"];
    let urls = ["http://a", "https://a.b:1/c?d#e", "http://[::1]"];
    let optional = |values: Vec<Value>| proptest::option::of(proptest::sample::select(values));
    (
        proptest::sample::select(targets.to_vec()),
        optional(targets.map(Value::from).to_vec()),
        optional(dates.map(Value::from).to_vec()),
        optional(urls.map(Value::from).to_vec()),
        optional(Priority::ALL.map(|priority| json!(priority)).to_vec()),
        proptest::option::of(0..102_u32),
        proptest::option::of(1..172_802_u32),
        proptest::option::of("\\PC{0,151}"),
    )
        .prop_map(|(target, instead, due, url, priority, retries, seconds, text)| {
            json!({
                "ServiceId": service().id,
                "Target": target,
                "AlternativeTarget": instead,
                "DueDate": due,
                "ContextUrl": url,
                "Priority": priority,
                "MaxRetries": retries,
                "SecondsBetweenRetries": seconds,
                "LeftInQueueTimeInSeconds": seconds,
                "Description": text,
                "ExternalTaskId": text,
                "CallerId": text,
            })
        })
}

fn service() -> Service {
    let address = "sip:hotline@b".parse().unwrap();
    let id = ServiceId::from_u128(1);
    Service::new(id, "Hotline".into(), address, DirectionType::Outbound, date::EARLIEST)
}

fn create(body: &Value, strict: bool) -> Result<NewCallback, Problems> {
    CreateRequest::read(body, strict).resolve(&service(), None, Creator::Api, None)
}

/// Problems are never empty, and each says something.
fn sound<T>(result: Result<T, Problems>) -> Result<Option<T>, TestCaseError> {
    match result {
        Ok(read) => Ok(Some(read)),
        Err(problems) => {
            prop_assert!(!problems.0.is_empty());
            prop_assert!(!problems.to_string().is_empty());
            for problem in problems.0 {
                prop_assert!(!problem.message.is_empty());
                prop_assert!(problem.code.starts_with(|first: char| first.is_ascii_uppercase()));
                prop_assert!(!problem.member.contains(char::is_control));
                prop_assert!(problem.member.chars().count() < 128);
            }
            Ok(None)
        }
    }
}

proptest! {
    #[test]
    fn any_body_is_read_or_refused(body in json_value(), strict: bool) {
        sound(create(&body, strict))?;
        sound(CreateRequest::read(&body, strict).problems_without_service().map_or(Ok(()), Err))?;
        sound(PatchRequest::read(&body).resolve(&service(), None))?;
        if let Some(search) = sound(SearchRequest::read(&body))? {
            sound(search.resolve(Some(&service()), None))?;
        }
        if let Some(request) = sound(ServiceRequest::read(&body))? {
            let made = request.into_service(ServiceId::from_u128(1), date::EARLIEST);
            let shown = serde_json::to_value(&made).unwrap();
            let again = ServiceRequest::read(&shown).unwrap();
            prop_assert_eq!(again.into_service(made.id, date::EARLIEST), made);
        }
        if let Some(request) = sound(UserRequest::read(&body))? {
            let made = request.into_agent(AgentId::from_u128(1), date::EARLIEST);
            let shown = serde_json::to_value(UserDto::from(&made)).unwrap();
            let again = UserRequest::read(&shown).unwrap();
            prop_assert_eq!(again.into_agent(made.id, date::EARLIEST), made);
        }
        sound(MoveRequest::read(&body))?;
        sound(OutcomeRequest::read(&body))?;
        sound(PresenceRequest::read(&body))?;
        sound(CancelRequest::read(Some(&body)))?;
    }

    #[test]
    fn one_odd_member_is_the_only_one_that_is_named(
        name in proptest::sample::select(NAMES.as_slice()),
        value in json_value(),
    ) {
        let mut body = json!({"Target": "sip:a@b", "ServiceId": service().id});
        body[name] = value;
        if let Err(problems) = create(&body, false) {
            for problem in &problems.0 {
                prop_assert!(problem.member == name, "{name} led to {problem}");
            }
        }
    }

    #[test]
    fn an_accepted_body_is_read_the_same_when_its_answer_is_posted_back(body in plausible()) {
        let new = create(&body, true);
        prop_assume!(new.is_ok());
        let new = new.unwrap();
        let made = Callback::create(new.clone(), CallbackId::from_u128(1), date::EARLIEST);
        let left = made.callback.allowed_wait_seconds;
        let dto = CallbackDto::new(&made.callback, service().id.0, left);
        let shown = serde_json::to_value(dto).unwrap();
        let due = Some(made.callback.due);
        prop_assert_eq!(create(&shown, false), Ok(NewCallback { due, ..new }));
    }
}

#[test]
fn a_body_of_many_unknown_members_is_answered_briefly() {
    let body: Map<_, _> =
        (0..100_000).map(|n| (format!("{n}{}", "x".repeat(90)), json!(1))).collect();
    let problems = create(&Value::Object(body), false).unwrap_err();
    assert!(problems.to_string().len() < 5_000);
    assert_eq!(problems.0.len(), 23);
}
