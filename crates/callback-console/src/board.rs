//! The board: every callback task, live.

use axum::response::Response;
use callback_http::Permission;
use maud::html;

use crate::failure::Failure;
use crate::layout;
use crate::routes::{Page, Routes};
use crate::texts;
use crate::visit::Visit;

/// The board in the navigation.
pub(crate) const PAGE: Page = Page {
    path: "/console/board",
    title: texts::BOARD,
    icon: "M4 5h16M4 12h16M4 19h10",
    needs: Permission::UseCallbacks,
    routes,
};

fn routes(routes: Routes) -> Routes {
    routes.get("/console/board", Permission::UseCallbacks, show)
}

async fn show(visit: Visit) -> Result<Response, Failure> {
    Ok(layout::page(&visit, texts::BOARD, &html! { h1 { (texts::BOARD) } }))
}
