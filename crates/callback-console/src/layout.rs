//! The frame around every page.

use axum::http::header;
use axum::response::{Html, IntoResponse as _, Response};
use callback_engine::access::Role;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::assets;
use crate::form::token;
use crate::pages::PAGES;
use crate::texts;
use crate::visit::Visit;

/// A page with its content in the frame, or the content alone for a script that has the frame.
pub(crate) fn page(visit: &Visit, title: &str, content: &Markup) -> Response {
    let content = html! {
        main #content tabindex="-1" data-title=(format!("{title} · {}", texts::PRODUCT)) {
            (content)
        }
    };
    let text = if visit.0.only_content { content } else { framed(visit, title, &content) };
    (
        [(header::CACHE_CONTROL, "no-store"), (header::VARY, "x-content-only")],
        Html(text.into_string()),
    )
        .into_response()
}

fn framed(visit: &Visit, title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(texts::LANGUAGE) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · " (texts::PRODUCT) }
                link rel="icon" href=(assets::icon()) type="image/svg+xml";
                link rel="stylesheet" href=(assets::style());
                script type="module" src=(assets::script()) {}
            }
            body data-live-source=[visit.role().map(|_| "/console/live")] {
                a.skip href="#content" { (texts::SKIP) }
                (bar(visit))
                (content)
                p #announcer .visually-hidden role="status" aria-live="polite" {}
            }
        }
    }
}

fn bar(visit: &Visit) -> Markup {
    let here = visit.0.address.split('?').next().unwrap_or_default();
    let is_here = |path: &str| here == path || here.starts_with(&format!("{path}/"));
    html! {
        header.bar {
            a.brand href="/console" {
                (icon("M5 4h4l2 5-2.5 1.5a11 11 0 0 0 5 5L15 13l5 2v4a2 2 0 0 1-2 2A16 16 0 0 1 3 6a2 2 0 0 1 2-2M15 3h6v6M21 3l-7 7"))
                span { (texts::PRODUCT) }
            }
            @if visit.role().is_some() {
                nav aria-label=(texts::PAGES) {
                    @for page in PAGES.iter().filter(|page| visit.may(page.needs)) {
                        a href=(page.path) aria-current=[is_here(page.path).then_some("page")] {
                            (icon(page.icon)) span { (page.title) }
                        }
                    }
                }
                (who(visit))
            }
        }
    }
}

fn who(visit: &Visit) -> Markup {
    let name = visit.0.principal.as_ref().map(|principal| principal.name.as_str());
    html! {
        div.who {
            span.live #live role="img" aria-label=(texts::NOT_LIVE) title=(texts::NOT_LIVE)
                data-live-text=(texts::LIVE) data-lost-text=(texts::NOT_LIVE) {}
            @if visit.is_keyless() {
                span.who-name title=(texts::KEYLESS_HINT) { (texts::KEYLESS) }
            } @else {
                span.who-name {
                    (name.unwrap_or_default())
                    @if let Some(role) = visit.role() { small { (role_name(role)) } }
                }
                form method="post" action="/console/sign-out" data-plain {
                    (token(visit))
                    button.quiet type="submit" { (texts::SIGN_OUT) }
                }
            }
        }
    }
}

/// What people call a role.
pub(crate) const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Integrator => texts::ROLE_INTEGRATOR,
        Role::Agent => texts::ROLE_AGENT,
        Role::Supervisor => texts::ROLE_SUPERVISOR,
        Role::Admin => texts::ROLE_ADMIN,
    }
}

/// A picture of lines, which says nothing that the text beside it does not.
pub(crate) fn icon(lines: &str) -> Markup {
    html! {
        svg.icon viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" focusable="false"
            fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"
            stroke-linejoin="round" {
            path d=(PreEscaped(lines)) {}
        }
    }
}
