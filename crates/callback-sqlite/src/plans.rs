//! Every hot statement finds its rows through the index that was made for it.

use callback_domain::date;
use callback_domain::id::{CallbackId, ServiceId};
use callback_domain::search::{Column, Cursor, Query, SortValue};
use callback_domain::target::TargetKey;
use rusqlite::Connection;

use crate::rows::{agents, clock, outbox, queue, remembered, retention};
use crate::search;

fn schema() -> Connection {
    let connection = Connection::open_in_memory().expect("memory is there");
    connection.execute_batch(include_str!("schema/1.sql")).expect("the schema is made");
    connection
}

fn plan(sql: &str) -> String {
    let connection = schema();
    let mut statement =
        connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("it is valid");
    let marks = statement.parameter_count();
    let nothing = rusqlite::params_from_iter((0..marks).map(|_| rusqlite::types::Null));
    let steps = statement.query_map(nothing, |row| row.get::<_, String>(3)).expect("it is planned");
    steps.map(|step| step.expect("a step")).collect::<Vec<_>>().join("; ")
}

/// Found by a seek in this index, without a sort and without a walk over the table.
fn assert_seeks(sql: &str, index: &str) {
    let plan = plan(sql);
    assert!(plan.contains(index), "{index} is not used: {plan}");
    assert!(!plan.contains("SCAN"), "it walks: {plan}");
    assert!(!plan.contains("TEMP B-TREE"), "it sorts: {plan}");
}

#[test]
fn a_pick_seeks_each_head() {
    assert_seeks(
        queue::NEXT_HEAD,
        "COVERING INDEX callbacks_by_place (service=? AND standing=? AND lane=? AND level>?)",
    );
}

#[test]
fn a_refresh_seeks_from_group_to_group() {
    let parked = "COVERING INDEX callbacks_by_target (target_key=? AND standing=? AND (service,lane,level)>(?,?,?))";
    assert_seeks(queue::NEXT_FRONT, parked);
    let another = "COVERING INDEX callbacks_by_target (target_key=? AND standing>? AND standing<?)";
    assert_seeks(queue::ANOTHER_OF_KEY, another);
    let ready = "COVERING INDEX callbacks_by_target (target_key=? AND standing=?)";
    assert_seeks(queue::READY_OF_KEY, ready);
}

#[test]
fn lanes_are_found_by_seeks() {
    let lanes = "COVERING INDEX callbacks_by_place (service=? AND standing=? AND lane>?)";
    assert_seeks(queue::NEXT_LANE, lanes);
}

#[test]
fn what_is_due_is_found_by_its_deadline() {
    assert_seeks(clock::DUE_CALLBACKS, "INDEX callbacks_by_deadline (deadline<?)");
}

#[test]
fn the_longest_idle_is_found_by_a_seek() {
    let free = "COVERING INDEX agent_services_free (service=? AND idle_since>?)";
    assert_seeks(agents::LONGEST_IDLE, free);
}

#[test]
fn deliveries_are_found_by_seeks() {
    assert_seeks(outbox::DUE, "INDEX deliveries_due (webhook=? AND front_due<?)");
    assert_seeks(outbox::NEXT, "COVERING INDEX deliveries_due (webhook=? AND front_due>?)");
    let pending = "INDEX deliveries_pending (webhook=? AND subject=?)";
    assert_seeks(outbox::FIRST_PENDING, pending);
    let listed = "INDEX deliveries_listed (webhook=? AND state=? AND (created_at,id)<(?,?))";
    assert_seeks(outbox::LISTED, listed);
    assert_seeks(outbox::SETTLED, "INDEX deliveries_settled (settled_at<?)");
}

#[test]
fn a_page_in_the_usual_order_goes_on_where_the_last_one_ended() {
    let after = Cursor {
        value: SortValue::Integer(date::micros(date::EARLIEST)),
        id: CallbackId::from_u128(1),
    };
    for descending in [false, true] {
        let query = Query { descending, ..Query::default() };
        let page = search::page(&query, Some(&after), 0, 100);
        let direction = if descending { "<" } else { ">" };
        assert_seeks(&page.sql, &format!("INDEX callbacks_by_due ((due,id){direction}(?,?))"));
    }
    let first = plan(&search::page(&Query::default(), None, 0, 100).sql);
    assert_eq!(first, "SCAN callbacks USING INDEX callbacks_by_due");
}

#[test]
fn a_search_by_what_somebody_knows_of_a_callback_walks_no_table() {
    let by_key = Query {
        external_task_id: Some("T-1".to_owned()),
        order_by: Column::DueDate,
        ..Query::default()
    };
    let found = plan(&search::page(&by_key, None, 0, 100).sql);
    assert!(found.contains("callbacks_by_external_task_id (external_task_id=?)"), "{found}");
    let by_target =
        Query { target: Some(TargetKey::from_stored("+41".to_owned())), ..Query::default() };
    let found = plan(&search::page(&by_target, None, 0, 100).sql);
    assert!(found.contains("callbacks_by_target (target_key=?)"), "{found}");
    let live = Query { state: Some(callback_domain::callback::State::InQueue), ..Query::default() };
    let found = plan(&search::count(&live).sql);
    assert!(found.contains("callbacks_live"), "{found}");
}

#[test]
fn a_search_within_services_goes_by_service_and_sorts_nothing() {
    let [one, other] = [1, 2].map(ServiceId::from_u128);
    let value = SortValue::Integer(date::micros(date::EARLIEST));
    let after = Cursor { value, id: CallbackId::from_u128(1) };
    let of_one = Query { service: Some(one), ..Query::default() };
    let index = "INDEX callbacks_by_service (service=?";
    assert_seeks(&search::page(&of_one, None, 0, 100).sql, index);
    assert_seeks(&search::page(&of_one, Some(&after), 0, 100).sql, index);
    let of_two = Query { within: Some([one, other].into()), ..Query::default() };
    assert_seeks(&search::count(&of_two).sql, index);
    let next = search::page(&of_two, Some(&after), 0, 100);
    assert_seeks(&next.sql, "INDEX callbacks_by_due ((due,id)>(?,?))");
}

#[test]
fn what_is_old_is_found_by_seeks() {
    assert_seeks(retention::ENDED, "COVERING INDEX callbacks_ended (updated_at<?)");
    assert_seeks(remembered::FORGET, "COVERING INDEX idempotency_by_at (at<?)");
    let by = ["deliveries_by_subject", "history_by_subject", "attempts_by_callback", "callbacks_1"];
    for (sql, index) in retention::REMOVE.into_iter().zip(by) {
        assert_seeks(sql, index);
    }
}
