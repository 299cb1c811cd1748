//! Searching: a bare array of any length, read in short pieces and sent as they come.

use std::collections::BTreeMap;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use callback_domain::callback::Callback;
use callback_domain::dto::{CallbackDto, SearchRequest};
use callback_domain::id::ServiceId;
use callback_domain::search::{Column, Cursor, Query};
use callback_domain::service::Service;
use callback_engine::Engine;
use callback_engine::store::StoreError;
use futures_util::{StreamExt as _, stream};

use crate::access::Caller;
use crate::body::JsonBody;
use crate::parameters::{Parameters, problem};
use crate::problem::ApiError;
use crate::router::Api;

/// A search from within the process, for a page that shows a piece of what there is.
///
/// It is answered without the total, which costs more the more there is.
#[derive(Clone, Copy, Debug)]
pub struct Glance {
    /// Whether callbacks that are over are left out.
    pub live: bool,
}

/// Callbacks read at once in an order that stores keep an index for.
const INDEXED_ROWS: usize = 500;
/// Callbacks read at once in any other order, where each read sorts all that is left.
const SORTED_ROWS: usize = 10_000;

/// Searches; `X-Total-Count` counts what was found, `Link` leads to the next page.
pub(crate) async fn search(
    State(api): State<Api>,
    caller: Caller,
    glance: Option<Extension<Glance>>,
    mut parameters: Parameters,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let cursor = parameters.text("cursor");
    parameters.finish()?;
    let request = SearchRequest::read(&body.value)?;
    let (limit, offset) = (request.limit, u64::from(request.offset));
    let Some(mut query) = api.engine.query_within(request, caller.scope()).await? else {
        return Ok(answer(Some(0), None, Body::from("[]")));
    };
    query.live |= glance.as_ref().is_some_and(|Extension(glance)| glance.live);
    let after = cursor.map(|text| Cursor::decode(&text, &query)).transpose();
    let after = after.map_err(|error| problem("cursor", "InvalidCursor", &error.to_string()))?;
    let offset = if after.is_some() { 0 } else { offset };
    let total = match glance {
        Some(_) => None,
        None => Some(api.engine.store().count(&query).await?),
    };
    let mut listing = Listing::new(api.engine.clone(), query, after, offset).await?;
    let next = match limit {
        Some(limit) => listing.end_after(limit).await?,
        None => None,
    };
    let first = listing.piece().await?;
    Ok(answer(total, next.as_deref(), listing.body(first)))
}

fn answer(total: Option<u64>, next: Option<&str>, body: Body) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json".to_owned())];
    let link = next.map(|cursor| {
        let link = format!("</v1.0/callbacks/search?cursor={cursor}>; rel=\"next\"");
        [(header::LINK, link)]
    });
    let mut response = match link {
        Some(link) => (kind, link, body).into_response(),
        None => (kind, body).into_response(),
    };
    if let Some(total) = total {
        response.headers_mut().insert("X-Total-Count", total.into());
    }
    response
}

/// An answer that is being written.
struct Listing {
    engine: Engine,
    query: Query,
    services: BTreeMap<ServiceId, Service>,
    /// What was read beforehand, and not yet written.
    read: Option<Vec<Callback>>,
    after: Option<Cursor>,
    offset: u64,
    /// Nothing beyond this place is in the answer.
    last: Option<Cursor>,
    begun: bool,
    ended: bool,
}

impl Listing {
    async fn new(
        engine: Engine,
        query: Query,
        after: Option<Cursor>,
        offset: u64,
    ) -> Result<Self, StoreError> {
        let services = engine.store().services().await?;
        let services = services.into_iter().map(|service| (service.id, service)).collect();
        Ok(Self {
            engine,
            query,
            services,
            read: None,
            after,
            offset,
            last: None,
            begun: false,
            ended: false,
        })
    }

    /// Ends the answer after so many callbacks; answers where the next page begins, if there is one.
    ///
    /// A page that fits in one read is exactly that read.
    /// A longer one ends at a place that is looked up beforehand, so that pages join without gap or
    /// overlap even when callbacks come into it meanwhile.
    async fn end_after(&mut self, limit: u32) -> Result<Option<String>, StoreError> {
        let (store, rows) = (self.engine.store(), self.rows());
        let last = match usize::try_from(limit) {
            Ok(limit) if limit <= rows => {
                let after = self.after.as_ref();
                let mut read = store.page(&self.query, after, self.offset, limit + 1).await?;
                let more = read.len() > limit;
                read.truncate(limit);
                let last = read.last().filter(|_| more).map(|callback| self.query.place(callback));
                self.read = Some(read);
                last
            }
            Ok(_) | Err(_) => {
                let before = self.offset.saturating_add(u64::from(limit)).saturating_sub(1);
                let edge = store.page(&self.query, self.after.as_ref(), before, 2).await?;
                edge.first().filter(|_| edge.len() > 1).map(|callback| self.query.place(callback))
            }
        };
        self.last = last;
        Ok(self.last.as_ref().map(|last| last.encode(&self.query)))
    }

    /// Reads the next callbacks and writes them, with the brackets at both ends.
    async fn piece(&mut self) -> Result<Bytes, StoreError> {
        let rows = self.rows();
        let callbacks = if let Some(read) = self.read.take() {
            self.ended = true;
            read
        } else {
            let store = self.engine.store();
            let mut read = store.page(&self.query, self.after.as_ref(), self.offset, rows).await?;
            self.offset = 0;
            if let Some(last) = &self.last {
                let within = |callback: &Callback| {
                    self.query.order(&self.query.place(callback), last).is_le()
                };
                read.truncate(read.partition_point(within));
            }
            self.after = read.last().map(|callback| self.query.place(callback));
            self.ended = read.len() < rows || self.after == self.last;
            read
        };
        let now = self.engine.now().await?;
        let mut text = Vec::new();
        for callback in &callbacks {
            text.push(if self.begun { b',' } else { b'[' });
            self.begun = true;
            let hours = self.services.get(&callback.service).and_then(Service::hours);
            let left = callback.wait_left_seconds(now, hours);
            let dto = CallbackDto::new(callback, self.engine.installation(), left);
            serde_json::to_writer(&mut text, &dto)
                .expect("a callback in memory can be written as JSON");
        }
        if self.ended {
            text.extend(if self.begun { &b"]"[..] } else { b"[]" });
        }
        Ok(text.into())
    }

    /// The body: its first piece, then one after the other as the caller takes them.
    ///
    /// A failure breaks the connection, so that nobody takes a part for the whole.
    fn body(self, first: Bytes) -> Body {
        if self.ended {
            return Body::from(first);
        }
        let rest = stream::try_unfold(self, |mut listing| async move {
            if listing.ended {
                return Ok(None);
            }
            match listing.piece().await {
                Ok(piece) => Ok(Some((piece, listing))),
                Err(error) => {
                    ApiError::from(error.clone()).log();
                    Err(error)
                }
            }
        });
        Body::from_stream(stream::iter([Ok(first)]).chain(rest))
    }

    const fn rows(&self) -> usize {
        match self.query.order_by {
            Column::Id | Column::DueDate | Column::CreatedAt => INDEXED_ROWS,
            Column::Creator
            | Column::InitiatingSessionId
            | Column::Initiator
            | Column::State
            | Column::RetryCount
            | Column::Target
            | Column::AlternativeTarget
            | Column::MaxRetries
            | Column::SecondsBetweenRetries
            | Column::ServiceId
            | Column::IncomingServiceSipUri
            | Column::Priority
            | Column::ContextUrl
            | Column::Supervisor
            | Column::Description
            | Column::ExternalTaskId
            | Column::CallerId
            | Column::PreferredAgent
            | Column::Phase
            | Column::Agent
            | Column::TerminationReason
            | Column::UpdatedAt
            | Column::Version => SORTED_ROWS,
        }
    }
}
