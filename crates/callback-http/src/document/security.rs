//! Which key an operation asks for, as the router's own table says.

use axum::http::Method;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{HttpMethod, RefOr};

use super::operation::Operation;
use crate::limits;
use crate::permission::Permission;

const BEARER: &str = "Bearer";
const API_KEY: &str = "ApiKey";

/// The ways to present a key.
pub(super) fn schemes() -> Vec<(&'static str, RefOr<SecurityScheme>)> {
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
        "An access key, `Authorization: Bearer cbk_…`, or a token of the identity provider \
         where one is set up. Without any key in the installation, whoever \
         can connect may do everything.",
    ));
    let header = ApiKeyValue::with_description("X-Api-Key", "The same key in a header of its own.");
    vec![
        (BEARER, SecurityScheme::Http(bearer.build()).into()),
        (API_KEY, SecurityScheme::ApiKey(ApiKey::Header(header)).into()),
    ]
}

/// Adds what the router asks for at this operation.
pub(super) fn secured(
    mut operation: Operation,
    needs: &[(Method, &'static str, Permission)],
) -> Operation {
    let method = method(&operation.method);
    let found = needs.iter().find(|(known, path, _)| *known == method && *path == operation.path);
    let Some((_, _, needs)) = found else { return operation };
    if limits::counts(operation.path) {
        operation = operation.refuses(&[429]);
    }
    if *needs == Permission::Open {
        operation.building = operation.building.securities(Some([]));
        return operation;
    }
    let roles: Vec<&str> = needs.roles().iter().map(|role| role.name()).collect();
    let nothing = Vec::<String>::new;
    operation.building = operation
        .building
        .security(SecurityRequirement::new(BEARER, nothing()))
        .security(SecurityRequirement::new(API_KEY, nothing()))
        .extensions(Some(Extensions::from_iter([("x-roles", roles)])));
    operation.refuses(&[401, 403])
}

const fn method(method: &HttpMethod) -> Method {
    match method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Delete => Method::DELETE,
        HttpMethod::Options => Method::OPTIONS,
        HttpMethod::Head => Method::HEAD,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Trace => Method::TRACE,
    }
}
