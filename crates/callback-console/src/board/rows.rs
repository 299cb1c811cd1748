//! The list of callbacks: a table, or cards where there is no room for one.

use maud::{Markup, html};
use serde_json::Value;

use super::names::Names;
use super::view::{Found, View};
use crate::show::{badge, instant, seconds_left, text, words};
use crate::texts;

/// The columns: what people read, and the member that each is sorted by.
const COLUMNS: [(&str, &str); 8] = [
    (texts::PHASE, "Phase"),
    (texts::TARGET, "Target"),
    (texts::SERVICE, "ServiceId"),
    (texts::PRIORITY, "Priority"),
    (texts::AGENT, "Agent"),
    (texts::DUE, "DueDate"),
    (texts::WAIT_LEFT, ""),
    (texts::RETRIES, "RetryCount"),
];
/// From here on, columns hold numbers.
const FIRST_NUMBER: usize = 6;

pub(super) fn table(view: &View, found: &Found, names: &Names) -> Markup {
    html! {
        div.panel.flush {
            @if found.callbacks.is_empty() {
                p.empty { (texts::NOTHING_FOUND) }
            } @else {
                div.table-scroll {
                    table.cards {
                        caption.visually-hidden { (texts::CALLBACKS) }
                        thead { tr {
                            @for (index, (title, member)) in COLUMNS.into_iter().enumerate() {
                                (column(view, title, member, index >= FIRST_NUMBER))
                            }
                        } }
                        tbody {
                            @for callback in &found.callbacks { (row(view, callback, names)) }
                        }
                    }
                }
            }
        }
        (pages(view, found))
    }
}

fn column(view: &View, title: &str, member: &str, is_number: bool) -> Markup {
    let is_sorted = !member.is_empty() && view.sort() == member;
    let order = is_sorted.then_some(if view.descending { "descending" } else { "ascending" });
    html! {
        th.number[is_number] scope="col" aria-sort=[order] {
            @if member.is_empty() { (title) } @else {
                a href=(view.sorted_by(member).address()) {
                    (title)
                    span aria-hidden="true" {
                        (match order { Some("ascending") => "↑", Some(_) => "↓", None => "" })
                    }
                }
            }
        }
    }
}

fn row(view: &View, callback: &Value, names: &Names) -> Markup {
    let id = text(callback, "Id");
    let is_open = view.open.as_deref() == Some(id);
    let opened = view.opening(Some(id)).address();
    html! {
        tr data-key=(id) aria-current=[is_open.then_some("true")] {
            td data-label=(texts::PHASE) { (phase(callback)) }
            th.target scope="row" {
                a href=(opened) { (called(callback)) }
                @if let Some(description) = callback["Description"].as_str() {
                    small.clip { (description) }
                }
            }
            td data-label=(texts::SERVICE) { (names.service(text(callback, "ServiceId"))) }
            td data-label=(texts::PRIORITY) { (priority(text(callback, "Priority"))) }
            td data-label=(texts::AGENT) {
                @match callback["Agent"].as_str() {
                    Some(agent) => (names.user(agent)),
                    None => span.soft { (texts::NONE) },
                }
            }
            td data-label=(texts::DUE) { (instant(text(callback, "DueDate"))) }
            td.number data-label=(texts::WAIT_LEFT) { (wait_left(callback)) }
            td.number data-label=(texts::RETRIES) {
                (callback["RetryCount"].as_u64().unwrap_or(0)) " / "
                (callback["MaxRetries"].as_u64().unwrap_or(0))
            }
        }
    }
}

/// The phase; of one that is over, why.
pub(super) fn phase(callback: &Value) -> Markup {
    let reason = callback["TerminationReason"].as_str();
    html! { (badge(reason.unwrap_or_else(|| text(callback, "Phase")))) }
}

/// The address that is called.
pub(super) fn called(callback: &Value) -> &str {
    callback["AlternativeTarget"].as_str().unwrap_or_else(|| text(callback, "Target"))
}

pub(super) fn priority(priority: &str) -> Markup {
    html! {
        @if matches!(priority, "StrictPriority" | "Highest") { (badge(priority)) }
        @else { (words(priority)) }
    }
}

/// What is left of the allowed wait; it runs while the callback waits.
pub(super) fn wait_left(callback: &Value) -> Markup {
    let runs = matches!(text(callback, "Phase"), "InQueue" | "Offered");
    let seconds = callback["LeftInQueueTimeInSeconds"].as_i64().unwrap_or(0);
    html! {
        @if text(callback, "Phase") == "Terminated" { span.soft { (texts::NONE) } }
        @else { (seconds_left(seconds, runs)) }
    }
}

fn pages(view: &View, found: &Found) -> Markup {
    html! {
        nav.pages aria-label=(texts::MORE_PAGES) {
            @if let Some(previous) = view.previous() {
                a.button href=(view.first_page().address()) { (texts::FIRST_PAGE) }
                a.button rel="prev" href=(previous.address()) { (texts::PREVIOUS_PAGE) }
            }
            @if let Some(next) = &found.next {
                a.button rel="next" href=(view.next(next).address()) { (texts::NEXT_PAGE) }
            }
        }
    }
}
