//! Due, queued, offered, and back again.

use callback_domain::attempt::Outcome;
use callback_domain::lifecycle::{Event, NewCallback};
use callback_domain::service::{DirectionType, Service};
use chrono::TimeDelta;
use expect_test::expect;

use super::floor::{ANN, BOB, for_ann, morning, service, wish};
use super::scene::Scene;

#[test]
fn the_documented_use_case_ends_in_a_conversation() {
    Scene::new()
        .tick()
        .later(5)
        .offer()
        .later(4)
        .accept()
        .later(12)
        .dial()
        .later(3)
        .agent_answered()
        .later(8)
        .connected()
        .later(120)
        .hang_up()
        .expect(&expect![[r#"
            10:00:00 Create: Pending [Created]
            10:00:00 Tick(Due): Pending → InQueue [Queued]
            10:00:05 Offer(Ann): InQueue → Offered [Offered] Agent=Ann
                     + Ann takes the task
            10:00:09 Accept: Offered → Preview [Accepted]
            10:00:21 Dial: Preview → Dialout [Dialled] Attempt=1
                     + attempt #1 rings the agent
            10:00:24 AgentAnswered: Dialout → Dialout [AgentAnswered]
                     + attempt #1 requested the customer
            10:00:32 Connected: Dialout → Connected [Connected]
                     + attempt #1 connected
            10:02:32 HangUp: Connected → Terminated [HungUp] TerminationReason=Completed
                     + Ann is free
                     + attempt #1 to be stopped, the agent hung up: Completed
        "#]]);
}

#[test]
fn a_declined_callback_returns_to_its_old_place() {
    Scene::new()
        .tick()
        .later(60)
        .offer()
        .later(5)
        .decline()
        .note(Scene::place)
        .note(Scene::wait_left)
        .offer_to(BOB)
        .expect(&expect![[r#"
            10:00:00 Create: Pending [Created]
            10:00:00 Tick(Due): Pending → InQueue [Queued]
            10:01:00 Offer(Ann): InQueue → Offered [Offered] Agent=Ann
                     + Ann takes the task
            10:01:05 Decline: Offered → InQueue [Declined] Agent=Ann
                     + Ann is redirected
            10:01:05 · place 10:00:00
            10:01:05 · 3535 s of the wait left
            10:01:05 Offer(Bob): InQueue → Offered [Offered] Agent=Bob
                     + Bob takes the task
        "#]]);
}

#[test]
fn a_missed_offer_returns_to_its_old_place_and_redirects_the_agent() {
    Scene::new().tick().later(60).offer().tick().note(Scene::place).expect(&expect![[r#"
        10:00:00 Create: Pending [Created]
        10:00:00 Tick(Due): Pending → InQueue [Queued]
        10:01:00 Offer(Ann): InQueue → Offered [Offered] Agent=Ann
                 + Ann takes the task
        10:01:20 Tick(OfferMissed): Offered → InQueue [OfferMissed] Agent=Ann
                 + Ann is redirected
        10:01:20 · place 10:00:00
    "#]]);
}

#[test]
fn a_wait_that_ends_during_an_offer_is_over_when_the_offer_is() {
    Scene::new().tick().later(3590).offer().note(Scene::next).tick().expect(&expect![[r#"
        10:00:00 Create: Pending [Created]
        10:00:00 Tick(Due): Pending → InQueue [Queued]
        10:59:50 Offer(Ann): InQueue → Offered [Offered] Agent=Ann
                 + Ann takes the task
        10:59:50 · OfferMissed at 11:00:10
        11:00:10 Tick(OfferMissed): Offered → Terminated [OfferMissed] Agent=Ann TerminationReason=QueueTimeExceeded
                 + Ann is redirected
    "#]]);
}

#[test]
fn a_wait_that_ends_during_an_offer_does_not_hinder_its_acceptance() {
    Scene::new()
        .tick()
        .later(3590)
        .offer()
        .later(15)
        .accept()
        .note(Scene::wait_left)
        .dial()
        .ended(Outcome::AgentUnavailable)
        .expect(&expect![[r#"
            10:00:00 Create: Pending [Created]
            10:00:00 Tick(Due): Pending → InQueue [Queued]
            10:59:50 Offer(Ann): InQueue → Offered [Offered] Agent=Ann
                     + Ann takes the task
            11:00:05 Accept: Offered → Preview [Accepted]
            11:00:05 · 0 s of the wait left
            11:00:05 Dial: Preview → Dialout [Dialled] Attempt=1
                     + attempt #1 rings the agent
            11:00:05 Ended(AgentUnavailable): Dialout → Terminated [AttemptEnded] Outcome=AgentUnavailable TerminationReason=QueueTimeExceeded
                     + Ann is redirected
                     + attempt #1 ended: AgentUnavailable
        "#]]);
}

#[test]
fn nobody_in_the_queue_waits_longer_than_allowed() {
    Scene::new().tick().note(Scene::next).tick().expect(&expect![[r#"
        10:00:00 Create: Pending [Created]
        10:00:00 Tick(Due): Pending → InQueue [Queued]
        10:00:00 · WaitOver at 11:00:00
        11:00:00 Tick(WaitOver): InQueue → Terminated [WaitExceeded] TerminationReason=QueueTimeExceeded
    "#]]);
}

#[test]
fn the_wait_is_frozen_in_preview_and_dialout() {
    Scene::new()
        .tick()
        .later(600)
        .offer()
        .later(10)
        .accept()
        .note(Scene::wait_left)
        .later(25)
        .note(Scene::wait_left)
        .dial()
        .later(15)
        .note(Scene::wait_left)
        .ended(Outcome::AgentUnavailable)
        .note(Scene::wait_left)
        .later(100)
        .note(Scene::wait_left)
        .expect(&expect![[r#"
            10:00:00 Create: Pending [Created]
            10:00:00 Tick(Due): Pending → InQueue [Queued]
            10:10:00 Offer(Ann): InQueue → Offered [Offered] Agent=Ann
                     + Ann takes the task
            10:10:10 Accept: Offered → Preview [Accepted]
            10:10:10 · 2990 s of the wait left
            10:10:35 · 2990 s of the wait left
            10:10:35 Dial: Preview → Dialout [Dialled] Attempt=1
                     + attempt #1 rings the agent
            10:10:50 · 2990 s of the wait left
            10:10:50 Ended(AgentUnavailable): Dialout → InQueue [AttemptEnded] Outcome=AgentUnavailable
                     + Ann is redirected
                     + attempt #1 ended: AgentUnavailable
            10:10:50 · 2990 s of the wait left
            10:12:30 · 2890 s of the wait left
        "#]]);
}

#[test]
fn a_retry_starts_a_fresh_wait_at_a_new_place() {
    Scene::new()
        .tick()
        .later(1800)
        .offer()
        .accept()
        .dial()
        .agent_answered()
        .ended(Outcome::Busy)
        .cut()
        .tick()
        .note(Scene::place)
        .note(Scene::wait_left)
        .expect(&expect![[r#"
            10:35:00 Tick(Due): Pending → InQueue [Queued]
            10:35:00 · place 10:35:00
            10:35:00 · 3600 s of the wait left
        "#]]);
}

fn held() -> NewCallback {
    NewCallback { preferred: Some(for_ann()), ..wish() }
}

#[test]
fn a_held_callback_goes_to_its_preferred_agent_only() {
    Scene::queued(service(), held()).offer_to(BOB).offer_to(ANN).expect(&expect![[r#"
        10:00:00 Create: Pending [Created]
        10:00:00 Tick(Due): Pending → InQueue [Queued]
        10:00:00 Offer(Bob): refused in InQueue: the callback is not open to this agent
        10:00:00 Offer(Ann): InQueue → Offered [Offered] Agent=Ann
                 + Ann takes the task
    "#]]);
}

#[test]
fn a_hold_that_is_over_opens_the_callback_to_all() {
    Scene::queued(service(), held())
        .note(Scene::next)
        .tick()
        .note(Scene::place)
        .note(Scene::next)
        .offer_to(BOB)
        .expect(&expect![[r#"
            10:00:00 Create: Pending [Created]
            10:00:00 Tick(Due): Pending → InQueue [Queued]
            10:00:00 · HoldOver at 10:10:00
            10:10:00 Tick(HoldOver): InQueue → InQueue [HoldEnded]
            10:10:00 · place 10:00:00
            10:10:00 · WaitOver at 11:00:00
            10:10:00 Offer(Bob): InQueue → Offered [Offered] Agent=Bob
                     + Bob takes the task
        "#]]);
}

#[test]
fn a_hold_never_takes_more_than_half_of_the_wait() {
    let service = Service { preferred_agent_hold_in_seconds: 3600, ..service() };
    let wish = NewCallback { allowed_wait_seconds: 600, ..held() };
    Scene::queued(service, wish).note(Scene::next).tick().note(Scene::next).expect(&expect![[r#"
        10:00:00 Create: Pending [Created]
        10:00:00 Tick(Due): Pending → InQueue [Queued]
        10:00:00 · HoldOver at 10:05:00
        10:05:00 Tick(HoldOver): InQueue → InQueue [HoldEnded]
        10:05:00 · WaitOver at 10:10:00
    "#]]);
}

#[test]
fn a_hold_is_frozen_in_the_preferred_agents_hands() {
    Scene::queued(service(), held())
        .later(200)
        .offer()
        .later(100)
        .accept()
        .later(10)
        .dial()
        .later(10)
        .ended(Outcome::Failed)
        .cut()
        .tick()
        .note(Scene::next)
        .expect(&expect![[r#"
            10:05:21 Tick(BackOffOver): InQueue → InQueue [BackOffEnded]
            10:05:21 · HoldOver at 10:10:20
        "#]]);
}

#[test]
fn a_retry_does_not_renew_the_hold() {
    Scene::queued(service(), held())
        .later(200)
        .offer()
        .later(100)
        .accept()
        .dial()
        .agent_answered()
        .ended(Outcome::Busy)
        .cut()
        .tick()
        .note(Scene::next)
        .expect(&expect![[r#"
            10:10:00 Tick(Due): Pending → InQueue [Queued]
            10:10:00 · HoldOver at 10:15:00
        "#]]);
}

#[test]
fn a_hold_that_was_over_stays_over_after_a_retry() {
    Scene::queued(service(), held())
        .tick()
        .offer_to(BOB)
        .accept()
        .dial()
        .agent_answered()
        .ended(Outcome::Busy)
        .cut()
        .tick()
        .note(Scene::next)
        .offer_to(BOB)
        .expect(&expect![[r#"
            10:15:00 Tick(Due): Pending → InQueue [Queued]
            10:15:00 · WaitOver at 11:15:00
            10:15:00 Offer(Bob): InQueue → Offered [Offered] Agent=Bob
                     + Bob takes the task
        "#]]);
}

#[test]
fn a_preferred_agent_who_is_gone_holds_nothing() {
    Scene::queued(service(), held()).later(60).event(Event::PreferredGone).offer_to(BOB).expect(
        &expect![[r#"
            10:00:00 Create: Pending [Created]
            10:00:00 Tick(Due): Pending → InQueue [Queued]
            10:01:00 PreferredGone: InQueue → InQueue [HoldEnded]
            10:01:00 Offer(Bob): InQueue → Offered [Offered] Agent=Bob
                     + Bob takes the task
        "#]],
    );
    Scene::of(service(), held())
        .event(Event::PreferredGone)
        .event(Event::PreferredGone)
        .tick()
        .offer_to(BOB)
        .expect(&expect![[r#"
            10:00:00 Create: Pending [Created]
            10:00:00 PreferredGone: Pending → Pending [Edited] Changed=["PreferredAgent"]
            10:00:00 PreferredGone: Pending, nothing new
            10:00:00 Tick(Due): Pending → InQueue [Queued]
            10:00:00 Offer(Bob): InQueue → Offered [Offered] Agent=Bob
                     + Bob takes the task
        "#]]);
    Scene::queued(service(), held())
        .offer_to(ANN)
        .event(Event::PreferredGone)
        .decline()
        .offer_to(BOB)
        .expect(&expect![[r#"
            10:00:00 Create: Pending [Created]
            10:00:00 Tick(Due): Pending → InQueue [Queued]
            10:00:00 Offer(Ann): InQueue → Offered [Offered] Agent=Ann
                     + Ann takes the task
            10:00:00 PreferredGone: Offered → Offered [Edited] Changed=["PreferredAgent"]
            10:00:00 Decline: Offered → InQueue [Declined] Agent=Ann
                     + Ann is redirected
            10:00:00 Offer(Bob): InQueue → Offered [Offered] Agent=Bob
                     + Bob takes the task
        "#]]);
}

#[test]
fn a_due_date_in_the_past_gives_no_earlier_place() {
    let due = Some(morning() - TimeDelta::days(3));
    Scene::queued(service(), NewCallback { due, ..wish() }).note(Scene::place).expect(&expect![[
        r#"
        10:00:00 Create: Pending [Created]
        10:00:00 Tick(Due): Pending → InQueue [Queued]
        10:00:00 · place 10:00:00
    "#
    ]]);
}

#[test]
fn the_place_is_the_due_date_however_late_the_clock_is_looked_at() {
    let due = Some(morning() + TimeDelta::minutes(30));
    Scene::of(service(), NewCallback { due, ..wish() })
        .later(1799)
        .tick_now()
        .later(600)
        .tick_now()
        .note(Scene::place)
        .note(Scene::next)
        .expect(&expect![[r#"
            10:00:00 Create: Pending [Created]
            10:29:59 Tick(Due): refused in Pending: the deadline has not passed
            10:39:59 Tick(Due): Pending → InQueue [Queued]
            10:39:59 · place 10:30:00
            10:39:59 · WaitOver at 11:39:59
        "#]]);
}

#[test]
fn a_clock_that_runs_backwards_moves_nothing_into_the_past() {
    Scene::new()
        .tick()
        .later(60)
        .offer()
        .later(-45)
        .decline()
        .note(|scene| {
            let at = scene.callback.updated_at;
            format!("updated at {}", Scene::clock(at))
        })
        .expect(&expect![[r#"
            10:00:00 Create: Pending [Created]
            10:00:00 Tick(Due): Pending → InQueue [Queued]
            10:01:00 Offer(Ann): InQueue → Offered [Offered] Agent=Ann
                     + Ann takes the task
            10:00:15 Decline: Offered → InQueue [Declined] Agent=Ann
                     + Ann is redirected
            10:00:15 · updated at 10:01:00
        "#]]);
}

#[test]
fn what_may_not_be_called_any_more_is_taken_back_before_it_is_dialled() {
    let withdrawn = |scene: Scene| scene.cut().later(5).event(Event::Withdraw).note(Scene::place);
    withdrawn(Scene::queued(service(), wish()).offer()).expect(&expect![[r#"
        10:00:05 Withdraw: Offered → InQueue [Withdrawn]
                 + Ann is free
        10:00:05 · place 10:00:00
    "#]]);
    withdrawn(Scene::previewed()).expect(&expect![[r#"
        10:00:05 Withdraw: Preview → InQueue [Withdrawn]
                 + Ann is free
        10:00:05 · place 10:00:00
    "#]]);
    withdrawn(Scene::dialled()).expect(&expect![[r#"
        10:00:05 Withdraw: refused in Dialout: this phase has no such event
        10:00:05 · place 10:00:00
    "#]]);
}

#[test]
fn a_service_that_stops_calling_out_dials_nobody() {
    let mut scene = Scene::previewed().cut();
    scene.service.direction_type = DirectionType::Inbound;
    scene.dial().expect(&expect![[r#"
        10:00:00 Dial: Preview → InQueue [ClosedBeforeDial]
                 + Ann is free
    "#]]);
}
