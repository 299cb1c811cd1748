//! The rules that hold on every walk, whatever happens.

use std::collections::{BTreeMap, BTreeSet};

use callback_domain::attempt::DriverCaps;
use callback_domain::callback::{Callback, PhaseName};
use callback_domain::hours;
use callback_domain::id::{AgentId, AttemptId};
use callback_domain::lifecycle::{Effect, Event, Happening, Step};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::scene::place;
use super::walk::{Taken, Walk, plan, token};

/// The accepted steps of a walk, each with what it was asked.
fn steps(walk: &Walk) -> impl Iterator<Item = (&Taken, &Step)> {
    walk.taken.iter().filter_map(|taken| Some((taken, taken.result.as_ref().ok()?)))
}

fn effects(walk: &Walk) -> impl Iterator<Item = &Effect> {
    steps(walk).flat_map(|(_, step)| &step.effects)
}

#[test]
fn walks_reach_every_phase_and_every_happening() {
    let mut runner = TestRunner::deterministic();
    let mut phases = BTreeSet::new();
    let mut happenings = BTreeSet::new();
    for _ in 0..500 {
        let plan = plan().new_tree(&mut runner).expect("nothing is filtered").current();
        let walk = plan.walk();
        phases.extend(walk.taken.iter().map(|taken| taken.after().phase_name()));
        happenings.extend(
            steps(&walk).filter_map(|(_, step)| step.entry.as_ref()).map(|entry| entry.what),
        );
    }
    assert_eq!(phases.into_iter().collect::<Vec<_>>(), PhaseName::ALL);
    let walked = Happening::ALL.iter().filter(|what| **what != Happening::Created);
    let missing: Vec<_> = walked.filter(|what| !happenings.contains(what)).collect();
    assert!(missing.is_empty(), "no walk came upon {missing:?}");
}

proptest! {
    #[test]
    fn terminated_is_final_and_has_one_reason(plan in plan()) {
        let walk = plan.walk();
        let ends = steps(&walk).filter(|(taken, step)| {
            !taken.before.is_terminated() && step.callback.is_terminated()
        });
        prop_assert!(ends.count() <= 1);
        for taken in walk.taken.iter().filter(|taken| taken.before.is_terminated()) {
            prop_assert_eq!(taken.after(), &taken.before);
            prop_assert!(taken.result.as_ref().map_or(true, |step| step.effects.is_empty()));
            prop_assert!(taken.before.termination_reason().is_some());
        }
        for (_, step) in steps(&walk) {
            let Some(entry) = &step.entry else { continue };
            let reason = step.callback.termination_reason().map(|reason| reason.name());
            let noted = entry.details.get("TerminationReason").and_then(|value| value.as_str());
            prop_assert_eq!(noted, reason);
        }
    }

    #[test]
    fn a_quiet_step_has_no_effects_and_keeps_the_phase(plan in plan()) {
        for (taken, step) in steps(&plan.walk()).filter(|(_, step)| step.entry.is_none()) {
            prop_assert!(step.effects.is_empty());
            prop_assert_eq!(step.callback.phase_name(), taken.before.phase_name());
            prop_assert_eq!(step.callback.updated_at, taken.before.updated_at);
        }
    }

    #[test]
    fn a_refusal_names_the_phase_and_the_event(plan in plan()) {
        for taken in &plan.walk().taken {
            let Err(refused) = &taken.result else { continue };
            prop_assert_eq!(refused.phase, taken.before.phase_name());
            prop_assert_eq!(refused.event, taken.event.name());
        }
    }

    #[test]
    fn an_event_has_one_answer(plan in plan()) {
        for taken in &plan.walk().taken {
            let again = taken.before.clone().step(&taken.service, taken.event.clone(), taken.now);
            prop_assert_eq!(&again, &taken.result);
        }
    }

    #[test]
    fn the_customer_is_never_called_more_than_once_and_the_retries(plan in plan()) {
        let walk = plan.walk();
        let mut called: BTreeMap<AttemptId, u32> = BTreeMap::new();
        for (_, step) in steps(&walk) {
            for effect in &step.effects {
                if let Some(attempt) = customer_requested(effect) {
                    *called.entry(attempt).or_default() += 1;
                }
            }
            let Callback { dialouts, max_retries, .. } = step.callback;
            prop_assert_eq!(usize::try_from(dialouts), Ok(called.len()));
            prop_assert!(dialouts <= 1 + max_retries, "{dialouts} dial-outs of 1 + {max_retries}");
        }
        prop_assert!(called.values().all(|times| *times == 1), "{called:?}");
    }

    #[test]
    fn retries_never_exceed_their_number(plan in plan()) {
        for taken in &plan.walk().taken {
            let Callback { retry_count, max_retries, dialouts, attempts, .. } = *taken.after();
            prop_assert!(retry_count <= max_retries);
            prop_assert!(retry_count <= dialouts && dialouts <= attempts);
        }
    }

    #[test]
    fn the_version_rises_by_one_with_each_line_of_the_ledger(plan in plan()) {
        for (taken, step) in steps(&plan.walk()) {
            let rise = u64::from(step.entry.is_some());
            prop_assert_eq!(step.callback.version, taken.before.version + rise);
            let Some(entry) = &step.entry else { continue };
            prop_assert_eq!(entry.from, Some(taken.before.phase_name()));
            prop_assert_eq!(entry.to, step.callback.phase_name());
        }
    }

    #[test]
    fn the_last_change_never_runs_backwards(plan in plan()) {
        for (taken, step) in steps(&plan.walk()) {
            prop_assert!(step.callback.updated_at >= taken.before.updated_at);
            if step.entry.is_some() {
                prop_assert_eq!(step.callback.updated_at, taken.now.max(taken.before.updated_at));
            }
        }
    }

    #[test]
    fn whatever_is_not_over_has_a_deadline_or_waits_in_the_queue(plan in plan()) {
        for taken in &plan.walk().taken {
            let after = taken.after();
            let waits = after.phase_name() == PhaseName::InQueue;
            prop_assert_eq!(after.is_terminated(), after.deadline().is_none() && !waits);
        }
    }

    #[test]
    fn the_place_is_kept_until_the_callback_is_pending_again(plan in plan()) {
        for (taken, step) in steps(&plan.walk()) {
            if let (Some(before), Some(after)) = (place(&taken.before), place(&step.callback)) {
                prop_assert_eq!(before, after);
            }
            if let (None, Some(entered)) = (place(&taken.before), place(&step.callback)) {
                prop_assert_eq!(taken.before.phase_name(), PhaseName::Pending);
                prop_assert!(entered <= step.callback.updated_at);
                prop_assert!(entered >= taken.before.due.max(taken.before.due_set_at));
                prop_assert!(hours::is_open(taken.service.hours(), entered));
            }
        }
    }

    #[test]
    fn nobody_enters_the_queue_before_due(plan in plan()) {
        for (taken, step) in steps(&plan.walk()) {
            let entered = step.callback.phase_name() == PhaseName::InQueue;
            if entered && taken.before.phase_name() == PhaseName::Pending {
                prop_assert!(step.callback.updated_at >= taken.before.due);
                prop_assert!(hours::is_open(taken.service.hours(), step.callback.updated_at));
            }
        }
    }

    #[test]
    fn nobody_is_called_while_the_service_is_closed(plan in plan()) {
        for (taken, step) in steps(&plan.walk()) {
            if step.effects.iter().any(|effect| matches!(effect, Effect::OpenAttempt(_))) {
                prop_assert!(hours::is_open(taken.service.hours(), step.callback.updated_at));
            }
        }
    }

    #[test]
    fn each_attempt_is_opened_once_and_ended_or_stopped_once(plan in plan()) {
        let walk = plan.walk();
        let mut open: Option<AttemptId> = None;
        let mut known = BTreeSet::new();
        for (_, step) in steps(&walk) {
            for effect in &step.effects {
                match effect {
                    Effect::OpenAttempt(attempt) => {
                        prop_assert_eq!(open.replace(attempt.id), None);
                        prop_assert!(known.insert(attempt.id));
                        prop_assert_eq!(attempt.number, step.callback.attempts);
                        prop_assert_eq!(Some(attempt.agent), step.callback.agent());
                    }
                    Effect::EndAttempt { attempt, .. } | Effect::StopAttempt { attempt, .. } => {
                        prop_assert_eq!(open.take(), Some(*attempt));
                    }
                    Effect::NoteCustomerRequested(attempt) | Effect::NoteConnected(attempt) => {
                        prop_assert_eq!(open, Some(*attempt));
                    }
                    Effect::TakeAgent(_) | Effect::ReleaseAgent(..) | Effect::Suppress => {}
                }
            }
            prop_assert_eq!(open, step.callback.attempt());
        }
    }

    #[test]
    fn agents_take_a_task_and_let_it_go_in_turns(plan in plan()) {
        let walk = plan.walk();
        let mut holder: Option<AgentId> = None;
        for (_, step) in steps(&walk) {
            for effect in &step.effects {
                match effect {
                    Effect::TakeAgent(agent) => prop_assert_eq!(holder.replace(*agent), None),
                    Effect::ReleaseAgent(agent, _) => prop_assert_eq!(holder.take(), Some(*agent)),
                    Effect::OpenAttempt(_)
                    | Effect::NoteCustomerRequested(_)
                    | Effect::NoteConnected(_)
                    | Effect::EndAttempt { .. }
                    | Effect::StopAttempt { .. }
                    | Effect::Suppress => {}
                }
            }
            prop_assert_eq!(holder, step.callback.agent());
        }
    }

    #[test]
    fn the_ledger_never_tells_a_token(plan in plan()) {
        let walk = plan.walk();
        for (_, step) in steps(&walk) {
            let Some(entry) = &step.entry else { continue };
            let told = format!("{:?}", entry.details);
            for number in 0..=walk.tokens {
                prop_assert!(!told.contains(&token(number).to_string()), "{told}");
            }
        }
        for effect in effects(&walk) {
            let told = format!("{effect:?}");
            for number in 0..=walk.tokens {
                prop_assert!(!told.contains(&token(number).to_string()), "{told}");
            }
        }
    }

    #[test]
    fn a_stored_callback_is_read_back_as_it_was(plan in plan()) {
        for (_, step) in steps(&plan.walk()) {
            let text = serde_json::to_string(&step.callback).expect("a callback is plain data");
            let read: Callback = serde_json::from_str(&text).expect("it was written like this");
            prop_assert_eq!(&read, &step.callback, "{}", text);
        }
    }

    #[test]
    fn the_hold_is_never_more_than_half_of_the_wait_over_all_retries(plan in plan()) {
        let walk = plan.walk();
        for taken in &walk.taken {
            let half = i64::from(taken.after().allowed_wait_seconds) * 500_000;
            prop_assert!(taken.after().hold_used_micros <= half);
        }
    }

    #[test]
    fn a_deadline_under_the_edited_service_does_not_depend_on_when_it_is_computed(plan in plan()) {
        let Walk { callback, service, .. } = plan.walk();
        let Ok(once) = callback.clone().step(&service, Event::PolicyChanged, callback.updated_at)
        else {
            prop_assert!(callback.is_terminated());
            return Ok(());
        };
        let later = callback.updated_at + chrono::TimeDelta::days(40);
        let late = callback.step(&service, Event::PolicyChanged, later).expect("it was taken once");
        prop_assert_eq!(&late.callback, &once.callback);
        let twice = once.callback.clone().step(&service, Event::PolicyChanged, later);
        prop_assert_eq!(twice.map(|step| step.callback), Ok(once.callback));
    }
}

fn customer_requested(effect: &Effect) -> Option<AttemptId> {
    match effect {
        Effect::OpenAttempt(attempt) => {
            let DriverCaps { places_calls, .. } = attempt.caps;
            assert_eq!(attempt.customer_requested_at.is_none(), places_calls);
            (!places_calls).then_some(attempt.id)
        }
        Effect::NoteCustomerRequested(attempt) => Some(*attempt),
        Effect::TakeAgent(_)
        | Effect::ReleaseAgent(..)
        | Effect::NoteConnected(_)
        | Effect::EndAttempt { .. }
        | Effect::StopAttempt { .. }
        | Effect::Suppress => None,
    }
}
