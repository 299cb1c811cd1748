//! Access keys at hand, so that a request need not read them from the store.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use callback_domain::date::{self, Instant};
use callback_domain::dto::KeyRequest;
use callback_domain::id::KeyId;
use chrono::TimeDelta;
use tokio::sync::Notify;
use tokio::time::{self, sleep};

use super::Engine;
use crate::access::{Credential, Key, Principal, Proof, Standing, USE_SECONDS};
use crate::command::{Answer, NewKey, What};
use crate::error::Error;
use crate::ledger::Actor;
use crate::store::{Idempotency, StoreError};

/// For how long keys are believed that another node may have revoked.
const BELIEVED: Duration = Duration::from_secs(1);
/// For how long they serve while somebody reads them anew, so that a crowd does not read together.
const SERVED: Duration = Duration::from_millis(1_800);
/// How long uses are gathered before they are written together.
const GATHERED: Duration = Duration::from_millis(500);

/// Why a credential opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// There is no such key, or its secret is another.
    Unknown,
    /// The key's time is over.
    Expired,
    /// The key was revoked.
    Revoked,
}

/// Every key of the installation at one moment.
///
/// All are read at once, so that a caller with invented keys costs no reads.
#[derive(Debug)]
pub(super) struct Ring {
    pub(super) keys: BTreeMap<KeyId, Key>,
    /// The time by the store when they were read.
    now: Instant,
    read_at: time::Instant,
}

/// The keys that were read last, and the uses that are to be written.
#[derive(Debug, Default)]
pub(super) struct Keyring {
    shelf: Mutex<Shelf>,
    /// Held by whoever reads them anew.
    reading: tokio::sync::Mutex<()>,
    uses: Mutex<Uses>,
    used: Notify,
}

#[derive(Debug, Default)]
struct Shelf {
    /// How often it was emptied; what was read before is not put back after.
    edits: u64,
    ring: Option<Arc<Ring>>,
}

#[derive(Debug, Default)]
struct Uses {
    /// When each key was last noted here.
    noted: BTreeMap<KeyId, Instant>,
    /// What is not written yet.
    pending: BTreeMap<KeyId, Instant>,
}

impl Keyring {
    /// Forgets everything, after an edit.
    pub(super) fn forget(&self) {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.edits = shelf.edits.wrapping_add(1);
        shelf.ring = None;
    }

    /// The keys that were read last, if they serve, and how often they were edited.
    fn last(&self) -> (Option<Arc<Ring>>, u64) {
        let shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        (shelf.ring.clone(), shelf.edits)
    }

    /// Notes a use, once a minute for each key; it is written later.
    pub(super) fn note(&self, key: &Key, now: Instant) {
        let rested = |last: Instant| date::add_seconds(last, USE_SECONDS) <= now;
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        let last = uses.noted.get(&key.id).copied().max(key.last_used_at);
        if last.is_none_or(rested) {
            uses.noted.insert(key.id, now);
            uses.pending.insert(key.id, now);
            drop(uses);
            self.used.notify_one();
        }
    }

    fn take_uses(&self) -> Vec<(KeyId, Instant)> {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut uses.pending).into_iter().collect()
    }
}

impl Engine {
    pub(super) async fn ring(&self) -> Result<Arc<Ring>, StoreError> {
        let (keyring, store) = (&self.0.keyring, self.store());
        let (last, edits) = keyring.last();
        let age = |ring: &Arc<Ring>| ring.read_at.elapsed();
        let is_believed = |ring: &Arc<Ring>| store.is_exclusive() || age(ring) < BELIEVED;
        let reading = match last {
            Some(ring) if is_believed(&ring) => return Ok(ring),
            Some(ring) if age(&ring) < SERVED => match keyring.reading.try_lock() {
                Ok(reading) => Some(reading),
                Err(_) => return Ok(ring),
            },
            Some(_) | None => None,
        };
        let (read_at, now) = (time::Instant::now(), store.now().await?);
        let keys = store.keys().await?.into_iter().map(|key| (key.id, key)).collect();
        let ring = Arc::new(Ring { keys, now, read_at });
        let mut shelf = keyring.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        if shelf.edits == edits {
            shelf.ring = Some(Arc::clone(&ring));
        }
        drop(shelf);
        drop(reading);
        Ok(ring)
    }

    /// The time by the store, asked of it only where that costs nothing.
    pub(super) async fn time_of(&self, ring: &Ring) -> Result<Instant, StoreError> {
        if self.store().is_exclusive() {
            return self.now().await;
        }
        let elapsed = TimeDelta::from_std(ring.read_at.elapsed()).unwrap_or(TimeDelta::MAX);
        Ok(date::add(ring.now, elapsed))
    }

    /// Whether no key was ever made; one that was revoked or is over counts.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn is_keyless(&self) -> Result<bool, StoreError> {
        Ok(self.ring().await?.keys.is_empty())
    }

    /// Whether somebody can be let in who may do everything.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn has_admin_key(&self) -> Result<bool, StoreError> {
        let ring = self.ring().await?;
        let now = self.time_of(&ring).await?;
        Ok(ring.keys.values().any(|key| key.is_active_admin(now)))
    }

    /// Lets in whoever has a key, and notes its use.
    ///
    /// Only who has the secret learns why a key opens nothing any more.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn admit(
        &self,
        credential: &Credential,
    ) -> Result<Result<Principal, Denied>, StoreError> {
        let ring = self.ring().await?;
        let digest = credential.digest();
        let Some(key) = ring.keys.get(&credential.id).filter(|key| key.digest == digest) else {
            return Ok(Err(Denied::Unknown));
        };
        let now = self.time_of(&ring).await?;
        Ok(match key.standing(now) {
            Standing::Active => {
                self.0.keyring.note(key, now);
                Ok(Principal::from(key))
            }
            Standing::Expired => Err(Denied::Expired),
            Standing::Revoked => Err(Denied::Revoked),
        })
    }

    /// Whether somebody who was let in would still be.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn is_still_admitted(&self, principal: &Principal) -> Result<bool, StoreError> {
        match principal.proof {
            Proof::Nothing => self.is_keyless().await,
            Proof::File => Ok(true),
            Proof::Token { until } => Ok(self.now().await? < until),
            Proof::Key(id) => {
                let ring = self.ring().await?;
                let now = self.time_of(&ring).await?;
                Ok(ring.keys.get(&id).is_some_and(|key| key.standing(now) == Standing::Active))
            }
        }
    }

    /// Makes a key; its secret is in this answer and nowhere else.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn create_key(
        &self,
        actor: Actor,
        request: KeyRequest,
        once: Option<Idempotency>,
    ) -> Result<(Key, Credential), Error> {
        let (credential, new) = new_key(&self.site().mint, &actor, request, self.now().await?);
        let answer = self.run_once(actor, What::CreateKey(Box::new(new)), once).await?;
        Ok((key_of(answer), credential))
    }

    /// Revokes a key; from the answer on, this process lets nobody in by it.
    ///
    /// # Errors
    /// [`Error::KeyNotFound`].
    pub async fn revoke_key(&self, actor: Actor, key: KeyId) -> Result<Key, Error> {
        Ok(key_of(self.run(actor, What::RevokeKey { key }).await?))
    }

    /// One key.
    ///
    /// # Errors
    /// [`Error::KeyNotFound`].
    pub async fn key(&self, id: KeyId) -> Result<Key, Error> {
        let found = self.store().keys().await?.into_iter().find(|key| key.id == id);
        found.ok_or_else(|| Error::KeyNotFound(id.to_string()))
    }

    /// Writes uses as they gather.
    pub(super) async fn keep_uses(self) {
        loop {
            self.0.keyring.used.notified().await;
            sleep(GATHERED).await;
            let uses = self.0.keyring.take_uses();
            if uses.is_empty() {
                continue;
            }
            if let Err(error) = self.run(Actor::Operator, What::UseKeys(uses)).await {
                tracing::warn!(%error, "failed to note the last use of keys");
            }
        }
    }
}

/// A key as it is asked for, with its credential.
pub fn new_key(
    mint: &crate::mint::Mint,
    actor: &Actor,
    request: KeyRequest,
    now: Instant,
) -> (Credential, NewKey) {
    let credential = Credential::fresh(mint, now);
    let expires_at =
        request.expires_in_seconds.map(|seconds| date::add_seconds(now, i64::from(seconds)));
    let key = Key {
        id: credential.id,
        name: request.name,
        role: request.role,
        agent: request.user,
        services: request.services,
        digest: credential.digest(),
        created_at: now,
        created_by: actor.label(),
        expires_at,
        revoked_at: None,
        last_used_at: None,
        sessions: Vec::new(),
    };
    (credential, NewKey { key, only_admin: false })
}

fn key_of(answer: Answer) -> Key {
    let Answer::Key(key) = answer else { unreachable!("the command answers the key") };
    *key
}
