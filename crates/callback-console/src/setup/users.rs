//! Users: listed, made, changed, deleted.

use axum::extract::{Path, Query as Asked};
use axum::http::Method;
use axum::response::Response;
use callback_http::Permission;
use maud::{Markup, html};
use serde_json::Value;

use super::{Done, choices, list_head, names_of, page, removal, save_or_leave, services_to_choose};
use crate::failure::Failure;
use crate::form::{Filled, Form, Look, Member, token};
use crate::guard::see_other;
use crate::routes::Routes;
use crate::show::{badge, encoded, items, text};
use crate::texts::setup as texts;
use crate::visit::Visit;

pub(super) const PATH: &str = "/console/setup/users";
const API: &str = "/v1.0/users";

const MEMBERS: [Member; 5] = [
    Member::text("Name"),
    Member::text("SipUri"),
    Member::list("Services"),
    Member::flag("Selectable"),
    Member::text("Distribution"),
];
const VERSION: &str = "version";

pub(super) fn routes(routes: Routes) -> Routes {
    let needs = Permission::Administer;
    routes
        .get(PATH, needs, list)
        .get("/console/setup/users/new", needs, show_new)
        .post("/console/setup/users/new", needs, create)
        .get("/console/setup/users/{id}", needs, show)
        .post("/console/setup/users/{id}", needs, replace)
        .post("/console/setup/users/{id}/delete", needs, delete)
}

async fn list(visit: Visit, Asked(done): Asked<Done>) -> Result<Response, Failure> {
    let users = visit.get(API).await?;
    let users = items(&users);
    let services = services_to_choose(&visit).await?;
    let content = html! {
        (done.notice())
        (list_head(texts::USERS, texts::NEW_USER, "/console/setup/users/new"))
        section.panel.flush {
            @if users.is_empty() { p.empty { (texts::NO_USERS) } } @else {
                div.table-scroll {
                    table.cards {
                        thead { tr {
                            th scope="col" { (texts::NAME) }
                            th scope="col" { (texts::SIP_URI) }
                            th scope="col" { (texts::WORKS_FOR) }
                            th scope="col" { (texts::DISTRIBUTION) }
                            th scope="col" { (texts::PRESENCE) }
                        } }
                        tbody { @for user in users { (row(user, &services)) } }
                    }
                }
            }
        }
    };
    Ok(page(&visit, PATH, texts::USERS, &content))
}

fn row(user: &Value, services: &[(String, String)]) -> Markup {
    html! {
        tr data-key=(text(user, "Id")) {
            th scope="row" .whole { a href=(format!("{PATH}/{}", text(user, "Id"))) { (text(user, "Name")) } }
            td.whole data-label=(texts::SIP_URI) { (text(user, "SipUri")) }
            td.whole data-label=(texts::WORKS_FOR) { (names_of(&user["Services"], services)) }
            td data-label=(texts::DISTRIBUTION) { (text(user, "Distribution")) }
            td data-label=(texts::PRESENCE) { (badge(text(user, "Presence"))) }
        }
    }
}

async fn show_new(visit: Visit) -> Result<Response, Failure> {
    let filled =
        Filled::of([("Selectable", "true".to_owned()), ("Distribution", "Push".to_owned())]);
    form(&visit, None, &filled, None).await
}

async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let user = visit.get(&api(&id)).await?;
    form(&visit, Some((&id, text(&user, "Name"))), &filled_of(&user), None).await
}

async fn create(visit: Visit, filled: Filled) -> Result<Response, Failure> {
    let sent = visit.send(Method::POST, API, filled.body(&MEMBERS)).await;
    match sent {
        Ok(_) => Ok(see_other(&format!("{PATH}?done=saved"))),
        Err(failure) if failure.is_of_form() => form(&visit, None, &filled, Some(&failure)).await,
        Err(failure) => Err(failure),
    }
}

async fn replace(
    visit: Visit,
    Path(id): Path<String>,
    filled: Filled,
) -> Result<Response, Failure> {
    let (body, version) = (filled.body(&MEMBERS), filled.some(VERSION));
    match visit.send_if(Method::PUT, &api(&id), Some(body), version).await {
        Ok(_) => Ok(see_other(&format!("{PATH}?done=saved"))),
        Err(failure) if failure.is_of_form() => {
            let user = visit.get(&api(&id)).await?;
            form(&visit, Some((&id, text(&user, "Name"))), &filled, Some(&failure)).await
        }
        Err(failure) => Err(failure),
    }
}

async fn delete(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    match visit.send_if(Method::DELETE, &api(&id), None, None).await {
        Ok(_) => Ok(see_other(&format!("{PATH}?done=deleted"))),
        Err(failure) if failure.is_of_form() => {
            let user = visit.get(&api(&id)).await?;
            let known = Some((id.as_str(), text(&user, "Name")));
            form(&visit, known, &filled_of(&user), Some(&failure)).await
        }
        Err(failure) => Err(failure),
    }
}

fn api(id: &str) -> String {
    format!("{API}/{}", encoded(id))
}

fn filled_of(user: &Value) -> Filled {
    let mut filled = Filled::of_answer(&MEMBERS, user);
    filled.add(VERSION, user["Version"].to_string());
    filled
}

async fn form(
    visit: &Visit,
    known: Option<(&str, &str)>,
    filled: &Filled,
    failure: Option<&Failure>,
) -> Result<Response, Failure> {
    let services = services_to_choose(visit).await?;
    let form = Form { filled, failure };
    let title = known.map_or(texts::NEW_USER, |(_, name)| name);
    let action = known.map_or_else(|| format!("{PATH}/new"), |(id, _)| format!("{PATH}/{id}"));
    let shown: Vec<&str> = MEMBERS.iter().map(|member| member.name).collect();
    let needed = Look { required: true, ..Look::default() };
    let sip = Look { example: Some(texts::SIP_EXAMPLE), ..needed };
    let content = html! {
        div.head {
            h1 { (title) }
            @if let Some((id, name)) = known {
                div.actions { (removal(visit, &format!("{PATH}/{id}"), name)) }
            }
        }
        form.panel.narrow method="post" action=(action) novalidate {
            (token(visit))
            @if let Some(version) = filled.text(VERSION) {
                input type="hidden" name=(VERSION) value=(version);
            }
            (form.summary(&shown))
            div.fields {
                (form.input("Name", texts::NAME, needed))
                (form.input("SipUri", texts::SIP_URI, sip))
                (form.select("Distribution", texts::DISTRIBUTION, Look::default(), &choices(&texts::DISTRIBUTIONS)))
            }
            (form.tick("Selectable", texts::SELECTABLE, Look::default()))
            (form.ticks("Services", texts::WORKS_FOR, Look::default(), &services))
            (save_or_leave(PATH))
        }
    };
    Ok(page(visit, PATH, title, &content))
}
