//! That something changed, without saying how: what pages need to know when to look again.
//!
//! However much happens, a reader is told a few times a second and holds nothing in between.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use callback_engine::access::{Principal, Role};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

use crate::events::Kind;
use crate::router::Api;
use crate::serve::Stopping;
use crate::tail::{Entry, Tail};

/// Time between two tellings, at least.
const PACE: Duration = Duration::from_millis(250);
/// How often it is asked whether a silent reader may still read.
const ASKED: Duration = Duration::from_secs(1);
/// Lines looked at at once.
const BATCH: usize = 1_024;
/// Most identities that are told at once; beyond them everything may have changed.
const NAMED: usize = 100;
/// Callbacks of an agent whose ends are waited for.
const FOLLOWED: usize = 8;

/// What changed since the last telling.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Whether callbacks did.
    pub callbacks: bool,
    /// Whether users did.
    pub users: bool,
    /// Whether services did.
    pub services: bool,
    /// Whether access keys or webhooks did.
    pub setup: bool,
    /// What changed; empty when it was too much to name.
    pub named: BTreeSet<Uuid>,
}

impl Change {
    /// Anything may have changed.
    const ALL: Self =
        Self { callbacks: true, users: true, services: true, setup: true, named: BTreeSet::new() };
}

/// A reader of changes.
#[derive(Debug)]
pub struct Changes {
    tail: Arc<Tail>,
    reached: watch::Receiver<u64>,
    stopping: Option<Stopping>,
    principal: Principal,
    /// The identity of the agent who reads, and the callbacks that they had lately.
    agent: Option<(String, VecDeque<Uuid>)>,
    after: u64,
    not_before: Instant,
}

impl Changes {
    pub(crate) fn new(api: &Api, principal: Principal, stopping: Option<Stopping>) -> Self {
        let agent = match principal.role {
            Role::Agent => Some((
                principal.agent.map(|id| id.to_string()).unwrap_or_default(),
                VecDeque::new(),
            )),
            Role::Integrator | Role::Supervisor | Role::Admin => None,
        };
        Self {
            reached: api.tail.watch(),
            after: api.tail.reached(),
            tail: Arc::clone(&api.tail),
            stopping,
            principal,
            agent,
            not_before: Instant::now(),
        }
    }

    /// Has the reader follow a callback, as one that is in their hands.
    pub fn follow(&mut self, callback: Uuid) {
        if let Some((_, followed)) = &mut self.agent
            && !followed.contains(&callback)
        {
            followed.push_back(callback);
            while followed.len() > FOLLOWED {
                followed.pop_front();
            }
        }
    }

    /// What changed; `Some` of nothing when it is time to ask whether the reader may still read,
    /// and `None` when the server stops.
    pub async fn next(&mut self) -> Option<Change> {
        if self.stopping.as_ref().is_some_and(Stopping::is_asked) {
            return None;
        }
        sleep_until(self.not_before).await;
        self.reached.mark_unchanged();
        let mut change = self.look();
        if change == Change::default() {
            self.rest().await;
            if self.stopping.as_ref().is_some_and(Stopping::is_asked) {
                return None;
            }
            change = self.look();
        }
        self.not_before = Instant::now() + PACE;
        Some(change)
    }

    fn look(&mut self) -> Change {
        let Some(entries) = self.tail.after(self.after, BATCH) else {
            self.after = self.tail.reached();
            return Change::ALL;
        };
        if let Some(last) = entries.last() {
            self.after = last.sequence;
        }
        let mut change = Change::default();
        let mut crowded = false;
        for entry in &entries {
            if !self.may_know(entry) {
                continue;
            }
            match entry.kind {
                Kind::Callback => change.callbacks = true,
                Kind::User => change.users = true,
                Kind::Service => change.services = true,
                Kind::Webhook | Kind::Key => change.setup = true,
            }
            crowded |= change.named.len() >= NAMED;
            if !crowded {
                change.named.insert(entry.subject);
            }
        }
        if crowded {
            change.named.clear();
        }
        change
    }

    fn may_know(&mut self, entry: &Entry) -> bool {
        if self.agent.is_some() {
            return self.is_of_agent(entry);
        }
        self.principal.scope.holds_of(entry.service)
            && (self.principal.role == Role::Admin
                || !matches!(entry.kind, Kind::Key | Kind::Webhook))
    }

    /// Agents learn of themselves, and of callbacks from the offer to them on.
    fn is_of_agent(&mut self, entry: &Entry) -> bool {
        let Some((id, followed)) = &self.agent else { return false };
        let is_theirs = !id.is_empty() && entry.data().contains(id.as_str());
        if entry.kind == Kind::Callback && is_theirs {
            self.follow(entry.subject);
            return true;
        }
        is_theirs || followed.contains(&entry.subject)
    }

    async fn rest(&mut self) {
        let stopped = async {
            match &mut self.stopping {
                Some(stopping) => stopping.asked().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.reached.changed() => {}
            () = sleep(ASKED) => {}
            () = stopped => {}
        }
    }
}
