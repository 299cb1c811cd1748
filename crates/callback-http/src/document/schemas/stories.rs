//! What became of a callback, why it waits, and what went wrong.

use serde_json::{Value, json};

use super::{event_name, outcome, phase};
use crate::document::shape::{
    Member, Shape, count, date, facts, flag, guid, has, list, may, named, nullable, object, one_of,
    text,
};

const GATES: [&str; 12] = [
    "NotTerminated",
    "InQueue",
    "OpeningHours",
    "ServiceCap",
    "Route",
    "BackOff",
    "TargetLive",
    "Suppression",
    "FrequencyCap",
    "PreferredAgent",
    "EligibleAgent",
    "Place",
];

pub(super) fn schemas() -> Vec<(&'static str, Shape)> {
    let mut event = line();
    event.push(has("Subject", named("Subject"), "What it is about."));
    event.push(has(
        "Service",
        nullable(guid()),
        "The service it concerns; null for users, webhooks and keys.",
    ));
    let kinds = one_of(["Callback", "Service", "User", "Webhook", "Key", "Erasure"]);
    vec![
        ("Attempt", attempt()),
        ("HistoryLine", object("A step of a callback, in the ledger.", Value::Null, line())),
        ("Event", object("A line of the ledger with its subject.", event_example(), event)),
        (
            "Subject",
            object(
                "What an event is about.",
                Value::Null,
                vec![has("Kind", kinds, "Of which kind."), has("Id", guid(), "Which.")],
            ),
        ),
        ("Explanation", explanation()),
        (
            "Gate",
            object(
                "One gate between a callback and its call.",
                Value::Null,
                vec![
                    has("Name", one_of(GATES), "Which."),
                    has("Pass", flag(), "Whether it lets the callback through."),
                    has("Facts", facts(), "The facts behind it."),
                    has(
                        "NextChangeAt",
                        nullable(date()),
                        "The earliest instant at which the clock alone changes it.",
                    ),
                ],
            ),
        ),
        ("Problem", problem()),
        (
            "LucsError",
            object(
                "The same in the shape of LUCS.",
                Value::Null,
                vec![
                    has("Code", text(), "A fixed word for the failure."),
                    has("Message", text(), "The failure in words."),
                    has("Details", list(named("Detail")), "Every problem of the request."),
                ],
            ),
        ),
        (
            "Detail",
            object(
                "One problem of a request.",
                Value::Null,
                vec![
                    has("Member", text(), "Where it is; empty for the whole."),
                    has("Code", text(), "A fixed word for it."),
                    has("Message", text(), "It in words."),
                ],
            ),
        ),
    ]
}

fn attempt() -> Shape {
    let at = || nullable(date());
    object(
        "A try to reach the customer.",
        Value::Null,
        vec![
            has("Id", guid(), "Its identity."),
            has("CallbackId", guid(), "The callback it belongs to."),
            has("Number", count(), "1 for the first of the callback."),
            has("ServiceId", guid(), "The callback's service."),
            has("Agent", guid(), "Whose phone rings first."),
            has("Target", text(), "The address called."),
            has("CallerId", nullable(text()), "The caller id presented."),
            has("Driver", text(), "What places it."),
            has("StartedAt", date(), "When it began."),
            has("CustomerRequestedAt", at(), "When the customer's leg was requested."),
            has("CustomerRingingAt", at(), "When the customer's phone began to ring."),
            has("ConnectedAt", at(), "When both were connected."),
            has("EndedAt", at(), "When it ended."),
            has("Outcome", nullable(outcome()), "How it came out, once that is decided."),
            has("Detail", nullable(text()), "The outcome in words."),
            has("StopRequestedAt", at(), "When its end was ordered."),
            has("StopReason", nullable(text()), "Why its end was ordered."),
        ],
    )
}

fn line() -> Vec<Member> {
    vec![
        has("Id", text(), "Its number, for `?after=`."),
        has("At", date(), "When."),
        has("Event", event_name(), "What happened."),
        has("PhaseBefore", nullable(phase()), "The phase before, for callbacks."),
        has("PhaseAfter", nullable(phase()), "The phase after, for callbacks."),
        has("Actor", text(), "Who caused it."),
        has("Details", facts(), "Facts by name."),
    ]
}

fn event_example() -> Value {
    json!({
        "Id": "17", "At": "2019-06-25T07:31:00Z", "Event": "Queued", "PhaseBefore": "Pending",
        "PhaseAfter": "InQueue", "Actor": "timer", "Details": {},
        "Subject": {"Kind": "Callback", "Id": "0197a5c8-4d7e-7c3b-9a51-3c0d6f1e2a4b"},
        "Service": "0197a5c8-11aa-7d2f-8e60-5f4b7c9d0e13",
    })
}

fn explanation() -> Shape {
    object(
        "Why a callback is not being called right now.",
        Value::Null,
        vec![
            has("CallbackId", guid(), "The callback."),
            has("At", date(), "When this was true."),
            has("Agent", nullable(guid()), "For whom it was asked, or who would be asked."),
            has("Callable", flag(), "Whether the next dispatch offers it."),
            has("Gates", list(named("Gate")), "Every gate, in order."),
            has(
                "NextChangeAt",
                nullable(date()),
                "The earliest instant at which the clock alone changes a gate.",
            ),
        ],
    )
}

fn problem() -> Shape {
    let detail = json!({
        "Member": "MaxRetries", "Code": "OutOfRange",
        "Message": "an integer from 0 to 100 is expected",
    });
    let message = "MaxRetries: an integer from 0 to 100 is expected";
    let example = json!({
        "type": "/problems/validation-failed", "title": "Validation failed", "status": 400,
        "detail": message,
        "Error": {"Code": "ValidationFailed", "Message": message, "Details": [detail]},
    });
    object(
        "Why a request failed, after RFC 9457.",
        example,
        vec![
            has("type", text(), "Where the failure is named."),
            has("title", text(), "The failure in a few words."),
            has("status", count(), "The status of the answer."),
            has("detail", text(), "This failure in words."),
            may("ExistingCallbackId", guid(), "With `DuplicateCallback`: the existing one."),
            has("Error", named("LucsError"), "The same in the shape of LUCS."),
        ],
    )
}
