//! What the commands of a batch will ask for, locked and read together.
//!
//! Lines are locked in the order of their keys and agents in the order of their ids, so that
//! batches do not wait for each other in a ring.

use std::collections::{BTreeSet, HashMap};

use callback_domain::callback::Callback;
use callback_domain::id::{AttemptId, CallbackId, ServiceId};
use callback_domain::target::TargetKey;
use callback_engine::command::{Command, Create, What};
use callback_engine::store::{Claim, Rowed};
use callback_engine::suppression::Suppression;
use tokio_postgres::Row;
use uuid::Uuid;

use super::PostgresRows;
use super::port::suppression;
use crate::locks::class;
use crate::records::{column, record};

const CALLBACKS_OF_ATTEMPTS: &str = "/* PostgresRows::read_ahead reports */ \
    SELECT id, callback FROM attempts WHERE id = ANY($1)";
const LOCK_LINES_OF: &str = concat!(
    "/* PostgresRows::read_ahead lines */ SELECT key, pg_advisory_xact_lock(",
    class!(line),
    ", hashtext(key)) FROM (SELECT key FROM callbacks WHERE id = ANY($1) \
     UNION SELECT key FROM attempts WHERE id = ANY($2) ORDER BY key) AS lines"
);
const CALLBACKS: &str = "/* PostgresRows::read_ahead callbacks */ \
    SELECT id, key, record FROM callbacks WHERE id = ANY($1)";
const ATTEMPTS: &str = "/* PostgresRows::read_ahead attempts */ \
    SELECT id, key, record FROM attempts WHERE callback = ANY($1) AND open";
const CLAIMS: &str = "/* PostgresRows::read_ahead claims */ \
    SELECT key, callback, service, attempt FROM claims WHERE key = ANY($1)";
const SUPPRESSIONS: &str = "/* PostgresRows::read_ahead suppressions */ \
    SELECT sequence, id, key, service, reason, until, created_at FROM suppressions \
    WHERE key = ANY($1) AND (until IS NULL OR until > $2) ORDER BY sequence";

impl PostgresRows<'_> {
    /// Locks and reads what commands of one kind will ask for.
    pub(crate) async fn read_ahead(&mut self, commands: &[Command]) -> Rowed<()> {
        let (mut callbacks, mut attempts) = (BTreeSet::new(), Vec::new());
        let (mut agents, mut keys) = (BTreeSet::new(), BTreeSet::new());
        for command in commands {
            if let What::Move { callback, .. } = &command.what {
                callbacks.insert(callback.0);
            } else if let What::Report { attempt, .. } = &command.what {
                attempts.push(attempt.0);
            } else if let What::Next { agent } = &command.what {
                agents.insert(*agent);
            } else if let What::Create(create) = &command.what {
                keys.insert(called(create));
            } else if let What::CreateBatch(batch) = command.what.bare() {
                keys.extend(batch.items.iter().flatten().map(called));
            } else if let What::CancelThese(these) = &command.what {
                callbacks.extend(these.callbacks.iter().map(|id| id.0));
            }
        }
        if !keys.is_empty() {
            let keys: Vec<TargetKey> = keys.into_iter().collect();
            let found = self.query(SUPPRESSIONS, &[&texts(&keys), &self.now.clone()]).await?;
            self.keep_suppressions(&keys, &found)?;
        }
        if !agents.is_empty() {
            let agents: Vec<_> = agents.into_iter().collect();
            self.lock_queues(&[], &agents).await?;
            let ids: Vec<Uuid> = agents.iter().map(|agent| agent.0).collect();
            self.read_agents_ahead(&ids).await?;
            self.queues.pullers = ids;
        }
        if !attempts.is_empty() {
            for row in &self.query(CALLBACKS_OF_ATTEMPTS, &[&attempts]).await? {
                callbacks.insert(column(row, "attempts", "callback")?);
            }
        }
        if callbacks.is_empty() {
            return Ok(());
        }
        let callbacks: Vec<Uuid> = callbacks.into_iter().collect();
        self.read_moves_ahead(&callbacks, &attempts).await
    }

    async fn read_moves_ahead(&mut self, callbacks: &[Uuid], attempts: &[Uuid]) -> Rowed<()> {
        let mut keys = Vec::new();
        for row in &self.query(LOCK_LINES_OF, &[&callbacks, &attempts]).await? {
            keys.push(TargetKey::from_stored(column(row, "callbacks", "key")?));
        }
        self.lines.extend(keys.iter().cloned());
        let mut agents = BTreeSet::new();
        for row in &self.query(CALLBACKS, &[&callbacks]).await? {
            // Otherwise its target was edited while its line was awaited: it is read by itself.
            if self.holds(&TargetKey::from_stored(column(row, "callbacks", "key")?)) {
                let callback: Callback = record(row, "callbacks")?;
                agents.extend(callback.agent().map(|agent| agent.0));
                self.callbacks.insert(callback.id, callback);
            }
        }
        for row in &self.query(ATTEMPTS, &[&callbacks]).await? {
            if self.holds(&TargetKey::from_stored(column(row, "attempts", "key")?)) {
                let id = AttemptId(column(row, "attempts", "id")?);
                self.attempts.insert(id, record(row, "attempts")?);
            }
        }
        let agents: Vec<Uuid> = agents.into_iter().collect();
        self.read_agents_ahead(&agents).await?;
        self.read_lines_ahead(&keys).await
    }

    /// Reads who holds lines that are locked, and what is suppressed on them.
    pub(super) async fn read_lines_ahead(&mut self, keys: &[TargetKey]) -> Rowed<()> {
        let missing: Vec<TargetKey> = keys
            .iter()
            .filter(|key| !self.claims.contains_key(*key) || !self.suppressed.contains_key(*key))
            .cloned()
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let claims = self.query(CLAIMS, &[&texts(&missing)]).await?;
        let found = self.query(SUPPRESSIONS, &[&texts(&missing), &self.now.clone()]).await?;
        let mut claimed: HashMap<TargetKey, Claim> = HashMap::new();
        for row in &claims {
            let key = TargetKey::from_stored(column(row, "claims", "key")?);
            claimed.insert(key, claim(row)?);
        }
        for key in &missing {
            let claim = claimed.get(key).copied();
            self.claims.entry(key.clone()).or_insert(claim);
        }
        self.keep_suppressions(&missing, &found)
    }

    pub(super) fn keep_suppressions(&mut self, keys: &[TargetKey], rows: &[Row]) -> Rowed<()> {
        let mut found: HashMap<TargetKey, Vec<Suppression>> = HashMap::new();
        for row in rows {
            let suppression = suppression(row)?;
            found.entry(suppression.key.clone()).or_default().push(suppression);
        }
        for key in keys {
            self.suppressed.insert(key.clone(), found.remove(key).unwrap_or_default());
        }
        Ok(())
    }

    pub(super) async fn claim_of(&mut self, key: &TargetKey) -> Rowed<Option<Claim>> {
        self.lock_line(key).await?;
        if let Some(known) = self.claims.get(key) {
            return Ok(*known);
        }
        let rows = self.query(CLAIMS, &[&[key.as_str()].as_slice()]).await?;
        let claim = rows.first().map(claim).transpose()?;
        self.claims.insert(key.clone(), claim);
        Ok(claim)
    }

    pub(super) async fn suppressed_on(&mut self, key: &TargetKey) -> Rowed<Vec<Suppression>> {
        if let Some(known) = self.suppressed.get(key) {
            return Ok(known.clone());
        }
        let keys = [key.clone()];
        let rows = self.query(SUPPRESSIONS, &[&texts(&keys), &self.now.clone()]).await?;
        self.keep_suppressions(&keys, &rows)?;
        Ok(self.suppressed.get(key).cloned().unwrap_or_default())
    }
}

/// Whose line a creation is for.
fn called(create: &Create) -> TargetKey {
    create.new.alternative_target.as_ref().unwrap_or(&create.new.target).key()
}

fn texts(keys: &[TargetKey]) -> Vec<&str> {
    keys.iter().map(TargetKey::as_str).collect()
}

fn claim(row: &Row) -> Rowed<Claim> {
    Ok(Claim {
        callback: CallbackId(column(row, "claims", "callback")?),
        service: ServiceId(column(row, "claims", "service")?),
        attempt: column::<Option<Uuid>>(row, "claims", "attempt")?.map(AttemptId),
    })
}
