//! What the threads of a store share: the time that never runs backwards, and why writes fail.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use callback_domain::date::{self, Instant};
use callback_engine::clock::Clock;
use callback_engine::commits::Commits;
use callback_engine::store::StoreError;

/// Time and fault of one store.
pub(crate) struct Health {
    clock: Arc<dyn Clock>,
    latest_micros: AtomicI64,
    fault: Mutex<Option<Fault>>,
    pub(crate) commits: Commits,
}

/// Why writes fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// There is no room; the next write that succeeds ends it.
    Full(String),
    /// Nobody knows what is on the disk; only a new start can tell.
    Broken(String),
    /// The writer is no more.
    Stopped,
}

impl Health {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            latest_micros: AtomicI64::new(0),
            fault: Mutex::new(None),
            commits: Commits::default(),
        }
    }

    /// The time now, never before one that was told earlier.
    pub(crate) fn now(&self) -> Instant {
        let micros = date::micros(self.clock.now());
        let latest = self.latest_micros.fetch_max(micros, Ordering::AcqRel).max(micros);
        date::from_micros(latest).unwrap_or(date::LATEST)
    }

    pub(crate) fn fault(&self) -> Option<String> {
        self.standing().as_ref().map(|fault| match fault {
            Fault::Full(cause) => format!("there is no room left: {cause}"),
            Fault::Broken(cause) => {
                format!("writing has failed and is not tried again before a restart: {cause}")
            }
            Fault::Stopped => "the writer has stopped".to_owned(),
        })
    }

    /// Why no write is even tried.
    pub(crate) fn refusal(&self) -> Option<StoreError> {
        match &*self.standing() {
            None | Some(Fault::Full(_)) => None,
            Some(Fault::Broken(cause)) => {
                Some(StoreError::Unavailable { during: "an earlier write", cause: cause.clone() })
            }
            Some(Fault::Stopped) => Some(stopped()),
        }
    }

    /// Notes a fault; one that lasts is kept.
    pub(crate) fn fail(&self, fault: Fault) {
        let mut standing = self.standing();
        match &*standing {
            Some(Fault::Broken(_) | Fault::Stopped) => {}
            Some(Fault::Full(_)) | None => {
                tracing::error!(?fault, "the store takes no writes");
                *standing = Some(fault);
            }
        }
    }

    /// Notes that there is room again.
    pub(crate) fn recover(&self) {
        let mut standing = self.standing();
        if matches!(&*standing, Some(Fault::Full(_))) {
            tracing::info!("the store takes writes again");
            *standing = None;
        }
    }

    fn standing(&self) -> MutexGuard<'_, Option<Fault>> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is answered by a writer that is no more.
pub(crate) fn stopped() -> StoreError {
    StoreError::Unavailable {
        during: "handing over to the writer",
        cause: "the writer has stopped".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken(Mutex<Vec<i64>>);

    impl Clock for Broken {
        fn now(&self) -> Instant {
            let micros = self.0.lock().expect("the lock is free").remove(0);
            date::from_micros(micros).expect("the instant is valid")
        }
    }

    #[test]
    fn time_never_runs_backwards_even_when_the_clock_does() {
        let health = Health::new(Arc::new(Broken(Mutex::new(vec![10, 5, 12]))));
        let told: Vec<i64> = (0..3).map(|_| date::micros(health.now())).collect();
        assert_eq!(told, [10, 10, 12]);
    }

    #[test]
    fn room_ends_a_full_store_but_nothing_mends_a_broken_one() {
        let health = Health::new(Arc::new(Broken(Mutex::default())));
        health.fail(Fault::Full("no room".to_owned()));
        assert!(health.fault().is_some() && health.refusal().is_none());
        health.recover();
        assert_eq!(health.fault(), None);
        health.fail(Fault::Broken("input/output error".to_owned()));
        health.recover();
        health.fail(Fault::Full("no room".to_owned()));
        let fault = health.fault().expect("it is broken");
        assert!(fault.contains("input/output error"), "{fault}");
        assert!(matches!(health.refusal(), Some(StoreError::Unavailable { .. })));
    }
}
