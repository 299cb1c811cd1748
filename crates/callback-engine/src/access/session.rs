//! Sessions of people who signed in by their key: kept with the key, and gone with it.

use std::fmt;

use callback_domain::date::{self, Instant};
use callback_domain::id::KeyId;
use serde::{Deserialize, Serialize};

use super::{Digest, Key, bytes, hexadecimal};
use crate::mint::Mint;
use uuid::Uuid;

/// How the text of every session begins, so that nobody takes one for a key.
const PREFIX: &str = "cbs";
/// Seconds after which a session is over that nobody used.
pub const IDLE_SECONDS: i64 = 2 * 3_600;
/// Seconds after which a session is over, however much it was used.
pub const LIFE_SECONDS: i64 = 16 * 3_600;
/// Seconds that lie at least between two notes of a session's use.
pub const NOTED_SECONDS: i64 = 300;
/// Most sessions of one key; a further one ends that which was used longest ago.
pub const MOST: usize = 64;

/// A session as it is stored: everything but its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// What its secret is held against.
    pub digest: Digest,
    /// When it began.
    pub opened_at: Instant,
    /// When it was last used, give or take a few minutes.
    pub used_at: Instant,
}

impl Session {
    /// Whether it opens anything at an instant.
    #[must_use]
    pub fn is_open(&self, now: Instant) -> bool {
        now < date::add_seconds(self.used_at, IDLE_SECONDS)
            && now < date::add_seconds(self.opened_at, LIFE_SECONDS)
    }
}

/// What becomes of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionChange {
    /// It begins.
    Open(Digest),
    /// It is used.
    Use(Digest),
    /// It ends.
    Close(Digest),
}

/// What a browser presents: the key that somebody signed in by, and the proof.
#[derive(Clone)]
pub struct SessionToken {
    /// By which key.
    pub key: KeyId,
    secret: [u8; 32],
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionToken").field("key", &self.key).finish_non_exhaustive()
    }
}

impl SessionToken {
    /// A fresh one that nobody can foresee.
    pub fn fresh(mint: &Mint, key: KeyId) -> Self {
        Self { key, secret: mint.secret() }
    }

    /// Reads its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (key, secret) = text.strip_prefix(PREFIX)?.strip_prefix('_')?.split_once('_')?;
        Some(Self { key: KeyId(Uuid::try_parse(key).ok()?), secret: bytes(secret)? })
    }

    /// The text; whoever has it has the session.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{PREFIX}_{}_{}", self.key.0.simple(), hexadecimal(&self.secret))
    }

    /// What is stored of the secret.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.secret)
    }
}

impl Key {
    /// Changes one of its sessions and lets go of those that are over; answers whether anything
    /// is to be written.
    pub fn change_session(&mut self, change: &SessionChange, now: Instant) -> bool {
        let before = self.sessions.clone();
        self.sessions.retain(|session| session.is_open(now));
        match change {
            SessionChange::Open(digest) => {
                while self.sessions.len() >= MOST
                    && let Some(rested) = (0..self.sessions.len())
                        .min_by_key(|index| self.sessions.get(*index).map(|it| it.used_at))
                {
                    self.sessions.remove(rested);
                }
                let digest = digest.clone();
                self.sessions.push(Session { digest, opened_at: now, used_at: now });
            }
            SessionChange::Use(digest) => {
                for session in self.sessions.iter_mut().filter(|session| session.digest == *digest)
                {
                    if date::add_seconds(session.used_at, NOTED_SECONDS) <= now {
                        session.used_at = now;
                    }
                }
            }
            SessionChange::Close(digest) => {
                self.sessions.retain(|session| session.digest != *digest);
            }
        }
        self.sessions != before
    }

    /// The session with a digest, if it is open.
    #[must_use]
    pub fn session(&self, digest: &Digest, now: Instant) -> Option<&Session> {
        self.sessions.iter().find(|session| session.digest == *digest && session.is_open(now))
    }
}
