//! Access keys: made, revoked, and noted as used.

use callback_domain::date::{self, Instant};
use callback_domain::id::KeyId;
use serde_json::{Map, Value, json};

use super::Work;
use crate::access::{Key, SessionChange, Standing, USE_SECONDS};
use crate::command::{Answer, NewKey};
use crate::error::Error;
use crate::ledger::Subject;
use crate::store::Rows;

impl<R: Rows> Work<'_, R> {
    pub(super) async fn create_key(&mut self, new: &NewKey) -> Result<Answer, Error> {
        let key = &new.key;
        let now = self.now;
        if new.only_admin && self.rows.keys().await?.iter().any(|known| known.is_active_admin(now))
        {
            return Err(Error::AdminKeyExists);
        }
        for service in key.services.iter().flatten() {
            self.service(*service).await?;
        }
        if let Some(agent) = key.agent
            && self.rows.agent(agent).await?.is_none()
        {
            return Err(Error::UserNotFound(agent.to_string()));
        }
        self.rows.put_key(key).await?;
        self.after.keys_edited = true;
        self.append(Subject::Key(key.id), None, "KeyCreated", details(key)).await?;
        Ok(Answer::Key(Box::new(key.clone())))
    }

    /// A key that is revoked already stays as it is.
    pub(super) async fn revoke_key(&mut self, id: KeyId) -> Result<Answer, Error> {
        let Some(mut key) = self.rows.key(id).await? else {
            return Err(Error::KeyNotFound(id.to_string()));
        };
        if key.revoked_at.is_none() {
            key.revoked_at = Some(self.now);
            key.sessions.clear();
            self.rows.put_key(&key).await?;
            self.after.keys_edited = true;
            self.append(Subject::Key(id), None, "KeyRevoked", details(&key)).await?;
        }
        Ok(Answer::Key(Box::new(key)))
    }

    /// A session of a key that opens nothing any more does not begin.
    pub(super) async fn change_session(
        &mut self,
        id: KeyId,
        change: &SessionChange,
    ) -> Result<Answer, Error> {
        let found = self.rows.key(id).await?;
        let active = found.filter(|key| key.standing(self.now) == Standing::Active);
        let Some(mut key) = active else { return Err(Error::KeyNotFound(id.to_string())) };
        if key.change_session(change, self.now) {
            self.rows.put_key(&key).await?;
            self.after.keys_edited = true;
        }
        Ok(Answer::Key(Box::new(key)))
    }

    /// Several nodes may note one use each; together they write no more often than one.
    pub(super) async fn use_keys(&mut self, uses: &[(KeyId, Instant)]) -> Result<Answer, Error> {
        for (id, at) in uses {
            let Some(mut key) = self.rows.key(*id).await? else { continue };
            let rested = |last| date::add_seconds(last, USE_SECONDS) <= *at;
            if key.last_used_at.is_none_or(rested) {
                key.last_used_at = Some(*at);
                self.rows.put_key(&key).await?;
            }
        }
        Ok(Answer::Done)
    }
}

/// What the ledger says of a key: nothing that opens anything.
fn details(key: &Key) -> Map<String, Value> {
    Map::from_iter([
        ("Name".to_owned(), json!(key.name)),
        ("Role".to_owned(), json!(key.role)),
        ("UserId".to_owned(), json!(key.agent)),
        ("Services".to_owned(), json!(key.services)),
        ("ExpiresAt".to_owned(), json!(key.expires_at.map(date::format))),
    ])
}
