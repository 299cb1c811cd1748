//! The call: who rings, how it comes out, and what becomes of the promise.

use callback_domain::attempt::Outcome;
use callback_domain::lifecycle::NewCallback;
use callback_domain::service::{RetryRule, Service};
use expect_test::expect;

use super::floor::{MANUAL, service, wish};
use super::scene::Scene;

#[test]
fn three_retries_are_four_calls_and_no_more() {
    let mut scene = Scene::new();
    for _ in 0..4 {
        scene = scene.tick().offer().accept().dial().agent_answered().ended(Outcome::Busy);
    }
    scene.note(Scene::counts).expect(&expect![[r#"
        10:00:00 Create: Pending [Created]
        10:00:00 Tick(Due): Pending → InQueue [Queued]
        10:00:00 Offer(Ann): InQueue → Offered [Offered] Agent=Ann
                 + Ann takes the task
        10:00:00 Accept: Offered → Preview [Accepted]
        10:00:00 Dial: Preview → Dialout [Dialled] Attempt=1
                 + attempt #1 rings the agent
        10:00:00 AgentAnswered: Dialout → Dialout [AgentAnswered]
                 + attempt #1 requested the customer
        10:00:00 Ended(Busy): Dialout → Pending [AttemptEnded] DueDate=2026-03-02T10:05:00Z Outcome=Busy RetryCount=1
                 + Ann is free
                 + attempt #1 ended: Busy
        10:05:00 Tick(Due): Pending → InQueue [Queued]
        10:05:00 Offer(Ann): InQueue → Offered [Offered] Agent=Ann
                 + Ann takes the task
        10:05:00 Accept: Offered → Preview [Accepted]
        10:05:00 Dial: Preview → Dialout [Dialled] Attempt=2
                 + attempt #2 rings the agent
        10:05:00 AgentAnswered: Dialout → Dialout [AgentAnswered]
                 + attempt #2 requested the customer
        10:05:00 Ended(Busy): Dialout → Pending [AttemptEnded] DueDate=2026-03-02T10:10:00Z Outcome=Busy RetryCount=2
                 + Ann is free
                 + attempt #2 ended: Busy
        10:10:00 Tick(Due): Pending → InQueue [Queued]
        10:10:00 Offer(Ann): InQueue → Offered [Offered] Agent=Ann
                 + Ann takes the task
        10:10:00 Accept: Offered → Preview [Accepted]
        10:10:00 Dial: Preview → Dialout [Dialled] Attempt=3
                 + attempt #3 rings the agent
        10:10:00 AgentAnswered: Dialout → Dialout [AgentAnswered]
                 + attempt #3 requested the customer
        10:10:00 Ended(Busy): Dialout → Pending [AttemptEnded] DueDate=2026-03-02T10:15:00Z Outcome=Busy RetryCount=3
                 + Ann is free
                 + attempt #3 ended: Busy
        10:15:00 Tick(Due): Pending → InQueue [Queued]
        10:15:00 Offer(Ann): InQueue → Offered [Offered] Agent=Ann
                 + Ann takes the task
        10:15:00 Accept: Offered → Preview [Accepted]
        10:15:00 Dial: Preview → Dialout [Dialled] Attempt=4
                 + attempt #4 rings the agent
        10:15:00 AgentAnswered: Dialout → Dialout [AgentAnswered]
                 + attempt #4 requested the customer
        10:15:00 Ended(Busy): Dialout → Terminated [AttemptEnded] Outcome=Busy TerminationReason=RetriesExhausted
                 + Ann is free
                 + attempt #4 ended: Busy
        10:15:00 · attempts 4, dial-outs 4, retries 3
    "#]]);
}

#[test]
fn a_manual_driver_rings_the_customer_at_once() {
    let mut scene = Scene::previewed().cut();
    scene.driver = MANUAL;
    scene.dial().note(Scene::counts).answered().later(90).hang_up().expect(&expect![[r#"
        10:00:00 Dial: Preview → Dialout [Dialled] Attempt=1
                 + attempt #1 rings the customer
        10:00:00 · attempts 1, dial-outs 1, retries 0
        10:00:00 Answered: Dialout → Connected [Connected]
                 + attempt #1 connected
        10:01:30 HangUp: Connected → Terminated [HungUp] TerminationReason=Completed
                 + Ann is free
                 + attempt #1 to be stopped, the agent hung up: Completed
    "#]]);
}

#[test]
fn an_automatic_driver_rings_the_agent_first() {
    Scene::previewed()
        .cut()
        .dial()
        .note(Scene::counts)
        .note(Scene::next)
        .later(5)
        .agent_answered()
        .note(Scene::counts)
        .note(Scene::next)
        .expect(&expect![[r#"
            10:00:00 Dial: Preview → Dialout [Dialled] Attempt=1
                     + attempt #1 rings the agent
            10:00:00 · attempts 1, dial-outs 0, retries 0
            10:00:00 · AgentRangOut at 10:00:20
            10:00:05 AgentAnswered: Dialout → Dialout [AgentAnswered]
                     + attempt #1 requested the customer
            10:00:05 · attempts 1, dial-outs 1, retries 0
            10:00:05 · CustomerRangOut at 10:00:35
        "#]]);
}

#[test]
fn a_manual_dialler_reports_a_whole_attempt_at_once() {
    let mut scene = Scene::previewed().cut();
    scene.driver = MANUAL;
    scene.dial().later(20).report(Outcome::Completed).expect(&expect![[r#"
        10:00:00 Dial: Preview → Dialout [Dialled] Attempt=1
                 + attempt #1 rings the customer
        10:00:20 Report(Completed): Dialout → Terminated [AttemptEnded] Outcome=Completed TerminationReason=Completed
                 + Ann is free
                 + attempt #1 to be stopped, the agent reported the outcome: Completed
    "#]]);
}

#[test]
fn a_preview_of_nothing_dials_at_once() {
    let service = Service { preview_time_in_seconds: 0, ..service() };
    Scene::queued(service, wish()).offer().cut().accept().expect(&expect![[r#"
        10:00:00 Accept: Offered → Dialout [Accepted] Attempt=1
                 + attempt #1 rings the agent
    "#]]);
}

#[test]
fn a_preview_that_is_over_dials() {
    Scene::previewed().cut().note(Scene::next).tick().expect(&expect![[r#"
        10:00:00 · PreviewOver at 10:00:30
        10:00:30 Tick(PreviewOver): Preview → Dialout [Dialled] Attempt=1
                 + attempt #1 rings the agent
    "#]]);
}

#[test]
fn an_agent_whose_phone_rings_out_is_redirected_and_no_retry_used() {
    Scene::dialled().cut().tick().note(Scene::counts).note(Scene::place).expect(&expect![[r#"
        10:00:20 Tick(AgentRangOut): Dialout → InQueue [AttemptEnded] Outcome=AgentUnavailable
                 + Ann is redirected
                 + attempt #1 to be stopped, the phone rang for too long: AgentUnavailable
        10:00:20 · attempts 1, dial-outs 0, retries 0
        10:00:20 · place 10:00:00
    "#]]);
}

#[test]
fn an_agent_who_leaves_while_the_customer_rings_uses_a_call_but_no_retry() {
    Scene::dialled()
        .agent_answered()
        .cut()
        .ended(Outcome::AgentUnavailable)
        .note(Scene::counts)
        .note(Scene::place)
        .expect(&expect![[r#"
            10:00:00 Ended(AgentUnavailable): Dialout → InQueue [AttemptEnded] Outcome=AgentUnavailable
                     + Ann is redirected
                     + attempt #1 ended: AgentUnavailable
            10:00:00 · attempts 1, dial-outs 1, retries 0
            10:00:00 · place 10:00:00
        "#]]);
}

#[test]
fn calls_that_the_agent_left_still_count_against_the_allowance() {
    let wish = NewCallback { max_retries: 1, ..wish() };
    let mut scene = Scene::queued(service(), wish).cut();
    for _ in 0..2 {
        scene = scene.offer().accept().dial().agent_answered().ended(Outcome::AgentUnavailable);
    }
    scene.note(Scene::counts).expect(&expect![[r#"
        10:00:00 Offer(Ann): InQueue → Offered [Offered] Agent=Ann
                 + Ann takes the task
        10:00:00 Accept: Offered → Preview [Accepted]
        10:00:00 Dial: Preview → Dialout [Dialled] Attempt=1
                 + attempt #1 rings the agent
        10:00:00 AgentAnswered: Dialout → Dialout [AgentAnswered]
                 + attempt #1 requested the customer
        10:00:00 Ended(AgentUnavailable): Dialout → InQueue [AttemptEnded] Outcome=AgentUnavailable
                 + Ann is redirected
                 + attempt #1 ended: AgentUnavailable
        10:00:00 Offer(Ann): InQueue → Offered [Offered] Agent=Ann
                 + Ann takes the task
        10:00:00 Accept: Offered → Preview [Accepted]
        10:00:00 Dial: Preview → Dialout [Dialled] Attempt=2
                 + attempt #2 rings the agent
        10:00:00 AgentAnswered: Dialout → Dialout [AgentAnswered]
                 + attempt #2 requested the customer
        10:00:00 Ended(AgentUnavailable): Dialout → Terminated [AttemptEnded] Outcome=AgentUnavailable TerminationReason=RetriesExhausted
                 + Ann is redirected
                 + attempt #2 ended: AgentUnavailable
        10:00:00 · attempts 2, dial-outs 2, retries 0
    "#]]);
}

#[test]
fn a_call_that_the_agent_left_leaves_one_less_for_the_retries() {
    let wish = NewCallback { max_retries: 1, ..wish() };
    Scene::queued(service(), wish)
        .offer()
        .accept()
        .dial()
        .agent_answered()
        .ended(Outcome::AgentUnavailable)
        .offer()
        .accept()
        .dial()
        .agent_answered()
        .cut()
        .ended(Outcome::Busy)
        .note(Scene::counts)
        .expect(&expect![[r#"
            10:00:00 Ended(Busy): Dialout → Terminated [AttemptEnded] Outcome=Busy TerminationReason=RetriesExhausted
                     + Ann is free
                     + attempt #2 ended: Busy
            10:00:00 · attempts 2, dial-outs 2, retries 0
        "#]]);
}

#[test]
fn a_customer_whose_phone_rings_out_is_tried_again() {
    Scene::dialled().agent_answered().cut().tick().note(Scene::next).expect(&expect![[r#"
        10:00:30 Tick(CustomerRangOut): Dialout → Pending [AttemptEnded] DueDate=2026-03-02T10:05:30Z Outcome=NoAnswer RetryCount=1
                 + Ann is free
                 + attempt #1 to be stopped, the phone rang for too long: NoAnswer
        10:00:30 · Due at 10:05:30
    "#]]);
}

#[test]
fn a_voicemail_is_tried_again_even_when_it_was_found_in_conversation() {
    Scene::connected_call().cut().later(8).report(Outcome::Voicemail).expect(&expect![[r#"
        10:00:08 Report(Voicemail): Connected → Pending [AttemptEnded] DueDate=2026-03-02T10:05:08Z Outcome=Voicemail RetryCount=1
                 + Ann is free
                 + attempt #1 to be stopped, the agent reported the outcome: Voicemail
    "#]]);
    Scene::connected_call().cut().later(8).ended(Outcome::Voicemail).expect(&expect![[r#"
        10:00:08 Ended(Voicemail): Connected → Pending [AttemptEnded] DueDate=2026-03-02T10:05:08Z Outcome=Voicemail RetryCount=1
                 + Ann is free
                 + attempt #1 ended: Voicemail
    "#]]);
}

#[test]
fn a_customer_who_wants_no_calls_gets_no_more() {
    Scene::connected_call().cut().later(30).report(Outcome::OptedOut).expect(&expect![[r#"
        10:00:30 Report(OptedOut): Connected → Terminated [AttemptEnded] Outcome=OptedOut TerminationReason=OptedOut
                 + the line is suppressed
                 + Ann is free
                 + attempt #1 to be stopped, the agent reported the outcome: OptedOut
    "#]]);
}

#[test]
fn a_wrong_number_is_not_tried_again() {
    Scene::dialled().agent_answered().cut().ended(Outcome::InvalidTarget).expect(&expect![[r#"
        10:00:00 Ended(InvalidTarget): Dialout → Terminated [AttemptEnded] Outcome=InvalidTarget TerminationReason=InvalidTarget
                 + Ann is free
                 + attempt #1 ended: InvalidTarget
    "#]]);
}

#[test]
fn failures_back_off_up_to_a_minute_and_use_nothing() {
    let mut scene = Scene::queued(service(), wish()).cut();
    for _ in 0..8 {
        scene = scene.offer().accept().dial().cut().ended(Outcome::Failed).tick();
    }
    scene.note(Scene::counts).note(Scene::place).expect(&expect![[r#"
            10:02:03 Ended(Failed): Dialout → InQueue [AttemptEnded] Outcome=Failed
                     + Ann is free
                     + attempt #8 ended: Failed
            10:03:03 Tick(BackOffOver): InQueue → InQueue [BackOffEnded]
            10:03:03 · attempts 8, dial-outs 0, retries 0
            10:03:03 · place 10:00:00
        "#]]);
    let mut waits = Vec::new();
    let mut scene = Scene::queued(service(), wish());
    for _ in 0..8 {
        scene = scene.offer().accept().dial().ended(Outcome::Failed);
        let (until, _) = scene.callback.deadline().expect("it backs off");
        waits.push((until - scene.now).num_seconds());
        scene = scene.tick();
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
}

#[test]
fn nobody_is_offered_a_callback_that_backs_off() {
    Scene::dialled()
        .cut()
        .ended_after(Outcome::Failed, Some(30))
        .later(29)
        .offer()
        .later(1)
        .offer()
        .expect(&expect![[r#"
            10:00:00 Ended(Failed): Dialout → InQueue [AttemptEnded] Outcome=Failed
                     + Ann is free
                     + attempt #1 ended: Failed
            10:00:29 Offer(Ann): refused in InQueue: the deadline has not passed
            10:00:30 Offer(Ann): InQueue → Offered [Offered] Agent=Ann
                     + Ann takes the task
        "#]]);
}

#[test]
fn an_answer_of_the_network_ends_a_row_of_failures() {
    let wish = NewCallback { seconds_between_retries: 0, ..wish() };
    Scene::queued(service(), wish)
        .offer()
        .accept()
        .dial()
        .ended(Outcome::Failed)
        .tick()
        .offer()
        .accept()
        .dial()
        .ended(Outcome::Busy)
        .tick()
        .offer()
        .accept()
        .dial()
        .cut()
        .ended(Outcome::Failed)
        .note(Scene::next)
        .expect(&expect![[r#"
            10:00:01 Ended(Failed): Dialout → InQueue [AttemptEnded] Outcome=Failed
                     + Ann is free
                     + attempt #3 ended: Failed
            10:00:01 · BackOffOver at 10:00:02
        "#]]);
}

#[test]
fn a_call_of_unknown_fate_is_not_repeated_for_two_minutes() {
    let wish = NewCallback { seconds_between_retries: 0, ..wish() };
    Scene::queued(service(), wish)
        .offer()
        .accept()
        .dial()
        .cut()
        .ended(Outcome::Lost)
        .note(Scene::counts)
        .note(Scene::next)
        .expect(&expect![[r#"
            10:00:00 Ended(Lost): Dialout → Pending [AttemptEnded] DueDate=2026-03-02T10:02:00Z Outcome=Lost RetryCount=1
                     + attempt #1 requested the customer
                     + Ann is free
                     + attempt #1 ended: Lost
            10:00:00 · attempts 1, dial-outs 1, retries 1
            10:00:00 · Due at 10:02:00
        "#]]);
}

#[test]
fn a_loss_in_conversation_completes_the_callback() {
    Scene::connected_call().cut().later(40).ended(Outcome::Lost).expect(&expect![[r#"
        10:00:40 Ended(Lost): Connected → Terminated [AttemptEnded] Outcome=Unknown TerminationReason=Completed
                 + Ann is free
                 + attempt #1 ended: Unknown
    "#]]);
    Scene::connected_call().cut().later(40).ended(Outcome::Failed).expect(&expect![[r#"
        10:00:40 Ended(Failed): Connected → Terminated [AttemptEnded] Outcome=Unknown TerminationReason=Completed
                 + Ann is free
                 + attempt #1 ended: Unknown
    "#]]);
}

#[test]
fn a_stop_that_nobody_asked_for_is_a_loss() {
    Scene::dialled().cut().ended(Outcome::Cancelled).expect(&expect![[r#"
        10:00:00 Ended(Cancelled): Dialout → Pending [AttemptEnded] DueDate=2026-03-02T10:05:00Z Outcome=Lost RetryCount=1
                 + attempt #1 requested the customer
                 + Ann is free
                 + attempt #1 ended: Lost
    "#]]);
}

#[test]
fn a_customer_can_be_connected_without_word_of_the_agent() {
    Scene::dialled().cut().connected().note(Scene::counts).expect(&expect![[r#"
        10:00:00 Connected: Dialout → Connected [Connected]
                 + attempt #1 requested the customer
                 + attempt #1 connected
        10:00:00 · attempts 1, dial-outs 1, retries 0
    "#]]);
}

#[test]
fn the_network_may_ask_for_a_longer_pause() {
    Scene::dialled()
        .agent_answered()
        .cut()
        .ended_after(Outcome::Unreachable, Some(1800))
        .note(Scene::next)
        .expect(&expect![[r#"
            10:00:00 Ended(Unreachable): Dialout → Pending [AttemptEnded] DueDate=2026-03-02T10:30:00Z Outcome=Unreachable RetryCount=1
                     + Ann is free
                     + attempt #1 ended: Unreachable
            10:00:00 · Due at 10:30:00
        "#]]);
    Scene::dialled()
        .agent_answered()
        .cut()
        .ended_after(Outcome::Unreachable, Some(10))
        .note(Scene::next)
        .expect(&expect![[r#"
            10:00:00 Ended(Unreachable): Dialout → Pending [AttemptEnded] DueDate=2026-03-02T10:05:00Z Outcome=Unreachable RetryCount=1
                     + Ann is free
                     + attempt #1 ended: Unreachable
            10:00:00 · Due at 10:05:00
        "#]]);
}

#[test]
fn a_service_may_pace_or_forbid_the_retry_after_an_outcome() {
    let mut ruled = service();
    let paced = RetryRule { retry: true, delay_in_seconds: Some(60) };
    let forbidden = RetryRule { retry: false, delay_in_seconds: None };
    ruled.retry_by_outcome = [
        (Outcome::Busy, paced),
        (Outcome::Rejected, forbidden),
        (Outcome::Lost, RetryRule { delay_in_seconds: Some(5), ..paced }),
    ]
    .into();
    for (outcome, expected) in [
        (
            Outcome::Busy,
            expect![[r#"
            10:00:00 Ended(Busy): Dialout → Pending [AttemptEnded] DueDate=2026-03-02T10:01:00Z Outcome=Busy RetryCount=1
                     + Ann is free
                     + attempt #1 ended: Busy
        "#]],
        ),
        (
            Outcome::Rejected,
            expect![[r#"
            10:00:00 Ended(Rejected): Dialout → Terminated [AttemptEnded] Outcome=Rejected TerminationReason=RetriesExhausted
                     + Ann is free
                     + attempt #1 ended: Rejected
        "#]],
        ),
        (
            Outcome::NoAnswer,
            expect![[r#"
            10:00:00 Ended(NoAnswer): Dialout → Pending [AttemptEnded] DueDate=2026-03-02T10:05:00Z Outcome=NoAnswer RetryCount=1
                     + Ann is free
                     + attempt #1 ended: NoAnswer
        "#]],
        ),
        (
            Outcome::Lost,
            expect![[r#"
            10:00:00 Ended(Lost): Dialout → Pending [AttemptEnded] DueDate=2026-03-02T10:02:00Z Outcome=Lost RetryCount=1
                     + Ann is free
                     + attempt #1 ended: Lost
        "#]],
        ),
    ] {
        Scene::queued(ruled.clone(), wish())
            .offer()
            .accept()
            .dial()
            .agent_answered()
            .cut()
            .ended(outcome)
            .expect(&expected);
    }
}
