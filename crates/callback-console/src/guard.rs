//! What every request of a page goes through: who asks, whether they may, and whether they meant it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use callback_engine::access::{Principal, SessionToken};
use callback_http::{Door, Permission};
use http_body_util::{BodyExt as _, Limited};

use crate::ask;
use crate::cookies::{self, Cookies};
use crate::failure::Failure;
use crate::form::Filled;
use crate::layout;
use crate::texts;
use crate::visit::{Console, Visit, Visitor};

/// Longest form that is read, in bytes.
const FORM_BYTES: usize = 64 * 1024;
/// Asks for what is within the frame only.
const ONLY_CONTENT: HeaderName = HeaderName::from_static("x-content-only");

/// What somebody must be for a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Anybody at all.
    Nobody,
    /// Somebody who is signed in.
    Somebody,
    /// Somebody with a permission of the API.
    Permission(Permission),
}

/// What the guard of one route knows.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    pub(crate) console: Console,
    pub(crate) needs: Needs,
}

/// Lets a request through to its page, or answers why not.
pub(crate) async fn guard(
    State(Guard { console, needs }): State<Guard>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let cookies = Cookies::of(&parts.headers, console.within.is_secured(&parts));
    let (principal, session, refused) = match known(&console, &parts, &cookies).await {
        Ok((principal, session)) => (principal, session, None),
        Err(refused) => (None, None, Some(refused)),
    };
    // Whoever has no cookie yet is given one, so that their first form can be told from others'.
    let fresh = cookies.identity().is_none().then(|| cookies::fresh(&console.within));
    let identity = fresh.as_deref().or_else(|| cookies.identity()).unwrap_or_default();
    let token = cookies::form_token(identity);
    let visit = Visit(Arc::new(Visitor {
        principal,
        session,
        token,
        address: parts.uri.path_and_query().map_or("/", |address| address.as_str()).to_owned(),
        only_content: parts.headers.contains_key(ONLY_CONTENT),
        is_secured: cookies.is_secured,
        console,
    }));
    let response = match refused {
        Some(refused) => ask::refusal(*refused).await.into_response(),
        None => admit(&visit, needs, parts, body, next).await,
    };
    let mut response = framed(&visit, response);
    harden(response.headers_mut());
    if let Some(fresh) = fresh {
        let cookie = cookies::visitor(&fresh, visit.0.is_secured);
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

type Known = (Option<Principal>, Option<SessionToken>);

/// Who asks: whoever has a session, or anybody where there are no keys.
async fn known(
    console: &Console,
    parts: &Parts,
    cookies: &Cookies,
) -> Result<Known, Box<Response>> {
    match console.within.door(parts).await? {
        Door::Open(principal) => return Ok((Some(principal), None)),
        Door::Shut => return Ok((None, None)),
        Door::Keyed => {}
    }
    let Some(session) = cookies.session() else { return Ok((None, None)) };
    let principal = console.within.admit(parts, &session).await?;
    let session = principal.is_some().then_some(session);
    Ok((principal, session))
}

/// Lets somebody through who may see the page, with the form that they sent.
async fn admit(visit: &Visit, needs: Needs, mut parts: Parts, body: Body, next: Next) -> Response {
    let is_post = parts.method == Method::POST;
    let allowed = match (needs, visit.role()) {
        (Needs::Nobody, _) | (Needs::Somebody, Some(_)) => true,
        (Needs::Permission(permission), Some(_)) => visit.may(permission),
        (Needs::Somebody | Needs::Permission(_), None) => {
            return to_sign_in(visit, is_post);
        }
    };
    if !allowed {
        return Failure::forbidden(texts::NOT_YOUR_PAGE).into_response();
    }
    let body = if is_post {
        if let Err(refused) = visit.0.console.within.check_post(&parts) {
            return ask::refusal(*refused).await.into_response();
        }
        let Ok(body) = Limited::new(body, FORM_BYTES).collect().await else {
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        };
        let filled = Filled::read(&body.to_bytes());
        if !filled.has_token(&visit.0.token) {
            return Failure::forbidden(texts::STALE_FORM).into_response();
        }
        parts.extensions.insert(filled);
        Body::empty()
    } else {
        body
    };
    parts.extensions.insert(visit.clone());
    next.run(Request::from_parts(parts, body)).await
}

/// Leads to the sign-in and from there back; what a form held is gone, so it leads to the page.
fn to_sign_in(visit: &Visit, is_post: bool) -> Response {
    if visit.0.only_content {
        return Failure::signed_out().into_response();
    }
    let then = if is_post { "/console" } else { visit.0.address.as_str() };
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("then", then).finish();
    see_other(&format!("/console/sign-in?{query}"))
}

/// Leads to another page.
pub(crate) fn see_other(to: &str) -> Response {
    match HeaderValue::from_str(to) {
        Ok(to) => (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response(),
        Err(_) => Failure::not_found().into_response(),
    }
}

/// Puts the page around a failure.
fn framed(visit: &Visit, mut response: Response) -> Response {
    let Some(failure) = response.extensions_mut().remove::<Failure>() else { return response };
    let mut page = layout::page(visit, &failure.title, &failure.markup());
    *page.status_mut() = failure.status;
    page.headers_mut().extend(std::mem::take(response.headers_mut()));
    page
}

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
);
/// With less, browsers would not say where a form comes from.
const REFERRER: HeaderValue = HeaderValue::from_static("same-origin");

fn harden(headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::REFERRER_POLICY, REFERRER);
}
