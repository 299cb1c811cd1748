//! One node: what is written is read, in any order that can be asked for.

use callback_domain::attempt::Outcome;
use callback_domain::callback::{Callback, PhaseName, TerminationReason};
use callback_domain::search::{Column, Query};
use callback_engine::Error;
use callback_engine::command::{Answer, Motion, What};
use callback_engine::ledger::Subject;
use callback_engine::store::Store as _;
use serde_json::json;

use crate::database::Database;
use crate::scene::Node;

#[tokio::test]
async fn a_callback_survives_reopening_at_every_step_of_its_life() {
    let Some(database) = Database::make().await else { return };
    let mut node = Node::open(&database, 1).await;
    let service = node.service(1, json!({"PreviewTimeInSeconds": 30})).await;
    let agent = node.agent(1, &[&service]).await;
    let made = node.create_pending(&service, json!({"ExternalTaskId": "mine"})).await.unwrap();
    let installation = node.store.installation().await.unwrap();

    node = Node::open(&database, 2).await;
    assert_eq!(node.store.installation().await.unwrap(), installation);
    assert_eq!(node.callback(made.id).await, made);
    assert_eq!(node.store.callback_by_external_task_id("mine").await.unwrap(), Some(made.clone()));
    assert_eq!(node.store.next_deadline().await.unwrap(), Some(made.due));

    assert_eq!(node.tick().await.unwrap(), 1);
    assert_eq!(node.dispatch(&[&service]).await.unwrap(), 1);
    let offered = node.callback(made.id).await;
    assert_eq!((offered.phase_name(), offered.agent()), (PhaseName::Offered, Some(agent)));

    node = Node::open(&database, 3).await;
    let token = offered.token().unwrap();
    node.move_by(made.id, Motion::Accept(token)).await.unwrap();
    node.move_by(made.id, Motion::Dial(token)).await.unwrap();
    node.move_by(made.id, Motion::Answered(token)).await.unwrap();
    let ended = Motion::Outcome(token, Outcome::Completed, Some("all is well".to_owned()));
    let over = node.move_by(made.id, ended).await.unwrap();
    assert_eq!(over.termination_reason(), Some(TerminationReason::Completed));
    let attempts = node.store.attempts(made.id).await.unwrap();
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].outcome(), Some(Outcome::Completed));

    let lines = node.store.ledger(Some(Subject::Callback(made.id)), 0, 100).await.unwrap();
    let phases: Vec<_> = lines.iter().filter_map(|line| line.to).collect();
    assert_eq!(phases.first(), Some(&PhaseName::Pending));
    assert_eq!(phases.last(), Some(&PhaseName::Terminated));
    assert!(lines.is_sorted_by_key(|line| line.sequence));
    let all = node.store.ledger(None, 0, 100).await.unwrap();
    let of_it: Vec<_> =
        all.into_iter().filter(|line| line.subject == Subject::Callback(made.id)).collect();
    assert_eq!(of_it, lines);
    database.remove().await;
}

#[tokio::test]
async fn every_order_and_every_page_agrees_with_the_domain() {
    let Some(database) = Database::make().await else { return };
    let node = Node::open(&database, 1).await;
    let service = node.service(1, json!({})).await;
    let other = node.service(2, json!({})).await;
    let mut made: Vec<Callback> = Vec::new();
    for (at, text) in ["b", "B", "é", "a", "", "ab"].into_iter().enumerate() {
        let optional = (at % 2 == 0).then_some(text);
        let more = json!({
            "Target": format!("sip:user{}@dev.local", at % 3),
            "Description": optional, "Supervisor": optional, "ExternalTaskId": optional,
            "DueDate": format!("2030-01-0{}T00:00:00Z", 1 + at % 4),
            "MaxRetries": at % 3, "Priority": if at % 2 == 0 { "High" } else { "Low" },
        });
        made.push(node.create(if at < 4 { &service } else { &other }, more).await.unwrap());
    }
    node.move_by(made[2].id, Motion::Cancel).await.unwrap();
    made[2] = node.callback(made[2].id).await;
    for order_by in Column::ALL {
        for descending in [false, true] {
            let query = Query { order_by: *order_by, descending, ..Query::default() };
            let mut expected = made.clone();
            expected.sort_by(|one, other| query.order(&query.place(one), &query.place(other)));
            let mut found: Vec<Callback> = Vec::new();
            loop {
                let after = found.last().map(|last| query.place(last));
                let page = node.store.page(&query, after.as_ref(), 0, 2).await.unwrap();
                if page.is_empty() {
                    break;
                }
                found.extend(page);
            }
            assert_eq!(found, expected, "{order_by:?} {descending}");
            let skipped = node.store.page(&query, None, 4, 9).await.unwrap();
            assert_eq!(skipped, expected[4..], "{order_by:?} {descending}");
        }
    }
    let wanted = Query {
        service: Some(service.id),
        state: Some(callback_domain::callback::State::Pending),
        target: Some(made[0].key()),
        ..Query::default()
    };
    let expected = made.iter().filter(|callback| wanted.matches(callback)).count() as u64;
    assert_eq!(expected, 2);
    assert_eq!(node.store.count(&wanted).await.unwrap(), expected);
    database.remove().await;
}

#[tokio::test]
async fn a_refusal_writes_nothing_and_spoils_nothing_beside_it() {
    let Some(database) = Database::make().await else { return };
    let node = Node::open(&database, 1).await;
    let service = node.service(1, json!({"DuplicatePolicy": "Reject"})).await;
    let first = node.create(&service, json!({})).await.unwrap();
    let (again, another) = tokio::join!(
        node.create(&service, json!({})),
        node.create(&service, json!({"Target": "tel:+41785556678"})),
    );
    assert_eq!(again, Err(Error::DuplicateCallback(first.id)));
    assert!(another.is_ok());
    assert_eq!(node.store.count(&Query::default()).await.unwrap(), 2);
    let deleted = node.run(What::DeleteService { service: service.id }).await;
    assert!(matches!(deleted, Err(Error::InUse { .. })));
    database.remove().await;
}

#[tokio::test]
async fn siblings_of_a_line_take_turns() {
    let Some(database) = Database::make().await else { return };
    let node = Node::open(&database, 1).await;
    let service = node.service(1, json!({})).await;
    node.agent(1, &[&service]).await;
    node.agent(2, &[&service]).await;
    let first = node.create(&service, json!({})).await.unwrap();
    let second = node.create(&service, json!({})).await.unwrap();
    node.tick().await.unwrap();
    assert_eq!(node.dispatch(&[&service]).await.unwrap(), 1);
    assert_eq!(node.callback(first.id).await.phase_name(), PhaseName::Offered);
    assert_eq!(node.dispatch(&[&service]).await.unwrap(), 0);
    node.move_by(first.id, Motion::Cancel).await.unwrap();
    assert_eq!(node.dispatch(&[&service]).await.unwrap(), 1);
    assert_eq!(node.callback(second.id).await.phase_name(), PhaseName::Offered);
    let explained = node.run(What::Explain { callback: second.id, agent: None }).await.unwrap();
    assert!(matches!(explained, Answer::Explanation(_)));
    database.remove().await;
}
