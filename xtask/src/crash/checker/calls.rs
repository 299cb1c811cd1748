//! Attempts: each placed once, no more than allowed, and all of them over.

use std::collections::{BTreeMap, BTreeSet};

use super::Verdict;
use crate::crash::evidence::{Attempt, Evidence};

pub(super) fn check(evidence: &Evidence) -> Vec<Verdict> {
    let mut of: BTreeMap<&str, Vec<&Attempt>> = BTreeMap::new();
    for attempt in &evidence.attempts {
        of.entry(&attempt.callback).or_default().push(attempt);
    }
    for attempts in of.values_mut() {
        attempts.sort_by_key(|attempt| attempt.number);
    }
    vec![dialled_once(evidence, &of), allowance(evidence, &of), all_over(evidence)]
}

/// Attempts are numbered from 1 without a gap, and the ledger tells of each exactly once.
fn dialled_once(evidence: &Evidence, of: &BTreeMap<&str, Vec<&Attempt>>) -> Verdict {
    let mut verdict = Verdict::new("no attempt is dialled twice");
    let mut told: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for line in &evidence.lines {
        if let Some(number) = line.attempt {
            told.entry(&line.callback).or_default().push(number);
        }
    }
    let mut ids = BTreeSet::new();
    for attempt in &evidence.attempts {
        verdict.demand(ids.insert(&attempt.id), || format!("{} is there twice", attempt.id));
    }
    for id in evidence.callbacks.keys() {
        let dialled = told.get(id.as_str()).map_or(&[][..], Vec::as_slice);
        let stored: Vec<usize> = of
            .get(id.as_str())
            .map(|attempts| attempts.iter().map(|attempt| attempt.number).collect())
            .unwrap_or_default();
        let counted = stored.iter().copied().eq(1..=stored.len());
        verdict.demand(counted && dialled == stored, || {
            format!("{id} was dialled as {dialled:?} and has the attempts {stored:?}")
        });
    }
    verdict
}

fn allowance(evidence: &Evidence, of: &BTreeMap<&str, Vec<&Attempt>>) -> Verdict {
    let mut verdict = Verdict::new("at most 1 + MaxRetries calls to the customer");
    for (id, attempts) in of {
        let allowed = evidence.callbacks.get(*id).map_or(0, |callback| 1 + callback.max_retries);
        let made = attempts.iter().filter(|attempt| attempt.customer_called).count();
        verdict.demand(made <= allowed, || format!("{id} made {made} calls, allowed {allowed}"));
    }
    verdict
}

fn all_over(evidence: &Evidence) -> Verdict {
    let mut verdict = Verdict::new("every attempt came to its end, with an outcome");
    for attempt in &evidence.attempts {
        let sound = attempt.ended.is_some_and(|ended| ended >= attempt.started);
        verdict.demand(sound && attempt.outcome.is_some(), || format!("{attempt:?}"));
    }
    verdict
}
