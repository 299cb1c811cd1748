//! Each planted bug is caught by the invariant that is there for it.

use callback_testkit::sim::{self, Floor, Record, Sabotage};

/// Days that are tried; a bug needs its occasion.
const DAYS: u64 = 12;

/// The invariants that catch a planted bug, on however many days it takes.
fn caught(sabotage: Sabotage) -> Vec<&'static str> {
    let floor = Floor { callbacks: 150, sabotage: Some(sabotage), ..Floor::default() };
    let mut caught: Vec<&'static str> = (1..=DAYS)
        .filter_map(|seed| sim::run(seed, &floor, false).err())
        .map(|(broken, _)| broken.invariant)
        .collect();
    caught.sort_unstable();
    caught.dedup();
    caught
}

macro_rules! catches {
    ($($name:ident: $sabotage:ident, $invariant:literal;)+) => {$(
        #[test]
        fn $name() {
            let caught = caught(Sabotage::$sabotage);
            assert!(caught.contains(&$invariant), "caught only by {caught:?}");
        }
    )+};
}

catches! {
    a_lost_create_is_caught: LoseCreate, "invariant_acknowledged_creates_exist";
    a_lost_termination_is_caught: ForgetTermination, "invariant_terminated_is_final";
    lost_retries_are_caught: ForgetRetries, "invariant_no_more_dial_outs_than_allowed";
    a_forgotten_claim_is_caught: ForgetClaim, "invariant_one_live_call_per_target";
    a_skipped_gate_is_caught: OpenEveryGate, "invariant_one_live_call_per_target";
    a_skipped_suppression_is_caught: OpenEveryGate, "invariant_no_suppressed_target_is_offered";
    a_second_task_is_caught: ForgetTask, "invariant_offers_go_to_free_agents";
    a_hurried_callback_is_caught: DueAtOnce, "invariant_not_before_due";
    a_skipped_back_off_is_caught: ForgetBackOff, "invariant_not_offered_too_early";
    an_offer_of_a_closed_service_is_caught: IgnoreHours, "invariant_not_offered_while_closed";
    a_forgotten_stop_is_caught: ForgetStop, "invariant_an_attempt_ends_once";
    a_forgotten_hold_is_caught: ForgetHold, "invariant_held_callbacks_go_to_their_agent";
    forgotten_passes_are_caught: ForgetPasses, "invariant_the_policy_chooses";
    a_leaked_token_is_caught: LeakToken, "invariant_tokens_stay_out_of_the_ledger";
    a_double_start_is_caught: StartTwice, "invariant_no_attempt_is_dialled_twice";
    a_missed_wake_up_is_caught: SleepOn, "invariant_nobody_waits_while_an_agent_is_free";
    a_missed_deadline_is_caught: ForgetDeadlines, "invariant_no_deadline_is_slept_over";
}

#[test]
fn a_failing_day_is_played_back_from_its_log() {
    let sabotage = Some(Sabotage::StartTwice);
    let floor = Floor { callbacks: 20, manual: Some(false), sabotage, ..Floor::default() };
    let record = Record::of(3, &floor).expect("the day fails");
    assert!(record.events.len() > 20);
    let text = serde_json::to_string(&record).expect("the log is JSON");
    let read: Record = serde_json::from_str(&text).expect("the log is read back");
    assert_eq!(read, record);
    let told = sim::replay(&read);
    assert!(told.ends_with("the same events led there\n"), "{told}");
    let healthy = Record { floor: Floor { sabotage: None, ..floor }, ..read };
    assert!(sim::replay(&healthy).ends_with("now: every invariant holds\n"));
}
