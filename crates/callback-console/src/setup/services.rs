//! Services: listed, made, changed, deleted.

use axum::extract::{Path, Query as Asked};
use axum::http::Method;
use axum::response::Response;
use callback_domain::attempt::Outcome;
use callback_domain::defaults;
use callback_http::Permission;
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::{Done, choices, default_button, hours, list_head, page, removal, save_or_leave};
use crate::failure::Failure;
use crate::form::{Filled, Form, Look, Member, token};
use crate::guard::see_other;
use crate::routes::Routes;
use crate::show::{encoded, items, text, words};
use crate::texts::setup as texts;
use crate::visit::Visit;

pub(super) const PATH: &str = "/console/setup/services";
const API: &str = "/v1.0/services";

const MEMBERS: [Member; 17] = [
    Member::text("Name"),
    Member::text("SipUri"),
    Member::text("DirectionType"),
    Member::number("MaxConcurrentOutboundSessions"),
    Member::number("MaxQueued"),
    Member::number("MaxAttemptsPerTargetPerDay"),
    Member::text("DuplicatePolicy"),
    Member::number("MaxQueueTimeInSeconds"),
    Member::number("RonaTimeoutInSeconds"),
    Member::number("PreviewTimeInSeconds"),
    Member::number("MaxDialoutTimeInSeconds"),
    Member::number("AfterCallWorkInSeconds"),
    Member::number("PreferredAgentHoldInSeconds"),
    Member::number("SecondsBetweenRetries"),
    Member::text("DefaultCountryCode"),
    Member::lines("CallerIds"),
    Member::lines("AllowedTargets"),
];
const RETRY_BY_OUTCOME: &str = "RetryByOutcome";
/// The version that was read, so that nobody's change is lost.
const VERSION: &str = "version";

pub(super) fn routes(routes: Routes) -> Routes {
    let needs = Permission::Administer;
    routes
        .get(PATH, needs, list)
        .get("/console/setup/services/new", needs, show_new)
        .post("/console/setup/services/new", needs, create)
        .get("/console/setup/services/{id}", needs, show)
        .post("/console/setup/services/{id}", needs, replace)
        .post("/console/setup/services/{id}/delete", needs, delete)
}

async fn list(visit: Visit, Asked(done): Asked<Done>) -> Result<Response, Failure> {
    let services = visit.get(API).await?;
    let services = items(&services);
    let content = html! {
        (done.notice())
        (list_head(texts::SERVICES, texts::NEW_SERVICE, "/console/setup/services/new"))
        section.panel.flush {
            @if services.is_empty() { p.empty { (texts::NO_SERVICES) } } @else {
                div.table-scroll {
                    table.cards {
                        thead { tr {
                            th scope="col" { (texts::NAME) }
                            th scope="col" { (texts::SIP_URI) }
                            th scope="col" { (texts::DIRECTION) }
                            th scope="col" { (texts::HOURS) }
                        } }
                        tbody { @for service in services { (row(service)) } }
                    }
                }
            }
        }
    };
    Ok(page(&visit, PATH, texts::SERVICES, &content))
}

fn row(service: &Value) -> Markup {
    let zone = text(&service["OpeningHours"], "TimeZone");
    html! {
        tr data-key=(text(service, "Id")) {
            th scope="row" .whole { a href=(format!("{PATH}/{}", text(service, "Id"))) { (text(service, "Name")) } }
            td.whole data-label=(texts::SIP_URI) { (text(service, "SipUri")) }
            td data-label=(texts::DIRECTION) { (words(text(service, "DirectionType"))) }
            td data-label=(texts::HOURS) {
                @if zone.is_empty() { (texts::ALWAYS_OPEN) } @else { (zone) }
            }
        }
    }
}

async fn show_new(visit: Visit) -> Response {
    let default = |seconds: u32| seconds.to_string();
    let filled = Filled::of([
        ("DirectionType", "InboundOutbound".to_owned()),
        ("DuplicatePolicy", "Allow".to_owned()),
        ("MaxQueueTimeInSeconds", default(defaults::MAX_QUEUE_TIME_SECONDS)),
        ("SecondsBetweenRetries", default(defaults::SECONDS_BETWEEN_RETRIES)),
        ("RonaTimeoutInSeconds", default(defaults::RONA_TIMEOUT_SECONDS)),
        ("PreviewTimeInSeconds", default(defaults::PREVIEW_TIME_SECONDS)),
        ("MaxDialoutTimeInSeconds", default(defaults::MAX_DIALOUT_TIME_SECONDS)),
        ("AfterCallWorkInSeconds", default(defaults::AFTER_CALL_WORK_SECONDS)),
        ("PreferredAgentHoldInSeconds", default(defaults::PREFERRED_AGENT_HOLD_SECONDS)),
    ]);
    form(&visit, None, &filled, None)
}

async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let service = visit.get(&api(&id)).await?;
    Ok(form(&visit, Some((&id, text(&service, "Name"))), &filled_of(&service), None))
}

async fn create(visit: Visit, filled: Filled) -> Result<Response, Failure> {
    send(&visit, None, filled).await
}

async fn replace(
    visit: Visit,
    Path(id): Path<String>,
    filled: Filled,
) -> Result<Response, Failure> {
    send(&visit, Some(&id), filled).await
}

/// Sends what was filled in, or shows it again with what is wrong.
async fn send(visit: &Visit, id: Option<&str>, mut filled: Filled) -> Result<Response, Failure> {
    let name = match id {
        Some(id) => text(&visit.get(&api(id)).await?, "Name").to_owned(),
        None => String::new(),
    };
    let known = id.map(|id| (id, name.as_str()));
    if hours::change(&mut filled) {
        return Ok(form(visit, known, &filled, None));
    }
    let body = body(&filled);
    let sent = match id {
        Some(id) => visit.send_if(Method::PUT, &api(id), Some(body), filled.some(VERSION)).await,
        None => visit.send(Method::POST, API, body).await,
    };
    match sent {
        Ok(_) => Ok(see_other(&format!("{PATH}?done=saved"))),
        Err(failure) if failure.is_of_form() => Ok(form(visit, known, &filled, Some(&failure))),
        Err(failure) => Err(failure),
    }
}

async fn delete(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let sent = visit.send_if(Method::DELETE, &api(&id), None, None).await;
    match sent {
        Ok(_) => Ok(see_other(&format!("{PATH}?done=deleted"))),
        Err(failure) if failure.is_of_form() => {
            let service = visit.get(&api(&id)).await?;
            let known = Some((id.as_str(), text(&service, "Name")));
            Ok(form(&visit, known, &filled_of(&service), Some(&failure)))
        }
        Err(failure) => Err(failure),
    }
}

fn api(id: &str) -> String {
    format!("{API}/{}", encoded(id))
}

fn filled_of(service: &Value) -> Filled {
    let mut filled = Filled::of_answer(&MEMBERS, service);
    filled.add(VERSION, service["Version"].to_string());
    hours::fill(&service["OpeningHours"], &mut filled);
    for outcome in retried() {
        let rule = &service[RETRY_BY_OUTCOME][outcome.name()];
        if !rule.is_null() {
            filled.add(rule_field(outcome, "Retry"), rule["Retry"].to_string());
            let delay = rule["DelayInSeconds"].as_u64();
            filled.add(
                rule_field(outcome, "DelayInSeconds"),
                delay.map_or_else(String::new, |delay| delay.to_string()),
            );
        }
    }
    filled
}

fn body(filled: &Filled) -> Value {
    let mut body = filled.body(&MEMBERS);
    if let Some(hours) = hours::body(filled) {
        body[hours::MEMBER] = hours;
    }
    let rules: Map<String, Value> = retried()
        .filter_map(|outcome| Some((outcome.name().to_owned(), rule(filled, outcome)?)))
        .collect();
    body[RETRY_BY_OUTCOME] = Value::Object(rules);
    body
}

/// What is to be done after an outcome, when something else than the callback says was chosen.
fn rule(filled: &Filled, outcome: Outcome) -> Option<Value> {
    let retry = filled.some(&rule_field(outcome, "Retry"));
    let delay = filled.some(&rule_field(outcome, "DelayInSeconds"));
    if retry.is_none() && delay.is_none() {
        return None;
    }
    let mut rule = Map::new();
    if let Some(retry) = retry {
        rule.insert("Retry".to_owned(), Value::from(retry == "true"));
    }
    if let Some(delay) = delay {
        let number = delay.trim().parse::<i64>();
        rule.insert("DelayInSeconds".to_owned(), number.map_or_else(|_| delay.into(), Value::from));
    }
    Some(Value::Object(rule))
}

fn rule_field(outcome: Outcome, member: &str) -> String {
    format!("{RETRY_BY_OUTCOME}.{}.{member}", outcome.name())
}

fn retried() -> impl Iterator<Item = Outcome> {
    Outcome::ALL.iter().copied().filter(|outcome| outcome.consumes_retry())
}

/// The form of a new service, or of one that is known by its id and name.
fn form(
    visit: &Visit,
    known: Option<(&str, &str)>,
    filled: &Filled,
    failure: Option<&Failure>,
) -> Response {
    let form = Form { filled, failure };
    let title = known.map_or(texts::NEW_SERVICE, |(_, name)| name);
    let action = known.map_or_else(|| format!("{PATH}/new"), |(id, _)| format!("{PATH}/{id}"));
    let mut shown: Vec<&str> = MEMBERS.iter().map(|member| member.name).collect();
    shown.extend([RETRY_BY_OUTCOME, hours::MEMBER]);
    let content = html! {
        div.head {
            h1 { (title) }
            @if let Some((id, name)) = known {
                div.actions { (removal(visit, &format!("{PATH}/{id}"), name)) }
            }
        }
        form.panel method="post" action=(action) novalidate {
            (default_button())
            (token(visit))
            @if let Some(version) = filled.text(VERSION) {
                input type="hidden" name=(VERSION) value=(version);
            }
            (form.summary(&shown))
            (general(&form))
            (hours::markup(&form))
            (limits(&form))
            (times(&form))
            (retries(&form))
            (targets(&form))
            (save_or_leave(PATH))
        }
    };
    page(visit, PATH, title, &content)
}

fn general(form: &Form<'_>) -> Markup {
    let needed = Look { required: true, ..Look::default() };
    let sip = Look { example: Some(texts::SIP_EXAMPLE), ..needed };
    html! {
        fieldset {
            legend { (texts::GENERAL) }
            div.fields {
                (form.input("Name", texts::NAME, needed))
                (form.input("SipUri", texts::SIP_URI, sip))
                (form.select("DirectionType", texts::DIRECTION, needed, &choices(&texts::DIRECTIONS)))
            }
        }
    }
}

fn limits(form: &Form<'_>) -> Markup {
    let none = number(Some(texts::NO_LIMIT));
    let sessions = number(Some(texts::MAX_SESSIONS_HINT));
    let policies = choices(&texts::DUPLICATE_POLICIES);
    html! {
        fieldset {
            legend { (texts::LIMITS) }
            div.fields {
                (form.input("MaxConcurrentOutboundSessions", texts::MAX_SESSIONS, sessions))
                (form.input("MaxQueued", texts::MAX_QUEUED, none))
                (form.input("MaxAttemptsPerTargetPerDay", texts::MAX_PER_DAY, none))
                (form.select("DuplicatePolicy", texts::DUPLICATES, Look::default(), &policies))
            }
        }
    }
}

fn times(form: &Form<'_>) -> Markup {
    let plain = number(None);
    html! {
        fieldset {
            legend { (texts::TIMES) }
            div.fields {
                (form.input("MaxQueueTimeInSeconds", texts::MAX_WAIT, plain))
                (form.input("RonaTimeoutInSeconds", texts::RONA_TIME, plain))
                (form.input("PreviewTimeInSeconds", texts::PREVIEW_TIME, number(Some(texts::PREVIEW_HINT))))
                (form.input("MaxDialoutTimeInSeconds", texts::DIALOUT_TIME, plain))
                (form.input("AfterCallWorkInSeconds", texts::AFTER_CALL_TIME, plain))
                (form.input("PreferredAgentHoldInSeconds", texts::HOLD_TIME, plain))
            }
        }
    }
}

fn retries(form: &Form<'_>) -> Markup {
    let answers = choices(&[("", texts::AS_ALWAYS), ("true", texts::YES), ("false", texts::NO)]);
    html! {
        fieldset {
            legend { (texts::RETRIES) }
            div.fields { (form.input("SecondsBetweenRetries", texts::SPACING, number(None))) }
            h2 { (texts::BY_OUTCOME) }
            div.rules {
                @for outcome in retried() {
                    div.rule role="group" aria-label=(words(outcome.name())) {
                        strong { (words(outcome.name())) }
                        (form.select(&rule_field(outcome, "Retry"), texts::RETRY, Look::default(), &answers))
                        (form.input(&rule_field(outcome, "DelayInSeconds"), texts::DELAY, number(None)))
                    }
                }
            }
        }
    }
}

fn targets(form: &Form<'_>) -> Markup {
    let country = Look { example: Some(texts::COUNTRY_EXAMPLE), ..Look::default() };
    let callers = Look { hint: Some(texts::CALLER_IDS_HINT), ..Look::default() };
    let targets = Look { hint: Some(texts::ALLOWED_TARGETS_HINT), ..Look::default() };
    html! {
        fieldset {
            legend { (texts::TARGETS) }
            div.fields {
                (form.input("DefaultCountryCode", texts::COUNTRY_CODE, country))
                (form.area("CallerIds", texts::CALLER_IDS, callers))
                (form.area("AllowedTargets", texts::ALLOWED_TARGETS, targets))
            }
        }
    }
}

const fn number(hint: Option<&str>) -> Look<'_> {
    Look { hint, example: None, required: false, kind: Some("number"), list: None }
}
