//! Where a request comes from, for an installation without keys.
//!
//! Such a one lets in whoever can connect, which is only this machine; but a browser on it connects
//! for any page that it shows.
//! A page that had its own name point here (DNS rebinding) is told by the `Host` that it asks for,
//! and one that posts from elsewhere by its `Origin`.

use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, header};

use crate::problem::ApiError;
use crate::router::Options;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses what a browser asks on behalf of a page from elsewhere.
pub(crate) fn check(parts: &Parts, options: &Options) -> Result<(), ApiError> {
    let asked = match parts.uri.authority() {
        Some(authority) => Some(authority.clone()),
        None => authority(&parts.headers)?,
    };
    if let Some(asked) = &asked
        && !is_ours(asked.host(), options)
    {
        let why = "the Host is neither a loopback name nor one of allowed_hosts; without access \
                   keys only those are answered";
        return Err(ApiError::Forbidden(why.to_owned()));
    }
    check_origin(parts, asked.as_ref(), options)
}

/// Refuses what a page from elsewhere posts.
pub(crate) fn check_post(parts: &Parts, options: &Options) -> Result<(), ApiError> {
    let asked = match parts.uri.authority() {
        Some(authority) => Some(authority.clone()),
        None => authority(&parts.headers)?,
    };
    let site = only(&parts.headers, &SEC_FETCH_SITE)?;
    if site.is_some_and(|site| site != "same-origin" && site != "none") {
        return Err(ApiError::Forbidden("the request comes from another site's page".to_owned()));
    }
    check_origin(parts, asked.as_ref(), options)
}

fn check_origin(
    parts: &Parts,
    asked: Option<&Authority>,
    options: &Options,
) -> Result<(), ApiError> {
    let Some(origin) = only(&parts.headers, &header::ORIGIN)? else { return Ok(()) };
    let same = || {
        let (_, from) = origin.split_once("://")?;
        Some(from.eq_ignore_ascii_case(asked?.as_str()))
    };
    let allowed = options.allowed_origins.iter().any(|allowed| allowed == origin);
    if allowed || same().unwrap_or(false) {
        return Ok(());
    }
    let why = "the Origin is another than this service's and none of allowed_origins";
    Err(ApiError::Forbidden(why.to_owned()))
}

fn authority(headers: &HeaderMap) -> Result<Option<Authority>, ApiError> {
    let Some(host) = only(headers, &header::HOST)? else { return Ok(None) };
    host.parse().map(Some).map_err(|_| unreadable(&header::HOST))
}

fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, ApiError> {
    let mut given = headers.get_all(name).iter();
    match (given.next(), given.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| unreadable(name)),
        (Some(_), Some(_)) => Err(unreadable(name)),
    }
}

fn unreadable(name: &HeaderName) -> ApiError {
    ApiError::Forbidden(format!("the header {name} cannot be read"))
}

fn is_ours(host: &str, options: &Options) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    is_loopback
        || host == "localhost"
        || host.ends_with(".localhost")
        || options.allowed_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(&host))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn passes(uri: &str, headers: &[(&str, &str)]) -> bool {
        let options = Options {
            allowed_hosts: vec!["callback.internal".to_owned()],
            allowed_origins: vec!["https://crm.example".to_owned()],
            ..Options::default()
        };
        let mut request = Request::get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        check(&request.body(()).unwrap().into_parts().0, &options).is_ok()
    }

    #[test]
    fn only_loopback_and_configured_hosts_pass() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "localhost.",
            "desk.localhost:1",
            "127.0.0.1:8080",
            "127.8.8.8",
            "[::1]:8080",
            "Callback.Internal:80",
        ] {
            assert!(passes("/", &[("host", host)]), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "0.0.0.0:8080",
            "192.0.2.1",
            "[::]",
            "evil-localhost",
            "",
            "a b",
        ] {
            assert!(!passes("/", &[("host", host)]), "{host}");
        }
        assert!(passes("/", &[]), "no browser leaves the Host out");
        assert!(!passes("/", &[("host", "localhost"), ("host", "evil.example")]));
        assert!(!passes("http://evil.example/", &[("host", "localhost")]));
    }

    #[test]
    fn only_the_same_and_configured_origins_pass() {
        let from = |origin| passes("/", &[("host", "localhost:8080"), ("origin", origin)]);
        assert!(from("http://localhost:8080"));
        assert!(from("http://LOCALHOST:8080"));
        assert!(from("https://crm.example"));
        for other in [
            "null",
            "",
            "http://localhost",
            "http://localhost:8081",
            "http://127.0.0.1:8080",
            "http://crm.example",
            "https://crm.example.evil.example",
        ] {
            assert!(!from(other), "{other}");
        }
    }
}
