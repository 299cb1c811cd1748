//! The desk: one agent, and the task in their hands.

use axum::response::Response;
use callback_http::Permission;
use maud::html;

use crate::failure::Failure;
use crate::layout;
use crate::routes::{Page, Routes};
use crate::texts;
use crate::visit::Visit;

/// The desk in the navigation.
pub(crate) const PAGE: Page = Page {
    path: "/console/desk",
    title: texts::DESK,
    icon: "M4 13a8 8 0 0 1 16 0v5h-4v-6h4M4 12h4v6H4z",
    needs: Permission::TendUser,
    routes,
};

fn routes(routes: Routes) -> Routes {
    routes.get("/console/desk", Permission::TendUser, show)
}

async fn show(visit: Visit) -> Result<Response, Failure> {
    Ok(layout::page(&visit, texts::DESK, &html! { h1 { (texts::DESK) } }))
}
