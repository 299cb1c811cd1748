//! What narrows the list.

use maud::{Markup, html};

use super::PATH;
use super::names::{Names, priorities};
use super::view::View;
use crate::failure::Failure;
use crate::texts;

/// The states as tabs: what the address says, and what people read.
const STATES: [(&str, &str); 6] = [
    ("Open", texts::STATE_OPEN),
    ("Pending", texts::STATE_PENDING),
    ("InQueue", texts::STATE_IN_QUEUE),
    ("Processing", texts::STATE_PROCESSING),
    ("Terminated", texts::STATE_TERMINATED),
    ("All", texts::STATE_ALL),
];

pub(super) fn bar(view: &View, names: &Names, wrong: Option<&Failure>) -> Markup {
    html! {
        nav.tabs aria-label=(texts::STATE) {
            @for (state, title) in STATES {
                @let there = View { state: state.to_owned(), ..view.first_page() };
                a href=(there.address()) aria-current=[(view.state() == state).then_some("true")] {
                    (title)
                }
            }
        }
        form.filters method="get" action=(PATH) role="search" data-auto {
            input type="hidden" name="state" value=(view.state);
            input type="hidden" name="sort" value=(view.sort);
            input type="hidden" name="order" value=(if view.descending { "down" } else { "" });
            div.field.search {
                label.visually-hidden for="search" { (texts::SEARCH) }
                input #search type="search" name="search" value=(view.search)
                    placeholder=(texts::SEARCH_HINT) autocomplete="off"
                    aria-invalid=[wrong.map(|_| "true")]
                    aria-describedby=[wrong.map(|_| "search-problem")];
            }
            (choice("service", texts::SERVICE, texts::EVERY_SERVICE, &view.service,
                &Names::choices(&names.services, "Id")))
            (choice("priority", texts::PRIORITY, texts::EVERY_PRIORITY, &view.priority, &priorities()))
            @if !names.users.is_empty() {
                (choice("agent", texts::AGENT, texts::EVERY_AGENT, &view.agent,
                    &Names::choices(&names.users, "Id")))
            }
            button type="submit" { (texts::APPLY) }
            @if view.is_narrowed() {
                @let all = View { state: view.state.clone(), ..View::default() };
                a.button.quiet href=(all.address()) { (texts::CLEAR) }
            }
        }
        @if let Some(wrong) = wrong {
            div.notice.bad #search-problem role="alert" {
                @for message in wrong.rest(&[]) { p { (message) } }
            }
        }
    }
}

fn choice(
    name: &str,
    label: &str,
    every: &str,
    chosen: &str,
    options: &[(String, String)],
) -> Markup {
    html! {
        div.field {
            label.visually-hidden for=(format!("by-{name}")) { (label) }
            select id=(format!("by-{name}")) name=(name) {
                option value="" { (every) }
                @for (value, title) in options {
                    option value=(value) selected[value == chosen] { (title) }
                }
            }
        }
    }
}
