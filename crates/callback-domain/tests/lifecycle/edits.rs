//! Members that are changed while a callback waits.

use callback_domain::attempt::Outcome;
use callback_domain::lifecycle::{Change, Edit, NewCallback};
use callback_domain::priority::Priority;
use chrono::TimeDelta;
use expect_test::expect;

use super::floor::{ANN, BOB, for_ann, morning, service, target, wish};
use super::scene::Scene;

fn due_in(minutes: i64) -> Edit {
    Edit { due: Change::To(morning() + TimeDelta::minutes(minutes)), ..Edit::default() }
}

#[test]
fn a_future_due_date_takes_a_waiting_callback_out_of_the_queue() {
    Scene::queued(service(), wish())
        .cut()
        .later(600)
        .edit(due_in(60))
        .note(Scene::wait_left)
        .tick()
        .note(Scene::place)
        .note(Scene::wait_left)
        .expect(&expect![[r#"
            10:10:00 Edit: InQueue → Pending [Edited] Changed=["DueDate"]
            10:10:00 · 3600 s of the wait left
            11:00:00 Tick(Due): Pending → InQueue [Queued]
            11:00:00 · place 11:00:00
            11:00:00 · 3600 s of the wait left
        "#]]);
}

#[test]
fn a_past_due_date_leaves_a_waiting_callback_where_it_is() {
    Scene::queued(service(), wish())
        .cut()
        .later(600)
        .edit(due_in(-60))
        .note(Scene::place)
        .note(Scene::wait_left)
        .expect(&expect![[r#"
            10:10:00 Edit: InQueue → InQueue [Edited] Changed=["DueDate"]
            10:10:00 · place 10:00:00
            10:10:00 · 3000 s of the wait left
        "#]]);
}

#[test]
fn a_past_due_date_lets_a_pending_callback_in_behind_all_who_wait() {
    let due = Some(morning() + TimeDelta::hours(5));
    Scene::of(service(), NewCallback { due, ..wish() })
        .cut()
        .later(600)
        .edit(due_in(-60))
        .tick()
        .note(Scene::place)
        .expect(&expect![[r#"
            10:10:00 Edit: Pending → Pending [Edited] Changed=["DueDate"]
            10:10:00 Tick(Due): Pending → InQueue [Queued]
            10:10:00 · place 10:10:00
        "#]]);
}

#[test]
fn a_new_priority_keeps_the_place() {
    let edit = Edit { priority: Change::To(Priority::Highest), ..Edit::default() };
    Scene::queued(service(), wish())
        .cut()
        .later(600)
        .edit(edit)
        .note(Scene::place)
        .note(Scene::next)
        .expect(&expect![[r#"
            10:10:00 Edit: InQueue → InQueue [Edited] Changed=["Priority"]
            10:10:00 · place 10:00:00
            10:10:00 · WaitOver at 11:00:00
        "#]]);
}

#[test]
fn an_edit_that_changes_nothing_is_no_step() {
    let edit = Edit {
        priority: Change::To(Priority::Normal),
        max_retries: Change::To(3),
        description: Change::To(None),
        ..Edit::default()
    };
    Scene::queued(service(), wish()).cut().edit(edit).edit(Edit::default()).expect(&expect![[r#"
        10:00:00 Edit: InQueue, nothing new
        10:00:00 Edit: InQueue, nothing new
    "#]]);
}

#[test]
fn every_changed_member_is_named_in_the_ledger() {
    let edit = Edit {
        target: Change::To(target("tel:+41785550000")),
        alternative_target: Change::To(Some(target("sip:desk@example.com"))),
        due: Change::To(morning() + TimeDelta::hours(1)),
        priority: Change::To(Priority::Low),
        max_retries: Change::To(1),
        seconds_between_retries: Change::To(60),
        description: Change::To(Some("about the invoice".into())),
        context_url: Change::To(Some("https://example.com/7".into())),
        caller_id: Change::To(Some("+41445550000".into())),
        preferred: Change::To(Some(for_ann())),
    };
    let scene = Scene::new().cut().edit(edit);
    scene.expect(&expect![[r#"
        10:00:00 Edit: Pending → Pending [Edited] Changed=["Target","AlternativeTarget","Priority","MaxRetries","SecondsBetweenRetries","Description","ContextUrl","CallerId","PreferredAgent","DueDate"]
    "#]]);
    assert_eq!(scene.callback.called().as_str(), "sip:desk@example.com");
}

#[test]
fn a_new_preferred_agent_gets_a_hold_of_the_waiting_callback() {
    let edit = Edit { preferred: Change::To(Some(for_ann())), ..Edit::default() };
    let open = Edit { preferred: Change::To(None), ..Edit::default() };
    Scene::queued(service(), wish())
        .cut()
        .later(60)
        .edit(edit)
        .note(Scene::place)
        .note(Scene::next)
        .note(Scene::wait_left)
        .offer_to(BOB)
        .edit(open)
        .note(Scene::next)
        .offer_to(BOB)
        .expect(&expect![[r#"
            10:01:00 Edit: InQueue → InQueue [Edited] Changed=["PreferredAgent"]
            10:01:00 · place 10:00:00
            10:01:00 · HoldOver at 10:11:00
            10:01:00 · 3540 s of the wait left
            10:01:00 Offer(Bob): refused in InQueue: the callback is not open to this agent
            10:01:00 Edit: InQueue → InQueue [Edited] Changed=["PreferredAgent"]
            10:01:00 · WaitOver at 11:00:00
            10:01:00 Offer(Bob): InQueue → Offered [Offered] Agent=Bob
                     + Bob takes the task
        "#]]);
}

#[test]
fn an_edit_ends_no_back_off() {
    let edit = Edit { preferred: Change::To(Some(for_ann())), ..Edit::default() };
    Scene::dialled()
        .ended_after(Outcome::Failed, Some(30))
        .cut()
        .edit(edit)
        .note(Scene::next)
        .offer_to(ANN)
        .expect(&expect![[r#"
            10:00:00 Edit: InQueue → InQueue [Edited] Changed=["PreferredAgent"]
            10:00:00 · BackOffOver at 10:00:30
            10:00:00 Offer(Ann): refused in InQueue: the deadline has not passed
        "#]]);
}

#[test]
fn a_due_date_edited_in_the_queue_does_not_renew_the_hold() {
    let held = NewCallback { preferred: Some(for_ann()), ..wish() };
    Scene::queued(service(), held)
        .cut()
        .later(400)
        .edit(due_in(60))
        .tick()
        .note(Scene::next)
        .expect(&expect![[r#"
            10:06:40 Edit: InQueue → Pending [Edited] Changed=["DueDate"]
            11:00:00 Tick(Due): Pending → InQueue [Queued]
            11:00:00 · HoldOver at 11:03:20
        "#]]);
}

#[test]
fn fewer_retries_than_calls_were_made_are_refused() {
    let retries = |max_retries| Edit { max_retries: Change::To(max_retries), ..Edit::default() };
    let mut scene = Scene::new();
    for _ in 0..2 {
        scene = scene.tick().offer().accept().dial().agent_answered().ended(Outcome::Busy);
    }
    scene.cut().edit(retries(1)).edit(retries(2)).note(Scene::counts).expect(&expect![[r#"
        10:05:00 Edit: refused in Pending: 2 attempts were made already, which leaves no call within the new MaxRetries
        10:05:00 Edit: Pending → Pending [Edited] Changed=["MaxRetries"]
        10:05:00 · attempts 2, dial-outs 2, retries 2
    "#]]);
}

#[test]
fn nothing_is_edited_in_an_agents_hands() {
    let edit = || Edit { description: Change::To(Some("new".into())), ..Edit::default() };
    for (scene, expected) in [
        (
            Scene::queued(service(), wish()).offer(),
            expect![[r#"
            10:00:00 Edit: refused in Offered: this phase has no such event
        "#]],
        ),
        (
            Scene::previewed(),
            expect![[r#"
            10:00:00 Edit: refused in Preview: this phase has no such event
        "#]],
        ),
        (
            Scene::dialled(),
            expect![[r#"
            10:00:00 Edit: refused in Dialout: this phase has no such event
        "#]],
        ),
        (
            Scene::connected_call(),
            expect![[r#"
            10:00:00 Edit: refused in Connected: this phase has no such event
        "#]],
        ),
        (
            Scene::connected_call().hang_up(),
            expect![[r#"
            10:00:00 Edit: refused in Terminated: this phase has no such event
        "#]],
        ),
    ] {
        scene.cut().edit(edit()).expect(&expected);
    }
}

#[test]
fn an_edited_due_date_does_not_undercut_the_spacing_of_retries() {
    Scene::queued(service(), wish())
        .offer()
        .accept()
        .dial()
        .ended(Outcome::Lost)
        .edit(due_in(60))
        .cut()
        .later(10)
        .edit(due_in(-60))
        .note(Scene::next)
        .expect(&expect![[r#"
            10:00:10 Edit: Pending → Pending [Edited] Changed=["DueDate"]
            10:00:10 · Due at 10:05:00
        "#]]);
}
