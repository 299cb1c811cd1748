//! The handle that the rest of the program holds: use cases in, answers out.

pub mod access;
mod agenda;
mod answers;
pub mod bulk;
pub mod directory;
mod erasure;
mod growth;
mod neighbours;
mod pulse;
pub mod requests;
mod sessions;
mod upkeep;
pub mod webhooks;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use callback_domain::attempt::{Attempt, Outcome};
use callback_domain::date::Instant;
use callback_domain::id::NodeId;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};
use uuid::Uuid;

use self::access::Keyring;
use self::agenda::Agenda;
use self::directory::{Directory, Services};
use self::upkeep::Upkeep;
use self::webhooks::Bells;
use crate::command::{After, Answer, Command, Report, What};
use crate::dialer::{Dialer, Reports, Resumed, Started};
use crate::error::Error;
use crate::intervals::Recent;
use crate::ledger::Actor;
use crate::mint::{Mint, Site};
use crate::store::{Store, StoreError};

/// How many reports are taken side by side.
const REPORT_LANES: usize = 8;

/// What an engine is made of.
#[derive(Debug)]
pub struct Parts<S, D> {
    /// Where everything is kept.
    pub store: S,
    /// What places calls.
    pub dialer: D,
    /// Where identities come from.
    pub mint: Mint,
}

tokio::task_local! {
    /// Set in tasks that nobody stops.
    static GOES_ON: ();
}

/// Runs something in a task of its own that goes on to its end when the caller stops waiting, so
/// that [`Engine::run`] needs no further one in it.
pub fn spawn_to_the_end<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    tokio::spawn(GOES_ON.scope((), work))
}

/// A cheap handle on a running engine; it stops when [`Running`] is dropped.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    dialer: Arc<dyn Dialer>,
    site: Arc<Site>,
    installation: Uuid,
    reports: Reports,
    agenda: Mutex<Agenda>,
    wake: Notify,
    ledger: watch::Sender<u64>,
    directory: Directory,
    bells: Bells,
    keyring: Keyring,
    upkeep: Upkeep,
    recent: Recent,
}

/// The tasks of a running engine; dropping it ends them.
#[derive(Debug)]
pub struct Running {
    tasks: JoinSet<()>,
}

impl Running {
    /// Ends the engine's tasks and waits until they are gone.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("node", &self.0.site.node).finish_non_exhaustive()
    }
}

impl Engine {
    /// Starts an engine on a store: it takes over what earlier processes left, and begins to drive.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn start<S: Store, D: Dialer>(parts: Parts<S, D>) -> Result<(Self, Running), Error> {
        Self::start_shared(Arc::new(parts.store), Arc::new(parts.dialer), parts.mint).await
    }

    /// As [`Self::start`], over parts that others hold too.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn start_shared(
        store: Arc<dyn Store>,
        dialer: Arc<dyn Dialer>,
        mint: Mint,
    ) -> Result<(Self, Running), Error> {
        let node = NodeId(mint.timed(store.now().await?));
        let (driver, caps) = (dialer.name().to_owned(), dialer.caps());
        let site = Arc::new(Site { node, driver, caps, mint });
        let installation = store.installation().await?;
        let (reports, takers) = Reports::new(REPORT_LANES);
        let engine = Self(Arc::new(Inner {
            store,
            dialer,
            site,
            installation,
            reports,
            agenda: Mutex::default(),
            wake: Notify::new(),
            ledger: watch::Sender::new(0),
            directory: Directory::default(),
            bells: Bells::default(),
            keyring: Keyring::default(),
            upkeep: Upkeep::default(),
            recent: Recent::default(),
        }));
        engine.renew().await?;
        engine.take_over(engine.0.store.is_exclusive()).await?;
        engine.run(Actor::Dispatcher, What::Survey).await?;
        let mut tasks = JoinSet::new();
        tasks.spawn(engine.clone().drive());
        tasks.spawn(engine.clone().keep_alive());
        tasks.spawn(engine.clone().keep_uses());
        tasks.spawn(engine.clone().keep_tidy());
        if !engine.0.store.is_exclusive() {
            tasks.spawn(engine.clone().look_around());
        }
        if let Some(hints) = engine.0.store.hints() {
            tasks.spawn(engine.clone().follow_hints(hints));
        }
        for taker in takers {
            tasks.spawn(engine.clone().take_reports(taker));
        }
        Ok((engine, Running { tasks }))
    }

    /// Runs a use case: step, store, and after the commit the effects.
    ///
    /// It goes on to its end when the caller stops waiting: what is stored has its effects.
    ///
    /// # Errors
    /// [`Error`] says why nothing was done.
    pub async fn run(&self, actor: Actor, what: What) -> Result<Answer, Error> {
        if GOES_ON.try_with(|()| ()).is_ok() {
            return self.clone().run_to_the_end(actor, what).await;
        }
        let running = tokio::spawn(self.clone().run_to_the_end(actor, what));
        running.await.unwrap_or_else(|broken| {
            let (during, cause) = ("running a command", broken.to_string());
            if let Ok(panic) = broken.try_into_panic() {
                std::panic::resume_unwind(panic);
            }
            Err(StoreError::Unavailable { during, cause }.into())
        })
    }

    async fn run_to_the_end(self, actor: Actor, what: What) -> Result<Answer, Error> {
        let command = Command { actor, site: Arc::clone(&self.0.site), what };
        let done = self.0.store.run(command).await.inspect_err(|error| {
            if matches!(error, Error::ServiceChanged(_)) {
                self.0.directory.forget();
            }
        })?;
        self.follow_up(done.after);
        Ok(done.answer)
    }

    /// Every service of the installation.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn services(&self) -> Result<Arc<Services>, StoreError> {
        self.0.directory.services(self.store()).await
    }

    /// The store, for reads.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.0.store
    }

    /// This process.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.0.site
    }

    /// The identity of the installation.
    #[must_use]
    pub fn installation(&self) -> Uuid {
        self.0.installation
    }

    pub(crate) fn recent(&self) -> &Recent {
        &self.0.recent
    }

    fn agenda(&self) -> MutexGuard<'_, Agenda> {
        self.0.agenda.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What follows a commit: calls are placed and stopped, sleepers are woken.
    fn follow_up(&self, after: After) {
        for attempt in after.start {
            tokio::spawn(self.clone().place(attempt));
        }
        for attempt in after.stop {
            let engine = self.clone();
            tokio::spawn(async move { engine.0.dialer.stop(&attempt).await });
        }
        if after.services_edited {
            self.0.directory.forget();
        }
        if after.keys_edited {
            self.0.keyring.forget();
        }
        let mut agenda = self.agenda();
        let sooner = match (agenda.deadline, after.deadline) {
            (Some(known), Some(at)) => at < known,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        if sooner {
            agenda.deadline = after.deadline;
        }
        let awake = sooner
            || after.recalculate
            || !(after.services.is_empty() && after.agents.is_empty() && after.later.is_empty());
        agenda.look_for(after.services, after.agents);
        agenda.look_later(after.later);
        agenda.recalculate |= after.recalculate;
        drop(agenda);
        if awake {
            self.0.wake.notify_one();
        }
        self.0.bells.ring(after.webhooks, after.deliveries);
        if after.lines > 0 {
            self.0.ledger.send_modify(|growth| *growth += after.lines as u64);
        }
    }

    async fn place(self, attempt: Attempt) {
        let answer = self.0.dialer.start(&attempt, self.0.reports.clone()).await;
        let (outcome, detail) = match answer {
            Started::Started | Started::Ambiguous => return,
            Started::Refused(cause) => (Outcome::Failed, cause),
        };
        let ended = Report::Ended { outcome, detail: Some(detail), retry_after_seconds: None };
        self.0.reports.send(attempt.id, 1, ended);
    }

    /// Says that this node lives, and extends the leases of what its driver has.
    async fn renew(&self) -> Result<(), Error> {
        let attempts = self.0.dialer.live();
        let actor = Actor::Driver(self.0.site.driver.clone());
        self.run(actor, What::Renew { attempts }).await.map(|_| ())
    }

    /// Takes over what dead nodes left, and repeats the stops that are not yet carried out.
    async fn take_over(&self, alone: bool) -> Result<(), Error> {
        let actor = Actor::Driver(self.0.site.driver.clone());
        let answer = self.run(actor, What::TakeOver { alone }).await?;
        let Answer::Attempts { taken, stopping } = answer else { return Ok(()) };
        for attempt in taken {
            let outcome = match self.0.dialer.resume(&attempt, self.0.reports.clone()).await {
                Resumed::Live => continue,
                Resumed::Ended(outcome) => outcome,
                Resumed::Unknown => Outcome::Lost,
            };
            let detail = Some("found after a restart".to_owned());
            let ended = Report::Ended { outcome, detail, retry_after_seconds: None };
            self.0.reports.send(attempt.id, attempt.last_report.saturating_add(1), ended);
        }
        for attempt in stopping {
            self.0.dialer.stop(&attempt).await;
        }
        Ok(())
    }

    /// The time by the store.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn now(&self) -> Result<Instant, StoreError> {
        self.0.store.now().await
    }
}
