//! One callback beside the list: its facts, what may be done with it, and its story.

use maud::{Markup, html};
use serde_json::Value;

use super::change::{self, Refused};
use super::names::Names;
use super::rows::{called, phase, priority, wait_left};
use super::story;
use super::view::View;
use crate::failure::Failure;
use crate::show::{dial, instant, items, outside, text, words};
use crate::texts;
use crate::visit::Visit;

/// Lines of the history that are shown.
pub(super) const LINES: usize = 200;

/// What is known of one callback.
#[derive(Debug)]
pub(super) enum Drawer {
    /// It, its attempts, its history and why it is not being called.
    Open(Box<Opened>),
    /// It cannot be shown.
    Gone(Failure),
}

#[derive(Debug)]
pub(super) struct Opened {
    pub(super) callback: Value,
    pub(super) attempts: Vec<Value>,
    pub(super) history: Vec<Value>,
    pub(super) explanation: Value,
}

impl Drawer {
    pub(super) async fn read(visit: &Visit, id: &str) -> Self {
        match Opened::read(visit, id).await {
            Ok(opened) => Self::Open(Box::new(opened)),
            Err(failure) => Self::Gone(failure),
        }
    }
}

impl Opened {
    async fn read(visit: &Visit, id: &str) -> Result<Self, Failure> {
        let path = format!("/v1.0/callbacks/{id}");
        let callback = visit.get(&path).await?;
        let attempts = visit.get(&format!("{path}/attempts")).await?;
        let history = visit.get(&format!("{path}/history?limit={LINES}")).await?;
        let explanation = visit.get(&format!("{path}/explain")).await?;
        Ok(Self {
            callback,
            attempts: items(&attempts).to_vec(),
            history: items(&history).to_vec(),
            explanation,
        })
    }
}

pub(super) fn aside(
    visit: &Visit,
    view: &View,
    drawer: &Drawer,
    names: &Names,
    refused: Option<&Refused>,
) -> Markup {
    let key = view.open.as_deref().unwrap_or_default();
    html! {
        aside.drawer.panel aria-labelledby="drawer-title" data-key=(format!("drawer-{key}")) {
            div.drawer-head {
                h2 #drawer-title tabindex="-1" data-focus {
                    @match drawer {
                        Drawer::Open(opened) => (called(&opened.callback)),
                        Drawer::Gone(failure) => (failure.title),
                    }
                }
                a.button.quiet href=(view.opening(None).address()) { (texts::CLOSE) }
            }
            @match drawer {
                Drawer::Open(opened) => (body(visit, view, opened, names, refused)),
                Drawer::Gone(failure) => p { (failure.message) },
            }
        }
    }
}

fn body(
    visit: &Visit,
    view: &View,
    opened: &Opened,
    names: &Names,
    refused: Option<&Refused>,
) -> Markup {
    html! {
        p.drawer-line {
            (phase(&opened.callback)) " "
            span.soft { (names.service(text(&opened.callback, "ServiceId"))) }
        }
        (change::forms(visit, view, &opened.callback, refused))
        @if text(&opened.callback, "Phase") != "Terminated" {
            section {
                h3 { (texts::WHY_NOT_CALLED) }
                (story::explanation(&opened.explanation, names))
            }
        }
        section {
            h3 { (texts::ATTEMPTS) }
            @if opened.attempts.is_empty() { p.soft { (texts::NO_ATTEMPTS) } }
            @else { (story::attempts(&opened.attempts, names)) }
        }
        section { h3 { (texts::FACTS) } (facts(&opened.callback, names)) }
        section {
            h3 { (texts::HISTORY) }
            (story::history(&opened.history, names))
            @if opened.history.len() >= LINES { p.soft { (texts::HISTORY_CUT) } }
        }
    }
}

fn facts(callback: &Value, names: &Names) -> Markup {
    let plain = [
        (texts::DESCRIPTION, "Description"),
        (texts::EXTERNAL_TASK_ID, "ExternalTaskId"),
        (texts::CALLER_ID, "CallerId"),
        (texts::PREFERRED_AGENT, "PreferredAgent"),
        (texts::INCOMING_SERVICE, "IncomingServiceSipUri"),
        (texts::SUPERVISOR_FACT, "Supervisor"),
        (texts::MADE_FOR, "Initiator"),
    ];
    html! {
        dl.facts {
            dt { (texts::TARGET) } dd { (dial(text(callback, "Target"))) }
            @if let Some(alternative) = callback["AlternativeTarget"].as_str() {
                dt { (texts::ALTERNATIVE_TARGET) } dd { (dial(alternative)) }
            }
            dt { (texts::PRIORITY) } dd { (priority(text(callback, "Priority"))) }
            dt { (texts::DUE) } dd { (instant(text(callback, "DueDate"))) }
            dt { (texts::WAIT_LEFT) } dd { (wait_left(callback)) }
            dt { (texts::RETRIES) } dd { (retries(callback)) }
            @if let Some(agent) = callback["Agent"].as_str() {
                dt { (texts::AGENT) } dd { (names.user(agent)) }
            }
            @for (title, member) in plain {
                @if let Some(value) = callback[member].as_str().filter(|value| !value.is_empty()) {
                    dt { (title) } dd { (value) }
                }
            }
            @if let Some(address) = callback["ContextUrl"].as_str() {
                dt { (texts::CONTEXT) } dd { (outside(address)) }
            }
            dt { (texts::MADE_BY) } dd { (words(text(callback, "Creator"))) }
            dt { (texts::MADE_AT) } dd { (instant(text(callback, "CreatedAt"))) }
            dt { (texts::CHANGED_AT) } dd { (instant(text(callback, "UpdatedAt"))) }
            dt { (texts::IDENTITY) } dd { code { (text(callback, "Id")) } }
        }
    }
}

fn retries(callback: &Value) -> Markup {
    let number = |member: &str| callback[member].as_u64().unwrap_or(0);
    html! {
        (number("RetryCount")) " / " (number("MaxRetries"))
        span.soft { " · " (texts::EVERY) " " (number("SecondsBetweenRetries")) " s" }
    }
}
