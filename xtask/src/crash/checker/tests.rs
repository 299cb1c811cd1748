//! A sound history holds, and each falsification of it is noticed by its own rule.

use std::collections::BTreeSet;

use super::{Terms, check};
use crate::crash::evidence::{Attempt, Callback, Evidence, Line};
use crate::crash::journal::Told;
use crate::crash::stage::Service;
use crate::crash::time::SECOND;

const SERVICE: &str = "hotline";

/// A history that is written step by step.
#[derive(Clone, Default)]
struct History {
    evidence: Evidence,
    told: Told,
    clock: i64,
}

impl History {
    /// Two customers of one service, one agent each; the first is called twice.
    fn sound() -> Self {
        let mut history = Self::default();
        history.create("a", "tel:+1", 4, 0);
        history.create("b", "tel:+2", 4, 0);
        history.offer("a", "ada");
        history.dial("a", "ada");
        history.offer("b", "bob");
        history.dial("b", "bob");
        history.end("b", "Completed");
        history.retry("a", "Busy");
        history.offer("a", "ada");
        history.dial("a", "ada");
        history.end("a", "Completed");
        history
    }

    fn create(&mut self, id: &str, target: &str, level: usize, due_in: i64) {
        self.clock += SECOND;
        let callback = Callback {
            id: id.to_owned(),
            service: SERVICE.to_owned(),
            target: target.to_owned(),
            level,
            max_retries: 1,
            due: self.clock + due_in,
            external: Some(format!("task {id}")),
            phase: "Pending".to_owned(),
            reason: None,
            version: 0,
        };
        self.evidence.callbacks.insert(id.to_owned(), callback);
        self.told.created.insert(id.to_owned());
        self.told.keys.insert(format!("key {id}"), BTreeSet::from([id.to_owned()]));
        self.step(id, "Created", "Pending", |_| {});
        self.clock += due_in;
        self.step(id, "Queued", "InQueue", |_| {});
    }

    fn offer(&mut self, id: &str, agent: &str) {
        self.clock += SECOND;
        self.step(id, "Offered", "Offered", |line| line.agent = Some(agent.to_owned()));
    }

    fn dial(&mut self, id: &str, agent: &str) {
        let number = 1 + self.attempts(id).count();
        self.step(id, "Accepted", "Dialout", |line| line.attempt = Some(number));
        let target = self.evidence.callbacks[id].target.clone();
        self.evidence.attempts.push(Attempt {
            id: format!("{id}{number}"),
            callback: id.to_owned(),
            number,
            agent: agent.to_owned(),
            target,
            started: self.clock,
            customer_called: true,
            ended: None,
            outcome: None,
        });
    }

    fn retry(&mut self, id: &str, outcome: &'static str) {
        self.close(id, outcome);
        let due = self.clock + SECOND;
        self.step(id, "AttemptEnded", "Pending", |line| line.due = Some(due));
        self.clock = due;
        self.step(id, "Queued", "InQueue", |_| {});
    }

    fn end(&mut self, id: &str, outcome: &'static str) {
        self.close(id, outcome);
        self.step(id, "AttemptEnded", "Terminated", |line| {
            line.reason = Some("Completed".to_owned());
        });
    }

    fn cancel(&mut self, id: &str) {
        self.told.cancelled.insert(id.to_owned());
        self.step(id, "Cancelled", "Terminated", |line| line.reason = Some("Cancelled".to_owned()));
    }

    fn close(&mut self, id: &str, outcome: &'static str) {
        self.clock += SECOND;
        let clock = self.clock;
        let mut attempts = self.evidence.attempts.iter_mut();
        let attempt = attempts.rfind(|attempt| attempt.callback == id).unwrap();
        attempt.ended = Some(clock);
        attempt.outcome = Some(outcome.to_owned());
        self.told.reported.insert(attempt.id.clone(), outcome);
    }

    fn attempts(&self, id: &str) -> impl Iterator<Item = &Attempt> {
        self.evidence.attempts.iter().filter(move |attempt| attempt.callback == id)
    }

    fn step(&mut self, id: &str, event: &str, after: &str, change: impl FnOnce(&mut Line)) {
        let mut mine = self.evidence.lines.iter().filter(|line| line.callback == id);
        let mut line = Line {
            callback: id.to_owned(),
            event: event.to_owned(),
            before: mine.next_back().map(|line| line.after.clone()),
            after: after.to_owned(),
            at: self.clock,
            agent: None,
            attempt: None,
            due: None,
            reason: None,
        };
        change(&mut line);
        let callback = self.evidence.callbacks.get_mut(id).unwrap();
        callback.phase.clone_from(&line.after);
        callback.reason.clone_from(&line.reason);
        callback.version += 1;
        self.evidence.lines.push(line);
    }

    fn callback(&mut self, id: &str) -> &mut Callback {
        self.evidence.callbacks.get_mut(id).unwrap()
    }

    /// The line with this number among those of a callback.
    fn line(&mut self, id: &str, number: usize) -> &mut Line {
        self.evidence.lines.iter_mut().filter(|line| line.callback == id).nth(number).unwrap()
    }

    /// The rules that do not hold.
    fn broken(&self) -> BTreeSet<&'static str> {
        self.broken_with_cap(None)
    }

    fn broken_with_cap(&self, cap: Option<u32>) -> BTreeSet<&'static str> {
        let services = vec![Service { id: SERVICE.to_owned(), cap }];
        let verdicts = check(&self.evidence, &self.told, &Terms { services, grace: 0 });
        let broken = verdicts.into_iter().filter(|verdict| verdict.violations > 0);
        broken.map(|verdict| verdict.rule).collect()
    }
}

/// Falsifies a sound history, and demands that this rule complains.
fn caught_by(rule: &'static str, falsify: impl FnOnce(&mut History)) {
    let mut history = History::sound();
    assert_eq!(history.broken(), BTreeSet::new());
    falsify(&mut history);
    let broken = history.broken();
    assert!(broken.contains(rule), "{broken:?}");
}

#[test]
fn every_rule_is_asked_of_a_sound_history() {
    let mut history = History::sound();
    history.create("c", "tel:+3", 4, 0);
    history.create("d", "tel:+4", 5, 0);
    history.create("e", "tel:+5", 5, 0);
    history.cancel("c");
    for id in ["d", "e"] {
        history.offer(id, "ada");
        history.dial(id, "ada");
        history.end(id, "Completed");
    }
    history.create("f", "tel:+6", 1, 0);
    history.create("g", "tel:+7", 7, 0);
    for id in ["f", "g"] {
        history.offer(id, "ada");
        history.dial(id, "ada");
        history.end(id, "Completed");
    }
    let services = vec![Service { id: SERVICE.to_owned(), cap: Some(2) }];
    for verdict in check(&history.evidence, &history.told, &Terms { services, grace: 0 }) {
        assert!(verdict.checks > 0, "{verdict:?}");
        assert_eq!(verdict.violations, 0, "{verdict:?}");
    }
}

#[test]
fn a_lost_creation_is_caught() {
    caught_by("an acknowledged creation is there", |history| {
        history.evidence.callbacks.remove("a");
    });
}

#[test]
fn a_key_with_two_callbacks_is_caught() {
    caught_by("one request, one callback", |history| {
        history.told.keys.get_mut("key a").unwrap().insert("b".to_owned());
    });
    caught_by("one request, one callback", |history| {
        history.callback("b").external = Some("task a".to_owned());
    });
    caught_by("one request, one callback", |history| {
        history.evidence.doubled.push("a".to_owned());
    });
}

#[test]
fn a_cancellation_that_was_forgotten_is_caught() {
    caught_by("an acknowledged cancellation holds", |history| {
        history.told.cancelled.insert("a".to_owned());
    });
}

#[test]
fn a_report_that_was_forgotten_is_caught() {
    caught_by("an acknowledged report of a call holds", |history| {
        history.told.reported.insert("a1".to_owned(), "Completed");
    });
}

#[test]
fn no_end_two_ends_and_another_reason_are_caught() {
    let rule = "ended once, with one reason, and nothing after it";
    caught_by(rule, |history| history.create("c", "tel:+3", 4, 0));
    caught_by(rule, |history| history.cancel("a"));
    caught_by(rule, |history| history.callback("a").reason = Some("Cancelled".to_owned()));
    caught_by(rule, |history| {
        history.step("a", "Queued", "InQueue", |_| {});
    });
}

#[test]
fn a_gap_in_the_ledger_is_caught() {
    let rule = "the ledger is continuous and agrees with the callback";
    caught_by(rule, |history| history.callback("a").version += 1);
    caught_by(rule, |history| {
        history.evidence.lines.remove(1);
    });
    caught_by(rule, |history| history.line("a", 3).at = 0);
    caught_by(rule, |history| history.evidence.lines.retain(|line| line.callback != "b"));
    caught_by(rule, |history| {
        history.evidence.callbacks.remove("b");
    });
}

#[test]
fn an_odd_answer_is_caught() {
    caught_by("every answer is one that the API allows", |history| {
        history.told.odd.push("a creation was answered 500".to_owned());
    });
}

#[test]
fn an_attempt_that_is_dialled_twice_is_caught() {
    let rule = "no attempt is dialled twice";
    caught_by(rule, |history| history.line("a", 7).attempt = Some(1));
    caught_by(rule, |history| history.evidence.attempts[2].number = 1);
    caught_by(rule, |history| history.evidence.attempts[2].id = "a1".to_owned());
    caught_by(rule, |history| {
        history.evidence.attempts.pop();
    });
}

#[test]
fn a_call_too_many_is_caught() {
    caught_by("at most 1 + MaxRetries calls to the customer", |history| {
        history.callback("a").max_retries = 0;
    });
}

#[test]
fn an_attempt_without_an_end_is_caught() {
    let rule = "every attempt came to its end, with an outcome";
    caught_by(rule, |history| history.evidence.attempts[0].ended = None);
    caught_by(rule, |history| history.evidence.attempts[0].outcome = None);
}

#[test]
fn two_live_calls_to_one_customer_are_caught() {
    caught_by("no customer is called by two at a time", |history| {
        history.callback("b").target = "tel:+1".to_owned();
    });
    caught_by("calls to one customer do not overlap", |history| {
        history.evidence.attempts[1].target = "tel:+1".to_owned();
        history.evidence.attempts[1].ended = Some(1_000 * SECOND);
    });
}

#[test]
fn two_tasks_of_one_agent_are_caught() {
    let rule = "no agent has two tasks at a time";
    caught_by(rule, |history| history.line("b", 2).agent = Some("ada".to_owned()));
    caught_by(rule, |history| history.line("b", 2).agent = None);
}

#[test]
fn a_call_before_its_time_is_caught() {
    let rule = "never called before due";
    caught_by(rule, |history| history.callback("a").due += 100 * SECOND);
    caught_by(rule, |history| history.line("a", 4).due = Some(1_000 * SECOND));
}

#[test]
fn a_session_too_many_is_caught() {
    let history = History::sound();
    assert_eq!(history.broken_with_cap(Some(2)), BTreeSet::new());
    let broken = history.broken_with_cap(Some(1));
    assert_eq!(broken, BTreeSet::from(["never more sessions than the service allows"]));
}

#[test]
fn a_pick_that_walks_past_an_earlier_place_is_caught() {
    caught_by("within a service and priority, by place", |history| {
        history.create("c", "tel:+3", 4, 0);
        history.create("d", "tel:+4", 4, 0);
        history.offer("d", "ada");
    });
}

#[test]
fn a_pick_may_walk_past_a_customer_who_is_on_the_phone() {
    let mut history = History::sound();
    history.create("c", "tel:+3", 4, 0);
    history.create("d", "tel:+3", 4, 0);
    history.create("e", "tel:+4", 4, 0);
    for (id, agent) in [("c", "ada"), ("e", "bob")] {
        history.offer(id, agent);
    }
    assert!(!history.broken().contains("within a service and priority, by place"));
    assert!(!history.broken().contains("no customer is called by two at a time"));
}

#[test]
fn a_strict_callback_that_waits_behind_others_is_caught() {
    let rule = "strict first, NothingElse last, within a service";
    for (waits, goes) in [(0, 1), (7, 8), (0, 8)] {
        caught_by(rule, |history| {
            history.create("c", "tel:+3", waits, 0);
            history.create("d", "tel:+4", goes, 0);
            history.offer("d", "ada");
        });
    }
}

#[test]
fn a_priority_that_waits_beyond_its_bound_is_caught() {
    let rule = "a waiting priority is served within its bound";
    let picks = |others: u32| {
        let mut history = History::sound();
        history.create("waits", "tel:+3", 2, 0);
        for number in 0..others {
            let id = format!("other {number}");
            history.create(&id, &format!("tel:+4{number}"), 1, 0);
            history.offer(&id, "ada");
            history.dial(&id, "ada");
            history.end(&id, "Completed");
        }
        history.broken().contains(rule)
    };
    assert!(!picks(9));
    assert!(picks(10));
}
