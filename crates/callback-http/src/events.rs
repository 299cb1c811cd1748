//! The ledger as it grows, as server-sent events: resumable by the id of the last one that was seen.
//!
//! A reader holds at most one batch of lines, and the next is read only when the connection has
//! taken this one; whoever takes nothing for half a minute is cut off by the server's write timeout.

mod filter;
mod reader;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use callback_domain::dto::Problems;
use std::time::Duration;

use self::filter::Filter;
use self::reader::Reader;
use crate::access::Caller;
use crate::parameters::{Parameters, problem};
use crate::problem::ApiError;
use crate::router::Api;
use crate::serve::Stopping;

pub(crate) use self::filter::{Kind, is_event};

/// How often a silent stream says that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Digits of an event's id.
const ID_DIGITS: usize = 16;
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Asks proxies that understand it to pass on each event at once.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The id of a line of the ledger; opaque to callers.
pub(crate) fn event_id(sequence: u64) -> String {
    format!("{sequence:0ID_DIGITS$x}")
}

/// Streams what happens from now on, from `?from=start`, or after the last event that was seen.
///
/// The header counts before `?lastEventId=`, and that before `?from=`, since a client that
/// reconnects repeats its address.
pub(crate) async fn events(
    State(api): State<Api>,
    caller: Caller,
    stopping: Option<Extension<Stopping>>,
    headers: HeaderMap,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let named = parameters.text("lastEventId");
    let from_start = parameters.word("from", "start");
    let filter = Filter::read(&mut parameters, caller.principal());
    parameters.finish()?;
    let filter = filter?;
    let last = match headers.get(LAST_EVENT_ID) {
        Some(value) => Some(read_id("Last-Event-ID", value.to_str().ok())?),
        None => named.map(|text| read_id("lastEventId", Some(&text))).transpose()?,
    };
    let end = api.engine.ledger_end(api.tail.reached()).await?;
    let after = match last {
        Some(last) if last > end => {
            let message = "there is no event with this id; begin anew with from=start";
            return Err(problem("Last-Event-ID", "UnknownEvent", message).into());
        }
        Some(last) => last,
        None if from_start => 0,
        None => end,
    };
    let reader =
        Reader::new(&api, caller, filter, after, stopping.map(|Extension(stopping)| stopping));
    let sse = Sse::new(reader.events()).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    let headers = [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (BUFFERING, HeaderValue::from_static("no")),
    ];
    Ok((headers, sse).into_response())
}

fn read_id(member: &str, text: Option<&str>) -> Result<u64, Problems> {
    let digits = text.filter(|text| {
        text.len() == ID_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()).ok_or_else(|| {
        Problems(vec![problem(
            member,
            "Malformed",
            "the id of an event is expected, as it was sent",
        )])
    })
}
