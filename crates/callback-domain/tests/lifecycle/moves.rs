//! Tokens: repeated moves are answered quietly, stale ones refused.

use callback_domain::attempt::Outcome;
use callback_domain::id::{AttemptId, LeaseToken};
use callback_domain::lifecycle::Event;
use expect_test::expect;

use super::floor::{BOB, service, wish};
use super::scene::Scene;

#[test]
fn repeated_moves_are_answered_again_and_change_nothing() {
    let scene = Scene::queued(service(), wish())
        .cut()
        .offer()
        .accept()
        .accept()
        .dial()
        .dial()
        .accept()
        .agent_answered()
        .agent_answered()
        .answered()
        .answered()
        .connected()
        .hang_up()
        .hang_up();
    scene.expect(&expect![[r#"
        10:00:00 Offer(Ann): InQueue → Offered [Offered] Agent=Ann
                 + Ann takes the task
        10:00:00 Accept: Offered → Preview [Accepted]
        10:00:00 Accept: Preview, nothing new
        10:00:00 Dial: Preview → Dialout [Dialled] Attempt=1
                 + attempt #1 rings the agent
        10:00:00 Dial: Dialout, nothing new
        10:00:00 Accept: Dialout, nothing new
        10:00:00 AgentAnswered: Dialout → Dialout [AgentAnswered]
                 + attempt #1 requested the customer
        10:00:00 AgentAnswered: Dialout, nothing new
        10:00:00 Answered: Dialout → Connected [Connected]
                 + attempt #1 connected
        10:00:00 Answered: Connected, nothing new
        10:00:00 Connected: Connected, nothing new
        10:00:00 HangUp: Connected → Terminated [HungUp] TerminationReason=Completed
                 + Ann is free
                 + attempt #1 to be stopped, the agent hung up: Completed
        10:00:00 HangUp: Terminated, nothing new
    "#]]);
    assert_eq!(scene.callback.version, 8);
}

#[test]
fn a_repeated_decline_is_answered_again_even_while_another_is_asked() {
    let declined = Scene::queued(service(), wish()).offer().decline().cut();
    let first = declined.token;
    declined
        .decline()
        .offer_to(BOB)
        .event(Event::Decline { token: first })
        .event(Event::Accept { token: first, start: super::floor::start(9, super::floor::MANUAL) })
        .expect(&expect![[r#"
            10:00:00 Decline: InQueue, nothing new
            10:00:00 Offer(Bob): InQueue → Offered [Offered] Agent=Bob
                     + Bob takes the task
            10:00:00 Decline: Offered, nothing new
            10:00:00 Accept: refused in Offered: the lease token is not, or no longer, the one of this task
        "#]]);
}

#[test]
fn a_repeated_report_is_answered_again_but_not_another_one() {
    Scene::dialled()
        .agent_answered()
        .cut()
        .report(Outcome::Busy)
        .report(Outcome::Busy)
        .report(Outcome::Completed)
        .hang_up()
        .expect(&expect![[r#"
            10:00:00 Report(Busy): Dialout → Pending [AttemptEnded] DueDate=2026-03-02T10:05:00Z Outcome=Busy RetryCount=1
                     + Ann is free
                     + attempt #1 to be stopped, the agent reported the outcome: Busy
            10:00:00 Report(Busy): Pending, nothing new
            10:00:00 Report(Completed): refused in Pending: the lease token is not, or no longer, the one of this task
            10:00:00 HangUp: refused in Pending: the lease token is not, or no longer, the one of this task
        "#]]);
}

#[test]
fn moves_with_a_stale_token_are_refused() {
    let mut scene = Scene::connected_call().cut();
    scene.token = LeaseToken::from_u128(99);
    scene
        .accept()
        .decline()
        .dial()
        .answered()
        .report(Outcome::Completed)
        .hang_up()
        .heartbeat()
        .expect(&expect![[r#"
            10:00:00 Accept: refused in Connected: the lease token is not, or no longer, the one of this task
            10:00:00 Decline: refused in Connected: the lease token is not, or no longer, the one of this task
            10:00:00 Dial: refused in Connected: the lease token is not, or no longer, the one of this task
            10:00:00 Answered: refused in Connected: the lease token is not, or no longer, the one of this task
            10:00:00 Report(Completed): refused in Connected: the lease token is not, or no longer, the one of this task
            10:00:00 HangUp: refused in Connected: the lease token is not, or no longer, the one of this task
            10:00:00 Heartbeat: refused in Connected: the lease token is not, or no longer, the one of this task
        "#]]);
}

#[test]
fn moves_that_a_phase_does_not_know_are_refused() {
    Scene::queued(service(), wish())
        .offer()
        .cut()
        .dial()
        .answered()
        .report(Outcome::Busy)
        .hang_up()
        .accept()
        .decline()
        .answered()
        .report(Outcome::Busy)
        .hang_up()
        .dial()
        .hang_up()
        .decline()
        .expect(&expect![[r#"
            10:00:00 Dial: refused in Offered: this phase has no such event
            10:00:00 Answered: refused in Offered: this phase has no such event
            10:00:00 Report(Busy): refused in Offered: this phase has no such event
            10:00:00 HangUp: refused in Offered: this phase has no such event
            10:00:00 Accept: Offered → Preview [Accepted]
            10:00:00 Decline: refused in Preview: this phase has no such event
            10:00:00 Answered: refused in Preview: this phase has no such event
            10:00:00 Report(Busy): refused in Preview: this phase has no such event
            10:00:00 HangUp: refused in Preview: this phase has no such event
            10:00:00 Dial: Preview → Dialout [Dialled] Attempt=1
                     + attempt #1 rings the agent
            10:00:00 HangUp: refused in Dialout: this phase has no such event
            10:00:00 Decline: refused in Dialout: this phase has no such event
        "#]]);
}

#[test]
fn only_the_machine_finds_calls_lost_or_cancelled() {
    Scene::dialled()
        .cut()
        .report(Outcome::Lost)
        .report(Outcome::Cancelled)
        .report(Outcome::Unknown)
        .expect(&expect![[r#"
            10:00:00 Report(Lost): refused in Dialout: the outcome Lost cannot be reported in this phase
            10:00:00 Report(Cancelled): refused in Dialout: the outcome Cancelled cannot be reported in this phase
            10:00:00 Report(Unknown): refused in Dialout: the outcome Unknown cannot be reported in this phase
        "#]]);
}

#[test]
fn a_conversation_cannot_turn_out_never_to_have_been_one() {
    Scene::connected_call()
        .cut()
        .report(Outcome::Busy)
        .report(Outcome::AgentUnavailable)
        .report(Outcome::Failed)
        .report(Outcome::Completed)
        .expect(&expect![[r#"
            10:00:00 Report(Busy): refused in Connected: the outcome Busy cannot be reported in this phase
            10:00:00 Report(AgentUnavailable): refused in Connected: the outcome AgentUnavailable cannot be reported in this phase
            10:00:00 Report(Failed): refused in Connected: the outcome Failed cannot be reported in this phase
            10:00:00 Report(Completed): Connected → Terminated [AttemptEnded] Outcome=Completed TerminationReason=Completed
                     + Ann is free
                     + attempt #1 to be stopped, the agent reported the outcome: Completed
        "#]]);
}

#[test]
fn word_of_another_attempt_is_refused() {
    let other = AttemptId::from_u128(99);
    Scene::dialled()
        .cut()
        .event(Event::AgentAnswered { attempt: other })
        .event(Event::Connected { attempt: other })
        .event(Event::Renew { attempt: other })
        .event(Event::Ended {
            attempt: other,
            outcome: Outcome::Busy,
            detail: None,
            retry_after_seconds: None,
        })
        .expect(&expect![[r#"
            10:00:00 AgentAnswered: refused in Dialout: the attempt is not the one in progress
            10:00:00 Connected: refused in Dialout: the attempt is not the one in progress
            10:00:00 Renew: refused in Dialout: the attempt is not the one in progress
            10:00:00 Ended: refused in Dialout: the attempt is not the one in progress
        "#]]);
}

#[test]
fn word_of_an_attempt_that_is_over_is_refused() {
    Scene::dialled()
        .agent_answered()
        .ended(Outcome::Busy)
        .cut()
        .ended(Outcome::Busy)
        .connected()
        .renew()
        .expect(&expect![[r#"
            10:00:00 Ended(Busy): refused in Pending: this phase has no such event
            10:00:00 Connected: refused in Pending: this phase has no such event
            10:00:00 Renew: refused in Pending: this phase has no such event
        "#]]);
}

#[test]
fn the_clock_is_refused_before_the_deadline_and_after_the_end() {
    Scene::new().tick().cut().later(3599).tick_now().later(1).tick_now().tick_now().expect(&expect![[r#"
        10:59:59 Tick(WaitOver): refused in InQueue: the deadline has not passed
        11:00:00 Tick(WaitOver): InQueue → Terminated [WaitExceeded] TerminationReason=QueueTimeExceeded
        11:00:00 Tick: refused in Terminated: this phase has no such event
    "#]]);
}
