//! An hour in which every call fails costs nobody a retry.

use std::collections::BTreeMap;

use callback_domain::attempt::{Attempt, Outcome};
use callback_domain::callback::{Callback, TerminationReason};
use callback_domain::date;
use callback_testkit::sim::{self, Floor, morning};

const FROM_SECONDS: u32 = 7_200;
const LENGTH_SECONDS: u32 = 3_600;

fn hour_of_failure(seed: u64) -> (Vec<Callback>, Vec<Attempt>) {
    let floor = Floor {
        callbacks: 250,
        faults: false,
        outage: Some((FROM_SECONDS, LENGTH_SECONDS)),
        everybody_answers: true,
        manual: Some(false),
        ..Floor::default()
    };
    match sim::aftermath(seed, &floor) {
        Ok(left) => left,
        Err(broken) => panic!("seed {seed}: {broken}"),
    }
}

#[test]
fn an_hour_of_failing_calls_consumes_no_retry() {
    for seed in 1..=6 {
        let (callbacks, attempts) = hour_of_failure(seed);
        let failed = attempts.iter().filter(|one| one.outcome() == Some(Outcome::Failed)).count();
        assert!(failed > 10, "seed {seed}: only {failed} attempts failed");
        for callback in callbacks {
            assert_eq!(callback.retry_count, 0, "seed {seed}: {callback:?}");
            let reason = callback.termination_reason();
            assert_ne!(reason, Some(TerminationReason::RetriesExhausted), "seed {seed}");
        }
    }
}

#[test]
fn calls_are_a_trickle_while_they_fail() {
    let begin = date::add_seconds(morning(), i64::from(FROM_SECONDS));
    let end = date::add_seconds(begin, i64::from(LENGTH_SECONDS));
    for seed in 1..=6 {
        let (_, attempts) = hour_of_failure(seed);
        let mut by_minute: BTreeMap<i64, u32> = BTreeMap::new();
        for attempt in attempts.iter().filter(|one| one.outcome() == Some(Outcome::Failed)) {
            assert!(attempt.requested_at <= date::add_seconds(end, 60), "seed {seed}: {attempt:?}");
            let minute = (attempt.requested_at - begin).num_minutes();
            *by_minute.entry(minute).or_default() += 1;
        }
        // Once the breaker is open, one call a minute tries the route.
        let open: u32 = by_minute.range(15..60).map(|(_, count)| count).sum();
        assert!(open > 0 && open <= 45, "seed {seed}: {by_minute:?}");
    }
}

#[test]
fn the_queue_is_served_again_after_the_outage() {
    let end = date::add_seconds(morning(), i64::from(FROM_SECONDS + LENGTH_SECONDS));
    for seed in 1..=6 {
        let (_, attempts) = hour_of_failure(seed);
        let completed = |one: &&Attempt| one.outcome() == Some(Outcome::Completed);
        let after = attempts.iter().filter(completed).filter(|one| one.requested_at >= end);
        let first = after.clone().map(|one| one.requested_at).min();
        assert!(
            first.is_some_and(|at| at <= date::add_seconds(end, 180)),
            "seed {seed}: {first:?}"
        );
        assert!(after.count() > 20, "seed {seed}");
    }
}
