//! Services, users and the suppression list, in answers and in requests.

use callback_domain::attempt::Outcome;
use callback_domain::defaults;
use serde_json::{Value, json};

use super::priority;
use crate::document::shape::{
    Member, Shape, count, date, flag, guid, has, list, map, may, named, nullable, object, one_of,
    text, text_up_to, within,
};

const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

pub(super) fn schemas() -> Vec<(&'static str, Shape)> {
    let mut service = vec![has("Id", guid(), "Its identity.")];
    service.extend(configuration(has));
    service.extend(kept());
    let mut body = configuration(may);
    body.retain(|member| !["Name", "SipUri", "DirectionType"].contains(&member.name()));
    body.splice(0..0, identity());
    let service_example = json!({
        "Name": "Hotline", "SipUri": "sip:smoky.car@dev.local", "DirectionType": "InboundOutbound",
    });
    vec![
        ("Service", object("A hotline and the rules for its callbacks.", Value::Null, service)),
        ("ServiceBody", object("A service to be made or replaced.", service_example, body)),
        (
            "RetryRule",
            object(
                "What follows one outcome.",
                json!({"Retry": true, "DelayInSeconds": 7200}),
                vec![
                    has("Retry", flag(), "Whether to try again at all."),
                    may(
                        "DelayInSeconds",
                        nullable(spacing()),
                        "Null leaves the callback's spacing.",
                    ),
                ],
            ),
        ),
        ("OpeningHours", opening_hours()),
        ("WeeklyInterval", weekly_interval()),
        ("OpeningException", opening_exception()),
        ("OpeningInterval", interval()),
        ("QueueInsight", queue()),
        (
            "WaitingAt",
            object(
                "Callbacks of one priority.",
                Value::Null,
                vec![
                    has("Priority", priority(), "The priority."),
                    has("Waiting", count(), "How many wait."),
                ],
            ),
        ),
        ("AgentsByState", agents_by_state()),
        ("User", user()),
        ("UserBody", user_body()),
        (
            "PresenceBody",
            object(
                "A presence to be chosen.",
                json!({"Presence": "Available"}),
                vec![has("Presence", presence(), "The presence.")],
            ),
        ),
        ("Suppression", suppression()),
        ("SuppressionBody", suppression_body()),
        (
            "ImportedSuppressions",
            object(
                "What an import did.",
                json!({"Imported": 2}),
                vec![has("Imported", count(), "How many entries.")],
            ),
        ),
    ]
}

fn identity() -> Vec<Member> {
    vec![
        has("Name", text_up_to(defaults::TEXT_CHARACTERS), "What people call it."),
        has("SipUri", text(), "Its address, unique in the installation."),
        has(
            "DirectionType",
            one_of(["Inbound", "Outbound", "InboundOutbound"]),
            "Which way its calls go; `Inbound` refuses callbacks.",
        ),
    ]
}

/// What is configured of a service.
fn configuration(member: fn(&'static str, Shape, &str) -> Member) -> Vec<Member> {
    let step = |from| within(&(from..=defaults::STEP_TIMEOUT_SECONDS_LIMIT));
    let wait = within(&(1..=defaults::MAX_QUEUE_TIME_SECONDS_LIMIT));
    let hold = within(&(0..=defaults::PREFERRED_AGENT_HOLD_SECONDS_LIMIT));
    let mut members = identity();
    members.extend([
        member(
            "MaxConcurrentOutboundSessions",
            nullable(count()),
            "Callbacks offered or called at one time; null is no limit.",
        ),
        member("MaxQueueTimeInSeconds", wait, "Allowed wait of a callback that names none."),
        member("SecondsBetweenRetries", spacing(), "Spacing for a callback that names none."),
        member("RonaTimeoutInSeconds", step(1), "How long an offer may go unanswered."),
        member("PreviewTimeInSeconds", step(0), "Preview before the call; 0 dials at once."),
        member("MaxDialoutTimeInSeconds", step(1), "How long the customer's phone rings."),
        member("AfterCallWorkInSeconds", step(0), "Pause for the agent after an attempt."),
        member("PreferredAgentHoldInSeconds", hold, "How long a callback is kept for one agent."),
        member("OpeningHours", nullable(named("OpeningHours")), "Null is always open."),
        member(
            "DuplicatePolicy",
            one_of(["Allow", "Reject", "ReturnExisting"]),
            "What a second callback for one target gets.",
        ),
        member("RetryByOutcome", map(named("RetryRule")), &format!("By outcome: {}.", retried())),
        member(
            "MaxAttemptsPerTargetPerDay",
            nullable(count()),
            "Calls to one customer in any 24 hours; null is no limit.",
        ),
        member("DefaultCountryCode", nullable(text()), "Completes `tel:` numbers without `+`."),
        member("CallerIds", list(text()), "Caller ids that may be presented; empty allows any."),
        member("AllowedTargets", nullable(list(text())), "Patterns; null allows any."),
        member("MaxQueued", nullable(count()), "Callbacks pending or queued at one time."),
    ]);
    members
}

fn retried() -> String {
    let names = Outcome::ALL.iter().filter(|outcome| outcome.consumes_retry());
    names.map(|outcome| format!("`{outcome}`")).collect::<Vec<_>>().join(", ")
}

fn kept() -> [Member; 3] {
    [
        has("CreatedAt", date(), "When it was made."),
        has("UpdatedAt", date(), "When it last changed."),
        has("Version", count(), "Rises with each change; also the `ETag`."),
    ]
}

fn opening_hours() -> Shape {
    object(
        "When a service may call, in local time.",
        json!({
            "TimeZone": "Europe/Zurich",
            "Weekly": [{"Day": "Monday", "From": "08:00", "To": "17:30"}],
            "Exceptions": [{"Date": "2019-12-25", "Intervals": []}],
        }),
        vec![
            has("TimeZone", text(), "The name of an IANA time zone."),
            may("Weekly", list(named("WeeklyInterval")), "In every week."),
            may("Exceptions", list(named("OpeningException")), "On single dates instead."),
        ],
    )
}

fn bounds() -> [Member; 2] {
    [
        has("From", text(), "`HH:MM`."),
        has("To", text(), "`HH:MM` or `24:00`; not after `From` is the next day."),
    ]
}

fn weekly_interval() -> Shape {
    let mut members = vec![has("Day", one_of(DAYS), "The day on which it begins.")];
    members.extend(bounds());
    object("Open in every week.", Value::Null, members)
}

fn opening_exception() -> Shape {
    object(
        "Other intervals on one date.",
        Value::Null,
        vec![
            has("Date", text(), "`YYYY-MM-DD`."),
            has("Intervals", list(named("OpeningInterval")), "Empty stays closed."),
        ],
    )
}

fn interval() -> Shape {
    object("Open between two times.", Value::Null, Vec::from(bounds()))
}

fn queue() -> Shape {
    object(
        "How a service's queue stands.",
        Value::Null,
        vec![
            has("ServiceId", guid(), "The service."),
            has("Open", flag(), "Whether it is open."),
            has("Waiting", count(), "All that wait."),
            has("WaitingByPriority", list(named("WaitingAt")), "By priority."),
            has("OldestWaitInSeconds", nullable(count()), "The longest wait."),
            has("LiveSessions", count(), "Offered or called now."),
            has("Agents", named("AgentsByState"), "Its agents."),
            has("EstimatedWaitInSeconds", nullable(count()), "At `Normal`; null without agents."),
        ],
    )
}

fn agents_by_state() -> Shape {
    object(
        "Agents of a service by what they can do now.",
        Value::Null,
        vec![
            has("Ready", count(), "Can be given a task."),
            has("Occupied", count(), "Have a task, or a phone that may still be ringing."),
            has("AfterCallWork", count(), "At work after a call."),
            has("Rona", count(), "Redirected on no answer."),
            has("Away", count(), "Not available, or not selectable."),
        ],
    )
}

fn presence() -> Shape {
    one_of(["Available", "Busy", "Away", "Offline"])
}

fn distribution() -> Shape {
    one_of(["Push", "Pull"])
}

fn user() -> Shape {
    let mut members = vec![
        has("Id", guid(), "Its identity."),
        has("Name", text(), "What people call them."),
        has("SipUri", text(), "Their phone, unique in the installation."),
        has("Services", list(guid()), "The services they work for."),
        has("Selectable", flag(), "Whether they may be chosen at all."),
        has("Distribution", distribution(), "Whether tasks are offered, or taken."),
        has("Presence", presence(), "What they say of themselves."),
        has("Rona", flag(), "Redirected on no answer: gets nothing until this is cleared."),
        has("IdleSince", date(), "Since when they have been without work."),
        has("Task", nullable(guid()), "The callback in their hands."),
        has("AfterCallWorkUntil", nullable(date()), "The end of their work after a call."),
    ];
    members.extend(kept());
    object("An agent or supervisor.", Value::Null, members)
}

fn user_body() -> Shape {
    object(
        "A user to be made or replaced.",
        json!({"Name": "Ann", "SipUri": "sip:ann@dev.local", "Distribution": "Pull", "Services": []}),
        vec![
            has("Name", text_up_to(defaults::TEXT_CHARACTERS), "What people call them."),
            has("SipUri", text(), "Their phone, unique in the installation."),
            may("Services", nullable(list(guid())), "The services they work for."),
            may("Selectable", nullable(flag()), "True unless said."),
            may("Distribution", nullable(distribution()), "`Push` unless said."),
            may(
                "Presence",
                nullable(presence()),
                "`Offline` unless said; on replacement as it is.",
            ),
        ],
    )
}

fn suppression() -> Shape {
    object(
        "A target that must not be called.",
        Value::Null,
        vec![
            has("Id", guid(), "Its identity."),
            has("TargetKey", text(), "The line: E.164 digits, or user@host."),
            has("ServiceId", nullable(guid()), "The service it holds for; null is all."),
            has("Reason", nullable(text()), "Why, in words."),
            has("Until", nullable(date()), "When it ends; null is never."),
            has("CreatedAt", date(), "When it was made."),
        ],
    )
}

fn suppression_body() -> Shape {
    object(
        "A target to be suppressed.",
        json!({"Target": "tel:+41785550009", "Reason": "asked not to be called"}),
        vec![
            has("Target", text(), "A `sip:`, `sips:` or `tel:` address."),
            may("ServiceId", nullable(guid()), "Only for this service."),
            may("Reason", nullable(text_up_to(defaults::TEXT_CHARACTERS)), "Why, in words."),
            may("Until", nullable(date()), "When it ends."),
        ],
    )
}

fn spacing() -> Shape {
    within(&(0..=defaults::SECONDS_BETWEEN_RETRIES_LIMIT))
}
