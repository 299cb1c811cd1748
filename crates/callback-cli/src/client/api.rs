//! The API of a running service: where it is, who asks, and what it answers.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::Value;
use ureq::http::{self, HeaderMap, Method, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};
use uuid::Uuid;

use super::failure::{Refused, Unreachable, WrongUsage};
use super::output::Output;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer may pause; the stream of events says every 15 seconds that it lives.
const SILENCE: Duration = Duration::from_secs(60);
/// The most of an answer that is kept in memory.
const ANSWER_BYTES: u64 = 256 * 1_024 * 1_024;
/// Connections kept open between requests.
const IDLE_CONNECTIONS: usize = 64;

/// A running service, the key to it, and how its answers are shown.
#[derive(Debug, Args)]
#[command(next_help_heading = "Service")]
pub(crate) struct ServiceArgs {
    /// Where the service answers.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "CALLBACK_URL",
        default_value = "http://127.0.0.1:8080"
    )]
    pub(crate) url: String,
    /// The access key, where the service has keys.
    #[arg(
        long,
        global = true,
        value_name = "KEY",
        env = "CALLBACK_API_KEY",
        hide_env_values = true
    )]
    pub(crate) api_key: Option<String>,
    /// Trust only the certificate authorities of this PEM file, instead of the system's.
    #[arg(long, global = true, value_name = "FILE", env = "CALLBACK_CA_CERT")]
    pub(crate) ca_cert: Option<PathBuf>,
    /// What is written to standard output: a table for people, or JSON with one line for each
    /// item.
    #[arg(long, global = true, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

/// Whose certificates are believed: the system's, or SSL_CERT_FILE's; Mozilla's where there are
/// none.
fn public_authorities() -> RootCerts {
    let roots = rustls_native_certs::load_native_certs().certs;
    let roots: Vec<_> =
        roots.iter().map(|root| Certificate::from_der(root.as_ref()).to_owned()).collect();
    if roots.is_empty() { RootCerts::WebPki } else { roots.into() }
}

/// A client of one service.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    agent: Agent,
    url: String,
    key: Option<String>,
}

/// What the service answered, when it did not refuse.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status of HTTP.
    pub(crate) status: u16,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body as text; empty when there is none.
    pub(crate) text: String,
}

impl Api {
    pub(crate) fn new(args: &ServiceArgs) -> anyhow::Result<Self> {
        let url = args.url.trim_end_matches('/').to_owned();
        if !(url.starts_with("http://") || url.starts_with("https://")) {
            let wrong = format!("--url is {url}, and must begin with http:// or https://");
            return Err(WrongUsage(wrong).into());
        }
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_per_read(Some(SILENCE))
            .timeout_per_write(Some(SILENCE))
            .max_idle_connections_per_host(IDLE_CONNECTIONS);
        let roots = match &args.ca_cert {
            Some(file) => RootCerts::new_with_certs(&authorities(file)?),
            None => public_authorities(),
        };
        config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        let key = args.api_key.as_ref().map(|key| format!("Bearer {}", key.trim()));
        Ok(Self { agent: config.build().new_agent(), url, key })
    }

    /// Reads a path.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(Method::GET, path, None, &[])?.json()
    }

    /// Posts a body, or nothing.
    pub(crate) fn post(&self, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        self.send(Method::POST, path, body, &[])?.json()
    }

    /// Replaces what is at a path.
    pub(crate) fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(Method::PUT, path, Some(body), &[])?.json()
    }

    /// Removes what is at a path.
    pub(crate) fn delete(&self, path: &str) -> anyhow::Result<()> {
        self.send(Method::DELETE, path, None, &[]).map(drop)
    }

    /// Asks, and answers the whole answer; a refusal is an error.
    pub(crate) fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<Answer> {
        let answer = self.open(method, path, body, headers)?;
        let (parts, mut body) = answer.into_parts();
        let text = body.with_config().limit(ANSWER_BYTES).read_to_string();
        let text = text.map_err(|error| {
            Unreachable(format!("{}{path} did not answer whole: {error}", self.url))
        })?;
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, text })
    }

    /// Asks, and answers the body as it comes; a refusal is an error.
    pub(crate) fn open(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<http::Response<Body>> {
        let mut request =
            http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(key) = &self.key {
            request = request.header(header::AUTHORIZATION, key);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let unusable = || WrongUsage(format!("{}{path} and its headers are no request", self.url));
        let sent = match body {
            Some(body) => {
                let request = request.header(header::CONTENT_TYPE, "application/json");
                let request = request.body(body.to_string()).map_err(|_| unusable())?;
                self.agent.run(request)
            }
            None => self.agent.run(request.body(()).map_err(|_| unusable())?),
        };
        let answer =
            sent.map_err(|error| Unreachable(format!("failed to reach {}: {error}", self.url)))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status().as_u16();
        let retry_after = answer.headers().get(header::RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
        let text = answer.into_body().read_to_string().unwrap_or_default();
        let body = serde_json::from_str(&text).unwrap_or_default();
        Err(Refused::read(status, &body, retry_after).into())
    }

    /// Reads a list that comes in pages, and hands over one page after the other.
    ///
    /// `more` is repeated in the address of each page, since links do not carry it.
    pub(crate) fn pages(
        &self,
        path: &str,
        more: &[(&str, &str)],
        mut page: impl FnMut(Vec<Value>) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let mut next = path.to_owned();
        loop {
            for (name, value) in more {
                let mark = if next.contains('?') { '&' } else { '?' };
                next = format!("{next}{mark}{name}={}", encode(value));
            }
            let answer = self.send(Method::GET, &next, None, &[])?;
            let link = answer.next();
            let Value::Array(items) = answer.json()? else {
                anyhow::bail!("{}{next} answered no list", self.url);
            };
            match (page(items)?, link) {
                (true, Some(link)) => next = link,
                (false, _) | (true, None) => return Ok(()),
            }
        }
    }

    /// The id of a callback that is named by it, or by its `ExternalTaskId`.
    pub(crate) fn callback_id(&self, named: &str) -> anyhow::Result<String> {
        if let Ok(id) = Uuid::try_parse(named) {
            return Ok(id.to_string());
        }
        let found = self.get(&format!("/v1.0/callbacks?externalTaskId={}", encode(named)))?;
        Ok(found["Id"].as_str().context("the service answered a callback without id")?.to_owned())
    }

    /// The id of one of a list, named by it, by its SIP address or by its name.
    pub(crate) fn id_in(&self, list: &str, named: &str) -> anyhow::Result<String> {
        if let Ok(id) = Uuid::try_parse(named) {
            return Ok(id.to_string());
        }
        let listed = self.get(list)?;
        let items = listed.as_array().map(Vec::as_slice).unwrap_or_default();
        let by = |member: &str| -> Vec<&str> {
            let same = |item: &&Value| {
                item[member].as_str().is_some_and(|value| value.eq_ignore_ascii_case(named))
            };
            items.iter().filter(same).filter_map(|item| item["Id"].as_str()).collect()
        };
        let found = Some(by("SipUri")).filter(|found| !found.is_empty());
        let found = found.unwrap_or_else(|| by("Name"));
        ensure!(found.len() < 2, "{named} is the name of {} here; give an id", found.len());
        let none = || WrongUsage(format!("{named} is no id, SIP address or name in {list}"));
        Ok((*found.first().ok_or_else(none)?).to_owned())
    }
}

impl Answer {
    /// The body as JSON, null when there is none.
    pub(crate) fn json(&self) -> anyhow::Result<Value> {
        if self.text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&self.text).context("the service answered no JSON")
    }

    /// The path of the next page.
    pub(crate) fn next(&self) -> Option<String> {
        let link = self.headers.get(header::LINK)?.to_str().ok()?;
        let (path, rest) = link.strip_prefix('<')?.split_once('>')?;
        (rest.contains("rel=\"next\"") && path.starts_with('/')).then(|| path.to_owned())
    }
}

/// Text as a part of an address.
pub(crate) fn encode(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte);
    let encoded = |byte: u8| {
        if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(encoded).collect()
}

fn authorities(file: &std::path::Path) -> anyhow::Result<Vec<Certificate<'static>>> {
    let shown = file.display();
    let pem = std::fs::read(file).with_context(|| format!("failed to read {shown}"))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        let item = item.with_context(|| format!("{shown} is no PEM file"))?;
        if let PemItem::Certificate(certificate) = item {
            certificates.push(certificate);
        }
    }
    ensure!(!certificates.is_empty(), "{shown} holds no certificate in PEM form");
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::exit_code;

    fn args(url: &str) -> ServiceArgs {
        ServiceArgs { url: url.to_owned(), api_key: None, ca_cert: None, output: Output::Table }
    }

    #[test]
    fn an_unreachable_service_has_its_own_exit_code() {
        let error = Api::new(&args("http://127.0.0.1:1")).unwrap().get("/healthz").unwrap_err();
        assert_eq!(exit_code(&error), 4);
        assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
    }

    #[test]
    fn an_address_without_scheme_is_wrong_usage() {
        let error = Api::new(&args("127.0.0.1:8080")).unwrap_err();
        assert_eq!(exit_code(&error), 2);
    }

    #[test]
    fn only_a_path_is_followed_to_the_next_page() {
        let next = |link: &str| {
            let headers = [(header::LINK, link.parse().unwrap())].into_iter().collect();
            Answer { status: 200, headers, text: String::new() }.next()
        };
        assert_eq!(next("</v1.0/x?a=1>; rel=\"next\"").as_deref(), Some("/v1.0/x?a=1"));
        assert_eq!(next("<https://elsewhere.example/>; rel=\"next\""), None);
        assert_eq!(next("</v1.0/x>; rel=\"prev\""), None);
    }

    #[test]
    fn addresses_hold_no_reserved_characters() {
        assert_eq!(encode("tel:+41 78/ü&x"), "tel:%2B41%2078%2F%C3%BC%26x");
    }
}
