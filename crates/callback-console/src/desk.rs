//! The desk: one agent, and the task in their hands.

mod station;
mod task;
mod moves;

use axum::extract::RawQuery;
use axum::response::Response;
use callback_domain::id::AgentId;
use callback_http::Permission;
use maud::{Markup, html};
use serde_json::Value;

use self::task::Task;
use crate::failure::Failure;
use crate::form::Filled;
use crate::layout;
use crate::routes::{Page, Routes};
use crate::show::{items, text};
use crate::texts;
use crate::visit::Visit;

/// The desk in the navigation.
pub(crate) const PAGE: Page = Page {
    path: PATH,
    title: texts::DESK,
    icon: "M4 14v-2a8 8 0 0 1 16 0v2M4 14h3v5H5a1 1 0 0 1-1-1zM20 14h-3v5h2a1 1 0 0 0 1-1z",
    needs: Permission::MoveTask,
    routes,
};

const PATH: &str = "/console/desk";

fn routes(routes: Routes) -> Routes {
    moves::routes(station::routes(routes.get(PATH, Permission::MoveTask, show)))
}

async fn show(visit: Visit, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let query = query.unwrap_or_default();
    let mut asked = form_urlencoded::parse(query.as_bytes());
    let asked = asked.find(|(name, _)| name == "agent").map(|(_, value)| value.into_owned());
    match whose(&visit, asked.as_deref()) {
        Some(agent) => shown(&visit, agent, None).await,
        None => choose(&visit).await,
    }
}

/// Whose desk it is: that of the user whose key it is, else that of whoever is named.
fn whose(visit: &Visit, asked: Option<&str>) -> Option<AgentId> {
    visit.agent().or_else(|| asked.and_then(|id| id.parse().ok()))
}

/// As [`whose`], for a form.
fn whose_form(visit: &Visit, filled: &Filled) -> Option<AgentId> {
    whose(visit, filled.some("agent"))
}

/// The address of somebody's desk.
fn address(visit: &Visit, agent: AgentId) -> String {
    if visit.agent().is_some() { PATH.to_owned() } else { format!("{PATH}?agent={agent}") }
}

/// The hidden field that says whose desk a form is of.
fn of(agent: AgentId) -> Markup {
    html! { input type="hidden" name="agent" value=(agent); }
}

/// The desk of a user, perhaps with what went wrong on it.
async fn shown(
    visit: &Visit,
    agent: AgentId,
    failure: Option<&Failure>,
) -> Result<Response, Failure> {
    let user = visit.get(&format!("/v1.0/users/{agent}")).await?;
    let services = visit.get("/v1.0/services").await?;
    let now = visit.engine().now().await.map_err(|_| Failure::broken())?;
    let task = Task::read(visit, agent, now).await?;
    let content = html! {
        div.desk data-live="user callback" data-live-hidden data-look-every="15" {
            @if !visit.0.only_content { noscript { meta http-equiv="refresh" content="15"; } }
            div.head { h1 { (texts::DESK_OF) " " (text(&user, "Name")) } }
            @if let Some(failure) = failure {
                div.notice.bad role="alert" tabindex="-1" data-focus {
                    strong { (texts::NOT_DONE) }
                    @for message in failure.rest(&[]) { p { (message) } }
                }
            }
            div.desk-parts {
                @match &task {
                    Some(task) => (task::panel(visit, agent, task, &services, now)),
                    None => (station::idle(visit, agent, &user, now)),
                }
                (station::panel(visit, agent, &user, &services, now))
            }
        }
    };
    Ok(layout::page(visit, texts::DESK, &content))
}

/// Whoever is no agent says whose desk it is.
async fn choose(visit: &Visit) -> Result<Response, Failure> {
    let users = visit.get("/v1.0/users").await?;
    let users: &[Value] = items(&users);
    let content = html! {
        div.head { h1 { (texts::WHOSE_DESK) } }
        @if users.is_empty() {
            p.panel.empty { (texts::NO_USERS) }
        } @else {
            form.panel.narrow method="get" action=(PATH) {
                div.field {
                    label for="agent" { (texts::AGENT) }
                    select #agent name="agent" {
                        @for user in users {
                            option value=(text(user, "Id")) { (text(user, "Name")) }
                        }
                    }
                }
                button.primary type="submit" { (texts::TO_THE_DESK) }
            }
        }
    };
    Ok(layout::page(visit, texts::DESK, &content))
}
