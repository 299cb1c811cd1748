//! The agent's own state: presence, what was missed, and the work after a call.

use axum::http::Method;
use axum::response::Response;
use callback_domain::date::{self, Instant};
use callback_domain::id::AgentId;
use callback_http::Permission;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::{address, of, shown, whose_form};
use crate::failure::Failure;
use crate::form::{Filled, token};
use crate::guard::see_other;
use crate::routes::Routes;
use crate::show::{badge, countdown, items, text, words};
use crate::texts;
use crate::visit::Visit;

const PRESENCES: [&str; 4] = ["Available", "Busy", "Away", "Offline"];

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .post("/console/desk/presence", Permission::TendUser, presence)
        .post("/console/desk/rona", Permission::TendUser, reset_rona)
        .post("/console/desk/ready", Permission::TendUser, ready)
        .post("/console/desk/next", Permission::TakeNext, next)
}

async fn presence(visit: Visit, filled: Filled) -> Result<Response, Failure> {
    let chosen = json!({"Presence": filled.some("Presence")});
    tend(&visit, &filled, Method::PUT, "presence", chosen).await
}

async fn reset_rona(visit: Visit, filled: Filled) -> Result<Response, Failure> {
    tend(&visit, &filled, Method::POST, "rona/reset", json!({})).await
}

async fn ready(visit: Visit, filled: Filled) -> Result<Response, Failure> {
    tend(&visit, &filled, Method::POST, "aftercallwork/end", json!({})).await
}

async fn next(visit: Visit, filled: Filled) -> Result<Response, Failure> {
    tend(&visit, &filled, Method::POST, "next", json!({})).await
}

async fn tend(
    visit: &Visit,
    filled: &Filled,
    method: Method,
    what: &str,
    body: Value,
) -> Result<Response, Failure> {
    let Some(agent) = whose_form(visit, filled) else { return Err(Failure::not_found()) };
    match visit.send(method, &format!("/v1.0/users/{agent}/{what}"), body).await {
        Ok(_) => Ok(see_other(&address(visit, agent))),
        Err(failure) if failure.is_of_form() => {
            let mut page = shown(visit, agent, Some(&failure)).await?;
            *page.status_mut() = failure.status;
            Ok(page)
        }
        Err(failure) => Err(failure),
    }
}

/// What is in the place of a task when there is none.
pub(super) fn idle(visit: &Visit, agent: AgentId, user: &Value, now: Instant) -> Markup {
    let pulls = text(user, "Distribution") == "Pull";
    let is_ready = text(user, "Presence") == "Available" && user["Rona"] != true;
    html! {
        section.panel.task aria-labelledby="task-title" data-key="idle" {
            div.task-idle {
                h2 #task-title { (texts::NO_TASK) }
                @if after_call_work(user, now).is_some() {
                    p.soft { (texts::AFTER_CALL_WORK_HINT) }
                } @else if !is_ready {
                    p.soft { (texts::NOT_READY_HINT) }
                } @else if pulls {
                    p.soft { (texts::PULL_HINT) }
                } @else {
                    p.soft { (texts::WAITING_HINT) }
                }
                @if pulls && is_ready {
                    (button(visit, agent, "next", &html! {
                        button.primary.big type="submit" { (texts::TAKE_NEXT) }
                    }))
                }
            }
        }
    }
}

pub(super) fn panel(
    visit: &Visit,
    agent: AgentId,
    user: &Value,
    services: &Value,
    now: Instant,
) -> Markup {
    let present = text(user, "Presence");
    let mine = items(&user["Services"]);
    html! {
        section.panel.station aria-labelledby="station-title" {
            h2 #station-title { (texts::YOU) " " (badge(present)) }
            @if user["Rona"] == true {
                div.notice.warn role="status" {
                    strong { (texts::RONA) }
                    p { (texts::RONA_HINT) }
                    (button(visit, agent, "rona", &html! {
                        button.primary type="submit" { (texts::RESET_RONA) }
                    }))
                }
            }
            @if let Some(until) = after_call_work(user, now) {
                div.notice {
                    strong { (texts::AFTER_CALL_WORK) " " (countdown(until, now)) }
                    (button(visit, agent, "ready", &html! {
                        button type="submit" { (texts::READY_NOW) }
                    }))
                }
            }
            (button(visit, agent, "presence", &html! {
                fieldset.presence {
                    legend { (texts::PRESENCE) }
                    @for choice in PRESENCES {
                        button type="submit" name="Presence" value=(choice)
                            aria-pressed=(if choice == present { "true" } else { "false" }) {
                            (words(choice))
                        }
                    }
                }
            }))
            dl.facts {
                dt { (texts::PHONE) } dd { (text(user, "SipUri")) }
                dt { (texts::DISTRIBUTION) } dd { (words(text(user, "Distribution"))) }
                dt { (texts::SERVICES) }
                dd {
                    @for (index, service) in items(services).iter()
                        .filter(|service| mine.contains(&service["Id"])).enumerate() {
                        @if index > 0 { ", " }
                        (text(service, "Name"))
                    }
                }
            }
        }
    }
}

fn button(visit: &Visit, agent: AgentId, what: &str, content: &Markup) -> Markup {
    html! {
        form method="post" action=(format!("/console/desk/{what}")) {
            (token(visit)) (of(agent)) (content)
        }
    }
}

/// The end of the work after a call, if that is not over.
fn after_call_work(user: &Value, now: Instant) -> Option<Instant> {
    let until = date::parse(user["AfterCallWorkUntil"].as_str()?).ok()?;
    (until > now).then_some(until)
}
