//! Access keys: made and shown once, listed, revoked.

use axum::extract::{Path, Query as Asked};
use axum::http::Method;
use axum::response::Response;
use callback_domain::dto::Role;
use callback_http::Permission;
use maud::{Markup, html};
use serde_json::Value;

use super::{Done, id_and_name, names_of, page, services_to_choose};
use crate::failure::Failure;
use crate::form::{Filled, Form, Look, Member, token};
use crate::guard::see_other;
use crate::layout::role_name;
use crate::routes::Routes;
use crate::show::{badge, encoded, instant, items, text};
use crate::texts::setup as texts;
use crate::visit::Visit;

pub(super) const PATH: &str = "/console/setup/keys";
const API: &str = "/v1.0/keys";
const EXPIRES: &str = "ExpiresInSeconds";
const SERVICES: &str = "Services";
const SECONDS_OF_DAY: i64 = 86_400;

const MEMBERS: [Member; 3] = [Member::text("Name"), Member::text("Role"), Member::text("UserId")];

pub(super) fn routes(routes: Routes) -> Routes {
    let needs = Permission::Administer;
    routes.get(PATH, needs, list).post(PATH, needs, create).post(
        "/console/setup/keys/{id}/revoke",
        needs,
        revoke,
    )
}

async fn list(visit: Visit, Asked(done): Asked<Done>) -> Result<Response, Failure> {
    let filled = Filled::of([("Role", Role::Supervisor.name().to_owned())]);
    show(&visit, &done.notice(), &filled, None).await
}

async fn create(visit: Visit, filled: Filled) -> Result<Response, Failure> {
    match visit.send(Method::POST, API, body(&filled)).await {
        Ok(made) => {
            let fresh = Filled::of([("Role", Role::Supervisor.name().to_owned())]);
            show(&visit, &secret(texts::THE_KEY, text(&made.body, "Key")), &fresh, None).await
        }
        Err(failure) if failure.is_of_form() || failure.code == "Forbidden" => {
            show(&visit, &html! {}, &filled, Some(&failure)).await
        }
        Err(failure) => Err(failure),
    }
}

async fn revoke(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let path = format!("{API}/{}", encoded(&id));
    match visit.send_if(Method::DELETE, &path, None, None).await {
        Ok(_) => Ok(see_other(&format!("{PATH}?done=saved"))),
        Err(failure) if failure.is_of_form() => {
            let filled = Filled::of([("Role", Role::Supervisor.name().to_owned())]);
            show(&visit, &html! {}, &filled, Some(&failure)).await
        }
        Err(failure) => Err(failure),
    }
}

fn body(filled: &Filled) -> Value {
    let mut body = filled.body(&MEMBERS);
    let services: Vec<Value> = filled.all(SERVICES).map(Value::from).collect();
    if !services.is_empty() {
        body[SERVICES] = services.into();
    }
    if let Some(days) = filled.some(EXPIRES) {
        let seconds =
            days.trim().parse::<i64>().ok().and_then(|days| days.checked_mul(SECONDS_OF_DAY));
        body[EXPIRES] = seconds.map_or_else(|| Value::from(days), Value::from);
    }
    body
}

/// Something that is shown once, ready to be copied.
pub(super) fn secret(what: &str, secret: &str) -> Markup {
    html! {
        div.notice.good.secret role="status" tabindex="-1" data-focus {
            label for="secret" { (what) }
            input #secret .mono type="text" readonly value=(secret) autocomplete="off" spellcheck="false";
            p { (texts::COPY_NOW) }
        }
    }
}

async fn show(
    visit: &Visit,
    notice: &Markup,
    filled: &Filled,
    failure: Option<&Failure>,
) -> Result<Response, Failure> {
    let keys = visit.get(API).await?;
    let services = services_to_choose(visit).await?;
    let users = visit.get("/v1.0/users").await?;
    let users: Vec<(String, String)> = items(&users).iter().map(id_and_name).collect();
    let content = html! {
        (notice)
        div.head { h1 { (texts::KEYS) } }
        (table(visit, items(&keys), &users, &services))
        (form(visit, &Form { filled, failure }, &users, &services))
    };
    Ok(page(visit, PATH, texts::KEYS, &content))
}

fn table(
    visit: &Visit,
    keys: &[Value],
    users: &[(String, String)],
    services: &[(String, String)],
) -> Markup {
    html! {
        section.panel.flush {
            @if keys.is_empty() { p.empty { (texts::NO_KEYS) " " (texts::FIRST_KEY) } } @else {
                div.table-scroll {
                    table.cards {
                        thead { tr {
                            th scope="col" { (texts::NAME) }
                            th scope="col" { (texts::ROLE) }
                            th scope="col" { (texts::SERVICES) }
                            th scope="col" { (texts::STANDING) }
                            th scope="col" { (texts::CREATED) }
                            th scope="col" { (texts::EXPIRES_AT) }
                            th scope="col" { (texts::LAST_USED) }
                            th scope="col" { (texts::ACTIONS) }
                        } }
                        tbody { @for key in keys { (row(visit, key, users, services)) } }
                    }
                }
            }
        }
    }
}

fn row(
    visit: &Visit,
    key: &Value,
    users: &[(String, String)],
    services: &[(String, String)],
) -> Markup {
    let (id, name, standing) = (text(key, "Id"), text(key, "Name"), text(key, "Standing"));
    let role = Role::ALL.into_iter().find(|role| role.name() == text(key, "Role"));
    let user = users.iter().find(|(id, _)| id == text(key, "UserId"));
    html! {
        tr data-key=(id) {
            th scope="row" .whole { (name) }
            td data-label=(texts::ROLE) {
                @if let Some(role) = role { (role_name(role)) }
                @if let Some((_, user)) = user { " · " (user) }
            }
            td data-label=(texts::SERVICES) {
                @if key["Services"].is_null() { (texts::ALL) } @else { (names_of(&key["Services"], services)) }
            }
            td data-label=(texts::STANDING) { (badge(standing)) }
            td data-label=(texts::CREATED) { (instant(text(key, "CreatedAt"))) }
            td data-label=(texts::EXPIRES_AT) { (instant(text(key, "ExpiresAt"))) }
            td data-label=(texts::LAST_USED) { (instant(text(key, "LastUsedAt"))) }
            td.whole {
                @if standing != "Revoked" {
                    form method="post" action=(format!("{PATH}/{id}/revoke")) data-confirm=(texts::sure_to_revoke(name)) {
                        (token(visit))
                        button.danger type="submit" aria-label=(format!("{} {name}", texts::REVOKE)) { (texts::REVOKE) }
                    }
                }
            }
        }
    }
}

fn form(
    visit: &Visit,
    form: &Form<'_>,
    users: &[(String, String)],
    services: &[(String, String)],
) -> Markup {
    let roles: Vec<(String, String)> = Role::ALL
        .iter()
        .map(|role| (role.name().to_owned(), role_name(*role).to_owned()))
        .collect();
    let mut users = users.to_vec();
    users.insert(0, (String::new(), texts::NO_USER.to_owned()));
    let needed = Look { required: true, ..Look::default() };
    let role = Look { hint: Some(texts::ROLE_HINT), ..needed };
    let days = Look { hint: Some(texts::EXPIRES_HINT), kind: Some("number"), ..Look::default() };
    let limited = Look { hint: Some(texts::SERVICES_HINT), ..Look::default() };
    html! {
        form.panel.narrow method="post" action=(PATH) novalidate {
            h2 { (texts::NEW_KEY) }
            (token(visit))
            (form.summary(&["Name", "Role", "UserId", EXPIRES, SERVICES]))
            div.fields {
                (form.input("Name", texts::NAME, needed))
                (form.select("Role", texts::ROLE, role, &roles))
                (form.select("UserId", texts::USER, Look::default(), &users))
                (form.input(EXPIRES, texts::EXPIRES, days))
            }
            @if !services.is_empty() { (form.ticks(SERVICES, texts::SERVICES, limited, services)) }
            div.buttons.form-end { button.primary type="submit" { (texts::CREATE_KEY) } }
        }
    }
}
