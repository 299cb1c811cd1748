//! The board: every callback task, live.

mod view;
mod names;
mod rows;
mod filters;
mod drawer;
mod story;
mod change;
mod create;

use axum::extract::RawQuery;
use axum::response::Response;
use callback_http::Permission;
use maud::{Markup, html};

use self::drawer::Drawer;
use self::names::Names;
use self::view::{Found, View};
use crate::failure::Failure;
use crate::layout;
use crate::routes::{Page, Routes};
use crate::texts;
use crate::visit::Visit;

/// The board in the navigation.
pub(crate) const PAGE: Page = Page {
    path: PATH,
    title: texts::BOARD,
    icon: "M4 5h16M4 12h16M4 19h10",
    needs: Permission::UseCallbacks,
    routes,
};

const PATH: &str = "/console/board";

fn routes(routes: Routes) -> Routes {
    let routes = routes
        .get(PATH, Permission::UseCallbacks, show)
        .get("/console/board/new", Permission::UseCallbacks, create::show)
        .post("/console/board/new", Permission::UseCallbacks, create::send);
    change::routes(routes)
}

async fn show(visit: Visit, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let view = View::read(query.as_deref().unwrap_or_default());
    shown(&visit, &view, None).await
}

/// The board with a callback open, and perhaps a form of it that was refused.
async fn shown(
    visit: &Visit,
    view: &View,
    refused: Option<&change::Refused>,
) -> Result<Response, Failure> {
    let names = Names::read(visit).await?;
    let (found, wrong) = match view.find(visit).await {
        Ok(found) => (found, None),
        Err(failure) if failure.is_of_form() => (Found::default(), Some(failure)),
        Err(failure) => return Err(failure),
    };
    let drawer = match &view.open {
        Some(id) => Some(Drawer::read(visit, id).await),
        None => None,
    };
    let content = html! {
        div.board.with-drawer[drawer.is_some()] data-live="callback user service" {
            div.board-list {
                (head())
                (filters::bar(view, &names, wrong.as_ref()))
                (rows::table(view, &found, &names))
            }
            @if let Some(drawer) = &drawer {
                (drawer::aside(visit, view, drawer, &names, refused))
            }
        }
    };
    Ok(layout::page(visit, texts::BOARD, &content))
}

fn head() -> Markup {
    html! {
        div.head {
            h1 { (texts::BOARD) }
            div.actions {
                a.button.primary href="/console/board/new" { (texts::NEW_CALLBACK) }
            }
        }
    }
}
