//! Routes that cannot exist without saying what they need.

use axum::Router;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter};
use callback_http::Permission;

use crate::guard::{Guard, Needs, guard};
use crate::visit::Console;

/// A page of the navigation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    /// Its address.
    pub(crate) path: &'static str,
    /// What the navigation calls it.
    pub(crate) title: &'static str,
    /// The lines of the picture beside its title, on a grid of 24 by 24.
    pub(crate) icon: &'static str,
    /// What somebody must be allowed to do for it to be shown.
    pub(crate) needs: Permission,
    /// Its routes, with those of its forms.
    pub(crate) routes: fn(Routes) -> Routes,
}

/// The routes so far.
pub(crate) struct Routes {
    console: Console,
    router: Router<Console>,
}

impl Routes {
    pub(crate) fn new(console: Console) -> Self {
        Self { console, router: Router::new() }
    }

    /// A page that is read.
    pub(crate) fn get<H: Handler<T, Console>, T: 'static>(
        self,
        path: &str,
        needs: Permission,
        handler: H,
    ) -> Self {
        self.on(MethodFilter::GET, path, Needs::Permission(needs), handler)
    }

    /// A form that is sent; its token and its origin are checked before the handler sees it.
    pub(crate) fn post<H: Handler<T, Console>, T: 'static>(
        self,
        path: &str,
        needs: Permission,
        handler: H,
    ) -> Self {
        self.on(MethodFilter::POST, path, Needs::Permission(needs), handler)
    }

    /// As the others, for whoever is signed in, or for everybody.
    pub(crate) fn on<H: Handler<T, Console>, T: 'static>(
        mut self,
        method: MethodFilter,
        path: &str,
        needs: Needs,
        handler: H,
    ) -> Self {
        let state = Guard { console: self.console.clone(), needs };
        let guarded = MethodRouter::new().on(method, handler);
        let guarded = guarded.route_layer(from_fn_with_state(state, guard));
        self.router = self.router.route(path, guarded);
        self
    }

    /// A file that is the same for everybody.
    pub(crate) fn file<H: Handler<T, Console>, T: 'static>(
        mut self,
        path: &str,
        handler: H,
    ) -> Self {
        self.router = self.router.route(path, MethodRouter::new().get(handler));
        self
    }

    pub(crate) fn into_router(self) -> Router {
        self.router.with_state(self.console)
    }
}
