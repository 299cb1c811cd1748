//! The keys of the identity provider: read, kept, and read again when one is missing.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::time::Instant;

use super::KeySource;

/// How long to wait at least before the keys are read again.
const REST: Duration = Duration::from_secs(10);
/// After how long they are read again though none is missing, so that a withdrawn one goes.
const AGE: Duration = Duration::from_secs(900);
/// How long the provider may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest set that is read, in bytes.
const SET_BYTES: usize = 512 * 1024;

/// A key, and what it may check.
#[derive(Clone)]
struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The keys that were read last.
#[derive(Debug)]
pub(super) struct Jwks {
    source: Source,
    kept: Mutex<Kept>,
    /// Held by whoever reads them anew.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
enum Source {
    File(PathBuf),
    Url(Client, Url),
}

#[derive(Debug, Default)]
struct Kept {
    keys: Arc<Vec<Key>>,
    tried_at: Option<Instant>,
}

impl Jwks {
    /// Prepares the source; a file is read at once.
    pub(super) fn new(source: &KeySource) -> Result<Self, String> {
        let mut kept = Kept::default();
        let source = match source {
            KeySource::File(file) => {
                kept.keys = Arc::new(from_file(file)?);
                kept.tried_at = Some(Instant::now());
                Source::File(file.clone())
            }
            KeySource::Url(address) => {
                let url =
                    Url::parse(address).map_err(|why| format!("{address} is no URL: {why}"))?;
                let is_here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
                if url.scheme() != "https" && !(url.scheme() == "http" && is_here) {
                    return Err(format!("{address} is neither https nor on this machine"));
                }
                Source::Url(client()?, url)
            }
        };
        Ok(Self { source, kept: Mutex::new(kept), reading: tokio::sync::Mutex::default() })
    }

    /// The key for a token; a key that is missing may be new.
    pub(super) async fn find(
        self: &Arc<Self>,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Option<DecodingKey> {
        let (found, age) = self.at_hand(id, algorithm);
        if found.is_some() {
            if age.is_none_or(|age| age >= AGE) {
                let keys = Arc::clone(self);
                tokio::spawn(async move { keys.refresh_after(AGE).await });
            }
            return found;
        }
        self.refresh_after(REST).await;
        self.at_hand(id, algorithm).0
    }

    fn at_hand(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> (Option<DecodingKey>, Option<Duration>) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let age = kept.tried_at.map(|at| at.elapsed());
        let mut fitting = kept.keys.iter().filter(|key| {
            // A token that names no key is checked only when there is no choice.
            key.algorithm == algorithm && (id.is_none() || key.id.as_deref() == id)
        });
        let found = match (fitting.next(), fitting.next()) {
            (Some(key), None) => Some(key.key.clone()),
            (None, _) | (Some(_), Some(_)) => None,
        };
        (found, age)
    }

    /// Reads the keys anew.
    pub(super) async fn refresh(&self) {
        self.refresh_after(Duration::ZERO).await;
    }

    async fn refresh_after(&self, rest: Duration) {
        let _reading = self.reading.lock().await;
        {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.tried_at.is_some_and(|at| at.elapsed() < rest) {
                return;
            }
            kept.tried_at = Some(Instant::now());
        }
        let read = match &self.source {
            Source::File(file) => from_file(file),
            Source::Url(client, url) => from_url(client, url).await,
        };
        match read {
            Ok(keys) => {
                self.kept.lock().unwrap_or_else(PoisonError::into_inner).keys = Arc::new(keys);
            }
            Err(error) => {
                tracing::warn!(%error, "failed to read the identity provider's keys; the last are kept");
            }
        }
    }
}

fn client() -> Result<Client, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(Policy::none())
        .timeout(PATIENCE)
        .build()
        .map_err(|error| error.to_string())
}

fn from_file(file: &Path) -> Result<Vec<Key>, String> {
    let shown = file.display();
    let text = std::fs::read(file).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    keys(&text).map_err(|why| format!("{shown} {why}"))
}

async fn from_url(client: &Client, url: &Url) -> Result<Vec<Key>, String> {
    let failed = |error: reqwest::Error| format!("{url} does not answer: {}", error.without_url());
    let mut response = client.get(url.clone()).send().await.map_err(failed)?;
    if !response.status().is_success() {
        return Err(format!("{url} answers {}", response.status()));
    }
    let mut text = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(failed)? {
        text.extend_from_slice(&piece);
        if text.len() > SET_BYTES {
            return Err(format!("{url} answers more than a set of keys"));
        }
    }
    keys(&text).map_err(|why| format!("{url} {why}"))
}

/// The keys of a set that can check tokens; others are passed over.
fn keys(text: &[u8]) -> Result<Vec<Key>, String> {
    let set: Value =
        serde_json::from_slice(text).map_err(|error| format!("holds no JSON: {error}"))?;
    let listed = set["keys"].as_array().ok_or("holds no JSON web key set")?;
    let keys: Vec<Key> = listed.iter().filter_map(key).collect();
    if keys.is_empty() {
        return Err("holds no key for RS256, ES256 or EdDSA".to_owned());
    }
    Ok(keys)
}

fn key(listed: &Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(listed.clone()).ok()?;
    let (algorithm, named) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        // Other kinds and curves, and what the library may learn to read.
        AlgorithmParameters::EllipticCurve(_)
        | AlgorithmParameters::OctetKey(_)
        | AlgorithmParameters::OctetKeyPair(_)
        | AlgorithmParameters::Other(_)
        | _ => return None,
    };
    let is_for_this = jwk.common.key_algorithm.is_none_or(|given| given == named);
    let signs = jwk.common.public_key_use.as_ref().is_none_or(|it| *it == PublicKeyUse::Signature);
    if !is_for_this || !signs {
        return None;
    }
    Some(Key { id: jwk.common.key_id.clone(), algorithm, key: DecodingKey::from_jwk(&jwk).ok()? })
}
