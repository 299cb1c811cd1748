//! Access keys.

use callback_domain::defaults;
use callback_domain::dto::Role;
use serde_json::{Value, json};

use crate::document::shape::{
    Member, Shape, date, guid, has, list, may, nullable, object, one_of, text, text_up_to, within,
};

pub(super) fn schemas() -> Vec<(&'static str, Shape)> {
    let mut made = stored();
    made.push(has("Key", text(), "The key itself, shown in this answer and never again."));
    vec![
        ("Key", object("An access key, without what it opens by.", Value::Null, stored())),
        ("NewKey", object("An access key that was just made.", Value::Null, made)),
        ("KeyBody", body()),
    ]
}

fn role() -> Shape {
    one_of(Role::ALL.map(Role::name))
}

fn stored() -> Vec<Member> {
    vec![
        has("Id", guid(), "Its identity."),
        has("Name", text(), "What people call it; the ledger shows it."),
        has("Role", role(), "What its holder is."),
        has("UserId", nullable(guid()), "The user whose tasks an agent's key is for."),
        has("Services", nullable(list(guid())), "The only services it is for; null is all."),
        has("Standing", one_of(["Active", "Expired", "Revoked"]), "Whether it opens anything."),
        has("CreatedAt", date(), "When it was made."),
        has("CreatedBy", text(), "Who made it."),
        has("ExpiresAt", nullable(date()), "When its time is over; null is never."),
        has("RevokedAt", nullable(date()), "When it was revoked."),
        has("LastUsedAt", nullable(date()), "When it was last used, give or take a minute."),
    ]
}

fn body() -> Shape {
    object(
        "An access key to be made.",
        json!({"Name": "web shop", "Role": "Integrator", "ExpiresInSeconds": 7_776_000}),
        vec![
            has("Name", text_up_to(defaults::TEXT_CHARACTERS), "What people call it."),
            has("Role", role(), "What its holder is."),
            may("UserId", nullable(guid()), "The user; required for an agent, and for no other."),
            may(
                "Services",
                nullable(list(guid())),
                "Only for these services; for integrators and supervisors.",
            ),
            may(
                "ExpiresInSeconds",
                nullable(within(&(1..=315_360_000))),
                "For how long it is good; until it is revoked unless said.",
            ),
        ],
    )
}
