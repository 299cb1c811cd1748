//! Secrets of subscriptions, and the signatures made with them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// What stands before a secret in writing.
const PREFIX: &str = "whsec_";

/// What a subscriber and this service know, and nobody else; never in the ledger or a log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret([u8; 32]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// A secret of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// In writing, as the subscriber gets it.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(self.0))
    }

    /// The signature of a message, with the version of how it is made.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of any length is taken");
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_itself_only_when_asked() {
        let secret = Secret::new([7; 32]);
        assert!(!format!("{secret:?}").contains('7'));
        assert!(secret.shown().starts_with("whsec_Bwc"));
    }

    #[test]
    fn another_secret_id_time_or_body_has_another_signature() {
        let signed =
            |key, id, time, body: &str| Secret::new([key; 32]).sign(id, time, body.as_bytes());
        let first = signed(1, "a", 1, "{}");
        assert_eq!(first, signed(1, "a", 1, "{}"));
        for other in [
            signed(2, "a", 1, "{}"),
            signed(1, "b", 1, "{}"),
            signed(1, "a", 2, "{}"),
            signed(1, "a", 1, "[]"),
        ] {
            assert_ne!(first, other);
        }
    }
}
