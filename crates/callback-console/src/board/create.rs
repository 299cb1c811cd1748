//! Making a callback.

use axum::response::Response;
use maud::{Markup, html};

use super::names::{Names, priorities};
use super::view::{View, target};
use crate::cookies;
use crate::failure::Failure;
use crate::form::{Filled, Form, Look, Member, token};
use crate::guard::see_other;
use crate::layout;
use crate::show::text;
use crate::texts;
use crate::visit::Visit;

const MEMBERS: [Member; 13] = [
    Member::text("Target"),
    Member::text("ServiceId"),
    Member::text("Priority"),
    Member::text("DueDate"),
    Member::text("Description"),
    Member::text("AlternativeTarget"),
    Member::number("MaxRetries"),
    Member::number("SecondsBetweenRetries"),
    Member::number("LeftInQueueTimeInSeconds"),
    Member::text("PreferredAgent"),
    Member::text("CallerId"),
    Member::text("ContextUrl"),
    Member::text("ExternalTaskId"),
];
/// The first of those that are seldom filled in.
const FIRST_SELDOM: usize = 5;
/// Under which the form takes effect once, however often its button is pressed.
const ONCE: &str = "once";

pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    let names = Names::read(&visit).await?;
    let once = cookies::fresh(&visit.0.console.within);
    let filled = Filled::of([("Priority", "Normal".to_owned()), (ONCE, once)]);
    Ok(page(&visit, &names, &Form { filled: &filled, failure: None }))
}

pub(super) async fn send(visit: Visit, filled: Filled) -> Result<Response, Failure> {
    let mut body = filled.body(&MEMBERS);
    for member in ["Target", "AlternativeTarget"] {
        if let Some(typed) = filled.some(member) {
            body[member] = target(typed.trim()).into();
        }
    }
    match visit.send_once("/v1.0/callbacks", body, filled.some(ONCE)).await {
        Ok(answer) => {
            let view = View::default().opening(Some(text(&answer.body, "Id")));
            Ok(see_other(&view.address()))
        }
        Err(failure) if failure.is_of_form() => {
            let names = Names::read(&visit).await?;
            // What was refused is not remembered, so the same mark serves the next try.
            let form = Form { filled: &filled, failure: Some(&failure) };
            let mut page = page(&visit, &names, &form);
            *page.status_mut() = failure.status;
            Ok(page)
        }
        Err(failure) => Err(failure),
    }
}

fn page(visit: &Visit, names: &Names, form: &Form<'_>) -> Response {
    let shown = MEMBERS.map(|member| member.name);
    let existing = form.failure.and_then(|failure| failure.existing.as_deref());
    let content = html! {
        div.head {
            h1 { (texts::NEW_CALLBACK) }
        }
        form.panel.narrow method="post" action="/console/board/new" {
            (token(visit))
            input type="hidden" name=(ONCE) value=(form.filled.text(ONCE).unwrap_or_default());
            (form.summary(&shown))
            @if let Some(existing) = existing {
                p { a href=(View::default().opening(Some(existing)).address()) {
                    (texts::SHOW_EXISTING)
                } }
            }
            div.fields { (usual(names, form)) }
            details open[is_wrong(form)] {
                summary { (texts::MORE_FIELDS) }
                div.fields { (seldom(names, form)) }
            }
            div.buttons {
                button.primary type="submit" { (texts::CREATE) }
                a.button.quiet href=(super::PATH) { (texts::BACK) }
            }
        }
    };
    layout::page(visit, texts::NEW_CALLBACK, &content)
}

/// Whether something is wrong with a field that is hidden at first.
fn is_wrong(form: &Form<'_>) -> bool {
    let seldom = || MEMBERS.iter().skip(FIRST_SELDOM);
    let problems = form.failure.map(|failure| failure.problems.as_slice()).unwrap_or_default();
    problems.iter().any(|problem| seldom().any(|member| member.name == problem.member))
}

fn usual(names: &Names, form: &Form<'_>) -> Markup {
    let services = with_none(texts::CHOOSE, Names::choices(&names.services, "Id"));
    html! {
        (form.input("Target", texts::TARGET, Look {
            required: true, hint: Some(texts::TARGET_HINT), example: Some("+41 78 555 01 01"),
            ..Look::default()
        }))
        (form.select("ServiceId", texts::SERVICE, Look { required: true, ..Look::default() }, &services))
        (form.select("Priority", texts::PRIORITY, Look::default(), &priorities()))
        (form.input("DueDate", texts::DUE, Look {
            kind: Some("datetime-local"), hint: Some(texts::DUE_HINT), ..Look::default()
        }))
        div.wide {
            (form.input("Description", texts::DESCRIPTION, Look {
                hint: Some(texts::DESCRIPTION_HINT), ..Look::default()
            }))
        }
    }
}

fn seldom(names: &Names, form: &Form<'_>) -> Markup {
    let number = |hint| Look { kind: Some("number"), hint: Some(hint), ..Look::default() };
    html! {
        (form.input("AlternativeTarget", texts::ALTERNATIVE_TARGET, Look {
            hint: Some(texts::ALTERNATIVE_HINT), ..Look::default()
        }))
        @if names.users.is_empty() {
            (form.input("PreferredAgent", texts::PREFERRED_AGENT, Look {
                example: Some("sip:ada@example.org"), ..Look::default()
            }))
        } @else {
            (form.select("PreferredAgent", texts::PREFERRED_AGENT, Look::default(),
                &with_none(texts::ANYBODY, Names::choices(&names.users, "SipUri"))))
        }
        (form.input("MaxRetries", texts::MAX_RETRIES, number(texts::MAX_RETRIES_HINT)))
        (form.input("SecondsBetweenRetries", texts::BETWEEN_RETRIES, number(texts::OF_SERVICE)))
        (form.input("LeftInQueueTimeInSeconds", texts::ALLOWED_WAIT, number(texts::OF_SERVICE)))
        (form.input("CallerId", texts::CALLER_ID, Look::default()))
        (form.input("ContextUrl", texts::CONTEXT, Look {
            hint: Some(texts::CONTEXT_HINT), example: Some("https://crm.example/1"), ..Look::default()
        }))
        (form.input("ExternalTaskId", texts::EXTERNAL_TASK_ID, Look {
            hint: Some(texts::EXTERNAL_HINT), ..Look::default()
        }))
    }
}

/// Choices after that of none of them.
fn with_none(none: &str, choices: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut all = vec![(String::new(), none.to_owned())];
    all.extend(choices);
    all
}
