//! Who may call: access keys, and the principals that they stand for.
//!
//! A key is a public identity and a secret of 256 bits.
//! The secret is shown once and stored as its SHA-256 digest; since it is random through and
//! through, nothing slower is needed to keep it from being guessed.

mod session;

use std::collections::BTreeSet;
use std::fmt;

use callback_domain::date::Instant;
use callback_domain::id::{AgentId, KeyId, ServiceId};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::ledger::Actor;
use crate::mint::Mint;

pub use self::session::{
    IDLE_SECONDS, LIFE_SECONDS, MOST, NOTED_SECONDS, Session, SessionChange, SessionToken,
};
pub use callback_domain::dto::Role;

/// How every key begins, so that one that was left lying about is recognised.
const PREFIX: &str = "cbk";
/// Seconds that lie at least between two writes of a key's last use.
pub const USE_SECONDS: i64 = 60;

/// The digest of a secret; comparing takes the same time whatever is compared.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of a secret.
    #[must_use]
    pub fn of(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Digest {}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        hexadecimal(&digest.0)
    }
}

impl TryFrom<String> for Digest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        bytes(&text).map(Self).ok_or("64 hexadecimal digits are expected")
    }
}

/// What a caller presents: which key, and the proof; `cbk_<id>_<secret>` in text.
#[derive(Clone)]
pub struct Credential {
    /// Which key.
    pub id: KeyId,
    secret: [u8; 32],
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Credential {
    /// A fresh one that nobody can foresee.
    pub fn fresh(mint: &Mint, now: Instant) -> Self {
        Self { id: KeyId(mint.timed(now)), secret: mint.secret() }
    }

    /// Whether a text would be a key, right or wrong, and nothing else.
    #[must_use]
    pub fn is_like(text: &str) -> bool {
        text.strip_prefix(PREFIX).is_some_and(|rest| rest.starts_with('_'))
    }

    /// Reads its text, which has one spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.strip_prefix('_')?.split_once('_')?;
        let lower = |text: &str| !text.bytes().any(|byte| byte.is_ascii_uppercase());
        if id.len() != 32 || !lower(id) || !lower(secret) {
            return None;
        }
        Some(Self { id: KeyId(Uuid::try_parse(id).ok()?), secret: bytes(secret)? })
    }

    /// The text to be shown once; whoever has it has the key.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{PREFIX}_{}_{}", self.id.0.simple(), hexadecimal(&self.secret))
    }

    /// What is stored of the secret.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.secret)
    }
}

/// Whether a key opens anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Standing {
    /// It does.
    Active,
    /// Its time is over.
    Expired,
    /// It was revoked, which is for good.
    Revoked,
}

/// An access key as it is stored: everything but its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Its identity.
    pub id: KeyId,
    /// What people call it; several may have one name, while one takes over from another.
    pub name: String,
    /// What its holder is.
    pub role: Role,
    /// The user whose tasks it is for; agents' keys have one, others none.
    pub agent: Option<AgentId>,
    /// The only services that it is for; `None` is all.
    pub services: Option<BTreeSet<ServiceId>>,
    /// What its secret is held against.
    pub digest: Digest,
    /// When it was made.
    pub created_at: Instant,
    /// Who made it, as the ledger shows them.
    pub created_by: String,
    /// When its time is over; `None` is never.
    pub expires_at: Option<Instant>,
    /// When it was revoked.
    pub revoked_at: Option<Instant>,
    /// When it was last used, give or take a minute.
    pub last_used_at: Option<Instant>,
    /// Who is signed in by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<Session>,
}

impl Key {
    /// Whether it opens anything at an instant.
    #[must_use]
    pub fn standing(&self, now: Instant) -> Standing {
        if self.revoked_at.is_some() {
            Standing::Revoked
        } else if self.expires_at.is_some_and(|at| at <= now) {
            Standing::Expired
        } else {
            Standing::Active
        }
    }

    /// Whether it lets its holder do everything at an instant.
    #[must_use]
    pub fn is_active_admin(&self, now: Instant) -> bool {
        self.role == Role::Admin && self.standing(now) == Standing::Active
    }
}

/// The services that somebody has to do with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// All of them.
    #[default]
    All,
    /// Only these.
    Only(BTreeSet<ServiceId>),
}

impl Scope {
    /// Whether a service is within it.
    #[must_use]
    pub fn holds(&self, service: ServiceId) -> bool {
        match self {
            Self::All => true,
            Self::Only(services) => services.contains(&service),
        }
    }

    /// Whether something of a service, or of none in particular, is within it.
    #[must_use]
    pub fn holds_of(&self, service: Option<ServiceId>) -> bool {
        match (self, service) {
            (Self::All, _) => true,
            (Self::Only(services), Some(service)) => services.contains(&service),
            (Self::Only(_), None) => false,
        }
    }
}

impl From<Option<BTreeSet<ServiceId>>> for Scope {
    fn from(services: Option<BTreeSet<ServiceId>>) -> Self {
        services.map_or(Self::All, Self::Only)
    }
}

/// By what somebody was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By nothing, since the installation has no keys.
    Nothing,
    /// By an access key.
    Key(KeyId),
    /// By the key that the operator gave the program in a file.
    File,
    /// By a token of an identity provider.
    Token {
        /// When its time is over.
        until: Instant,
    },
}

/// Somebody who was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Who it is, for good and for nobody else; idempotency keys belong to it.
    pub identity: String,
    /// What people call it.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// The user who it is, for agents.
    pub agent: Option<AgentId>,
    /// The services that it has to do with.
    pub scope: Scope,
    /// By what it was let in.
    pub proof: Proof,
}

impl Principal {
    /// Anybody, of an installation without keys.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::unlimited("anonymous", Proof::Nothing)
    }

    /// Whoever has the key from the operator's file.
    #[must_use]
    pub fn of_file() -> Self {
        Self::unlimited("admin-key-file", Proof::File)
    }

    fn unlimited(name: &str, proof: Proof) -> Self {
        Self {
            identity: name.to_owned(),
            name: name.to_owned(),
            role: Role::Admin,
            agent: None,
            scope: Scope::All,
            proof,
        }
    }

    /// Who acts, for the ledger.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.agent.map_or_else(|| Actor::Api(self.name.clone()), Actor::Agent)
    }
}

impl From<&Key> for Principal {
    fn from(key: &Key) -> Self {
        Self {
            identity: format!("key:{}", key.id),
            name: key.name.clone(),
            role: key.role,
            agent: key.agent,
            scope: key.services.clone().into(),
            proof: Proof::Key(key.id),
        }
    }
}

fn hexadecimal(bytes: &[u8; 32]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

fn bytes(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use callback_domain::date;

    use super::*;

    fn credential() -> Credential {
        Credential::fresh(&Mint::seeded(1), date::EARLIEST)
    }

    #[test]
    fn a_credential_is_read_back_from_its_text_and_from_no_other() {
        let credential = credential();
        let text = credential.reveal();
        assert_eq!(text.len(), "cbk".len() + 1 + 32 + 1 + 64);
        let read = Credential::parse(&text).unwrap();
        assert_eq!((read.id, read.digest()), (credential.id, credential.digest()));
        let hyphened =
            text.replacen(&credential.id.0.simple().to_string(), &credential.id.to_string(), 1);
        for wrong in [
            "",
            "cbk",
            "cbk__",
            &text[1..],
            &text[..text.len() - 1],
            &format!("{text}0"),
            &text.to_uppercase(),
            &text.replacen("cbk", "cbk_", 1),
            &format!("{}ü", &text[..text.len() - 2]),
            &format!("{}+f", &text[..text.len() - 2]),
            &hyphened,
        ] {
            assert!(Credential::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn two_credentials_have_nothing_in_common() {
        let mint = Mint::seeded(1);
        let one = Credential::fresh(&mint, date::EARLIEST);
        let other = Credential::fresh(&mint, date::EARLIEST);
        assert_ne!(one.id, other.id);
        assert_ne!(one.digest(), other.digest());
    }

    #[test]
    fn neither_secret_nor_digest_is_shown_by_accident() {
        let credential = credential();
        let (text, digest) = (credential.reveal(), String::from(credential.digest()));
        let secret = text.rsplit('_').next().unwrap().to_owned();
        let shown = format!("{credential:?} {:?}", credential.digest());
        assert!(!shown.contains(&secret) && !shown.contains(&digest), "{shown}");
        assert_ne!(secret, digest);
        assert_eq!(Digest::try_from(digest).unwrap(), credential.digest());
    }

    #[test]
    fn a_key_is_good_until_its_time_is_over_or_it_is_revoked() {
        let now = date::parse("2026-01-05T10:00:00Z").unwrap();
        let mut key = Key {
            id: KeyId::from_u128(1),
            name: "ops".to_owned(),
            role: Role::Admin,
            agent: None,
            services: None,
            digest: credential().digest(),
            created_at: now,
            created_by: "operator".to_owned(),
            expires_at: Some(date::add_seconds(now, 60)),
            revoked_at: None,
            last_used_at: None,
            sessions: Vec::new(),
        };
        assert_eq!(key.standing(date::add_seconds(now, 59)), Standing::Active);
        assert_eq!(key.standing(date::add_seconds(now, 60)), Standing::Expired);
        key.revoked_at = Some(now);
        assert_eq!(key.standing(now), Standing::Revoked);
        assert!(!key.is_active_admin(now));
    }

    #[test]
    fn a_scope_does_not_hold_what_belongs_to_no_service() {
        let [one, other] = [1, 2].map(ServiceId::from_u128);
        let scope = Scope::Only(BTreeSet::from([one]));
        assert!(scope.holds(one) && !scope.holds(other) && !scope.holds_of(None));
        assert!(Scope::All.holds(other) && Scope::All.holds_of(None));
    }
}
