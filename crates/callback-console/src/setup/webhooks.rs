//! Webhooks: listed, made, changed, tried, deleted.

use axum::extract::{Path, Query as Asked};
use axum::http::Method;
use axum::response::Response;
use callback_http::Permission;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::keys::secret;
use super::{Done, deliveries, list_head, page, removal, save_or_leave, services_to_choose};
use crate::failure::Failure;
use crate::form::{Filled, Form, Look, Member, token};
use crate::guard::see_other;
use crate::routes::Routes;
use crate::show::{badge, encoded, items, text, text_or_dash};
use crate::texts::setup as texts;
use crate::visit::Visit;

pub(super) const PATH: &str = "/console/setup/webhooks";
const API: &str = "/v1.0/webhooks";
const SERVICES: &str = "Services";
const SINCE: &str = "Since";

const MEMBERS: [Member; 4] = [
    Member::text("Url"),
    Member::lines("Events"),
    Member::text("Description"),
    Member::flag("Enabled"),
];
const VERSION: &str = "version";

pub(super) fn routes(routes: Routes) -> Routes {
    let needs = Permission::Administer;
    routes
        .get(PATH, needs, list)
        .get("/console/setup/webhooks/new", needs, show_new)
        .post("/console/setup/webhooks/new", needs, create)
        .get("/console/setup/webhooks/{id}", needs, show)
        .post("/console/setup/webhooks/{id}", needs, replace)
        .post("/console/setup/webhooks/{id}/delete", needs, delete)
        .post("/console/setup/webhooks/{id}/rotate", needs, rotate)
        .post("/console/setup/webhooks/{id}/test", needs, test)
        .post("/console/setup/webhooks/{id}/replay", needs, replay)
}

async fn list(visit: Visit, Asked(done): Asked<Done>) -> Result<Response, Failure> {
    let webhooks = visit.get(API).await?;
    let webhooks = items(&webhooks);
    let content = html! {
        (done.notice())
        (list_head(texts::WEBHOOKS, texts::NEW_WEBHOOK, "/console/setup/webhooks/new"))
        section.panel.flush {
            @if webhooks.is_empty() { p.empty { (texts::NO_WEBHOOKS) } } @else {
                div.table-scroll {
                    table.cards {
                        thead { tr {
                            th scope="col" { (texts::URL) }
                            th scope="col" { (texts::DESCRIPTION) }
                            th scope="col" { (texts::EVENTS) }
                            th scope="col" { (texts::STATE) }
                        } }
                        tbody { @for webhook in webhooks { (row(webhook)) } }
                    }
                }
            }
        }
    };
    Ok(page(&visit, PATH, texts::WEBHOOKS, &content))
}

fn row(webhook: &Value) -> Markup {
    let events: Vec<&str> = items(&webhook["Events"]).iter().filter_map(Value::as_str).collect();
    html! {
        tr data-key=(text(webhook, "Id")) {
            th scope="row" .whole { a href=(format!("{PATH}/{}", text(webhook, "Id"))) { (text(webhook, "Url")) } }
            td.whole data-label=(texts::DESCRIPTION) { (text_or_dash(webhook, "Description")) }
            td data-label=(texts::EVENTS) {
                @if webhook["Events"].is_null() { (texts::ALL) } @else { (events.join(", ")) }
            }
            td data-label=(texts::STATE) { (badge(standing(webhook))) }
        }
    }
}

fn standing(webhook: &Value) -> &'static str {
    if webhook["Enabled"] != true {
        texts::DISABLED
    } else if webhook["FailingSince"].is_null() {
        texts::ACTIVE
    } else {
        texts::FAILING
    }
}

async fn show_new(visit: Visit) -> Result<Response, Failure> {
    let filled = Filled::of([("Enabled", "true".to_owned())]);
    form(&visit, None, &filled, None, &html! {}).await
}

async fn create(visit: Visit, filled: Filled) -> Result<Response, Failure> {
    match visit.send(Method::POST, API, body(&filled)).await {
        Ok(made) => shown_once(&visit, &made.body).await,
        Err(failure) if failure.is_of_form() => {
            form(&visit, None, &filled, Some(&failure), &html! {}).await
        }
        Err(failure) => Err(failure),
    }
}

/// The page of a webhook, with its secret.
async fn shown_once(visit: &Visit, webhook: &Value) -> Result<Response, Failure> {
    let notice = secret(texts::THE_SECRET, text(webhook, "Secret"));
    form(visit, Some(webhook), &filled_of(webhook), None, &notice).await
}

async fn show(
    visit: Visit,
    Path(id): Path<String>,
    Asked(done): Asked<Done>,
) -> Result<Response, Failure> {
    let webhook = visit.get(&api(&id)).await?;
    form(&visit, Some(&webhook), &filled_of(&webhook), None, &done.notice()).await
}

async fn replace(
    visit: Visit,
    Path(id): Path<String>,
    filled: Filled,
) -> Result<Response, Failure> {
    let sent =
        visit.send_if(Method::PUT, &api(&id), Some(body(&filled)), filled.some(VERSION)).await;
    match sent {
        Ok(_) => Ok(see_other(&format!("{PATH}?done=saved"))),
        Err(failure) => refused(&visit, &id, Some(&filled), failure).await,
    }
}

async fn delete(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    match visit.send_if(Method::DELETE, &api(&id), None, None).await {
        Ok(_) => Ok(see_other(&format!("{PATH}?done=deleted"))),
        Err(failure) => refused(&visit, &id, None, failure).await,
    }
}

async fn rotate(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    match visit.send(Method::POST, &format!("{}/secret/rotate", api(&id)), json!({})).await {
        Ok(made) => shown_once(&visit, &made.body).await,
        Err(failure) => refused(&visit, &id, None, failure).await,
    }
}

async fn test(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    match visit.send(Method::POST, &format!("{}/test", api(&id)), json!({})).await {
        Ok(_) => Ok(see_other(&format!("{PATH}/{}?done=trial", encoded(&id)))),
        Err(failure) => refused(&visit, &id, None, failure).await,
    }
}

async fn replay(visit: Visit, Path(id): Path<String>, filled: Filled) -> Result<Response, Failure> {
    let body = json!({SINCE: filled.text(SINCE).unwrap_or_default()});
    match visit.send(Method::POST, &format!("{}/replay", api(&id)), body).await {
        Ok(_) => Ok(see_other(&format!("{PATH}/{}?done=replayed", encoded(&id)))),
        Err(failure) => refused(&visit, &id, None, failure).await,
    }
}

/// The page of a webhook with what was refused; `filled` is what was to be saved.
async fn refused(
    visit: &Visit,
    id: &str,
    filled: Option<&Filled>,
    failure: Failure,
) -> Result<Response, Failure> {
    if !failure.is_of_form() {
        return Err(failure);
    }
    let webhook = visit.get(&api(id)).await?;
    let stored = filled_of(&webhook);
    form(visit, Some(&webhook), filled.unwrap_or(&stored), Some(&failure), &html! {}).await
}

fn api(id: &str) -> String {
    format!("{API}/{}", encoded(id))
}

fn filled_of(webhook: &Value) -> Filled {
    let mut filled = Filled::of_answer(&MEMBERS, webhook);
    let services = items(&webhook[SERVICES]).iter().filter_map(Value::as_str);
    services.for_each(|service| filled.add(SERVICES, service));
    filled.add(VERSION, webhook["Version"].to_string());
    filled
}

fn body(filled: &Filled) -> Value {
    let mut body = filled.body(&MEMBERS);
    let services: Vec<Value> = filled.all(SERVICES).map(Value::from).collect();
    if !services.is_empty() {
        body[SERVICES] = services.into();
    }
    body
}

async fn form(
    visit: &Visit,
    webhook: Option<&Value>,
    filled: &Filled,
    failure: Option<&Failure>,
    notice: &Markup,
) -> Result<Response, Failure> {
    let services = services_to_choose(visit).await?;
    let form = Form { filled, failure };
    let address = webhook.map(|webhook| format!("{PATH}/{}", text(webhook, "Id")));
    let url = webhook.map(|webhook| text(webhook, "Url"));
    let title = url.unwrap_or(texts::NEW_WEBHOOK);
    let action = address.clone().unwrap_or_else(|| format!("{PATH}/new"));
    let lately = match webhook {
        Some(webhook) => deliveries::lately(visit, text(webhook, "Id")).await?,
        None => html! {},
    };
    let content = html! {
        (notice)
        div.head {
            h1.long { (title) }
            @if let (Some(webhook), Some(address)) = (webhook, &address) {
                (badge(standing(webhook)))
                div.actions { (removal(visit, address, title)) }
            }
        }
        @if let Some(reason) = webhook.and_then(|webhook| webhook["DisabledReason"].as_str()) {
            p.notice.warn { (reason) }
        }
        form.panel.narrow method="post" action=(action) novalidate {
            (token(visit))
            @if let Some(version) = filled.text(VERSION) {
                input type="hidden" name=(VERSION) value=(version);
            }
            (form.summary(&["Url", "Events", "Description", "Enabled", SERVICES, SINCE]))
            (fields(&form, &services))
            (save_or_leave(PATH))
        }
        @if let Some(address) = &address { (orders(visit, &form, address)) }
        (lately)
    };
    Ok(page(visit, PATH, title, &content))
}

fn fields(form: &Form<'_>, services: &[(String, String)]) -> Markup {
    let url = Look {
        required: true,
        example: Some(texts::URL_EXAMPLE),
        kind: Some("url"),
        ..Look::default()
    };
    let events = Look { hint: Some(texts::EVENTS_HINT), ..Look::default() };
    let limited = Look { hint: Some(texts::SERVICES_HINT), ..Look::default() };
    html! {
        div.fields {
            div.wide { (form.input("Url", texts::URL, url)) }
            div.wide { (form.input("Description", texts::DESCRIPTION, Look::default())) }
            div.wide { (form.area("Events", texts::EVENTS, events)) }
        }
        @if !services.is_empty() { (form.ticks(SERVICES, texts::SERVICES, limited, services)) }
        (form.tick("Enabled", texts::ENABLED, Look::default()))
    }
}

/// What may be done with a webhook besides changing it.
fn orders(visit: &Visit, form: &Form<'_>, address: &str) -> Markup {
    let since =
        Look { hint: Some(texts::REPLAY_HINT), kind: Some("datetime-local"), ..Look::default() };
    html! {
        section.panel.narrow {
            div.buttons {
                form method="post" action=(format!("{address}/test")) {
                    (token(visit))
                    button type="submit" { (texts::TEST) }
                }
                form method="post" action=(format!("{address}/rotate")) data-confirm=(texts::SURE_TO_ROTATE) {
                    (token(visit))
                    button type="submit" { (texts::ROTATE) }
                }
            }
            form.replay method="post" action=(format!("{address}/replay")) {
                (token(visit))
                (form.input(SINCE, texts::REPLAY, since))
                button type="submit" { (texts::REPLAY_BUTTON) }
            }
        }
    }
}
