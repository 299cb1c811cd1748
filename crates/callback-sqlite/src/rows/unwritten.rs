//! What a command has changed and not yet written: rows that change several times are written once.
//!
//! Taking the next task offers and accepts in one transaction, so its callback, its attempt and its
//! agent would each be written two or three times, with all their indexes.

use std::collections::BTreeMap;

use callback_domain::agent::Agent;
use callback_domain::attempt::Attempt;
use callback_domain::callback::{Callback, PhaseName};
use callback_domain::id::{AgentId, AttemptId, CallbackId};
use callback_domain::target::TargetKey;
use rusqlite::Connection;

use super::cache::Cache;
use super::queue::{Incoming, Standing};
use super::{agents, attempts, callbacks};
use crate::sql::Answer;

/// Everything that is unwritten; to be written before anything is looked up that it may change.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    callback: Option<Box<Changed>>,
    attempts: BTreeMap<AttemptId, Noted>,
    agents: BTreeMap<AgentId, Agent>,
}

/// A callback as it is stored, if it is, and as it is to be.
#[derive(Debug)]
struct Changed {
    stored: Option<Callback>,
    callback: Callback,
    /// Whether it is ready, once its line was refreshed.
    ready: Option<bool>,
}

/// An attempt that this command has read or written.
#[derive(Debug)]
struct Noted {
    attempt: Attempt,
    is_stored: bool,
    is_changed: bool,
}

impl Unwritten {
    /// Notes a new callback.
    pub(super) fn insert(&mut self, connection: &Connection, callback: &Callback) -> Answer<()> {
        self.write_callback(connection)?;
        let callback = callback.clone();
        self.callback = Some(Box::new(Changed { stored: None, callback, ready: None }));
        Ok(())
    }

    /// Notes what a callback has become.
    pub(super) fn update(
        &mut self,
        connection: &Connection,
        before: &Callback,
        callback: &Callback,
    ) -> Answer<()> {
        if let Some(changed) = &mut self.callback
            && changed.ready.is_none()
            && changed.callback == *before
        {
            changed.callback.clone_from(callback);
            return Ok(());
        }
        self.write_callback(connection)?;
        let (stored, callback) = (Some(before.clone()), callback.clone());
        self.callback = Some(Box::new(Changed { stored, callback, ready: None }));
        Ok(())
    }

    /// What a callback that is not yet written means for a line that is refreshed.
    ///
    /// One that stays in the queue is written first: what it was tells how it stands.
    pub(super) fn incoming(
        &mut self,
        connection: &Connection,
        key: &TargetKey,
    ) -> Answer<Option<Incoming>> {
        let stays = self.callback.as_ref().is_some_and(|changed| {
            let was = changed.stored.as_ref().map(Callback::phase_name);
            was == Some(PhaseName::InQueue) && changed.callback.phase_name() == PhaseName::InQueue
        });
        if stays {
            self.write_callback(connection)?;
        }
        Ok(self.callback.as_ref().map(|changed| Incoming::of(&changed.callback, key)))
    }

    /// Notes how the incoming callback stands after its line was refreshed.
    pub(super) fn stand(&mut self, key: &TargetKey, ready: bool) {
        if let Some(changed) = &mut self.callback
            && changed.callback.key() == *key
            && Standing::unrefreshed(&changed.callback) == Some(Standing::Parked)
        {
            changed.ready = Some(ready);
        }
    }

    /// The callback that is not yet written, if it is this one.
    pub(super) fn callback(&self, id: CallbackId) -> Option<&Callback> {
        self.callback.as_ref().map(|changed| &changed.callback).filter(|found| found.id == id)
    }

    pub(super) fn attempt(
        &mut self,
        connection: &Connection,
        id: AttemptId,
    ) -> Answer<Option<Attempt>> {
        if let Some(noted) = self.attempts.get(&id) {
            return Ok(Some(noted.attempt.clone()));
        }
        let found = attempts::find(connection, id)?;
        self.attempts.extend(found.iter().map(|attempt| {
            let attempt = attempt.clone();
            (id, Noted { attempt, is_stored: true, is_changed: false })
        }));
        Ok(found)
    }

    pub(super) fn put_attempt(&mut self, attempt: &Attempt) {
        let is_stored = self.attempts.get(&attempt.id).is_some_and(|noted| noted.is_stored);
        let noted = Noted { attempt: attempt.clone(), is_stored, is_changed: true };
        self.attempts.insert(attempt.id, noted);
    }

    pub(super) fn agent(&self, id: AgentId) -> Option<&Agent> {
        self.agents.get(&id)
    }

    pub(super) fn put_agent(&mut self, agent: &Agent) {
        self.agents.insert(agent.id, agent.clone());
    }

    /// Writes everything; what attempts refer to goes first.
    pub(super) fn write(&mut self, connection: &Connection, cache: &mut Cache) -> Answer<()> {
        self.write_callback(connection)?;
        for noted in std::mem::take(&mut self.attempts).into_values() {
            if noted.is_changed {
                attempts::put(connection, &noted.attempt, noted.is_stored)?;
            }
        }
        for agent in std::mem::take(&mut self.agents).into_values() {
            agents::put(connection, cache.stored_agent(agent.id), &agent)?;
            cache.keep_agent(agent);
        }
        Ok(())
    }

    fn write_callback(&mut self, connection: &Connection) -> Answer<()> {
        let Some(changed) = self.callback.take() else { return Ok(()) };
        let Changed { stored, callback, ready } = *changed;
        let ready = ready == Some(true);
        match stored {
            Some(stored) => callbacks::update(connection, &stored, &callback, ready),
            None => callbacks::insert(connection, &callback, ready),
        }
    }
}
