//! People who signed in by their key, and are let in by their session from then on.

use callback_domain::date;

use super::Engine;
use super::access::Denied;
use crate::access::{Credential, NOTED_SECONDS, Principal, SessionChange, SessionToken, Standing};
use crate::command::What;
use crate::error::Error;
use crate::ledger::Actor;
use crate::store::StoreError;

impl Engine {
    /// Begins a session for whoever has a key; its secret is in this answer and nowhere else.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn open_session(
        &self,
        credential: &Credential,
    ) -> Result<Result<(Principal, SessionToken), Denied>, Error> {
        let principal = match self.admit(credential).await? {
            Ok(principal) => principal,
            Err(denied) => return Ok(Err(denied)),
        };
        let token = SessionToken::fresh(&self.site().mint, credential.id);
        let change = SessionChange::Open(token.digest());
        let opened = What::Session { key: token.key, change };
        match self.run(Actor::Operator, opened).await {
            Ok(_) => Ok(Ok((principal, token))),
            Err(Error::KeyNotFound(_)) => Ok(Err(Denied::Revoked)),
            Err(error) => Err(error),
        }
    }

    /// Whom a session stands for; `None` when it, or the key that it began by, is over.
    ///
    /// A session that is not known is looked for in the store, since another node may have begun it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn admit_session(
        &self,
        token: &SessionToken,
    ) -> Result<Option<Principal>, StoreError> {
        let digest = token.digest();
        let mut ring = self.ring().await?;
        let is_new = ring
            .keys
            .get(&token.key)
            .is_some_and(|key| key.sessions.iter().all(|session| session.digest != digest));
        if is_new && !self.store().is_exclusive() {
            self.0.keyring.forget();
            ring = self.ring().await?;
        }
        let now = self.time_of(&ring).await?;
        let key = ring.keys.get(&token.key).filter(|key| key.standing(now) == Standing::Active);
        let Some((key, session)) = key.and_then(|key| Some((key, key.session(&digest, now)?)))
        else {
            return Ok(None);
        };
        self.0.keyring.note(key, now);
        if date::add_seconds(session.used_at, NOTED_SECONDS) <= now {
            let change = SessionChange::Use(digest);
            let used = What::Session { key: token.key, change };
            if let Err(error) = self.run(Actor::Operator, used).await {
                tracing::warn!(%error, "failed to note the use of a session");
            }
        }
        Ok(Some(Principal::from(key)))
    }

    /// Whether a session still stands for somebody; asking is no use of it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn is_session_open(&self, token: &SessionToken) -> Result<bool, StoreError> {
        let ring = self.ring().await?;
        let now = self.time_of(&ring).await?;
        let key = ring.keys.get(&token.key).filter(|key| key.standing(now) == Standing::Active);
        Ok(key.is_some_and(|key| key.session(&token.digest(), now).is_some()))
    }

    /// Ends a session; one that is over already stays so.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn close_session(&self, token: &SessionToken) -> Result<(), Error> {
        let change = SessionChange::Close(token.digest());
        match self.run(Actor::Operator, What::Session { key: token.key, change }).await {
            Ok(_) | Err(Error::KeyNotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
