//! The configurator: services with their hours, users, access keys and webhooks.

mod deliveries;
mod hours;
mod keys;
mod services;
mod users;
mod webhooks;

use axum::response::Response;
use callback_http::Permission;
use maud::{Markup, html};
use serde_json::Value;

use crate::failure::Failure;
use crate::form::token;
use crate::guard::see_other;
use crate::layout;
use crate::routes::{Page, Routes};
use crate::show::{items, text};
use crate::texts::setup as texts;
use crate::visit::Visit;

/// The page in the navigation.
pub(crate) const PAGE: Page = Page {
    path: "/console/setup",
    title: texts::TITLE,
    icon: "M4 6h10M18 6h2M4 12h2M10 12h10M4 18h10M18 18h2M14 4v4M6 10v4M14 16v4",
    needs: Permission::Administer,
    routes,
};

/// The parts of the setup, in the order of their tabs.
const PARTS: [(&str, &str); 4] = [
    (services::PATH, texts::SERVICES),
    (users::PATH, texts::USERS),
    (keys::PATH, texts::KEYS),
    (webhooks::PATH, texts::WEBHOOKS),
];

fn routes(routes: Routes) -> Routes {
    let routes = routes.get(PAGE.path, Permission::Administer, start);
    let routes = services::routes(users::routes(routes));
    deliveries::routes(webhooks::routes(keys::routes(routes)))
}

async fn start() -> Response {
    see_other(services::PATH)
}

/// A page of one part, with the tabs above it.
fn page(visit: &Visit, part: &str, title: &str, content: &Markup) -> Response {
    let whole = html! {
        nav.parts aria-label=(texts::PARTS) {
            @for (path, name) in PARTS {
                a href=(path) aria-current=[(path == part).then_some("page")] { (name) }
            }
        }
        (content)
    };
    layout::page(visit, title, &whole)
}

/// What a page says at first after something was done: the value of `done` in its address.
#[derive(Debug, Default, serde::Deserialize)]
struct Done {
    done: Option<String>,
}

impl Done {
    fn notice(&self) -> Markup {
        let said = match self.done.as_deref() {
            Some("saved") => Some(texts::SAVED),
            Some("deleted") => Some(texts::DELETED),
            Some("trial") => Some(texts::TRIAL_SENT),
            Some("replayed") => Some(texts::REPLAYED),
            Some(_) | None => None,
        };
        html! { @if let Some(said) = said { p.notice.good role="status" { (said) } } }
    }
}

/// The heading of a list, with the way to a new entry.
fn list_head(title: &str, new: &str, to: &str) -> Markup {
    html! {
        div.head {
            h1 { (title) }
            div.actions { a.button.primary href=(to) { (new) } }
        }
    }
}

/// The last line of a form: save it, or leave it.
fn save_or_leave(to: &str) -> Markup {
    html! {
        div.buttons.form-end {
            button.primary type="submit" { (crate::texts::SAVE) }
            a.button href=(to) { (texts::CANCEL) }
        }
    }
}

/// What Enter in a field does: the first button of a form is pressed, which is not to be another.
fn default_button() -> Markup {
    html! { button.visually-hidden type="submit" tabindex="-1" aria-hidden="true" { (crate::texts::SAVE) } }
}

/// A form of one button that removes something.
fn removal(visit: &Visit, path: &str, name: &str) -> Markup {
    html! {
        form.removal method="post" action=(format!("{path}/delete")) data-confirm=(texts::sure_to_delete(name)) {
            (token(visit))
            button.danger type="submit" { (texts::DELETE) }
        }
    }
}

/// The services of the installation to choose from: ids with names.
async fn services_to_choose(visit: &Visit) -> Result<Vec<(String, String)>, Failure> {
    let services = visit.get("/v1.0/services").await?;
    Ok(items(&services).iter().map(id_and_name).collect())
}

fn id_and_name(value: &Value) -> (String, String) {
    (text(value, "Id").to_owned(), text(value, "Name").to_owned())
}

/// What people read of ids, by those to choose from.
fn names_of(ids: &Value, known: &[(String, String)]) -> String {
    let name = |id: &Value| {
        let found = known.iter().find(|(known, _)| Some(known.as_str()) == id.as_str());
        found.map(|(_, name)| name.as_str())
    };
    items(ids).iter().filter_map(name).collect::<Vec<_>>().join(", ")
}

/// Choices with their words, as forms take them.
fn choices(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(value, words)| ((*value).to_owned(), (*words).to_owned())).collect()
}
