//! What became of a callback so far, and why it is not being called now.

use callback_domain::date;
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::names::Names;
use crate::show::{badge, instant, items, text, text_or_dash, words};
use crate::texts;

/// Every gate between the callback and its call.
pub(super) fn explanation(explanation: &Value, names: &Names) -> Markup {
    let callable = explanation["Callable"].as_bool().unwrap_or(false);
    html! {
        p {
            @if callable { (texts::CALLED_NEXT) } @else {
                (texts::NOT_CALLED_NOW)
                @if let Some(at) = explanation["NextChangeAt"].as_str() {
                    " " (texts::NEXT_CHANGE) " " (instant(at)) "."
                }
            }
        }
        ol.gates {
            @for gate in items(&explanation["Gates"]) {
                @let pass = gate["Pass"].as_bool().unwrap_or(false);
                li.pass[pass] {
                    span.mark aria-hidden="true" { (if pass { "✓" } else { "✗" }) }
                    span.gate {
                        strong { (gate_title(text(gate, "Name"))) }
                        span.visually-hidden { (if pass { texts::PASSES } else { texts::STOPS }) }
                        small { (facts(gate["Facts"].as_object(), names)) }
                    }
                    @if let Some(at) = gate["NextChangeAt"].as_str() {
                        small.at { (texts::CHANGES_AT) " " (instant(at)) }
                    }
                }
            }
        }
    }
}

fn gate_title(name: &str) -> String {
    let known = texts::GATES.iter().find(|(gate, _)| *gate == name);
    known.map_or_else(|| words(name), |(_, title)| (*title).to_owned())
}

/// The attempts, first to last.
pub(super) fn attempts(attempts: &[Value], names: &Names) -> Markup {
    html! {
        ol.attempts {
            @for attempt in attempts {
                li {
                    strong { "#" (attempt["Number"].as_u64().unwrap_or(0)) } " "
                    @match attempt["Outcome"].as_str() {
                        Some(outcome) => (badge(outcome)),
                        None => (badge("Running")),
                    }
                    " " (names.user(text(attempt, "Agent")))
                    " → " (text(attempt, "Target"))
                    small {
                        (instant(text(attempt, "StartedAt"))) " – "
                        @match attempt["EndedAt"].as_str() {
                            Some(at) => (instant(at)),
                            None => (texts::STILL_OPEN),
                        }
                        " · " (text_or_dash(attempt, "Driver"))
                        @if let Some(detail) = attempt["Detail"].as_str() { " · " (detail) }
                    }
                }
            }
        }
    }
}

/// The lines of the ledger as a timeline, the last first.
pub(super) fn history(lines: &[Value], names: &Names) -> Markup {
    html! {
        ol.timeline reversed {
            @for line in lines.iter().rev() {
                li data-key=(format!("line-{}", text(line, "Id"))) {
                    div {
                        strong { (words(text(line, "Event"))) }
                        @if line["PhaseAfter"] != line["PhaseBefore"]
                            && let Some(phase) = line["PhaseAfter"].as_str() { " " (badge(phase)) }
                    }
                    small {
                        (instant(text(line, "At"))) " · " (actor(text(line, "Actor"), names))
                    }
                    @let said = facts(line["Details"].as_object(), names);
                    @if !said.0.is_empty() { small { (said) } }
                }
            }
        }
    }
}

/// Who acted: agents by their name.
fn actor(actor: &str, names: &Names) -> String {
    match actor.split_once(':') {
        Some((kind @ "agent", id)) => format!("{} {}", words(kind), names.user(id)),
        Some((kind, name)) => format!("{} {name}", words(kind)),
        None => words(actor),
    }
}

/// Facts as `Name: value`, those that say nothing left out.
fn facts(facts: Option<&Map<String, Value>>, names: &Names) -> Markup {
    let said: Vec<(String, Markup)> = facts
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((words(name), fact(name, value, names)?)))
        .collect();
    html! {
        @for (index, (name, value)) in said.iter().enumerate() {
            @if index > 0 { " · " }
            (name) ": " (value)
        }
    }
}

fn fact(name: &str, value: &Value, names: &Names) -> Option<Markup> {
    let is_user = name.contains("Agent") || name == "HeldFor";
    Some(match value {
        Value::Null => return None,
        Value::Bool(yes) => html! { (if *yes { texts::YES } else { texts::NO }) },
        Value::String(id) if is_user => html! { (names.user(id)) },
        Value::String(at) if is_instant(at) => instant(at),
        Value::String(text) => html! { (text) },
        Value::Number(number) => html! { (number) },
        Value::Array(_) | Value::Object(_) => html! { (value) },
    })
}

/// Whether a text is an instant as the API writes it.
fn is_instant(text: &str) -> bool {
    text.len() >= "2026-01-05T10:00:00Z".len() && text.ends_with('Z') && date::parse(text).is_ok()
}
