//! What an agent does with the task in their hands.

use axum::extract::Path;
use axum::http::Method;
use axum::response::Response;
use callback_http::Permission;
use serde_json::json;

use super::{address, shown, whose_form};
use crate::failure::Failure;
use crate::form::{Filled, Member};
use crate::guard::see_other;
use crate::routes::Routes;
use crate::visit::Visit;

/// The moves, by their names in the API.
const MOVES: [&str; 6] = ["accept", "decline", "dial", "answered", "outcome", "hangup"];
const OUTCOME: [Member; 3] =
    [Member::text("LeaseToken"), Member::text("Outcome"), Member::text("Detail")];

pub(super) fn routes(routes: Routes) -> Routes {
    routes.post("/console/desk/task/{move}", Permission::MoveTask, make)
}

async fn make(visit: Visit, Path(name): Path<String>, filled: Filled) -> Result<Response, Failure> {
    let Some(agent) = whose_form(&visit, &filled) else { return Err(Failure::not_found()) };
    let known = MOVES.contains(&name.as_str());
    let callback = filled.some("callback").and_then(|id| uuid::Uuid::try_parse(id).ok());
    let Some(callback) = callback.filter(|_| known) else { return Err(Failure::not_found()) };
    let body = if name == "outcome" {
        filled.body(&OUTCOME)
    } else {
        json!({"LeaseToken": filled.some("LeaseToken")})
    };
    match visit.send(Method::POST, &format!("/v1.0/callbacks/{callback}/{name}"), body).await {
        Ok(_) => Ok(see_other(&address(&visit, agent))),
        // What is no longer in these hands is gone for them.
        Err(failure) if failure.is_of_form() || failure.code == "CallbackNotFound" => {
            let mut page = shown(&visit, agent, Some(&failure)).await?;
            *page.status_mut() = failure.status;
            Ok(page)
        }
        Err(failure) => Err(failure),
    }
}
