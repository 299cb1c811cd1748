//! Signing in by a key, and out.

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use axum::routing::MethodFilter;
use maud::{Markup, html};

use crate::ask;
use crate::cookies;
use crate::failure::Failure;
use crate::form::{Filled, token};
use crate::guard::{Needs, see_other};
use crate::layout;
use crate::pages::PAGES;
use crate::routes::Routes;
use crate::texts;
use crate::visit::{Console, Visit};

const PATH: &str = "/console/sign-in";

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .on(MethodFilter::GET, "/", Needs::Nobody, start)
        .on(MethodFilter::GET, "/console", Needs::Somebody, start)
        .on(MethodFilter::GET, PATH, Needs::Nobody, show)
        .on(MethodFilter::POST, PATH, Needs::Nobody, sign_in)
        .on(MethodFilter::POST, "/console/sign-out", Needs::Nobody, sign_out)
        .on(MethodFilter::GET, "/console/{*rest}", Needs::Nobody, nothing)
        .on(MethodFilter::POST, "/console/{*rest}", Needs::Nobody, nothing)
}

/// Leads to the first page that somebody may see.
async fn start(visit: Visit) -> Response {
    let first = PAGES.iter().find(|page| visit.may(page.needs));
    match (visit.role(), first) {
        (Some(_), Some(page)) => see_other(page.path),
        (Some(_), None) => see_other("/docs"),
        (None, _) => see_other(PATH),
    }
}

async fn nothing() -> Failure {
    Failure::not_found()
}

type Asked = Query<Vec<(String, String)>>;

/// Where somebody wanted to go; only within the console.
fn wanted(given: Option<&str>) -> &str {
    let inside = |path: &&str| {
        (*path == "/console" || path.starts_with("/console/"))
            && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
            && !path.starts_with("/console/sign-")
            && !path.contains("/..")
    };
    given.filter(inside).unwrap_or("/console")
}

async fn show(visit: Visit, Query(asked): Asked) -> Response {
    let then = asked.iter().find(|(name, _)| name == "then").map(|(_, value)| value.as_str());
    if visit.role().is_some() {
        return see_other(wanted(then));
    }
    layout::page(&visit, texts::SIGN_IN, &markup(&visit, wanted(then), None))
}

async fn sign_in(
    State(console): State<Console>,
    visit: Visit,
    filled: Filled,
    request: axum::extract::Request,
) -> Result<Response, Failure> {
    let then = wanted(filled.text("then")).to_owned();
    let key = filled.text("key").unwrap_or_default().trim().to_owned();
    let (parts, _) = request.into_parts();
    let signed = match console.within.sign_in(&parts, &key).await {
        Ok(signed) => signed,
        Err(refused) => return Err(ask::refusal(*refused).await),
    };
    match signed {
        Ok(token) => {
            if let Some(earlier) = &visit.0.session {
                let _ended = visit.engine().close_session(earlier).await;
            }
            let mut response = see_other(&then);
            let cookie = cookies::session(&token, visit.0.is_secured);
            response.headers_mut().append(header::SET_COOKIE, cookie);
            Ok(response)
        }
        Err(why) => {
            let mut page = layout::page(&visit, texts::SIGN_IN, &markup(&visit, &then, Some(why)));
            *page.status_mut() = StatusCode::UNAUTHORIZED;
            Ok(page)
        }
    }
}

async fn sign_out(visit: Visit) -> Result<Response, Failure> {
    if let Some(session) = &visit.0.session {
        visit.engine().close_session(session).await.map_err(|_| Failure::broken())?;
    }
    let mut response = see_other(PATH);
    let cookie = cookies::no_session(visit.0.is_secured);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

fn markup(visit: &Visit, then: &str, wrong: Option<&str>) -> Markup {
    html! {
        section.sign-in {
            h1 { (texts::SIGN_IN) }
            p { (texts::SIGN_IN_HOW) }
            p.hint { (texts::FIRST_KEY) " " code { "callback keys bootstrap" } }
            form method="post" action=(PATH) data-plain {
                (token(visit))
                input type="hidden" name="then" value=(then);
                div.field {
                    label for="key" { (texts::ACCESS_KEY) }
                    input #key type="password" name="key" required autocomplete="current-password"
                        spellcheck="false" autofocus aria-invalid=[wrong.map(|_| "true")]
                        aria-describedby=[wrong.map(|_| "key-problem")];
                    @if let Some(wrong) = wrong {
                        p #key-problem .problem role="alert" { (wrong) }
                    }
                }
                button.primary type="submit" { (texts::SIGN_IN) }
            }
        }
    }
}
