//! A service that closes.

use callback_domain::attempt::Outcome;
use callback_domain::lifecycle::{Event, NewCallback};
use callback_domain::service::Service;
use expect_test::expect;

use super::floor::{WORKDAYS, for_ann, instant, never, open, service, wish};
use super::scene::Scene;

fn office() -> Service {
    Service { opening_hours: Some(open(&WORKDAYS, "08:00", "18:00")), ..service() }
}

#[test]
fn a_callback_due_while_closed_moves_to_the_next_opening() {
    let due = Some(instant("2026-03-06T20:00:00Z"));
    Scene::of(office(), NewCallback { due, ..wish() }).tick().tick().note(Scene::place).expect(
        &expect![[r#"
            10:00:00 Create: Pending [Created]
            Fri 06 20:00:00 Tick(Due): Pending → Pending [Postponed] DueDate=2026-03-09T08:00:00Z
            Mon 09 08:00:00 Tick(Due): Pending → InQueue [Queued]
            Mon 09 08:00:00 · place Mon 09 08:00:00
        "#]],
    );
}

#[test]
fn a_callback_due_without_any_opening_moves_by_an_hour() {
    let closed = Service { opening_hours: Some(never()), ..service() };
    Scene::of(closed, wish()).tick().tick().expect(&expect![[r#"
        10:00:00 Create: Pending [Created]
        10:00:00 Tick(Due): Pending → Pending [Postponed] DueDate=2026-03-02T11:00:00Z
        11:00:00 Tick(Due): Pending → Pending [Postponed] DueDate=2026-03-02T12:00:00Z
    "#]]);
}

#[test]
fn the_opening_gives_the_place_however_late_the_clock_is_looked_at() {
    let due = Some(instant("2026-03-02T20:00:00Z"));
    let scene = Scene::of(office(), NewCallback { due, ..wish() });
    scene.at("2026-03-03T09:30:00Z").tick_now().note(Scene::place).expect(&expect![[r#"
        10:00:00 Create: Pending [Created]
        Tue 03 09:30:00 Tick(Due): Pending → InQueue [Queued]
        Tue 03 09:30:00 · place Tue 03 08:00:00
    "#]]);
}

#[test]
fn the_wait_counts_only_while_the_service_is_open() {
    let due = Some(instant("2026-03-02T17:30:00Z"));
    Scene::of(office(), NewCallback { due, ..wish() })
        .tick()
        .note(Scene::next)
        .at("2026-03-02T18:00:00Z")
        .note(Scene::wait_left)
        .at("2026-03-03T08:00:00Z")
        .note(Scene::wait_left)
        .at("2026-03-03T08:10:00Z")
        .note(Scene::wait_left)
        .tick()
        .expect(&expect![[r#"
            10:00:00 Create: Pending [Created]
            17:30:00 Tick(Due): Pending → InQueue [Queued]
            17:30:00 · WaitOver at Tue 03 08:30:00
            18:00:00 · 1800 s of the wait left
            Tue 03 08:00:00 · 1800 s of the wait left
            Tue 03 08:10:00 · 1200 s of the wait left
            Tue 03 08:30:00 Tick(WaitOver): InQueue → Terminated [WaitExceeded] TerminationReason=QueueTimeExceeded
        "#]]);
}

#[test]
fn the_hold_counts_only_while_the_service_is_open() {
    let due = Some(instant("2026-03-02T17:55:00Z"));
    Scene::of(office(), NewCallback { due, preferred: Some(for_ann()), ..wish() })
        .tick()
        .note(Scene::next)
        .expect(&expect![[r#"
            10:00:00 Create: Pending [Created]
            17:55:00 Tick(Due): Pending → InQueue [Queued]
            17:55:00 · HoldOver at Tue 03 08:05:00
        "#]]);
}

#[test]
fn closing_before_the_call_sends_the_callback_back_to_its_place() {
    let due = Some(instant("2026-03-02T17:59:40Z"));
    let preview = || {
        Scene::of(office(), NewCallback { due, ..wish() }).tick().offer().later(10).accept().cut()
    };
    preview().tick().note(Scene::place).note(Scene::wait_left).expect(&expect![[r#"
        18:00:20 Tick(PreviewOver): Preview → InQueue [ClosedBeforeDial]
                 + Ann is free
        18:00:20 · place 17:59:40
        18:00:20 · 3590 s of the wait left
    "#]]);
    preview().later(10).dial().later(-1).dial().expect(&expect![[r#"
        18:00:00 Dial: Preview → InQueue [ClosedBeforeDial]
                 + Ann is free
        17:59:59 Dial: refused in InQueue: the lease token is not, or no longer, the one of this task
    "#]]);
}

#[test]
fn closing_before_an_acceptance_without_preview_sends_it_back_too() {
    let at_once = Service { preview_time_in_seconds: 0, ..office() };
    let due = Some(instant("2026-03-02T17:59:50Z"));
    Scene::of(at_once, NewCallback { due, ..wish() })
        .tick()
        .offer()
        .later(10)
        .accept()
        .note(Scene::place)
        .expect(&expect![[r#"
            10:00:00 Create: Pending [Created]
            17:59:50 Tick(Due): Pending → InQueue [Queued]
            17:59:50 Offer(Ann): InQueue → Offered [Offered] Agent=Ann
                     + Ann takes the task
            18:00:00 Accept: Offered → InQueue [Accepted]
                     + Ann is free
            18:00:00 · place 17:59:50
        "#]]);
}

#[test]
fn a_retry_is_due_while_the_service_is_open() {
    let due = Some(instant("2026-03-02T17:57:00Z"));
    Scene::of(office(), NewCallback { due, ..wish() })
        .tick()
        .offer()
        .accept()
        .dial()
        .cut()
        .ended(Outcome::Busy)
        .tick()
        .note(Scene::place)
        .note(Scene::wait_left)
        .expect(&expect![[r#"
            17:57:00 Ended(Busy): Dialout → Pending [AttemptEnded] DueDate=2026-03-03T08:00:00Z Outcome=Busy RetryCount=1
                     + attempt #1 requested the customer
                     + Ann is free
                     + attempt #1 ended: Busy
            Tue 03 08:00:00 Tick(Due): Pending → InQueue [Queued]
            Tue 03 08:00:00 · place Tue 03 08:00:00
            Tue 03 08:00:00 · 3600 s of the wait left
        "#]]);
}

#[test]
fn an_edit_of_the_service_moves_the_deadlines_whenever_it_is_applied() {
    let lunch = || Service { opening_hours: Some(open(&WORKDAYS, "10:30", "18:00")), ..service() };
    let mut early = Scene::queued(service(), wish()).cut().note(Scene::next);
    early.service = lunch();
    let early = early.event(Event::PolicyChanged).note(Scene::next);
    early.expect(&expect![[r#"
        10:00:00 · WaitOver at 11:00:00
        10:00:00 PolicyChanged: InQueue, nothing new
        10:00:00 · WaitOver at 11:30:00
    "#]]);
    let mut late = Scene::queued(service(), wish()).later(2400);
    late.service = lunch();
    let late = late.event(Event::PolicyChanged);
    assert_eq!(late.callback, early.callback);
    let twice = late.event(Event::PolicyChanged);
    assert_eq!(twice.callback, early.callback);
}

#[test]
fn a_deadline_from_before_an_edit_of_the_service_ends_no_wait() {
    let mut scene = Scene::queued(service(), wish()).cut();
    scene.service.opening_hours = Some(open(&WORKDAYS, "10:30", "18:00"));
    scene.tick().note(Scene::next).tick().expect(&expect![[r#"
        11:00:00 Tick(WaitOver): InQueue, nothing new
        11:00:00 · WaitOver at 11:30:00
        11:30:00 Tick(WaitOver): InQueue → Terminated [WaitExceeded] TerminationReason=QueueTimeExceeded
    "#]]);
}

#[test]
fn a_wait_under_a_calendar_without_openings_has_no_end() {
    let mut scene = Scene::queued(service(), wish()).cut();
    scene.service.opening_hours = Some(never());
    scene.event(Event::PolicyChanged).note(Scene::next).tick().expect(&expect![[r#"
        10:00:00 PolicyChanged: InQueue, nothing new
        10:00:00 · no deadline
        10:00:00 Tick: refused in InQueue: this phase has no such event
    "#]]);
}
