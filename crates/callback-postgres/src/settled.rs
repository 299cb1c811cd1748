//! Up to when nothing is due any more, as far as this process knows.
//!
//! While somebody holds an old snapshot, deadlines that have passed stay in the indexes as dead
//! entries, and whoever looks for the earliest one walks past all of them.
//! So a process remembers what it found when it looked last, and begins there.
//! It takes back what it remembers when it writes an earlier deadline itself; another process sees
//! to what it writes, and should that process die, every look that begins at the beginning finds it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use callback_domain::date::{self, Instant};
use tokio::time::Instant as Moment;

/// How far behind the clock a look ends: transactions that began earlier and were not yet committed
/// write deadlines of their own time.
const MARGIN_MICROS: i64 = 250_000;
/// How often a look begins at the beginning, unless that takes long.
const BEGIN_ANEW: Duration = Duration::from_secs(1);
/// How many times as long as such a look takes there is none.
const REST: u32 = 20;

/// Up to when nothing is due any more.
#[derive(Debug, Default)]
pub(crate) struct Settled(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    until: Option<Instant>,
    /// When a look begins at the beginning.
    anew_at: Option<Moment>,
    /// Goes up whenever a past deadline was written.
    past: u64,
}

/// A look for the earliest deadline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// Where it begins.
    pub(crate) since: Instant,
    began: Moment,
    past: u64,
}

impl Settled {
    /// Before this instant, nothing is due.
    pub(crate) fn until(&self) -> Instant {
        self.state().until.unwrap_or(date::EARLIEST)
    }

    /// Begins a look.
    pub(crate) fn look(&self) -> Look {
        let state = self.state();
        let began = Moment::now();
        let goes_on = state.anew_at.is_some_and(|at| began < at);
        let since = state.until.filter(|_| goes_on).unwrap_or(date::EARLIEST);
        Look { since, began, past: state.past }
    }

    /// Remembers what a look has found: the earliest deadline there was, or one that is no later.
    pub(crate) fn looked(&self, look: Look, now: Instant, earliest: Option<Instant>) {
        let mut state = self.state();
        if state.past != look.past {
            return;
        }
        let end = before(now);
        state.until = Some(earliest.map_or(end, |earliest| earliest.min(end)));
        if look.since == date::EARLIEST {
            state.anew_at = Some(Moment::now() + (look.began.elapsed() * REST).max(BEGIN_ANEW));
        }
    }

    /// A transaction has left this earliest deadline; the time is that after its commit, if known.
    pub(crate) fn wrote(&self, earliest: Instant, now: Option<Instant>) {
        let mut state = self.state();
        let is_past = now.is_none_or(|now| earliest < before(now));
        if is_past || state.until.is_some_and(|until| earliest < until) {
            state.until = state.until.map(|until| until.min(earliest));
            state.past += 1;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An instant as far before another as transactions may overlap.
fn before(now: Instant) -> Instant {
    date::from_micros(date::micros(now).saturating_sub(MARGIN_MICROS)).unwrap_or(date::EARLIEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An instant in units of the margin.
    fn at(margins: i64) -> Instant {
        date::from_micros(margins * MARGIN_MICROS).unwrap()
    }

    #[tokio::test]
    async fn the_first_look_begins_at_the_beginning_and_the_next_where_it_ended() {
        let settled = Settled::default();
        assert_eq!(settled.until(), date::EARLIEST);
        let look = settled.look();
        assert_eq!(look.since, date::EARLIEST);
        settled.looked(look, at(100), Some(at(130)));
        assert_eq!(settled.until(), at(99), "others may be writing what is due by now");
        assert_eq!(settled.look().since, at(99));
    }

    #[tokio::test]
    async fn what_is_due_stays_in_sight() {
        let settled = Settled::default();
        settled.looked(settled.look(), at(100), Some(at(40)));
        assert_eq!(settled.until(), at(40));
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_begins_anew_after_a_second() {
        let settled = Settled::default();
        settled.looked(settled.look(), at(100), None);
        tokio::time::advance(BEGIN_ANEW / 2).await;
        settled.looked(settled.look(), at(101), None);
        assert_eq!(settled.look().since, at(100));
        tokio::time::advance(BEGIN_ANEW / 2).await;
        let look = settled.look();
        assert_eq!(look.since, date::EARLIEST);
        assert_eq!(settled.until(), at(100), "until it has found something");
        settled.looked(look, at(102), Some(at(20)));
        assert_eq!(settled.until(), at(20), "what another process has left");
    }

    #[tokio::test(start_paused = true)]
    async fn looks_that_take_long_begin_anew_less_often() {
        let settled = Settled::default();
        let look = settled.look();
        tokio::time::advance(BEGIN_ANEW).await;
        settled.looked(look, at(100), None);
        tokio::time::advance(BEGIN_ANEW * (REST - 1)).await;
        assert_eq!(settled.look().since, at(99));
        tokio::time::advance(BEGIN_ANEW).await;
        assert_eq!(settled.look().since, date::EARLIEST);
    }

    #[tokio::test]
    async fn an_earlier_deadline_takes_it_back() {
        let settled = Settled::default();
        settled.looked(settled.look(), at(100), None);
        settled.wrote(at(100), Some(at(100)));
        assert_eq!(settled.until(), at(99));
        settled.wrote(at(50), Some(at(100)));
        assert_eq!(settled.until(), at(50));
        settled.wrote(at(45), None);
        assert_eq!(settled.until(), at(45), "the time is not known");
        settled.wrote(at(40), Some(at(40)));
        assert_eq!(settled.until(), at(40), "the clock was set back");
    }

    #[tokio::test]
    async fn a_look_that_a_past_deadline_overtook_tells_nothing() {
        let settled = Settled::default();
        let look = settled.look();
        settled.wrote(at(50), Some(at(100)));
        settled.looked(look, at(100), None);
        assert_eq!(settled.until(), date::EARLIEST);
    }
}
