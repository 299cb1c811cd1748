//! Settings of what stands between the service and those who call it.

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use callback_http::{
    CONNECTIONS, Certificates, Front, KeySource, Oidc, OidcOptions, Rate, RateLimits,
};
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

/// The identity provider whose tokens let people in; without an issuer there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OidcSettings {
    /// What `iss` is in its tokens, to the letter.
    pub(crate) issuer: Option<String>,
    /// What must be among `aud`.
    pub(crate) audience: Option<String>,
    /// A file with its keys.
    pub(crate) jwks_file: Option<PathBuf>,
    /// The address of its keys.
    pub(crate) jwks_url: Option<String>,
    /// The claim with the role; dots lead into objects.
    pub(crate) role_claim: String,
    /// The claim with the ids of the only services.
    pub(crate) services_claim: Option<String>,
    /// The claim with an agent's user, by id or SIP address.
    pub(crate) user_claim: Option<String>,
}

impl Default for OidcSettings {
    fn default() -> Self {
        Self {
            issuer: None,
            audience: None,
            jwks_file: None,
            jwks_url: None,
            role_claim: "role".to_owned(),
            services_claim: None,
            user_claim: None,
        }
    }
}

impl OidcSettings {
    /// Prepares for the provider's tokens, where there is one.
    pub(crate) fn provider(&self) -> anyhow::Result<Option<Oidc>> {
        let Some(issuer) = self.issuer.clone() else {
            ensure!(
                *self == Self::default(),
                "something of oidc is set and oidc.issuer is not, without which no token is taken"
            );
            return Ok(None);
        };
        let audience = self.audience.clone();
        let audience = audience.context("oidc.issuer is set and oidc.audience is not")?;
        let keys = match (&self.jwks_file, &self.jwks_url) {
            (Some(file), None) => KeySource::File(file.clone()),
            (None, Some(url)) => KeySource::Url(url.clone()),
            (None, None) | (Some(_), Some(_)) => {
                bail!("one of oidc.jwks_file and oidc.jwks_url must be set, and only one")
            }
        };
        let options = OidcOptions {
            issuer,
            audience,
            keys,
            role_claim: self.role_claim.clone(),
            services_claim: self.services_claim.clone(),
            user_claim: self.user_claim.clone(),
        };
        Ok(Some(Oidc::new(options).context("failed to set up oidc")?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_of_a_provider_is_named() {
        let said = |settings: OidcSettings| format!("{:#}", settings.provider().unwrap_err());
        let some = |text: &str| Some(text.to_owned());
        assert!(OidcSettings::default().provider().unwrap().is_none());
        let mut settings = OidcSettings { audience: some("a"), ..OidcSettings::default() };
        assert!(said(settings.clone()).contains("oidc.issuer"));
        settings.issuer = some("https://id.example");
        assert!(said(settings.clone()).contains("oidc.jwks_file"));
        settings.jwks_url = some("http://id.example/keys");
        assert!(said(settings.clone()).contains("neither https"));
        settings.jwks_url = some("https://id.example/keys");
        assert!(settings.provider().unwrap().is_some());
        settings.jwks_file = Some(PathBuf::from("/nowhere.json"));
        assert!(said(settings.clone()).contains("only one"));
        settings.jwks_url = None;
        assert!(said(settings.clone()).contains("/nowhere.json cannot be read"));
        settings.audience = None;
        assert!(said(settings).contains("oidc.audience"));
    }

    #[test]
    fn half_a_limit_is_refused() {
        let limits = Limits::default();
        assert!(limits.check().is_ok());
        let none = Limit { per_second: 0, burst: 0 };
        let off = Limits { per_key: none, ..limits };
        assert!(off.check().is_ok() && off.rates().per_key.is_none());
        let half = Limits { per_address: Limit { per_second: 0, burst: 5 }, ..limits };
        assert!(half.check().unwrap_err().to_string().contains("per_address"));
    }
}
