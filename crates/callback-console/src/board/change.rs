//! What may be done with a callback that is there: cancelled, put off, made more urgent.

use axum::extract::Path;
use axum::http::Method;
use axum::response::Response;
use callback_http::Permission;
use maud::{Markup, html};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::names::priorities;
use super::view::View;
use crate::failure::Failure;
use crate::form::{Filled, Form, Look, Member, token};
use crate::guard::see_other;
use crate::routes::Routes;
use crate::show::text;
use crate::texts;
use crate::visit::Visit;

/// Characters of an instant down to its minute.
const TO_THE_MINUTE: usize = 16;
const EDITED: [Member; 4] = [
    Member::text("DueDate"),
    Member::text("Priority"),
    Member::number("MaxRetries"),
    Member::text("Description"),
];

pub(super) fn routes(routes: Routes) -> Routes {
    routes.post("/console/board/{id}/cancel", Permission::UseCallbacks, cancel).post(
        "/console/board/{id}/edit",
        Permission::UseCallbacks,
        edit,
    )
}

/// A form of the open callback that the API refused.
#[derive(Debug)]
pub(super) struct Refused {
    filled: Filled,
    failure: Failure,
    /// Whether it was the form that changes members.
    is_edit: bool,
}

async fn cancel(visit: Visit, Path(id): Path<Uuid>, filled: Filled) -> Result<Response, Failure> {
    let reason = filled.some("Reason").unwrap_or("Cancelled");
    let path = format!("/v1.0/callbacks/{id}/cancel");
    let done = visit.send(Method::POST, &path, json!({"Reason": reason})).await;
    answered(&visit, id, filled, done.err(), false).await
}

async fn edit(visit: Visit, Path(id): Path<Uuid>, filled: Filled) -> Result<Response, Failure> {
    let path = format!("/v1.0/callbacks/{id}");
    let patch = patch(&filled);
    let version = filled.some("version");
    let done = if patch.is_empty() {
        Ok(())
    } else {
        visit.send_if(Method::PATCH, &path, Some(Value::Object(patch)), version).await.map(|_| ())
    };
    answered(&visit, id, filled, done.err(), true).await
}

/// What differs from what was shown; the rest is not touched, so that a new priority keeps the place.
fn patch(filled: &Filled) -> Map<String, Value> {
    let mut patch = Map::new();
    let Value::Object(body) = filled.body(&EDITED) else { return patch };
    for member in EDITED {
        let before = filled.text(&format!("was-{}", member.name)).unwrap_or_default();
        let after = filled.text(member.name).unwrap_or_default();
        let is_same = if member.name == "DueDate" {
            to_the_minute(before) == to_the_minute(after)
        } else {
            before == after
        };
        if filled.text(member.name).is_some() && !is_same {
            let value = body.get(member.name).cloned().unwrap_or(Value::Null);
            patch.insert(member.name.to_owned(), value);
        }
    }
    patch
}

fn to_the_minute(instant: &str) -> &str {
    instant.get(..TO_THE_MINUTE).unwrap_or(instant)
}

async fn answered(
    visit: &Visit,
    id: Uuid,
    filled: Filled,
    failure: Option<Failure>,
    is_edit: bool,
) -> Result<Response, Failure> {
    let query = filled.text("view").unwrap_or_default();
    let view = View::read(query).opening(Some(&id.to_string()));
    match failure {
        None => Ok(see_other(&view.address())),
        Some(failure) if failure.is_of_form() || failure.code == "CallbackNotFound" => {
            let status = failure.status;
            let refused = Refused { filled, failure, is_edit };
            let mut page = super::shown(visit, &view, Some(&refused)).await?;
            *page.status_mut() = status;
            Ok(page)
        }
        Some(failure) => Err(failure),
    }
}

/// The forms for a callback as it stands; nothing for one that is over.
pub(super) fn forms(
    visit: &Visit,
    view: &View,
    callback: &Value,
    refused: Option<&Refused>,
) -> Markup {
    let phase = text(callback, "Phase");
    let id = text(callback, "Id");
    html! {
        @if let Some(refused) = refused {
            (Form { filled: &refused.filled, failure: Some(&refused.failure) }
                .summary(&EDITED.map(|member| member.name)))
        }
        @if phase != "Terminated" {
            form.buttons method="post" action=(format!("/console/board/{id}/cancel")) {
                (token(visit)) (here(view))
                button.danger type="submit" name="Reason" value="Cancelled"
                    data-confirm=(texts::CANCEL_SURE) { (texts::CANCEL) }
                button type="submit" name="Reason" value="FulfilledElsewhere" {
                    (texts::FULFILLED_ELSEWHERE)
                }
            }
        }
        @if matches!(phase, "Pending" | "InQueue") {
            (edit_form(visit, view, callback, refused.filter(|refused| refused.is_edit)))
        }
    }
}

fn here(view: &View) -> Markup {
    let address = view.address();
    let query = address.split_once('?').map(|(_, query)| query).unwrap_or_default();
    html! { input type="hidden" name="view" value=(query); }
}

fn edit_form(visit: &Visit, view: &View, callback: &Value, refused: Option<&Refused>) -> Markup {
    let retries = callback["MaxRetries"].as_u64().unwrap_or(0).to_string();
    let due = to_the_minute(text(callback, "DueDate"));
    let stands = Filled::of([
        ("DueDate", due.to_owned()),
        ("Priority", text(callback, "Priority").to_owned()),
        ("MaxRetries", retries),
        ("Description", text(callback, "Description").to_owned()),
    ]);
    let filled = refused.map_or(&stands, |refused| &refused.filled);
    let form = Form { filled, failure: refused.map(|refused| &refused.failure) };
    let action = format!("/console/board/{}/edit", text(callback, "Id"));
    html! {
        details.edit open[refused.is_some()] {
            summary { (texts::CHANGE) }
            form method="post" action=(action) {
                (token(visit)) (here(view))
                input type="hidden" name="version" value=(callback["Version"].as_u64().unwrap_or(0));
                @for member in EDITED {
                    input type="hidden" name=(format!("was-{}", member.name))
                        value=(stands.text(member.name).unwrap_or_default());
                }
                div.fields {
                    (form.input("DueDate", texts::DUE, Look {
                        kind: Some("datetime-local"), hint: Some(texts::IN_UTC), ..Look::default()
                    }))
                    (form.select("Priority", texts::PRIORITY, Look::default(), &priorities()))
                    (form.input("MaxRetries", texts::MAX_RETRIES, Look {
                        kind: Some("number"), ..Look::default()
                    }))
                    (form.input("Description", texts::DESCRIPTION, Look::default()))
                }
                button.primary type="submit" { (texts::SAVE) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_sent() {
        let filled = Filled::read(
            &"was-DueDate=2026-01-05T10:00&DueDate=2026-01-05T10:00:00.000Z&was-Priority=Normal\
              &Priority=High&was-Description=old&Description=&was-MaxRetries=3&MaxRetries=3"
                .into(),
        );
        let expected = json!({"Priority": "High", "Description": null});
        assert_eq!(Value::Object(patch(&filled)), expected);
    }
}
