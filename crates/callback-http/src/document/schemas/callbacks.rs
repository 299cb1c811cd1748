//! Callbacks, in answers and in requests.

use callback_domain::attempt::Outcome;
use callback_domain::defaults;
use callback_domain::search::Column;
use serde_json::{Value, json};

use super::{phase, priority, state, termination_reason};
use crate::document::shape::{
    Member, Shape, count, date, guid, has, may, named, nullable, object, one_of, text, text_up_to,
    uri, within,
};

pub(super) fn schemas() -> Vec<(&'static str, Shape)> {
    let mut placed = members();
    placed.push(has("Position", nullable(count()), "1 for the next of its service and priority."));
    let wait = nullable(count());
    placed.push(has("EstimatedWaitInSeconds", wait, "The wait that it may expect."));
    let task = json!({
        "Callback": example(), "LeaseToken": "8a3f0d2e-6d0b-4c5e-9f57-1b2c3d4e5f60",
        "LeaseUntil": "2019-06-25T07:32:00Z", "AttemptId": null,
    });
    vec![
        ("Callback", object("A promise to call back.", example(), members())),
        (
            "CallbackWithPosition",
            object("A callback with its place in the queue.", Value::Null, placed),
        ),
        ("CreateCallback", create()),
        ("PatchCallback", patch()),
        ("SearchCallbacks", search()),
        (
            "CancelCallback",
            object(
                "Why it is taken off the queue.",
                json!({"Reason": "FulfilledElsewhere"}),
                vec![may(
                    "Reason",
                    nullable(one_of(["Cancelled", "FulfilledElsewhere"])),
                    "`Cancelled` unless said.",
                )],
            ),
        ),
        (
            "Task",
            object(
                "A callback in an agent's hands.",
                task,
                vec![
                    has("Callback", named("Callback"), "The callback."),
                    has("LeaseToken", guid(), "The proof that moves carry."),
                    has(
                        "LeaseUntil",
                        nullable(date()),
                        "When the lease is lost; null while offered.",
                    ),
                    has("AttemptId", nullable(guid()), "The attempt in progress."),
                ],
            ),
        ),
        (
            "Move",
            object(
                "A move of an agent or dialler.",
                json!({"LeaseToken": "8a3f0d2e-6d0b-4c5e-9f57-1b2c3d4e5f60"}),
                vec![has("LeaseToken", guid(), "The proof of the task.")],
            ),
        ),
        ("MoveWithOutcome", outcome_report()),
    ]
}

fn members() -> Vec<Member> {
    vec![
        has("Id", guid(), "Its identity."),
        has("Creator", one_of(["API", "WebService", "WfActivity"]), "Who made it."),
        has("LeftInQueueTimeInSeconds", count(), "What is left of the allowed wait, now."),
        has("AppPoolId", guid(), "The installation."),
        has("InitiatingSessionId", nullable(text()), "The session it came from."),
        has("Initiator", nullable(text()), "The supervisor who made it."),
        has("State", state(), "Follows from the phase."),
        has("RetryType", one_of(["SingleSession"]), "Always the same."),
        has("RetryCount", count(), "Retries used."),
        has("Target", text(), "The customer's address, normalised."),
        has("AlternativeTarget", nullable(text()), "Called instead of the target."),
        has("MaxRetries", count(), "Retries allowed."),
        has("SecondsBetweenRetries", count(), "Least spacing of attempts."),
        has("ServiceId", guid(), "The service that calls back."),
        has("ServiceSip", nullable(text()), "Always null: the service is named by its id."),
        has("IncomingServiceSipUri", nullable(text()), "The service called at first."),
        has("Priority", priority(), "How urgent."),
        has("ContextUrl", nullable(text()), "Opened for the agent."),
        has("DueDate", date(), "When it enters the queue."),
        has("Supervisor", nullable(text()), "As given."),
        has("Description", nullable(text()), "Shown to the agent."),
        has("ExternalTaskId", nullable(text()), "The caller's own key."),
        has("CallerId", nullable(text()), "Presented on the call."),
        has("PreferredAgent", nullable(text()), "Whom it is for first."),
        has("Phase", phase(), "Where it is in its life."),
        has("Agent", nullable(guid()), "Who is asked, or whose task it is."),
        has("TerminationReason", nullable(termination_reason()), "Why it is over."),
        has("CreatedAt", date(), "When it was made."),
        has("UpdatedAt", date(), "When it last changed."),
        has("Version", count(), "Rises with each change; also the `ETag`."),
    ]
}

fn example() -> Value {
    json!({
        "Id": "0197a5c8-4d7e-7c3b-9a51-3c0d6f1e2a4b", "Creator": "API",
        "LeftInQueueTimeInSeconds": 3600, "AppPoolId": "9925c9b8-8924-49df-ac77-f48dc35f40da",
        "InitiatingSessionId": null, "Initiator": null, "State": "Pending",
        "RetryType": "SingleSession", "RetryCount": 0, "Target": "sip:smoky.qq@dev.local",
        "AlternativeTarget": null, "MaxRetries": 3, "SecondsBetweenRetries": 60,
        "ServiceId": "0197a5c8-11aa-7d2f-8e60-5f4b7c9d0e13", "ServiceSip": null,
        "IncomingServiceSipUri": null, "Priority": "StrictPriority", "ContextUrl": null,
        "DueDate": "2019-06-25T07:31:00Z", "Supervisor": null, "Description": null,
        "ExternalTaskId": null, "CallerId": null, "PreferredAgent": null, "Phase": "Pending",
        "Agent": null, "TerminationReason": null, "CreatedAt": "2019-06-25T07:31:00Z",
        "UpdatedAt": "2019-06-25T07:31:00Z", "Version": 1,
    })
}

/// What may be chosen on creation and changed later.
fn changeable(target: Member) -> Vec<Member> {
    vec![
        target,
        may("AlternativeTarget", nullable(text()), "Called instead of the target."),
        may("Priority", nullable(priority()), "`Normal` unless said."),
        may("MaxRetries", nullable(within(&(0..=defaults::MAX_RETRIES_LIMIT))), "3 unless said."),
        may("SecondsBetweenRetries", nullable(spacing()), "The service's unless said."),
        may("DueDate", nullable(date()), "Now unless said."),
        may(
            "Description",
            nullable(text_up_to(defaults::DESCRIPTION_CHARACTERS)),
            "Shown to the agent.",
        ),
        may("ContextUrl", nullable(uri()), "http or https; opened for the agent."),
        may("CallerId", nullable(text_up_to(defaults::TEXT_CHARACTERS)), "Presented on the call."),
        may("PreferredAgent", nullable(text()), "The address of a user of the service."),
    ]
}

fn create() -> Shape {
    let line = || nullable(text_up_to(defaults::TEXT_CHARACTERS));
    let wait = within(&(1..=defaults::MAX_QUEUE_TIME_SECONDS_LIMIT));
    let task_id = nullable(text_up_to(defaults::EXTERNAL_TASK_ID_CHARACTERS));
    let mut members = changeable(has("Target", text(), "A `sip:`, `sips:` or `tel:` address."));
    members.extend([
        may("ServiceId", nullable(guid()), "The service; this or `ServiceSip` is required."),
        may("ServiceSip", nullable(text()), "Counts when `ServiceId` names none."),
        may("ExternalTaskId", task_id, "The caller's own key."),
        may("IncomingServiceSipUri", line(), "As given."),
        may("Supervisor", line(), "As given."),
        may(
            "LeftInQueueTimeInSeconds",
            nullable(wait),
            "The allowed wait; the service's unless said.",
        ),
    ]);
    let example = json!({
        "Target": "sip:smoky.qq@dev.local", "SecondsBetweenRetries": 60,
        "Priority": "StrictPriority", "ServiceSip": "sip:smoky.car@dev.local",
    });
    let meaning = "A request for a callback; members that only the server sets are ignored, unknown ones refused.";
    object(meaning, example, members)
}

fn patch() -> Shape {
    object(
        "A merge patch: what is left out stays, null removes.",
        Value::Null,
        changeable(may("Target", text(), "A `sip:`, `sips:` or `tel:` address.")),
    )
}

fn search() -> Shape {
    object(
        "What callbacks must be to be found.",
        json!({"ServiceSip": "sip:smoky.car@dev.local", "State": "InQueue", "Limit": 10}),
        search_members(),
    )
}

/// What a search may name.
pub(in crate::document) fn search_members() -> Vec<Member> {
    let number = || nullable(count());
    let columns = Column::ALL.iter().map(|column| column.name());
    vec![
        may("Target", nullable(text()), "The line that is called."),
        may("ServiceId", nullable(guid()), "The service."),
        may("ServiceSip", nullable(text()), "Counts when `ServiceId` names none."),
        may("State", nullable(state()), "The state."),
        may("Phase", nullable(phase()), "The phase."),
        may(
            "Creator",
            nullable(one_of(["API", "WebService", "WfActivity", "Luware.API"])),
            "Who made it; `Luware.API` is `API`.",
        ),
        may("AppPoolId", nullable(guid()), "The installation."),
        may("StartDate", nullable(date()), "The earliest due date, included."),
        may("EndDate", nullable(date()), "The latest due date, included."),
        may("ExternalTaskId", nullable(text()), "The caller's own key."),
        may("CallerId", nullable(text()), "The caller id."),
        may("Priority", nullable(priority()), "The priority."),
        may("Agent", nullable(text()), "A user, by id or address."),
        may("TerminationReason", nullable(termination_reason()), "Why it is over."),
        may("Limit", number(), "At most so many; 0 is no limit."),
        may("Offset", number(), "Skips so many."),
        may("OrderBy", nullable(one_of(columns)), "`DueDate` unless said."),
        may("SortOrder", nullable(one_of(["Ascending", "Descending"])), "`Ascending` unless said."),
    ]
}

fn outcome_report() -> Shape {
    let reportable = Outcome::ALL.iter().filter(|outcome| outcome.reportable());
    object(
        "How the attempt came out.",
        json!({"LeaseToken": "8a3f0d2e-6d0b-4c5e-9f57-1b2c3d4e5f60", "Outcome": "Busy", "Detail": null}),
        vec![
            has("LeaseToken", guid(), "The proof of the task."),
            has("Outcome", one_of(reportable.map(|outcome| outcome.name())), "The outcome."),
            may("Detail", nullable(text_up_to(defaults::TEXT_CHARACTERS)), "The outcome in words."),
        ],
    )
}

fn spacing() -> Shape {
    within(&(0..=defaults::SECONDS_BETWEEN_RETRIES_LIMIT))
}
