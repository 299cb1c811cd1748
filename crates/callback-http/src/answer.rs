//! Callbacks as answers show them at this moment.

use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use callback_domain::callback::{Callback, PhaseName};
use callback_domain::dto::{CallbackDto, TaskDto};
use callback_engine::Engine;
use callback_engine::store::StoreError;
use uuid::Uuid;

use crate::etag;

/// A callback with the members that are computed for each answer.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) callback: Callback,
    app_pool_id: Uuid,
    left_seconds: u32,
}

impl Shown {
    /// Computes what the answer needs; the calendar is only asked while the wait runs.
    pub(crate) async fn new(engine: &Engine, callback: Callback) -> Result<Self, StoreError> {
        let app_pool_id = engine.installation();
        let service = match callback.phase_name() {
            PhaseName::InQueue | PhaseName::Offered => {
                engine.services().await?.by_id(callback.service).cloned()
            }
            PhaseName::Pending
            | PhaseName::Preview
            | PhaseName::Dialout
            | PhaseName::Connected
            | PhaseName::Terminated => None,
        };
        let hours = service.as_ref().and_then(|service| service.hours());
        let left_seconds = callback.wait_left_seconds(engine.now().await?, hours);
        Ok(Self { callback, app_pool_id, left_seconds })
    }

    pub(crate) fn dto(&self) -> CallbackDto<'_> {
        CallbackDto::new(&self.callback, self.app_pool_id, self.left_seconds)
    }

    /// The callback as a task, if it is in somebody's hands.
    pub(crate) fn task(&self) -> Option<TaskDto<'_>> {
        TaskDto::new(&self.callback, self.app_pool_id, self.left_seconds)
    }
}

impl IntoResponse for Shown {
    fn into_response(self) -> Response {
        let tag = etag::tag(self.callback.version);
        ([(header::ETAG, tag)], Json(self.dto())).into_response()
    }
}
