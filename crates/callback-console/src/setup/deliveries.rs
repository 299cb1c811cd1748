//! What was sent to a webhook, and what became of it.

use axum::extract::{Path, Query as Asked};
use axum::http::{Method, header};
use axum::response::Response;
use callback_http::Permission;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{choices, page, webhooks};
use crate::failure::Failure;
use crate::form::token;
use crate::guard::see_other;
use crate::routes::Routes;
use crate::show::{badge, encoded, instant, items, text, text_or_dash};
use crate::texts::setup as texts;
use crate::visit::Visit;

/// Deliveries of one page.
const LIMIT: usize = 50;
/// Deliveries on the page of their webhook.
const LATELY: usize = 10;
const STATES: [(&str, &str); 4] =
    [("", texts::ALL), ("Pending", "Pending"), ("Delivered", "Delivered"), ("Failed", "Failed")];

pub(super) fn routes(routes: Routes) -> Routes {
    let needs = Permission::Administer;
    routes.get("/console/setup/webhooks/{id}/deliveries", needs, show).post(
        "/console/setup/webhooks/{id}/deliveries/{delivery}/resend",
        needs,
        resend,
    )
}

#[derive(Debug, Deserialize)]
struct Wanted {
    #[serde(default)]
    state: String,
    #[serde(default)]
    before: String,
}

async fn show(
    visit: Visit,
    Path(id): Path<String>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Response, Failure> {
    let webhook = visit.get(&format!("/v1.0/webhooks/{}", encoded(&id))).await?;
    let mut path = format!("/v1.0/webhooks/{}/deliveries?limit={LIMIT}", encoded(&id));
    for (name, value) in [("state", &wanted.state), ("before", &wanted.before)] {
        if !value.is_empty() {
            path.push_str(&format!("&{name}={}", encoded(value)));
        }
    }
    let answer = visit.send_if(Method::GET, &path, None, None).await?;
    let next = answer.headers.get(header::LINK).and_then(|link| before_of(link.to_str().ok()?));
    let here = format!("{}/{}/deliveries", webhooks::PATH, encoded(&id));
    let content = html! {
        div.head {
            h1.long {
                (texts::DELIVERIES) " · "
                a href=(format!("{}/{}", webhooks::PATH, encoded(&id))) { (text(&webhook, "Url")) }
            }
            form.inline method="get" action=(here) {
                label for="state" { (texts::STATE) }
                select #state name="state" {
                    @for (value, words) in choices(&STATES) {
                        option value=(value) selected[value == wanted.state] { (words) }
                    }
                }
                button type="submit" { (texts::SHOW) }
            }
        }
        section.panel.flush { (table(&visit, &id, items(&answer.body))) }
        @if let Some(next) = next {
            a.button href=(format!("{here}?state={}&before={}", encoded(&wanted.state), encoded(&next))) {
                (texts::NEXT_PAGE)
            }
        }
    };
    Ok(page(&visit, webhooks::PATH, texts::DELIVERIES, &content))
}

/// Where the next page begins, by the link of the API.
fn before_of(link: &str) -> Option<String> {
    let query = link.split_once('?')?.1.split_once('>')?.0;
    let found = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "before");
    found.map(|(_, value)| value.into_owned())
}

async fn resend(
    visit: Visit,
    Path((id, delivery)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let (id, delivery) = (encoded(&id), encoded(&delivery));
    let path = format!("/v1.0/webhooks/{id}/deliveries/{delivery}/replay");
    visit.send(Method::POST, &path, json!({})).await?;
    Ok(see_other(&format!("{}/{id}?done=replayed", webhooks::PATH)))
}

/// The last deliveries of a webhook, and the way to all.
pub(super) async fn lately(visit: &Visit, webhook: &str) -> Result<Markup, Failure> {
    let path = format!("/v1.0/webhooks/{}/deliveries?limit={LATELY}", encoded(webhook));
    let deliveries = visit.get(&path).await?;
    let all = format!("{}/{webhook}/deliveries", webhooks::PATH);
    Ok(html! {
        section.panel.flush aria-labelledby="deliveries-title" {
            h2 #deliveries-title .panel-title { a href=(all) { (texts::DELIVERIES) } }
            (table(visit, webhook, items(&deliveries)))
        }
    })
}

fn table(visit: &Visit, webhook: &str, deliveries: &[Value]) -> Markup {
    html! {
        @if deliveries.is_empty() { p.empty { (texts::NO_DELIVERIES) } } @else {
            div.table-scroll {
                table.cards {
                    thead { tr {
                        th scope="col" { (texts::EVENT) }
                        th scope="col" { (texts::WHEN_HAPPENED) }
                        th scope="col" { (texts::STATE) }
                        th.number scope="col" { (texts::ATTEMPTS) }
                        th scope="col" { (texts::LAST_ANSWER) }
                        th scope="col" { (texts::ACTIONS) }
                    } }
                    tbody { @for delivery in deliveries { (row(visit, webhook, delivery)) } }
                }
            }
        }
    }
}

fn row(visit: &Visit, webhook: &str, delivery: &Value) -> Markup {
    let (id, event) = (text(delivery, "Id"), text(delivery, "Event"));
    let action = format!("{}/{webhook}/deliveries/{id}/resend", webhooks::PATH);
    html! {
        tr data-key=(id) {
            th scope="row" .whole { (event) }
            td data-label=(texts::WHEN_HAPPENED) { (instant(text(delivery, "EventAt"))) }
            td data-label=(texts::STATE) { (badge(text(delivery, "State"))) }
            td.number data-label=(texts::ATTEMPTS) { (delivery["Attempts"].as_u64().unwrap_or(0)) }
            td.whole data-label=(texts::LAST_ANSWER) {
                @if let Some(status) = delivery["LastStatus"].as_u64() { (status) " " }
                (text_or_dash(delivery, "LastAnswer"))
            }
            td.whole {
                form method="post" action=(action) {
                    (token(visit))
                    button.quiet type="submit" aria-label=(format!("{}: {event}", texts::RESEND)) { (texts::RESEND) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_where_the_api_says() {
        let link = "</v1.0/webhooks/1/deliveries?before=a-b&limit=50>; rel=\"next\"";
        assert_eq!(before_of(link).unwrap(), "a-b");
        assert_eq!(before_of("nonsense"), None);
    }
}
