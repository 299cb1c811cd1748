//! What ends a callback from outside, and what is lost with a lease, in each phase.

use callback_domain::lifecycle::Event;
use expect_test::expect;

use super::floor::{service, wish};
use super::scene::Scene;

#[test]
fn a_callback_is_cancelled_in_each_phase() {
    let waiting = || Scene::queued(service(), wish());
    for (scene, expected) in [
        (
            Scene::new(),
            expect![[r#"
            10:00:00 Cancel: Pending → Terminated [Cancelled] TerminationReason=Cancelled
        "#]],
        ),
        (
            waiting(),
            expect![[r#"
            10:00:00 Cancel: InQueue → Terminated [Cancelled] TerminationReason=Cancelled
        "#]],
        ),
        (
            waiting().offer(),
            expect![[r#"
            10:00:00 Cancel: Offered → Terminated [Cancelled] TerminationReason=Cancelled
                     + Ann is free
        "#]],
        ),
        (
            Scene::previewed(),
            expect![[r#"
            10:00:00 Cancel: Preview → Terminated [Cancelled] TerminationReason=Cancelled
                     + Ann is free
        "#]],
        ),
        (
            Scene::dialled(),
            expect![[r#"
                10:00:00 Cancel: Dialout → Terminated [Cancelled] TerminationReason=Cancelled
                         + Ann is free
                         + attempt #1 to be stopped, the callback was taken off the queue: Cancelled
            "#]],
        ),
        (
            Scene::dialled().agent_answered(),
            expect![[r#"
                10:00:00 Cancel: Dialout → Terminated [Cancelled] TerminationReason=Cancelled
                         + Ann is free
                         + attempt #1 to be stopped, the callback was taken off the queue: Cancelled
            "#]],
        ),
        (
            Scene::connected_call(),
            expect![[r#"
                10:00:00 Cancel: Connected → Terminated [Cancelled] TerminationReason=Cancelled
                         + Ann is free
                         + attempt #1 to be stopped, the callback was taken off the queue: Cancelled
            "#]],
        ),
        (
            Scene::connected_call().hang_up(),
            expect![[r#"
            10:00:00 Cancel: refused in Terminated: this phase has no such event
        "#]],
        ),
    ] {
        scene.cut().event(Event::Cancel).expect(&expected);
    }
}

#[test]
fn a_customer_helped_elsewhere_is_not_called() {
    Scene::dialled().cut().event(Event::Fulfil).event(Event::Fulfil).expect(&expect![[r#"
        10:00:00 Fulfil: Dialout → Terminated [FulfilledElsewhere] TerminationReason=FulfilledElsewhere
                 + Ann is free
                 + attempt #1 to be stopped, the callback was taken off the queue: Cancelled
        10:00:00 Fulfil: refused in Terminated: this phase has no such event
    "#]]);
}

#[test]
fn a_lease_is_lost_in_each_phase_that_has_one() {
    for (scene, expected) in [
        (
            Scene::previewed_for(120),
            expect![[r#"
            10:00:00 · LeaseLost at 10:01:00
            10:01:00 Tick(LeaseLost): Preview → InQueue [LeaseLost]
                     + Ann is redirected
            10:01:00 · place 10:00:00
        "#]],
        ),
        (
            Scene::dialled_for(120),
            expect![[r#"
            10:00:00 · LeaseLost at 10:01:00
            10:01:00 Tick(LeaseLost): Dialout → Pending [LeaseLost] DueDate=2026-03-02T10:06:00Z Outcome=Lost RetryCount=1
                     + attempt #1 requested the customer
                     + Ann is redirected
                     + attempt #1 to be stopped, the lease was lost: Lost
            10:01:00 · no place
        "#]],
        ),
        (
            Scene::dialled_for(120).agent_answered(),
            expect![[r#"
            10:00:00 · LeaseLost at 10:01:00
            10:01:00 Tick(LeaseLost): Dialout → Pending [LeaseLost] DueDate=2026-03-02T10:06:00Z Outcome=Lost RetryCount=1
                     + Ann is redirected
                     + attempt #1 to be stopped, the lease was lost: Lost
            10:01:00 · no place
        "#]],
        ),
        (
            Scene::connected_call(),
            expect![[r#"
            10:00:00 · LeaseLost at 10:01:00
            10:01:00 Tick(LeaseLost): Connected → Terminated [LeaseLost] Outcome=Unknown TerminationReason=Completed
                     + Ann is redirected
                     + attempt #1 to be stopped, the lease was lost: Unknown
            10:01:00 · no place
        "#]],
        ),
    ] {
        scene.cut().note(Scene::next).tick().note(Scene::place).expect(&expected);
    }
}

#[test]
fn a_heartbeat_keeps_the_lease_and_tells_nobody() {
    Scene::connected_call()
        .cut()
        .note(Scene::next)
        .later(50)
        .heartbeat()
        .note(Scene::next)
        .later(50)
        .renew()
        .note(Scene::next)
        .expect(&expect![[r#"
            10:00:00 · LeaseLost at 10:01:00
            10:00:50 Heartbeat: Connected, nothing new
            10:00:50 · LeaseLost at 10:01:50
            10:01:40 Renew: Connected, nothing new
            10:01:40 · LeaseLost at 10:02:40
        "#]]);
}

#[test]
fn an_earlier_heartbeat_does_not_shorten_the_lease() {
    Scene::connected_call()
        .cut()
        .later(50)
        .heartbeat()
        .later(-40)
        .heartbeat()
        .note(Scene::next)
        .expect(&expect![[r#"
            10:00:50 Heartbeat: Connected, nothing new
            10:00:10 Heartbeat: Connected, nothing new
            10:00:10 · LeaseLost at 10:01:50
        "#]]);
}
