//! How the queues stand.

use maud::{Markup, html};
use serde_json::Value;

use crate::show::{self, items, text};
use crate::texts::supervisor as texts;

/// A service and its queue, as the API tells of them.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    pub(super) service: Value,
    pub(super) stands: Value,
}

impl Queue {
    pub(super) fn id(&self) -> &str {
        text(&self.service, "Id")
    }

    fn number(&self, member: &str) -> u64 {
        self.stands[member].as_u64().unwrap_or(0)
    }
}

/// The most important figures of all of them together.
pub(super) fn now(queues: &[Queue], ready: usize) -> Markup {
    let sum = |member: &str| queues.iter().map(|queue| queue.number(member)).sum::<u64>();
    let oldest = queues.iter().map(|queue| queue.number("OldestWaitInSeconds")).max().unwrap_or(0);
    let tile = |name: &str, value: &Markup| {
        html! { div.tile { dt { (name) } dd { (value) } } }
    };
    html! {
        dl.tiles aria-label=(texts::RIGHT_NOW) {
            (tile(texts::WAITING, &html! { (sum("Waiting")) }))
            (tile(texts::OLDEST_WAIT, &html! { (wait(oldest)) }))
            (tile(texts::IN_A_CALL, &html! { (sum("LiveSessions")) }))
            (tile(texts::READY_AGENTS, &html! { (ready) }))
        }
    }
}

pub(super) fn table(queues: &[Queue]) -> Markup {
    html! {
        section.panel.flush aria-labelledby="queues-title" {
            h2 #queues-title .panel-title { (texts::QUEUES) }
            @if queues.is_empty() { p.empty { (texts::NO_SERVICES) } } @else {
                div.table-scroll {
                    table.cards {
                        thead { tr {
                            th scope="col" { (texts::SERVICE) }
                            th scope="col" { (texts::STATUS) }
                            th.number scope="col" { (texts::WAITING) }
                            th scope="col" { (texts::BY_PRIORITY) }
                            th.number scope="col" { (texts::OLDEST_WAIT) }
                            th.number scope="col" { (texts::LIVE) }
                            th scope="col" { (texts::AGENTS) }
                        } }
                        tbody { @for queue in queues { (row(queue)) } }
                    }
                }
            }
        }
    }
}

fn row(queue: &Queue) -> Markup {
    let is_open = queue.stands["Open"].as_bool() == Some(true);
    let status = if is_open { texts::OPEN } else { texts::CLOSED };
    html! {
        tr data-key=(queue.id()) {
            th scope="row" .whole { (text(&queue.service, "Name")) }
            td data-label=(texts::STATUS) { span.badge data-word=(status) { (status) } }
            td.number data-label=(texts::WAITING) { strong { (queue.number("Waiting")) } }
            td.whole data-label=(texts::BY_PRIORITY) { (levels(queue)) }
            td.number data-label=(texts::OLDEST_WAIT) { (wait(queue.number("OldestWaitInSeconds"))) }
            td.number data-label=(texts::LIVE) { (queue.number("LiveSessions")) }
            td.whole data-label=(texts::AGENTS) { (agents(&queue.stands["Agents"])) }
        }
    }
}

/// How many wait at each priority at which anybody does.
fn levels(queue: &Queue) -> Markup {
    let levels = items(&queue.stands["WaitingByPriority"]).iter();
    let waiting: Vec<(&str, u64)> = levels
        .map(|level| (text(level, "Priority"), level["Waiting"].as_u64().unwrap_or(0)))
        .filter(|(_, waiting)| *waiting > 0)
        .collect();
    html! {
        @if waiting.is_empty() { (crate::texts::NONE) } @else {
            ul.chips {
                @for (priority, waiting) in waiting {
                    li.badge data-word=(priority) { (show::words(priority)) " " strong { (waiting) } }
                }
            }
        }
    }
}

fn agents(agents: &Value) -> Markup {
    let states: Vec<(u64, &str)> = [
        ("Ready", texts::READY),
        ("Occupied", texts::OCCUPIED),
        ("AfterCallWork", texts::AFTER_CALL_WORK),
        ("Rona", texts::IN_RONA),
        ("Away", texts::AWAY),
    ]
    .into_iter()
    .map(|(member, name)| (agents[member].as_u64().unwrap_or(0), name))
    .filter(|(number, _)| *number > 0)
    .collect();
    html! {
        @if states.is_empty() { (crate::texts::NONE) } @else {
            ul.chips {
                @for (number, name) in states { li { strong { (number) } " " (name) } }
            }
        }
    }
}

fn wait(seconds: u64) -> Markup {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    html! { @if seconds == 0 { (crate::texts::NONE) } @else { (show::duration(seconds)) } }
}
