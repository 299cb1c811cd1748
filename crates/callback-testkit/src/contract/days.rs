//! Whole simulated days, command by command as the store in memory did them.

use std::sync::Arc;

use callback_domain::search::Query;
use callback_engine::Error;
use callback_engine::clock::Clock;
use callback_engine::command::{Command, Done};
use callback_engine::store::Store;

use crate::sim::{self, Floor, Recorded, SetClock, morning};

/// Days with faults and a driver that places calls.
pub async fn a_day_goes_as_in_memory(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    for seed in 1..=3 {
        again(open, seed, false).await;
    }
}

/// Days with faults where agents dial.
pub async fn a_day_of_dialling_agents_goes_as_in_memory(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    for seed in 4..=5 {
        again(open, seed, true).await;
    }
}

/// Does a day again on another store: the same answers, and the same installation in the end.
///
/// # Panics
/// When an answer or the end differs; the message names the seed.
pub async fn again(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>, seed: u64, manual: bool) {
    again_moved(open, &async |store, _| store, 0, seed, manual).await;
}

/// Does a day again, and moves the installation to another store so many times on the way.
///
/// # Panics
/// When an answer or the end differs; the message names the seed.
pub async fn again_moved(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
    moved: &impl AsyncFn(Arc<dyn Store>, Arc<dyn Clock>) -> Arc<dyn Store>,
    moves: usize,
    seed: u64,
    manual: bool,
) {
    let floor = Floor {
        callbacks: 40,
        crashes_per_million: 1_000,
        manual: Some(manual),
        ..Floor::default()
    };
    let (chronicle, model) = match sim::chronicle(seed, &floor) {
        Ok(day) => day,
        Err(broken) => panic!("seed {seed}: {broken}"),
    };
    let clock = SetClock::at(morning());
    let mut store = open(Arc::clone(&clock) as Arc<dyn Clock>).await;
    let mut site = sim::site(seed, manual, morning());
    // Before the last command and not after it, so that each move has something to spoil.
    let between = chronicle.len() / (moves + 1);
    for (number, recorded) in chronicle.into_iter().enumerate() {
        if moves > 0 && number > 0 && number % between == 0 && number / between <= moves {
            store = moved(store, Arc::clone(&clock) as Arc<dyn Clock>).await;
        }
        match recorded {
            Recorded::Start { at, seed, manual } => site = sim::site(seed, manual, at),
            Recorded::Run { at, actor, what, done } => {
                clock.set(at);
                let command = Command { actor, site: Arc::clone(&site), what: *what };
                let found = store.run(command.clone()).await;
                let found = woken_alike(found, &done);
                assert_eq!(found, *done, "seed {seed} at {at}: {:?}", command.what);
            }
        }
    }
    same(&*store, &model, seed).await;
}

/// Whoever could go for a moment in the middle of a command need not be woken: only who can go
/// after it. And where nobody waits for a task, there is no need to say when to look again; looking
/// for deadlines too early is no harm.
fn woken_alike(found: Result<Done, Error>, expected: &Result<Done, Error>) -> Result<Done, Error> {
    let (Ok(mut found), Ok(expected)) = (found.clone(), expected) else { return found };
    let told = found.after.later.iter().all(|later| expected.after.later.contains(later));
    if told
        && found.after.services.is_subset(&expected.after.services)
        && found.after.agents.is_subset(&expected.after.agents)
    {
        found.after.later.clone_from(&expected.after.later);
        found.after.services.clone_from(&expected.after.services);
        found.after.agents.clone_from(&expected.after.agents);
    }
    let (looks, expected) = (found.after.deadline, expected.after.deadline);
    if looks.is_some_and(|at| expected.is_none_or(|expected| at <= expected)) {
        found.after.deadline = expected;
    }
    Ok(found)
}

/// Everything that can be read is the same in both.
async fn same(store: &dyn Store, model: &dyn Store, seed: u64) {
    const ALL: usize = usize::MAX >> 1;
    let query = Query::default();
    let found = store.page(&query, None, 0, ALL).await.expect("callbacks are read");
    let expected = model.page(&query, None, 0, ALL).await.expect("callbacks are read");
    assert_eq!(found, expected, "seed {seed}");
    for callback in expected {
        let found = store.attempts(callback.id).await.expect("attempts are read");
        let expected = model.attempts(callback.id).await.expect("attempts are read");
        assert_eq!(found, expected, "seed {seed}");
    }
    let (found, expected) = (store.agents().await, model.agents().await);
    assert_eq!(found, expected, "seed {seed}");
    let (found, expected) = (store.services().await, model.services().await);
    assert_eq!(found, expected, "seed {seed}");
    let (found, expected) = (store.next_deadline().await, model.next_deadline().await);
    assert_eq!(found, expected, "seed {seed}");
    let found = store.suppressions(None, 0, ALL).await.expect("suppressions are read");
    let expected = model.suppressions(None, 0, ALL).await.expect("suppressions are read");
    let unnumbered = |list: Vec<callback_engine::suppression::Suppression>| {
        list.into_iter().map(|one| (one.id, one.key, one.until)).collect::<Vec<_>>()
    };
    assert_eq!(unnumbered(found), unnumbered(expected), "seed {seed}");
    let found = store.ledger(None, 0, ALL).await.expect("the ledger is read");
    let expected = model.ledger(None, 0, ALL).await.expect("the ledger is read");
    assert_eq!(found.len(), expected.len(), "seed {seed}");
    for (found, expected) in found.iter().zip(&expected) {
        let found = callback_engine::ledger::Line { sequence: expected.sequence, ..found.clone() };
        assert_eq!(found, *expected, "seed {seed}");
    }
}
