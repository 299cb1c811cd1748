//! The agents, with their presence to choose.

use std::collections::BTreeMap;

use callback_domain::date::{self, Instant};
use maud::{Markup, html};
use serde_json::Value;

use crate::form::token;
use crate::show::{self, items, text};
use crate::texts::supervisor as texts;
use crate::visit::Visit;

/// The presences that somebody may be given.
pub(super) const PRESENCES: [&str; 4] = ["Available", "Busy", "Away", "Offline"];

/// What an agent does, in one word of the API or of ours.
pub(super) fn state(agent: &Value, now: Instant) -> &str {
    let at_work = date::parse(text(agent, "AfterCallWorkUntil")).is_ok_and(|until| until > now);
    if !agent["Task"].is_null() {
        texts::ON_A_TASK
    } else if agent["Rona"] == true {
        texts::RONA
    } else if at_work {
        texts::WORKS_AFTER_CALL
    } else if agent["Selectable"] == false {
        texts::NOT_SELECTABLE
    } else {
        text(agent, "Presence")
    }
}

/// Whether an agent can be given a task now.
pub(super) fn is_ready(agent: &Value, now: Instant) -> bool {
    state(agent, now) == "Available"
}

pub(super) fn list(
    visit: &Visit,
    agents: &[&Value],
    services: &BTreeMap<&str, &str>,
    query: &str,
    now: Instant,
) -> Markup {
    html! {
        section.panel.flush aria-labelledby="agents-title" {
            h2 #agents-title .panel-title { (texts::AGENTS) }
            @if agents.is_empty() { p.empty { (texts::NO_AGENTS) } } @else {
                div.table-scroll {
                    table.cards {
                        thead { tr {
                            th scope="col" { (texts::NAME) }
                            th scope="col" { (texts::STATE) }
                            th scope="col" { (texts::SINCE) }
                            th scope="col" { (texts::SERVICES) }
                            th scope="col" { (texts::PRESENCE) }
                        } }
                        tbody {
                            @for agent in agents { (row(visit, agent, services, query, now)) }
                        }
                    }
                }
            }
        }
    }
}

fn row(
    visit: &Visit,
    agent: &Value,
    services: &BTreeMap<&str, &str>,
    query: &str,
    now: Instant,
) -> Markup {
    let (id, name, state) = (text(agent, "Id"), text(agent, "Name"), state(agent, now));
    let names: Vec<&str> = items(&agent["Services"])
        .iter()
        .filter_map(|id| services.get(id.as_str()?).copied())
        .collect();
    html! {
        tr data-key=(id) {
            th scope="row" .whole { (name) }
            td data-label=(texts::STATE) { span.badge data-word=(word(state)) { (state) } }
            td data-label=(texts::SINCE) { (show::instant(text(agent, "IdleSince"))) }
            td.whole data-label=(texts::SERVICES) {
                @if names.is_empty() { (crate::texts::NONE) } @else { (names.join(", ")) }
            }
            td.whole {
                div.buttons {
                    (presence(visit, agent, id, name, query))
                    @if agent["Rona"] == true {
                        form method="post" action=(format!("/console/supervisor/{id}/rona?{query}")) {
                            (token(visit))
                            button type="submit" { (texts::RESET_RONA) }
                        }
                    }
                }
            }
        }
    }
}

fn presence(visit: &Visit, agent: &Value, id: &str, name: &str, query: &str) -> Markup {
    let chosen = text(agent, "Presence");
    html! {
        form method="post" action=(format!("/console/supervisor/{id}/presence?{query}")) {
            (token(visit))
            div.choice role="group" aria-label=(texts::presence_of(name)) {
                @for presence in PRESENCES {
                    button type="submit" name="Presence" value=(presence)
                        aria-pressed=(if presence == chosen { "true" } else { "false" }) { (presence) }
                }
            }
        }
    }
}

/// The word by which a state has its colour.
fn word(state: &str) -> &str {
    match state {
        texts::ON_A_TASK => "Processing",
        texts::RONA => "Rona",
        texts::WORKS_AFTER_CALL => "Away",
        other => other,
    }
}
