//! What the server proves itself with: a chain of certificates and its key, renewed as the files
//! are.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, crypto};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

/// How often the files are looked at.
const LOOK_TIME: Duration = Duration::from_secs(5);
/// Largest file that is read; a chain of certificates is some kilobytes.
const FILE_BYTES: u64 = 1024 * 1024;

/// Why TLS cannot be spoken with what the files hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsError {
    file: PathBuf,
    why: String,
}

impl std::fmt::Display for TlsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.file.display(), self.why)
    }
}

impl std::error::Error for TlsError {}

/// The server's certificates and key, from two files in PEM.
#[derive(Clone, Debug)]
pub struct Certificates(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    chain_file: PathBuf,
    key_file: PathBuf,
    shown: Mutex<Shown>,
}

#[derive(Debug)]
struct Shown {
    certified: Arc<CertifiedKey>,
    stamps: Stamps,
}

/// What changes when a file is written or replaced.
type Stamps = [Option<(SystemTime, u64)>; 2];

impl Certificates {
    /// Reads the chain, the server's own certificate first, and its key.
    ///
    /// # Errors
    /// When a file cannot be read, holds something else, or the two do not belong together.
    pub fn load(chain_file: PathBuf, key_file: PathBuf) -> Result<Self, TlsError> {
        let stamps = stamps(&chain_file, &key_file);
        let certified = Arc::new(certified(&chain_file, &key_file)?);
        let shown = Mutex::new(Shown { certified, stamps });
        Ok(Self(Arc::new(Kept { chain_file, key_file, shown })))
    }

    /// Reads the files anew; open connections go on, and what cannot be used is warned about and
    /// leaves everything as it was.
    pub fn reload(&self) {
        let kept = &self.0;
        let stamps = stamps(&kept.chain_file, &kept.key_file);
        let read = certified(&kept.chain_file, &kept.key_file);
        let mut shown = kept.shown();
        // Also after a failure: the same files are not complained about again.
        shown.stamps = stamps;
        match read {
            Ok(certified) => {
                shown.certified = Arc::new(certified);
                tracing::info!(file = %kept.chain_file.display(), "the certificates were renewed");
            }
            Err(error) => {
                tracing::warn!(%error, "failed to renew the certificates; the old ones are kept");
            }
        }
    }

    fn reload_if_changed(&self) {
        let now = stamps(&self.0.chain_file, &self.0.key_file);
        let is_changed = self.0.shown().stamps != now;
        if is_changed {
            self.reload();
        }
    }

    /// Looks at the files for as long as the answer is held.
    pub(super) fn follow(&self) -> JoinSet<()> {
        let certificates = self.clone();
        let mut follower = JoinSet::new();
        follower.spawn(async move {
            loop {
                sleep(LOOK_TIME).await;
                let certificates = certificates.clone();
                let looked = tokio::task::spawn_blocking(move || certificates.reload_if_changed());
                if let Err(error) = looked.await {
                    tracing::error!(%error, "failed to look at the certificates");
                }
            }
        });
        follower
    }

    /// What makes a plain connection one of TLS.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let kept: Arc<Kept> = Arc::clone(&self.0);
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .expect("the provider has suites for both versions")
            .with_no_client_auth()
            .with_cert_resolver(kept);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}

impl Kept {
    fn shown(&self) -> std::sync::MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResolvesServerCert for Kept {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.shown().certified))
    }
}

fn stamps(chain_file: &Path, key_file: &Path) -> Stamps {
    [chain_file, key_file].map(|file| {
        let known = std::fs::metadata(file).ok()?;
        Some((known.modified().ok()?, known.len()))
    })
}

fn certified(chain_file: &Path, key_file: &Path) -> Result<CertifiedKey, TlsError> {
    let of_chain = |why: String| TlsError { file: chain_file.to_owned(), why };
    let of_key = |why: String| TlsError { file: key_file.to_owned(), why };
    let text = read(chain_file).map_err(of_chain)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|error| of_chain(in_words(&error, "certificate")))?;
    if chain.is_empty() {
        return Err(of_chain(in_words(&pem::Error::NoItemsFound, "certificate")));
    }
    for (index, certificate) in chain.iter().enumerate() {
        rustls::server::ParsedCertificate::try_from(certificate).map_err(|error| {
            of_chain(format!("holds a certificate (number {}) that is none: {error}", index + 1))
        })?;
    }
    let text = read(key_file).map_err(of_key)?;
    let key = PrivateKeyDer::from_pem_slice(&text);
    let key = key.map_err(|error| of_key(in_words(&error, "private key")))?;
    let key = crypto::ring::sign::any_supported_type(&key)
        .map_err(|error| of_key(format!("holds a private key that cannot be used: {error}")))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
            Ok(certified)
        }
        Err(_) => {
            let chain = chain_file.display();
            Err(of_key(format!("holds another key than that of the first certificate of {chain}")))
        }
    }
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    if std::fs::metadata(file).map_err(unreadable)?.len() > FILE_BYTES {
        return Err("is too large to be what is expected".to_owned());
    }
    std::fs::read(file).map_err(unreadable)
}

/// What is wrong with a text in PEM; never with its contents, which may be a key's.
fn in_words(error: &pem::Error, expected: &str) -> String {
    if matches!(error, pem::Error::NoItemsFound) {
        return format!("holds no {expected} in PEM (-----BEGIN {}-----)", expected.to_uppercase());
    }
    format!("is no proper PEM with a {expected}")
}
