//! What was acknowledged is there, once, and came to one end.

use std::collections::{BTreeMap, BTreeSet};

use super::Verdict;
use crate::crash::evidence::{Evidence, Line};
use crate::crash::journal::Told;

pub(super) fn check(evidence: &Evidence, told: &Told) -> Vec<Verdict> {
    let mut told_of: BTreeMap<&str, Vec<&Line>> = BTreeMap::new();
    for line in &evidence.lines {
        told_of.entry(&line.callback).or_default().push(line);
    }
    vec![
        created_are_there(evidence, told),
        one_effect_per_key(evidence, told),
        cancellations_hold(evidence, told),
        reports_hold(evidence, told),
        ends_once(evidence, &told_of),
        ledger_agrees(evidence, &told_of),
        answers_make_sense(told),
    ]
}

fn created_are_there(evidence: &Evidence, told: &Told) -> Verdict {
    let mut verdict = Verdict::new("an acknowledged creation is there");
    for id in &told.created {
        verdict.demand(evidence.callbacks.contains_key(id), || format!("{id} is lost"));
    }
    verdict
}

/// Every creation of the load has a task id of its own, so one that took effect twice shows.
fn one_effect_per_key(evidence: &Evidence, told: &Told) -> Verdict {
    let mut verdict = Verdict::new("one request, one callback");
    for (key, ids) in &told.keys {
        verdict.demand(ids.len() == 1, || format!("{key} was answered {ids:?}"));
    }
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for callback in evidence.callbacks.values() {
        let Some(external) = &callback.external else { continue };
        let other = seen.insert(external, &callback.id);
        verdict.demand(other.is_none(), || format!("{external} is {other:?} and {}", callback.id));
    }
    for id in &evidence.doubled {
        verdict.demand(false, || format!("{id} was found twice"));
    }
    verdict
}

fn cancellations_hold(evidence: &Evidence, told: &Told) -> Verdict {
    let mut verdict = Verdict::new("an acknowledged cancellation holds");
    for id in &told.cancelled {
        let reason = evidence.callbacks.get(id).and_then(|callback| callback.reason.as_deref());
        verdict.demand(reason == Some("Cancelled"), || format!("{id} ended {reason:?}"));
    }
    verdict
}

fn reports_hold(evidence: &Evidence, told: &Told) -> Verdict {
    let mut verdict = Verdict::new("an acknowledged report of a call holds");
    let outcomes: BTreeMap<&str, Option<&str>> = evidence
        .attempts
        .iter()
        .map(|attempt| (attempt.id.as_str(), attempt.outcome.as_deref()))
        .collect();
    for (attempt, reported) in &told.reported {
        let stored = outcomes.get(attempt.as_str()).copied().flatten();
        verdict.demand(stored == Some(reported), || {
            format!("{attempt} was reported {reported} and is {stored:?}")
        });
    }
    verdict
}

fn ends_once(evidence: &Evidence, told_of: &BTreeMap<&str, Vec<&Line>>) -> Verdict {
    let mut verdict = Verdict::new("ended once, with one reason, and nothing after it");
    for callback in evidence.callbacks.values() {
        let lines = told_of.get(callback.id.as_str()).map_or(&[][..], Vec::as_slice);
        let ends = lines.iter().filter(|line| line.after == "Terminated").count();
        let last = lines.last().filter(|line| line.after == "Terminated");
        let reason = last.and_then(|line| line.reason.as_deref());
        verdict.demand(
            callback.phase == "Terminated"
                && ends == 1
                && reason.is_some()
                && reason == callback.reason.as_deref(),
            || {
                format!(
                    "{} is {} for {:?}; its {} lines have {ends} ends, the last for {reason:?}",
                    callback.id,
                    callback.phase,
                    callback.reason,
                    lines.len()
                )
            },
        );
    }
    verdict
}

fn ledger_agrees(evidence: &Evidence, told_of: &BTreeMap<&str, Vec<&Line>>) -> Verdict {
    let mut verdict = Verdict::new("the ledger is continuous and agrees with the callback");
    for (id, lines) in told_of {
        let Some(callback) = evidence.callbacks.get(*id) else {
            verdict.demand(false, || format!("the ledger knows {id}, which is not there"));
            continue;
        };
        let mut before: Option<&str> = None;
        let (mut at, mut follows) = (i64::MIN, true);
        for line in lines {
            follows &= line.before.as_deref() == before && line.at >= at;
            (before, at) = (Some(line.after.as_str()), line.at);
        }
        verdict.demand(
            follows && lines.len() == callback.version && before == Some(callback.phase.as_str()),
            || format!("{id} has version {} and the lines {lines:?}", callback.version),
        );
    }
    let known: BTreeSet<&str> = told_of.keys().copied().collect();
    for id in evidence.callbacks.keys() {
        verdict.demand(known.contains(id.as_str()), || format!("the ledger does not know {id}"));
    }
    verdict
}

fn answers_make_sense(told: &Told) -> Verdict {
    let mut verdict = Verdict::new("every answer is one that the API allows");
    verdict.checks = told.created.len() as u64 + told.nonsense + told.reported.len() as u64;
    for odd in &told.odd {
        verdict.demand(false, || odd.clone());
    }
    verdict
}
