//! The supervisor's page: how queues and agents stand, and how the day went.

mod agents;
mod chart;
mod day;
mod queues;

use std::collections::BTreeMap;

use axum::extract::{Path, Query as Asked, RawQuery};
use axum::http::Method;
use axum::response::Response;
use callback_domain::id::ServiceId;
use callback_engine::access::Scope;
use callback_http::Permission;
use chrono_tz::Tz;
use maud::{Markup, html};
use serde_json::{Value, json};

use self::day::Day;
use self::queues::Queue;
use crate::failure::Failure;
use crate::form::Filled;
use crate::guard::see_other;
use crate::layout;
use crate::routes::{Page, Routes};
use crate::show::{encoded, items, text};
use crate::texts::supervisor as texts;
use crate::visit::Visit;

const PATH: &str = "/console/supervisor";

/// The page in the navigation.
pub(crate) const PAGE: Page = Page {
    path: PATH,
    title: texts::TITLE,
    icon: "M4 20V10M10 20V4M16 20v-7M22 20H2",
    needs: Permission::ListUsers,
    routes,
};

fn routes(routes: Routes) -> Routes {
    routes
        .get(PATH, Permission::ListUsers, show)
        .post("/console/supervisor/{id}/presence", Permission::TendUser, presence)
        .post("/console/supervisor/{id}/rona", Permission::TendUser, reset_rona)
}

async fn show(
    visit: Visit,
    Asked(asked): Asked<BTreeMap<String, String>>,
) -> Result<Response, Failure> {
    let services = visit.get("/v1.0/services").await?;
    let services = items(&services);
    let all_agents = visit.get("/v1.0/users").await?;
    let now = visit.engine().now().await.map_err(|_| Failure::broken())?;
    let wanted = asked.get("service").map_or("", String::as_str);
    let wanted = services.iter().find(|service| text(service, "Id") == wanted);
    let shown: Vec<&Value> = services
        .iter()
        .filter(|service| wanted.is_none_or(|wanted| wanted["Id"] == service["Id"]))
        .collect();
    let mut queues = Vec::with_capacity(shown.len());
    for service in &shown {
        let path = format!("/v1.0/services/{}/queue", text(service, "Id"));
        queues.push(Queue { service: (*service).clone(), stands: visit.get(&path).await? });
    }
    let agents: Vec<&Value> = items(&all_agents)
        .iter()
        .filter(|agent| wanted.is_none_or(|service| works_for(agent, service)))
        .collect();
    let today = Day::of(now, zone(&shown));
    let given = asked.get("day").filter(|text| !text.is_empty());
    let date = given.and_then(|text| day::read(text));
    let day = date.map_or(today, |date| Day { date, ..today });
    let scope = scope(&visit, wanted);
    let intervals = visit.engine().intervals(&scope, day.begins(), day.hours()).await;
    let intervals = intervals.map_err(|_| Failure::broken())?;
    let ready = agents.iter().filter(|agent| agents::is_ready(agent, now)).count();
    let names = services.iter().map(|one| (text(one, "Id"), text(one, "Name"))).collect();
    let query = query(wanted, given.map(String::as_str));
    let content = html! {
        div data-live="callback user service" {
            (head(services, wanted))
            (queues::now(&queues, ready))
            (queues::table(&queues))
            (agents::list(&visit, &agents, &names, &query, now))
            section.panel aria-labelledby="day-title" {
                (days(day, today, wanted))
                @if given.is_some() && date.is_none() {
                    p.notice.warn role="status" { (texts::NO_SUCH_DAY) }
                }
                (day::markup(day, &intervals))
            }
        }
    };
    Ok(layout::page(&visit, texts::TITLE, &content))
}

/// What somebody may see of the day, narrowed to one service.
fn scope(visit: &Visit, wanted: Option<&Value>) -> Scope {
    let wanted: Option<ServiceId> = wanted.and_then(|one| text(one, "Id").parse().ok());
    match (wanted, &visit.0.principal) {
        // It was among those that the API answered to them.
        (Some(service), Some(_)) => Scope::Only([service].into()),
        (None, Some(principal)) => principal.scope.clone(),
        (_, None) => Scope::Only([].into()),
    }
}

fn works_for(agent: &Value, service: &Value) -> bool {
    items(&agent["Services"]).contains(&service["Id"])
}

/// By which clock the hours are: that of the first service that has one.
fn zone(services: &[&Value]) -> Tz {
    let zones = services
        .iter()
        .filter_map(|service| text(&service["OpeningHours"], "TimeZone").parse::<Tz>().ok());
    zones.into_iter().next().unwrap_or(Tz::UTC)
}

fn query(wanted: Option<&Value>, day: Option<&str>) -> String {
    let service = wanted.map_or("", |service| text(service, "Id"));
    format!("service={}&day={}", encoded(service), encoded(day.unwrap_or_default()))
}

fn head(services: &[Value], wanted: Option<&Value>) -> Markup {
    html! {
        div.head {
            h1 { (texts::TITLE) }
            @if services.len() > 1 {
                form.inline method="get" action=(PATH) {
                    label for="service" { (texts::SERVICE) }
                    select #service name="service" {
                        option value="" { (texts::ALL_SERVICES) }
                        @for service in services {
                            option value=(text(service, "Id"))
                                selected[wanted.is_some_and(|one| one["Id"] == service["Id"])] {
                                (text(service, "Name"))
                            }
                        }
                    }
                    button type="submit" { (texts::SHOW) }
                }
            }
        }
    }
}

fn days(day: Day, today: Day, wanted: Option<&Value>) -> Markup {
    let link = |to: Option<Day>, name: &str| {
        let to = to.filter(|to| to.date <= today.date);
        html! {
            @if let Some(to) = to {
                a.button href=(format!("{PATH}?{}", query(wanted, Some(&to.date.to_string())))) { (name) }
            }
        }
    };
    html! {
        div.head {
            h2 #day-title { (texts::THE_DAY) }
            form.inline method="get" action=(PATH) {
                input type="hidden" name="service" value=(wanted.map_or("", |one| text(one, "Id")));
                label for="day" { (texts::DAY) }
                input #day type="date" name="day" value=(day.date) max=(today.date);
                button type="submit" { (texts::SHOW) }
            }
            div.buttons {
                (link(day.before(), texts::EARLIER))
                (link(day.after(), texts::LATER))
            }
        }
    }
}

async fn presence(
    visit: Visit,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    filled: Filled,
) -> Result<Response, Failure> {
    let body = json!({"Presence": filled.text("Presence").unwrap_or_default()});
    let path = format!("/v1.0/users/{}/presence", encoded(&id));
    visit.send(Method::PUT, &path, body).await?;
    Ok(back(query.as_deref()))
}

async fn reset_rona(
    visit: Visit,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let path = format!("/v1.0/users/{}/rona/reset", encoded(&id));
    visit.send(Method::POST, &path, json!({})).await?;
    Ok(back(query.as_deref()))
}

fn back(query: Option<&str>) -> Response {
    see_other(&format!("{PATH}?{}", query.unwrap_or_default()))
}
