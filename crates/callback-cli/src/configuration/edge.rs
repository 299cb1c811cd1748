//! Settings of what stands between the service and those who call it.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use callback_http::{CONNECTIONS, Certificates, Front};
use serde::{Deserialize, Serialize};

/// Encryption of what comes in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    /// A file in PEM with the server's certificate, and those between it and the root.
    pub(crate) cert: Option<PathBuf>,
    /// A file in PEM with its private key.
    pub(crate) key: Option<PathBuf>,
}

/// Most connections at once, unless that is set.
pub(crate) const MOST_CONNECTIONS: usize = CONNECTIONS;

impl Tls {
    /// Reads the files, where there are any.
    pub(crate) fn front(&self, connections: usize) -> anyhow::Result<Front> {
        let certificates = match (&self.cert, &self.key) {
            (None, None) => None,
            (Some(cert), Some(key)) => {
                let loaded = Certificates::load(cert.clone(), key.clone());
                Some(loaded.context("failed to set up TLS")?)
            }
            (Some(_), None) => bail!("tls.cert is set and tls.key is not; TLS needs both"),
            (None, Some(_)) => bail!("tls.key is set and tls.cert is not; TLS needs both"),
        };
        Ok(Front { certificates, connections })
    }
}
