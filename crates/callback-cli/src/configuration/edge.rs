//! Settings of what stands between the service and those who call it.

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use callback_http::{CONNECTIONS, Certificates, Front, Rate, RateLimits};
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

/// How often callers may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    /// Each key or person.
    pub(crate) per_key: Limit,
    /// Each address from which somebody asks who is not known.
    pub(crate) per_address: Limit,
}

/// How often one may ask; 0 and 0 is without a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limit {
    /// Requests a second in the long run.
    pub(crate) per_second: u32,
    /// Requests at once after a rest.
    pub(crate) burst: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let RateLimits { per_key, per_address } = RateLimits::default();
        Self { per_key: per_key.into(), per_address: per_address.into() }
    }
}

impl From<Option<Rate>> for Limit {
    fn from(rate: Option<Rate>) -> Self {
        let numbers = rate.map(|rate| (rate.per_second.get(), rate.burst.get()));
        let (per_second, burst) = numbers.unwrap_or_default();
        Self { per_second, burst }
    }
}

impl Limits {
    /// Refuses what would be neither a limit nor none.
    pub(crate) fn check(self) -> anyhow::Result<()> {
        for (name, limit) in [("per_key", self.per_key), ("per_address", self.per_address)] {
            ensure!(
                (limit.per_second == 0) == (limit.burst == 0),
                "rate_limit.{name} has per_second {} and burst {}; both are 0, which is no limit, \
                 or neither is",
                limit.per_second,
                limit.burst
            );
        }
        Ok(())
    }

    /// The limits of the API.
    pub(crate) fn rates(self) -> RateLimits {
        let rate = |limit: Limit| Rate::new(limit.per_second, limit.burst);
        RateLimits { per_key: rate(self.per_key), per_address: rate(self.per_address) }
    }
}
