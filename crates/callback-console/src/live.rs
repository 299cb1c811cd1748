//! Tells an open page that something changed, so that it looks again.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderName, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodFilter;
use callback_engine::access::{Principal, Role, SessionToken};
use callback_http::{Change, Changes};
use futures_util::{Stream, stream};
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use crate::failure::Failure;
use crate::guard::Needs;
use crate::routes::Routes;
use crate::visit::{Console, Visit};

/// How often a silent stream says that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often a page that has to look now and then is told to: the timers of one that nobody sees
/// run too seldom to keep a lease.
const BEAT: Duration = Duration::from_secs(15);
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.on(MethodFilter::GET, "/console/live", Needs::Somebody, live)
}

/// Streams that something changed, a few times a second at most.
async fn live(
    State(console): State<Console>,
    visit: Visit,
    request: Request,
) -> Result<Response, Failure> {
    let Some(principal) = visit.0.principal.clone() else { return Err(Failure::signed_out()) };
    let (parts, _) = request.into_parts();
    let mut changes = console.within.changes(&parts, principal.clone());
    if let (Role::Agent, Some(agent)) = (principal.role, principal.agent)
        && let Ok(Some(task)) = visit.engine().task(agent).await
    {
        changes.follow(task.callback.id.0);
    }
    let session = visit.0.session.clone();
    let reader = Reader { console, principal, session, changes, beat_at: Instant::now() + BEAT };
    let sse = Sse::new(reader.events()).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    let headers = [(header::CACHE_CONTROL, "no-store")];
    Ok((headers, [(BUFFERING, "no")], sse).into_response())
}

struct Reader {
    console: Console,
    principal: Principal,
    session: Option<SessionToken>,
    changes: Changes,
    beat_at: Instant,
}

impl Reader {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> + Send {
        stream::unfold((self, true), |(mut reader, is_first)| async move {
            if is_first {
                // Whatever happened before the stream began is looked at once.
                let event = Event::default().event("change").data(told(&everything()));
                return Some((Ok(event), (reader, false)));
            }
            loop {
                let change = reader.changes.next().await?;
                if !reader.may_read().await {
                    let event = Event::default().event("signed-out").data("{}");
                    // The page goes elsewhere, or comes back and is not let in.
                    return Some((Ok(event), (reader, false)));
                }
                if change != Change::default() {
                    let event = Event::default().event("change").data(told(&change));
                    return Some((Ok(event), (reader, false)));
                }
                if reader.beat_at <= Instant::now() {
                    reader.beat_at = Instant::now() + BEAT;
                    return Some((Ok(Event::default().event("beat").data("{}")), (reader, false)));
                }
            }
        })
    }

    /// Whether the session and the key behind it are still good.
    async fn may_read(&self) -> bool {
        let engine = self.console.within.engine();
        match &self.session {
            Some(session) => engine.is_session_open(session).await.unwrap_or(true),
            None => engine.is_still_admitted(&self.principal).await.unwrap_or(true),
        }
    }
}

fn everything() -> Change {
    Change { callbacks: true, users: true, services: true, setup: true, named: BTreeSet::new() }
}

fn told(change: &Change) -> String {
    let kinds = [
        ("callback", change.callbacks),
        ("user", change.users),
        ("service", change.services),
        ("setup", change.setup),
    ];
    let kinds: Vec<&str> = kinds.iter().filter(|(_, did)| *did).map(|(kind, _)| *kind).collect();
    let named: Vec<String> = change.named.iter().map(Uuid::to_string).collect();
    json!({"kinds": kinds, "named": named}).to_string()
}
