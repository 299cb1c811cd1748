//! Routes that cannot exist without saying what they need.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter};

use crate::access;
use crate::permission::Permission;
use crate::router::Api;

/// Every path, and what each of its methods needs.
pub(crate) struct Routes {
    pub(crate) router: Router<Api>,
    pub(crate) needs: Vec<(Method, &'static str, Permission)>,
}

/// The methods of one path, each behind its guard.
pub(crate) struct Methods {
    router: MethodRouter<Api>,
    needs: Vec<(Method, Permission)>,
}

impl Routes {
    pub(crate) fn new() -> Self {
        Self { router: Router::new(), needs: Vec::new() }
    }

    pub(crate) fn route(mut self, path: &'static str, methods: Methods) -> Self {
        self.router = self.router.route(path, methods.router);
        let needs = methods.needs.into_iter();
        self.needs.extend(needs.map(|(method, needs)| (method, path, needs)));
        self
    }
}

macro_rules! beginnings {
    ($($name:ident),+) => {$(
        /// Begins a path with one method.
        pub(crate) fn $name<H: Handler<T, Api>, T: 'static>(
            needs: Permission,
            handler: H,
        ) -> Methods {
            Methods { router: MethodRouter::new(), needs: Vec::new() }.$name(needs, handler)
        }
    )+};
}

beginnings! { get, post, put, delete }

macro_rules! methods {
    ($($name:ident is $method:ident),+) => {$(
        pub(crate) fn $name<H: Handler<T, Api>, T: 'static>(
            self,
            needs: Permission,
            handler: H,
        ) -> Self {
            self.on(Method::$method, MethodFilter::$method, needs, handler)
        }
    )+};
}

impl Methods {
    methods! { get is GET, post is POST, put is PUT, patch is PATCH, delete is DELETE }

    fn on<H: Handler<T, Api>, T: 'static>(
        mut self,
        method: Method,
        filter: MethodFilter,
        needs: Permission,
        handler: H,
    ) -> Self {
        let guard = from_fn_with_state(needs, access::guard);
        let guarded = MethodRouter::new().on(filter, handler).route_layer(guard);
        self.router = self.router.merge(guarded);
        self.needs.push((method, needs));
        self
    }

    /// Takes bodies of so many bytes.
    pub(crate) fn body_up_to(mut self, bytes: usize) -> Self {
        self.router = self.router.layer(DefaultBodyLimit::max(bytes));
        self
    }
}
