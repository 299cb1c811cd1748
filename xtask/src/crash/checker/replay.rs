//! The ledger played back: who had which line and which agent, and what waited when.

use std::collections::{BTreeMap, BTreeSet};

use super::order::Picks;
use super::{Terms, Verdict};
use crate::crash::evidence::{Callback, Evidence, Line};

/// Phases in which a callback has its customer's line and an agent.
const LIVE: [&str; 4] = ["Offered", "Preview", "Dialout", "Connected"];

/// What is known after some lines.
#[derive(Debug, Default)]
struct Floor<'e> {
    /// The callbacks that have a customer's line.
    lines: BTreeMap<&'e str, BTreeSet<&'e str>>,
    /// The callbacks that have an agent.
    tasks: BTreeMap<&'e str, BTreeSet<&'e str>>,
    /// The agent of a live callback.
    agents: BTreeMap<&'e str, &'e str>,
    /// The live callbacks of a service.
    sessions: BTreeMap<&'e str, u32>,
    /// When a callback is due next.
    due: BTreeMap<&'e str, i64>,
}

pub(super) fn check(evidence: &Evidence, terms: &Terms) -> Vec<Verdict> {
    let mut line_rule = Verdict::new("no customer is called by two at a time");
    let mut agent_rule = Verdict::new("no agent has two tasks at a time");
    let mut attempt_rule = Verdict::new("calls to one customer do not overlap");
    let mut due_rule = Verdict::new("never called before due");
    let mut cap_rule = Verdict::new("never more sessions than the service allows");
    let caps: BTreeMap<&str, u32> = terms
        .services
        .iter()
        .filter_map(|service| Some((service.id.as_str(), service.cap?)))
        .collect();
    let mut floor = Floor::default();
    let mut picks = Picks::new(terms.grace);
    for line in &evidence.lines {
        let Some(callback) = evidence.callbacks.get(&line.callback) else { continue };
        let (id, target) = (callback.id.as_str(), callback.target.as_str());
        let due = *floor.due.entry(id).or_insert(callback.due);
        if line.event == "Offered" {
            picks.offered(callback, line.at);
        }
        if enters_live(line) {
            due_rule
                .demand(line.at >= due, || format!("{id} was offered {} µs early", due - line.at));
            let holders = floor.lines.entry(target).or_default();
            holders.insert(id);
            line_rule.demand(holders.len() == 1, || format!("{target} was had by {holders:?}"));
            if let Some(agent) = &line.agent {
                let tasks = floor.tasks.entry(agent).or_default();
                tasks.insert(id);
                agent_rule.demand(tasks.len() == 1, || format!("{agent} had {tasks:?}"));
                floor.agents.insert(id, agent);
            } else {
                agent_rule.demand(false, || format!("{id} was offered to nobody"));
            }
            let sessions = floor.sessions.entry(&callback.service).or_default();
            *sessions += 1;
            if let Some(cap) = caps.get(callback.service.as_str()) {
                cap_rule
                    .demand(*sessions <= *cap, || format!("{sessions} with {id}, allowed {cap}"));
            }
            picks.line_taken(target);
        }
        if leaves_live(line) {
            floor.let_go(callback);
            picks.line_freed(target, line.at);
        }
        if let Some(due) = line.due {
            floor.due.insert(id, due);
        }
        let place = floor.due.get(id).copied().unwrap_or(due);
        if line.after == "InQueue" && line.before.as_deref() != Some("InQueue") {
            due_rule.demand(line.at >= place, || format!("{id} was queued before it was due"));
            picks.queued(callback, place, line.at);
        }
        if line.before.as_deref() == Some("InQueue") && line.after != "InQueue" {
            picks.left(callback);
        }
    }
    overlaps(evidence, &mut attempt_rule);
    let mut verdicts = vec![line_rule, agent_rule, attempt_rule, due_rule, cap_rule];
    verdicts.extend(picks.verdicts());
    verdicts
}

fn is_live(phase: &str) -> bool {
    LIVE.contains(&phase)
}

fn enters_live(line: &Line) -> bool {
    is_live(&line.after) && !line.before.as_deref().is_some_and(is_live)
}

fn leaves_live(line: &Line) -> bool {
    !is_live(&line.after) && line.before.as_deref().is_some_and(is_live)
}

impl<'e> Floor<'e> {
    fn let_go(&mut self, callback: &'e Callback) {
        if let Some(holders) = self.lines.get_mut(callback.target.as_str()) {
            holders.remove(callback.id.as_str());
        }
        if let Some(agent) = self.agents.remove(callback.id.as_str())
            && let Some(tasks) = self.tasks.get_mut(agent)
        {
            tasks.remove(callback.id.as_str());
        }
        if let Some(sessions) = self.sessions.get_mut(callback.service.as_str()) {
            *sessions = sessions.saturating_sub(1);
        }
    }
}

/// The attempts on one line, in the order of their starts, each end before the next begins.
///
/// A transaction that waited for the one before it may have begun earlier, so two neighbours may
/// overlap by its wait; the longest that a statement waits for a lock is three seconds.
fn overlaps(evidence: &Evidence, rule: &mut Verdict) {
    const WAIT: i64 = 3 * crate::crash::time::SECOND;
    let mut of: BTreeMap<&str, Vec<(i64, i64, &str)>> = BTreeMap::new();
    for attempt in &evidence.attempts {
        let ended = attempt.ended.unwrap_or(i64::MAX);
        of.entry(&attempt.target).or_default().push((attempt.started, ended, &attempt.id));
    }
    for attempts in of.values_mut() {
        attempts.sort_unstable();
        for pair in attempts.windows(2) {
            let [(_, ended, one), (started, _, other)] = pair else { continue };
            rule.demand(started.saturating_add(WAIT) >= *ended, || {
                format!("{other} began {} µs before {one} had ended", ended - started)
            });
        }
    }
}
