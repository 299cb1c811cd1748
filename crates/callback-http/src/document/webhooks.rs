//! Webhooks in the document: their operations and their schemas.

use callback_domain::defaults;
use callback_engine::webhook::DeliveryState;
use serde_json::{Value, json};
use utoipa::openapi::HttpMethod::{Delete, Get, Post, Put};

use super::operation::{Operation, empty, json as answer, operation};
use super::schemas::event_name;
use super::shape::{
    Member, Shape, count, date, flag, guid, has, list, may, named, nullable, object, one_of, text,
    text_up_to, uri, within,
};

pub(super) fn operations() -> Vec<Operation> {
    let tag = |id| ("Webhooks", id);
    let one = |status, meaning| answer(status, meaning, named("Webhook")).etag();
    let shown_once = |status, meaning| answer(status, meaning, named("WebhookWithSecret")).etag();
    let path = "/v1.0/webhooks/{id}";
    let resend = "/v1.0/webhooks/{id}/deliveries/{deliveryId}/replay";
    vec![
        operation(Get, "/v1.0/webhooks", tag("listWebhooks"), "List webhooks")
            .answers(answer(200, "In the order in which they were made.", list(named("Webhook"))))
            .reads(),
        operation(Post, "/v1.0/webhooks", tag("createWebhook"), "Subscribe to events")
            .once()
            .says("The secret is answered here and never again.")
            .body(&named("WebhookBody"), true)
            .answers(shown_once(201, "It was made.").location())
            .refuses(&[404, 409])
            .writes(),
        operation(Get, path, tag("readWebhook"), "Read a webhook")
            .answers(one(200, "The webhook."))
            .refuses(&[404])
            .reads(),
        operation(Put, path, tag("replaceWebhook"), "Replace a webhook, or enable it again")
            .says("Enabling one sends what is pending; what happened meanwhile is not sent.")
            .if_match()
            .body(&named("WebhookBody"), true)
            .answers(one(200, "The webhook as it is now."))
            .refuses(&[404])
            .writes(),
        operation(Delete, path, tag("deleteWebhook"), "Remove a webhook and its deliveries")
            .if_match()
            .answers(empty(204, "It is gone."))
            .refuses(&[404])
            .writes(),
        operation(
            Post,
            "/v1.0/webhooks/{id}/secret/rotate",
            tag("rotateWebhookSecret"),
            "Make a new secret",
        )
        .says("Until the overlap is over, a day by default, deliveries are signed with both.")
        .answers(shown_once(200, "The webhook with its new secret."))
        .refuses(&[404])
        .writes(),
        operation(Post, "/v1.0/webhooks/{id}/test", tag("testWebhook"), "Send a `Ping`")
            .says("It is sent once and not repeated.")
            .answers(answer(202, "It is on its way.", named("Delivery")))
            .refuses(&[404, 409])
            .writes(),
        operation(Post, "/v1.0/webhooks/{id}/replay", tag("replayWebhook"), "Send events again")
            .says("Each has the `webhook-id` that it had.")
            .body(&named("WebhookReplay"), true)
            .answers(one(202, "They are being handed out."))
            .refuses(&[404, 409])
            .writes(),
        operation(
            Get,
            "/v1.0/webhooks/{id}/deliveries",
            tag("listWebhookDeliveries"),
            "List deliveries, newest first",
        )
        .query("state", state(), "Only those in this state.")
        .query("before", text(), "From `Link`.")
        .query("limit", within(&(1..=1_000)), "At most so many; 100 by default.")
        .answers(answer(200, "Newest first.", list(named("Delivery"))).link())
        .refuses(&[400, 404])
        .reads(),
        operation(Post, resend, tag("resendWebhookDelivery"), "Send a delivery again")
            .within("deliveryId")
            .answers(answer(202, "It is on its way.", named("Delivery")))
            .refuses(&[404])
            .writes(),
    ]
}

pub(super) fn schemas() -> Vec<(&'static str, Shape)> {
    let with_secret: Vec<Member> = webhook()
        .into_iter()
        .chain([has("Secret", text(), "What requests are signed with, `whsec_…`.")])
        .collect();
    vec![
        ("Webhook", object("A subscription to events.", Value::Null, webhook())),
        (
            "WebhookWithSecret",
            object(
                "A subscription, to whoever has just made its secret.",
                Value::Null,
                with_secret,
            ),
        ),
        ("WebhookBody", object("A subscription as requested.", body_example(), configured(false))),
        (
            "WebhookReplay",
            object(
                "Which events are sent again.",
                json!({"Since": "2026-01-05T10:00:00Z"}),
                vec![has("Since", date(), "Events from this instant on.")],
            ),
        ),
        ("Delivery", object("One event on its way to one webhook.", Value::Null, delivery())),
    ]
}

fn body_example() -> Value {
    json!({
        "Url": "https://crm.example.com/hooks", "Events": ["Created", "AttemptEnded"],
        "Description": "the customer file",
    })
}

/// What is configured; answers have every member, requests need only the first.
fn configured(is_answer: bool) -> Vec<Member> {
    let member = if is_answer { has } else { may };
    vec![
        has("Url", uri(), "Where events are sent; https or http."),
        member("Events", nullable(list(event_name())), "Only these; null is all."),
        member("Services", nullable(list(guid())), "Only what concerns these; null is all."),
        member("Description", nullable(text_up_to(defaults::TEXT_CHARACTERS)), "What it is for."),
        member("Enabled", flag(), "Whether events are sent; true unless said otherwise."),
    ]
}

fn webhook() -> Vec<Member> {
    let mut members = vec![has("Id", guid(), "Its identity.")];
    members.extend(configured(true));
    members.extend([
        has("DisabledReason", nullable(text()), "Why it was disabled, when nobody did it."),
        has("DisabledAt", nullable(date()), "When it was disabled."),
        has("FailingSince", nullable(date()), "The first failure since the last success."),
        has("CreatedAt", date(), "When it was made."),
        has("UpdatedAt", date(), "When it was last changed."),
        has("Version", count(), "Rises with each change."),
    ]);
    members
}

fn delivery() -> Vec<Member> {
    vec![
        has("Id", guid(), "The `webhook-id` under which it is sent."),
        has("Event", text(), "What happened, or `Ping`."),
        has("EventId", nullable(text()), "Which line of the ledger; null for a `Ping`."),
        has("EventAt", date(), "When that was."),
        has("Subject", named("Subject"), "What it is about."),
        has("State", state(), "How far it has come."),
        has("Attempts", count(), "How often it was sent."),
        has("NextAttemptAt", nullable(date()), "When it is sent next, if nothing goes before it."),
        has("LastStatus", nullable(count()), "What the last attempt was answered with."),
        has("LastAnswer", nullable(text()), "The beginning of that answer, or why there was none."),
        has("CreatedAt", date(), "When it was made."),
        has("SettledAt", nullable(date()), "When it was delivered or given up."),
    ]
}

fn state() -> Shape {
    one_of(DeliveryState::ALL.map(DeliveryState::name))
}
