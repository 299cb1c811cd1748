//! Sending: one signed request over HTTP, to an address that is allowed, within a time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use callback_engine::webhook::{Post, Posted, Request};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url, header};
use rustls::{ClientConfig, RootCertStore};

use super::network::{Networks, literal};

/// How long a connection may take to be made.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// How long a connection is kept that sends nothing.
const IDLE_TIME: Duration = Duration::from_secs(30);
/// Bytes of an answer that are read.
const READ_BYTES: usize = 16 * 1024;
/// Bytes of an answer that are kept.
const KEPT_BYTES: usize = 1024;

/// What a request can come to: acknowledged, answered otherwise, or not answered.
const OUTCOMES: [&str; 3] = ["Delivered", "Refused", "Unreached"];

/// How long a receiver may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the beginning of the request to the end of the answer.
    pub total: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { total: Duration::from_secs(15) }
    }
}

/// What became of the requests that were sent.
#[derive(Clone, Debug, Default)]
pub struct Tally(Family<[(&'static str, &'static str); 1], Counter>);

impl Tally {
    /// The counters, each of which is there from the beginning.
    pub(crate) fn family(&self) -> Family<[(&'static str, &'static str); 1], Counter> {
        for outcome in OUTCOMES {
            drop(self.0.get_or_create(&[("outcome", outcome)]));
        }
        Family::clone(&self.0)
    }

    fn count(&self, posted: &Posted) {
        let [delivered, refused, unreached] = OUTCOMES;
        let outcome = match posted.status {
            Some(_) if posted.is_success() => delivered,
            Some(_) => refused,
            None => unreached,
        };
        self.0.get_or_create(&[("outcome", outcome)]).inc();
    }
}

/// Sends webhooks over HTTP.
#[derive(Clone, Debug)]
pub struct Sender {
    client: Client,
    networks: Networks,
    tally: Tally,
}

impl Sender {
    /// A sender that reaches only what the networks allow.
    ///
    /// It follows no redirect and takes no proxy from the environment; it trusts the roots of
    /// Mozilla and those of the host.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn new(networks: &Networks, tally: &Tally, limits: Limits) -> Result<Self, SenderError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| SenderError(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Resolver(networks.clone()))
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIME.min(limits.total))
            .timeout(limits.total)
            .pool_idle_timeout(IDLE_TIME)
            .user_agent(concat!("callback/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| SenderError(in_words(&error)))?;
        Ok(Self { client, networks: networks.clone(), tally: tally.clone() })
    }

    async fn send(&self, request: Request) -> Result<Posted, String> {
        let url = Url::parse(&request.url).map_err(|error| error.to_string())?;
        // An address that is written out is never resolved.
        if let Some(address) = literal(&url).filter(|address| !self.networks.allows(*address)) {
            return Err(format!("{address} is not an address that may be reached"));
        }
        let sent = self
            .client
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", request.id)
            .header("webhook-timestamp", request.timestamp)
            .header("webhook-signature", request.signature)
            .body(request.body)
            .send();
        let response = sent.await.map_err(|error| in_words(&error.without_url()))?;
        let status = Some(response.status().as_u16());
        let retry_after = response.headers().get(header::RETRY_AFTER);
        let retry_after_seconds = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
        Ok(Posted { status, detail: beginning(response).await, retry_after_seconds })
    }
}

#[async_trait]
impl Post for Sender {
    async fn post(&self, request: Request) -> Posted {
        let unreached = |detail| Posted { status: None, detail, retry_after_seconds: None };
        let posted = self.send(request).await.unwrap_or_else(unreached);
        self.tally.count(&posted);
        posted
    }
}

/// The beginning of an answer; what follows is not read.
async fn beginning(mut response: Response) -> String {
    let (mut kept, mut read) = (Vec::new(), 0);
    // The status has decided already, whatever becomes of the rest.
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        let room = KEPT_BYTES.saturating_sub(kept.len());
        kept.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if read >= READ_BYTES {
            break;
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// An error with its causes; its text holds no address, which may hold a secret.
fn in_words(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

/// The sender cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderError(String);

impl std::fmt::Display for SenderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SenderError {}

/// Resolves names to the addresses that may be reached; a connection is made to one of these, so
/// that a name cannot mean something else by then.
struct Resolver(Networks);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let networks = self.0.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> =
                found.filter(|address| networks.allows(address.ip())).collect();
            if allowed.is_empty() {
                return Err("the name leads to no address that may be reached".into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}
