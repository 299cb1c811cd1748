//! Every page of the console, one line each.

use axum::Router;
use callback_http::Within;

use crate::routes::{Page, Routes};
use crate::visit::Console;
use crate::{assets, board, desk, live, setup, sign_in, supervisor};

/// The pages of the navigation, in its order.
pub(crate) const PAGES: &[Page] = &[
    board::PAGE, //
    desk::PAGE,
    supervisor::PAGE,
    setup::PAGE,
];

/// The console in front of an API.
pub fn console(within: Within) -> Router {
    let routes = Routes::new(Console::new(within));
    let routes = PAGES.iter().fold(routes, |routes, page| (page.routes)(routes));
    assets::routes(live::routes(sign_in::routes(routes))).into_router()
}
