//! Many callbacks at once.

use callback_domain::defaults;
use serde_json::json;
use utoipa::openapi::HttpMethod::Post;

use super::operation::{Operation, json, operation};
use super::schemas::search_members;
use super::shape::{
    Shape, count, flag, guid, has, list, may, named, nullable, object, one_of, text, within,
};

pub(super) fn operations() -> Vec<Operation> {
    let tag = |id| ("Callbacks", id);
    vec![
        operation(Post, "/v1.0/callbacks/batch", tag("createCallbacks"), "Ask for many callbacks")
            .says(
                "Up to 1,000 in one transaction, answered in their order. Under `Transaction: \
                 Batch` none is made unless all are: else 400 or 409 `BatchRefused` names every \
                 item that is in the way.",
            )
            .query("dryRun", flag(), "Checks only, and answers what would be made.")
            .once()
            .header(
                "Prefer",
                text(),
                "`handling=strict` refuses members that only the server sets.",
            )
            .body(&named("CallbackBatch"), true)
            .answers(
                json(200, "What each came to.", named("CallbackBatchResults")).preference_applied(),
            )
            .refuses(&[409])
            .writes(),
        operation(Post, "/v1.0/callbacks/cancel", tag("cancelCallbacks"), "Cancel what is found")
            .says(
                "Whatever the search finds that is not over, when it is exactly `ExpectedCount`; \
                 else 409 `CountMismatch`, with nothing done.",
            )
            .body(&named("CancelFoundCallbacks"), true)
            .answers(json(200, "What was found and done.", named("CancelledCallbacks")))
            .refuses(&[409])
            .writes(),
        operation(Post, "/v1.0/erasures", ("Operation", "erasePerson"), "Erase a person's data")
            .says(
                "What lives is cancelled and hung up first; 409 `InUse` while a call has not \
                 ended. The suppression list keeps the wish not to be called, unless said.",
            )
            .body(&named("ErasureBody"), true)
            .answers(json(200, "What was erased.", named("Erasure")))
            .refuses(&[409])
            .writes(),
    ]
}

pub(super) fn schemas() -> Vec<(&'static str, Shape)> {
    let create = json!({"Target": "tel:+41785556677", "ServiceSip": "sip:smoky.car@dev.local"});
    let mut cancel = search_members();
    cancel.retain(|member| !["Limit", "Offset", "OrderBy", "SortOrder"].contains(&member.name()));
    let expected = nullable(within(&(0..=defaults::BULK_CANCELLED)));
    cancel.push(may("ExpectedCount", expected, "How many it must find; required without DryRun."));
    cancel.push(may("DryRun", nullable(flag()), "Only looks."));
    cancel.push(may(
        "Reason",
        nullable(one_of(["Cancelled", "FulfilledElsewhere"])),
        "`Cancelled` unless said.",
    ));
    vec![
        (
            "CallbackBatch",
            object(
                "Callbacks to be made.",
                json!({"Items": [create], "Transaction": "Item"}),
                vec![
                    has("Items", list(named("CreateCallback")), "1 to 1,000 creations."),
                    may(
                        "Transaction",
                        nullable(one_of(["Item", "Batch"])),
                        "`Item`, each for itself, unless said; `Batch`: all or none.",
                    ),
                ],
            ),
        ),
        (
            "CallbackBatchResults",
            object(
                "What each item came to.",
                json!({"Results": []}),
                vec![has("Results", list(named("CallbackBatchResult")), "In order.")],
            ),
        ),
        (
            "CallbackBatchResult",
            object(
                "What one item came to.",
                serde_json::Value::Null,
                vec![
                    has("Index", count(), "Its place in the batch, from 0."),
                    has("Status", count(), "The status that it would have alone."),
                    may("Callback", named("Callback"), "The callback, if there is one."),
                    may("Error", named("LucsError"), "Why there is none."),
                    may("ExistingCallbackId", guid(), "The duplicate, for `DuplicateCallback`."),
                ],
            ),
        ),
        (
            "CancelFoundCallbacks",
            object(
                "Which callbacks are to be cancelled, and how many they are.",
                json!({"ExternalTaskId": "campaign-7", "ExpectedCount": 120}),
                cancel,
            ),
        ),
        (
            "ErasureBody",
            object(
                "Whose data is erased.",
                json!({"Target": "tel:+41785556677"}),
                vec![
                    has("Target", text(), "The person's address."),
                    may("KeepSuppression", nullable(flag()), "`true` unless said."),
                ],
            ),
        ),
        (
            "Erasure",
            object(
                "What was erased.",
                serde_json::Value::Null,
                vec![
                    has("Id", guid(), "Under which the ledger has it."),
                    has("Callbacks", count(), "Callbacks that were removed."),
                    has("Suppressions", count(), "Entries of the suppression list that went."),
                    has("Answers", count(), "Remembered answers that were forgotten."),
                ],
            ),
        ),
        (
            "CancelledCallbacks",
            object(
                "What was found and done.",
                json!({"Count": 0, "Ids": [], "Cancelled": 0, "MovedOn": []}),
                vec![
                    has("Count", count(), "How many were found."),
                    has("Ids", list(guid()), "Up to 100 of them."),
                    has("Cancelled", count(), "How many were cancelled."),
                    has("MovedOn", list(guid()), "Those that had moved on before they could be."),
                ],
            ),
        ),
    ]
}
