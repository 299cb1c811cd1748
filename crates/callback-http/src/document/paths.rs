//! Every operation of the API, in the order of the router.

use serde_json::json;
use utoipa::openapi::HttpMethod::{Delete, Get, Patch, Post, Put};
use utoipa::openapi::path::{Paths, PathsBuilder};
use utoipa::openapi::{HttpMethod, PathItem};

use super::operation::{Answer, Operation, empty, json, operation, typed};
use super::schemas::event_name;
use super::security;
use super::shape::{count, either, flag, guid, list, named, one_of, text, within};
use crate::router::routes;

/// Every path with its operations.
pub(super) fn paths() -> Paths {
    let groups = [
        callbacks(),
        super::bulk::operations(),
        moves(),
        services(),
        users(),
        suppressions(),
        super::webhooks::operations(),
        keys(),
        service_itself(),
    ];
    let routes = routes();
    let mut paths = PathsBuilder::new();
    for operation in groups.into_iter().flatten() {
        let operation = security::secured(operation, &routes.needs);
        let item = PathItem::new(operation.method, operation.building);
        paths = paths.path(operation.path, item);
    }
    paths.build()
}

fn callback(status: u16, meaning: &str) -> Answer {
    json(status, meaning, named("Callback")).etag()
}

fn callbacks() -> Vec<Operation> {
    let tag = |id| ("Callbacks", id);
    vec![
        operation(Get, "/v1.0/callbacks", tag("findCallback"), "Find a callback")
            .says("The callback with an id, or else the newest with an external task id.")
            .query("externalTaskId", text(), "The id or the external task id; required.")
            .answers(callback(200, "The callback."))
            .refuses(&[400, 404])
            .reads(),
        operation(Post, "/v1.0/callbacks", tag("createCallback"), "Ask for a callback")
            .query("dryRun", flag(), "Checks only, and answers what would be made.")
            .once()
            .header(
                "Prefer",
                text(),
                "`handling=strict` refuses members that only the server sets.",
            )
            .body(&named("CreateCallback"), true)
            .answers(callback(201, "It was made.").location().preference_applied())
            .answers(
                callback(200, "The existing one under `ReturnExisting`, or a dry run.")
                    .content_location()
                    .preference_applied(),
            )
            .refuses(&[404, 409, 429])
            .writes(),
        operation(Post, "/v1.0/callbacks/search", tag("searchCallbacks"), "Search callbacks")
            .says("`{}` finds all; every member narrows. The answer is streamed.")
            .query("cursor", text(), "From `Link`, with the same body; `Offset` is then ignored.")
            .body(&named("SearchCallbacks"), true)
            .answers(json(200, "What was found.", list(named("Callback"))).total().link())
            .refuses(&[404])
            .reads(),
        operation(Get, "/v1.0/callbacks/{id}", tag("readCallback"), "Read a callback")
            .query("expand", one_of(["position"]), "Adds the place in the queue.")
            .answers(
                json(
                    200,
                    "The callback.",
                    either(named("Callback"), named("CallbackWithPosition")),
                )
                .etag(),
            )
            .refuses(&[400, 404])
            .reads(),
        operation(Patch, "/v1.0/callbacks/{id}", tag("changeCallback"), "Change a callback")
            .says("A JSON merge patch, while it is `Pending` or `InQueue`.")
            .if_match()
            .bodies(
                &["application/merge-patch+json", "application/json"],
                &named("PatchCallback"),
                true,
                Some(&json!({"Priority": "High", "DueDate": "2030-06-25T07:30:00Z"})),
            )
            .answers(callback(200, "The callback after the change."))
            .refuses(&[404, 409])
            .writes(),
        operation(Post, "/v1.0/callbacks/{id}/cancel", tag("cancelCallback"), "Cancel a callback")
            .says("Takes it off the queue or hangs it up; 404 if it is gone already.")
            .if_match()
            .body(&named("CancelCallback"), false)
            .answers(callback(200, "The terminated callback."))
            .refuses(&[404])
            .writes(),
        operation(Get, "/v1.0/callbacks/{id}/attempts", tag("listAttempts"), "List its attempts")
            .answers(json(200, "First to last.", list(named("Attempt"))))
            .refuses(&[404])
            .reads(),
        operation(Get, "/v1.0/callbacks/{id}/history", tag("readHistory"), "Read its history")
            .query("after", count(), "The id of the last line that is known.")
            .query("limit", within(&(1..=1_000)), "At most so many lines.")
            .answers(json(200, "First to last.", list(named("HistoryLine"))).link())
            .refuses(&[400, 404])
            .reads(),
        operation(
            Get,
            "/v1.0/callbacks/{id}/explain",
            tag("explainCallback"),
            "Why is it not being called?",
        )
        .query("agent", guid(), "For this user, instead of whomever would be asked.")
        .answers(json(200, "Every gate, in order.", named("Explanation")))
        .refuses(&[400, 404])
        .reads(),
    ]
}

fn moves() -> Vec<Operation> {
    let task = |path, id, summary| {
        operation(Post, path, ("Moves", id), summary)
            .answers(json(
                200,
                "The task while it stays in the same hands, else the callback.",
                either(named("Task"), named("Callback")),
            ))
            .refuses(&[404, 409])
            .writes()
    };
    let simple = |path, id, summary| task(path, id, summary).body(&named("Move"), true);
    vec![
        simple("/v1.0/callbacks/{id}/accept", "acceptOffer", "Take the offer"),
        simple("/v1.0/callbacks/{id}/decline", "declineOffer", "Decline the offer"),
        simple("/v1.0/callbacks/{id}/dial", "dial", "End the preview and have the call placed"),
        simple("/v1.0/callbacks/{id}/answered", "reportAnswered", "Say that the customer answered"),
        task("/v1.0/callbacks/{id}/outcome", "reportOutcome", "Say how the attempt came out")
            .body(&named("MoveWithOutcome"), true),
        simple("/v1.0/callbacks/{id}/hangup", "hangUp", "End the conversation"),
        simple("/v1.0/callbacks/{id}/heartbeat", "heartbeat", "Extend the lease"),
    ]
}

fn services() -> Vec<Operation> {
    let tag = |id| ("Services", id);
    let one = |status, meaning| json(status, meaning, named("Service")).etag();
    let path = "/v1.0/services/{id}";
    vec![
        operation(Get, "/v1.0/services", tag("listServices"), "List services")
            .answers(json(200, "By name.", list(named("Service"))))
            .reads(),
        operation(Post, "/v1.0/services", tag("createService"), "Make a service")
            .once()
            .body(&named("ServiceBody"), true)
            .answers(one(201, "It was made.").location())
            .refuses(&[409])
            .writes(),
        operation(Get, path, tag("readService"), "Read a service")
            .answers(one(200, "The service."))
            .refuses(&[404])
            .reads(),
        operation(Put, path, tag("replaceService"), "Replace a service")
            .says("What is left out has its default again.")
            .if_match()
            .body(&named("ServiceBody"), true)
            .answers(one(200, "The service after the change."))
            .refuses(&[404, 409])
            .writes(),
        operation(Delete, path, tag("deleteService"), "Remove a service")
            .if_match()
            .answers(empty(204, "It is gone."))
            .refuses(&[404, 409])
            .writes(),
        operation(Get, "/v1.0/services/{id}/queue", tag("readQueue"), "See how its queue stands")
            .answers(json(200, "The figures.", named("QueueInsight")))
            .refuses(&[404])
            .reads(),
    ]
}

fn users() -> Vec<Operation> {
    let tag = |id| ("Users", id);
    let one = |status, meaning| json(status, meaning, named("User")).etag();
    let path = "/v1.0/users/{id}";
    let poke = |path, id, summary| {
        operation(Post, path, tag(id), summary)
            .answers(one(200, "The user after the change."))
            .refuses(&[404])
            .writes()
    };
    let task = |method: HttpMethod, path, id, summary| {
        operation(method, path, tag(id), summary)
            .answers(json(200, "The task.", named("Task")))
            .answers(empty(204, "There is none."))
            .refuses(&[404])
    };
    vec![
        operation(Get, "/v1.0/users", tag("listUsers"), "List users")
            .answers(json(200, "By name.", list(named("User"))))
            .reads(),
        operation(Post, "/v1.0/users", tag("createUser"), "Make a user")
            .once()
            .body(&named("UserBody"), true)
            .answers(one(201, "It was made.").location())
            .refuses(&[404, 409])
            .writes(),
        operation(Get, path, tag("readUser"), "Read a user")
            .answers(one(200, "The user."))
            .refuses(&[404])
            .reads(),
        operation(Put, path, tag("replaceUser"), "Replace a user")
            .if_match()
            .body(&named("UserBody"), true)
            .answers(one(200, "The user after the change."))
            .refuses(&[404, 409])
            .writes(),
        operation(Delete, path, tag("deleteUser"), "Remove a user")
            .if_match()
            .answers(empty(204, "It is gone."))
            .refuses(&[400, 404, 409])
            .writes(),
        operation(Put, "/v1.0/users/{id}/presence", tag("choosePresence"), "Choose a presence")
            .says("Choosing one also clears RONA.")
            .body(&named("PresenceBody"), true)
            .answers(one(200, "The user after the change."))
            .refuses(&[404])
            .writes(),
        poke("/v1.0/users/{id}/rona/reset", "resetRona", "Clear RONA"),
        poke(
            "/v1.0/users/{id}/aftercallwork/end",
            "endAfterCallWork",
            "End the work after a call early",
        ),
        task(Get, "/v1.0/users/{id}/task", "readTask", "Read the task in the user's hands").reads(),
        task(Post, "/v1.0/users/{id}/next", "takeNextTask", "Take the next task, accepted")
            .writes(),
    ]
}

fn suppressions() -> Vec<Operation> {
    let tag = |id| ("Suppressions", id);
    vec![
        operation(Get, "/v1.0/suppressions", tag("listSuppressions"), "List suppressions")
            .query("target", text(), "Only those of this target.")
            .query("after", count(), "From `Link`.")
            .query("limit", within(&(1..=1_000)), "At most so many entries; 100 by default.")
            .answers(json(200, "In order of entry.", list(named("Suppression"))).link())
            .refuses(&[400])
            .reads(),
        operation(Post, "/v1.0/suppressions", tag("createSuppression"), "Suppress a target")
            .once()
            .body(&named("SuppressionBody"), true)
            .answers(json(201, "It is on the list.", named("Suppression")))
            .refuses(&[404, 409])
            .writes(),
        operation(
            Post,
            "/v1.0/suppressions/import",
            tag("importSuppressions"),
            "Suppress up to 10,000 targets, all or none",
        )
        .once()
        .body(&list(named("SuppressionBody")), true)
        .answers(json(201, "They are on the list.", named("ImportedSuppressions")))
        .refuses(&[409])
        .writes(),
        operation(
            Delete,
            "/v1.0/suppressions/{id}",
            tag("deleteSuppression"),
            "Take an entry off the list",
        )
        .answers(empty(204, "It is gone."))
        .refuses(&[404])
        .writes(),
    ]
}

fn keys() -> Vec<Operation> {
    let tag = |id| ("Keys", id);
    let path = "/v1.0/keys/{id}";
    vec![
        operation(Get, "/v1.0/keys", tag("listKeys"), "List access keys")
            .says("Every key that was ever made, first to last, also those that are revoked.")
            .answers(json(200, "First to last.", list(named("Key"))))
            .reads(),
        operation(Post, "/v1.0/keys", tag("createKey"), "Make an access key")
            .says(
                "The first is made with `callback keys bootstrap`, where the database is. \
                 A repetition under the same idempotency key is 409 `SecretShown`.",
            )
            .once()
            .body(&named("KeyBody"), true)
            .answers(json(201, "It was made, and is shown once.", named("NewKey")).location())
            .refuses(&[404, 409])
            .writes(),
        operation(Get, path, tag("readKey"), "Read an access key")
            .answers(json(200, "The key.", named("Key")))
            .refuses(&[404])
            .reads(),
        operation(Delete, path, tag("revokeKey"), "Revoke an access key")
            .says("At once in this process, within 2 seconds on other nodes; it stays listed.")
            .answers(empty(204, "It opens nothing any more."))
            .refuses(&[404])
            .writes(),
    ]
}

/// What is about the program rather than about callbacks, and the events of both.
fn service_itself() -> Vec<Operation> {
    let tag = |id| ("Operation", id);
    vec![
        operation(Get, "/v1.0/events", ("Events", "followEvents"), "Follow the ledger")
            .says(
                "Server-sent events, from now on unless said otherwise: each with an opaque `id`, \
                 the happening as its `event`, and an Event as its `data`.",
            )
            .header("Last-Event-ID", text(), "Goes on after this event; before all parameters.")
            .query("lastEventId", text(), "The same, for clients that cannot send the header.")
            .query("from", one_of(["start"]), "Begins with the oldest line that is kept.")
            .query("service", list(guid()), "Only what concerns these services.")
            .query(
                "kind",
                list(one_of(["callback", "service", "user", "webhook", "key"])),
                "Only what is about these.",
            )
            .query("event", list(event_name()), "Only these happenings.")
            .answers(typed(200, "A stream without an end.", "text/event-stream", named("Event")))
            .refuses(&[400])
            .reads(),
        operation(Get, "/healthz", tag("isAlive"), "Does the process serve?")
            .answers(empty(200, "It does.")),
        operation(Get, "/readyz", tag("isReady"), "Does the storage take writes?")
            .answers(empty(200, "It does."))
            .refuses(&[503]),
        operation(Get, "/metrics", tag("readMetrics"), "Read the figures for Prometheus")
            .answers(typed(200, "OpenMetrics text.", "application/openmetrics-text", text())),
        operation(Get, "/openapi.json", tag("readDocument"), "Read this document").answers(json(
            200,
            "OpenAPI 3.1.",
            super::shape::facts(),
        )),
        operation(Get, "/docs", tag("showDocument"), "Show this document").answers(typed(
            200,
            "A page.",
            "text/html",
            text(),
        )),
        operation(Get, "/docs/style.css", tag("showStyle"), "How that page looks").answers(typed(
            200,
            "A style sheet.",
            "text/css",
            text(),
        )),
    ]
}
