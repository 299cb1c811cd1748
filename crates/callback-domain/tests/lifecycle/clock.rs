//! The clock alone: what becomes of a callback when nothing but time happens to it.

use callback_domain::callback::{PhaseName, Timer};
use callback_domain::hours;
use callback_domain::lifecycle::{Event, Why};
use proptest::prelude::*;

use super::walk::{Walk, plan};

/// More strikes than the longest life without events can hold.
const STRIKES: usize = 100;

proptest! {
    #[test]
    fn the_clock_is_never_refused_at_a_deadline(plan in plan()) {
        let mut walk = plan.walk();
        for _ in 0..STRIKES {
            let Some(taken) = walk.strike() else { break };
            prop_assert!(taken.result.is_ok(), "{:?}", taken.result);
        }
    }

    #[test]
    fn the_clock_is_always_refused_before_a_deadline(plan in plan()) {
        let mut walk = plan.walk();
        for _ in 0..STRIKES {
            if let Some(taken) = walk.strike_early() {
                let why = taken.result.as_ref().map_err(|refused| refused.why);
                prop_assert_eq!(why, Err(Why::TooEarly));
            }
            if walk.strike().is_none() {
                break;
            }
        }
    }

    #[test]
    fn left_to_the_clock_every_callback_ends_or_waits(plan in plan()) {
        let mut walk = plan.walk();
        for _ in 0..STRIKES {
            let Some((at, timer)) = walk.callback.deadline() else { break };
            if timer == Timer::Due && hours::next_opening(walk.service.hours(), at).is_none() {
                return never_opens(&mut walk);
            }
            walk.strike();
        }
        let waits = walk.callback.phase_name() == PhaseName::InQueue;
        prop_assert!(walk.callback.is_terminated() || waits, "{:?}", walk.callback);
        prop_assert_eq!(walk.callback.deadline(), None);
    }

    #[test]
    fn each_strike_moves_the_deadline_on(plan in plan()) {
        let mut walk = plan.walk();
        for _ in 0..STRIKES {
            let Some(before) = walk.callback.deadline() else { break };
            walk.strike();
            prop_assert_ne!(walk.callback.deadline(), Some(before));
        }
    }

    #[test]
    fn a_wait_ends_when_its_time_is_used_up(plan in plan()) {
        let mut walk = plan.walk();
        walk.take(Event::PolicyChanged);
        if walk.callback.phase_name() != PhaseName::InQueue {
            return Ok(());
        }
        while let Some((at, timer)) = walk.callback.deadline() {
            let left = walk.callback.wait_left_seconds(at, walk.service.hours());
            prop_assert_eq!(left == 0, timer == Timer::WaitOver, "{} s, {:?}", left, timer);
            walk.strike();
        }
    }
}

/// A callback whose service never opens is put off by the hour, for as long as that is so.
fn never_opens(walk: &mut Walk) -> Result<(), TestCaseError> {
    for _ in 0..3 {
        let struck = walk.callback.deadline().map(|(at, _)| at.max(walk.callback.updated_at));
        walk.strike();
        prop_assert_eq!(walk.callback.phase_name(), PhaseName::Pending);
        let put_off = walk.callback.due - struck.expect("it is pending");
        prop_assert!(put_off >= chrono::TimeDelta::hours(1));
    }
    Ok(())
}
