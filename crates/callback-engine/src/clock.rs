//! The process clock.

use callback_domain::date::{self, Instant};
use chrono::TimeDelta;

/// Tells the time, for stores that have no clock of their own.
pub trait Clock: Send + Sync + 'static {
    /// The time now, in microseconds.
    fn now(&self) -> Instant;
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        let since_epoch =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX);
        date::from_micros(micros).unwrap_or(date::LATEST)
    }
}

/// A clock that goes with the runtime's timers, so that paused time moves it.
#[derive(Clone, Copy, Debug)]
pub struct RuntimeClock {
    start: Instant,
    began: tokio::time::Instant,
}

impl RuntimeClock {
    /// A clock that shows `start` now.
    #[must_use]
    pub fn starting_at(start: Instant) -> Self {
        Self { start, began: tokio::time::Instant::now() }
    }
}

impl Clock for RuntimeClock {
    fn now(&self) -> Instant {
        let elapsed = TimeDelta::from_std(self.began.elapsed()).unwrap_or(TimeDelta::MAX);
        date::add(self.start, elapsed)
    }
}
