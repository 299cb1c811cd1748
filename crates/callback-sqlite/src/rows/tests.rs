use callback_domain::callback::{Budget, Creator, Phase, Wait};
use callback_domain::date;
use callback_domain::lifecycle::NewCallback;

use super::*;

fn rows() -> Connection {
    let connection = Connection::open_in_memory().expect("memory is there");
    connection.execute_batch(include_str!("../schema/1.sql")).expect("the schema is made");
    connection
}

const SERVICE: ServiceId = ServiceId::from_u128(1);

pub(crate) fn queued(
    number: u128,
    held_for: Option<AgentId>,
    not_before: Option<Instant>,
) -> Callback {
    let new = NewCallback {
        creator: Creator::Api,
        initiator: None,
        service: SERVICE,
        target: format!("tel:+4178555{number:04}").parse().expect("the target is valid"),
        alternative_target: None,
        priority: Priority::Normal,
        max_retries: 3,
        seconds_between_retries: 300,
        due: None,
        description: None,
        external_task_id: None,
        incoming_service_sip_uri: None,
        context_url: None,
        supervisor: None,
        caller_id: None,
        preferred: None,
        allowed_wait_seconds: 3_600,
    };
    let made = Callback::create(new, CallbackId::from_u128(number), date::EARLIEST).callback;
    let budget = Budget { wait_micros: 1_000_000, hold_micros: 0 };
    let wait = Wait::run(budget, date::EARLIEST, None);
    let place = date::EARLIEST;
    Callback { phase: Phase::InQueue { place, wait, held_for, not_before }, ..made }
}

#[test]
fn a_callback_that_gets_another_position_is_parked_until_its_line_is_refreshed() {
    let rows = rows();
    let before = queued(1, None, None);
    callbacks::insert(&rows, &before, false).expect("it is written");
    let heads = || queue::heads(&rows, SERVICE, None).expect("heads are read");
    assert!(heads().is_empty(), "nothing is ready before a refresh");
    let open = Gate::default();
    queue::refresh(&rows, &before.key(), &open, None).expect("it is refreshed");
    assert_eq!(heads().head(Priority::Normal), before.order());

    let later =
        Callback { version: 2, description: Some("ring twice".to_owned()), ..before.clone() };
    callbacks::update(&rows, &before, &later, false).expect("it is written");
    assert_eq!(heads().head(Priority::Normal), before.order(), "its position is the same");
    let higher = Callback { priority: Priority::High, ..later.clone() };
    callbacks::update(&rows, &later, &higher, false).expect("it is written");
    assert!(heads().is_empty());
    queue::refresh(&rows, &before.key(), &open, None).expect("it is refreshed");
    assert_eq!(heads().head(Priority::High), before.order());
    let found = callbacks::find(&rows, higher.id).expect("it is read");
    assert_eq!(found, Some(higher));
}

#[test]
fn whoever_waits_is_ahead_ready_or_not_and_in_any_lane() {
    let rows = rows();
    let ada = Some(AgentId::from_u128(7));
    let waiting = [
        queued(1, None, None),
        queued(2, None, Some(date::LATEST)),
        queued(3, ada, None),
        queued(4, None, None),
    ];
    for callback in &waiting {
        callbacks::insert(&rows, callback, false).expect("it is written");
    }
    queue::refresh(&rows, &waiting[0].key(), &Gate::default(), None).expect("it is refreshed");
    let last = waiting[3].order().expect("it waits");
    assert_eq!(queue::ahead(&rows, SERVICE, Priority::Normal, last).expect("it is counted"), 3);
    assert_eq!(queue::ahead(&rows, SERVICE, Priority::High, last).expect("it is counted"), 0);
    let (counts, earliest) = queue::waiting(&rows, SERVICE).expect("they are counted");
    assert_eq!(counts, [0, 0, 0, 0, 4, 0, 0, 0, 0]);
    assert_eq!(earliest, Some(date::EARLIEST));
}
