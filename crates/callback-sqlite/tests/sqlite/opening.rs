//! Which files are opened, and which are refused.

use std::fs;
use std::sync::Arc;

use callback_domain::callback::PhaseName;
use callback_domain::id::CallbackId;
use callback_domain::priority::Priority;
use callback_engine::command::{Answer, What};
use callback_engine::store::Store as _;
use callback_sqlite::{OpenError, Options, SqliteStore};
use rusqlite::Connection;

use crate::floor::{Floor, Hand, wish};

fn open(path: &std::path::Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(path, Options::new(Hand::at_noon()))
}

#[tokio::test]
async fn an_installation_keeps_its_identity() {
    let floor = Floor::open();
    let first = floor.store.installation().await.expect("it has one");
    let floor = floor.reopen();
    assert_eq!(floor.store.installation().await, Ok(first));
    let other = Floor::open();
    assert_ne!(other.store.installation().await, Ok(first));
}

#[tokio::test]
async fn a_file_that_is_open_is_refused_until_it_is_closed() {
    let floor = Floor::open();
    let refused = open(&floor.path()).expect_err("it is in use");
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
    assert!(refused.to_string().contains("in use by another process"), "{refused}");
    let path = floor.path();
    drop(floor.store);
    open(&path).expect("it is free");
}

#[tokio::test]
async fn a_link_to_a_file_that_is_open_is_refused() {
    let floor = Floor::open();
    let link = floor.folder.path().join("link.db");
    std::os::unix::fs::symlink(floor.path(), &link).expect("the link is made");
    assert!(matches!(open(&link), Err(OpenError::InUse { .. })));
}

#[test]
fn a_newer_schema_is_refused_and_left_as_it_is() {
    let floor = Floor::open();
    let path = floor.path();
    drop(floor.store);
    let connection = Connection::open(&path).expect("it opens");
    connection.pragma_update(None, "user_version", 1_000).expect("it is set");
    drop(connection);
    let refused = open(&path).expect_err("it is newer");
    assert!(matches!(refused, OpenError::Newer { found: 1_000, .. }), "{refused}");
    assert!(refused.to_string().contains("use the newer program"), "{refused}");
}

#[test]
fn files_of_other_programs_are_refused_and_left_as_they_are() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("other.db");
    let connection = Connection::open(&database).expect("it opens");
    connection.execute_batch("CREATE TABLE notes (text TEXT)").expect("the table is made");
    drop(connection);
    let text = folder.path().join("letter.txt");
    fs::write(&text, "Dear customer, ".repeat(200)).expect("it is written");
    for path in [database, text] {
        let before = fs::read(&path).expect("it is read");
        let refused = open(&path).expect_err("it is foreign");
        assert!(matches!(refused, OpenError::Foreign { .. }), "{refused}");
        assert_eq!(fs::read(&path).expect("it is read"), before);
    }
}

#[tokio::test]
async fn what_was_answered_is_there_after_reopening_and_the_queue_in_its_order() {
    let floor = Floor::open();
    let service = floor.service().await;
    let priorities = [Priority::Low, Priority::Normal, Priority::Normal, Priority::StrictPriority];
    for (number, priority) in (1..).zip(priorities) {
        floor.clock.advance(1_000_000);
        let create = wish(number, service, priority);
        floor.run(What::Create(Box::new(create))).await.expect("it is made");
    }
    floor.tick().await;
    let mut before = Vec::new();
    for number in 1..=4 {
        before.push(floor.store.callback(CallbackId::from_u128(number)).await.expect("it is read"));
    }
    let floor = floor.reopen();
    let agent = floor.agent(&[service]).await;
    for (number, before) in (1..).zip(before) {
        let found = floor.store.callback(CallbackId::from_u128(number)).await.expect("it is read");
        assert_eq!(found, before);
        assert_eq!(found.map(|found| found.phase_name()), Some(PhaseName::InQueue));
    }
    let mut served = Vec::new();
    for _ in 0..4 {
        let dispatch = What::Dispatch { services: vec![service], agents: vec![], limit: 1 };
        floor.run(dispatch).await.expect("it is offered");
        let task = floor.run(What::Task { agent }).await.expect("the task is read").answer;
        let Answer::Task(Some(task)) = task else { panic!("no task: {task:?}") };
        served.push(task.callback.id);
        let cancel = callback_engine::command::Motion::Cancel;
        let callback = task.callback.id;
        floor
            .run(What::Move { callback, by: cancel, if_version: None })
            .await
            .expect("it is cancelled");
    }
    let expected = [4, 2, 3, 1].map(CallbackId::from_u128);
    // Low weighs half of Normal, so it comes after the first Normal or after both.
    assert_eq!(served[0], expected[0]);
    assert_eq!(served[1], expected[1]);
    assert!(
        served[2..] == expected[2..] || served[2..] == [expected[3], expected[2]],
        "{served:?}"
    );
}

#[tokio::test]
async fn dropping_the_store_leaves_no_log_and_a_backup_is_an_installation() {
    let floor = Floor::open();
    let service = floor.service().await;
    let create = wish(1, service, Priority::Normal);
    floor.run(What::Create(Box::new(create))).await.expect("it is made");
    let backup = floor.folder.path().join("backup.db");
    floor.store.backup(&backup).await.expect("it is written");
    let installation = floor.store.installation().await;
    let path = floor.path();
    drop(floor.store);
    assert!(!path.with_extension("db-wal").exists(), "the log is copied into the file");
    let copy = open(&backup).expect("it opens");
    assert_eq!(copy.installation().await, installation);
    let found = copy.callback(CallbackId::from_u128(1)).await.expect("it is read");
    assert!(found.is_some());
}

#[tokio::test]
async fn a_row_that_cannot_be_what_was_written_is_named() {
    let floor = Floor::open();
    let service = floor.service().await;
    let create = wish(1, service, Priority::Normal);
    floor.run(What::Create(Box::new(create))).await.expect("it is made");
    let floor = floor.reopen();
    let connection = Connection::open(floor.path()).expect("it opens");
    connection.execute("UPDATE callbacks SET target = 'nowhere'", []).expect("it is spoilt");
    drop(connection);
    let id = CallbackId::from_u128(1);
    let error = floor.store.callback(id).await.expect_err("it is corrupt").to_string();
    for part in ["callbacks", "column target", &id.to_string()] {
        assert!(error.contains(part), "{part} is not named: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_create_at_once_are_all_kept() {
    let floor = Arc::new(Floor::open());
    let service = floor.service().await;
    let makers: Vec<_> = (1..=500)
        .map(|number| {
            let floor = Arc::clone(&floor);
            tokio::spawn(async move {
                let create = wish(number, service, Priority::Normal);
                floor.run(What::Create(Box::new(create))).await.expect("it is made");
                let id = CallbackId::from_u128(number);
                // A read sees what was answered before.
                assert!(floor.store.callback(id).await.expect("it is read").is_some());
            })
        })
        .collect();
    for maker in makers {
        maker.await.expect("it is kept");
    }
    let floor = Arc::into_inner(floor).expect("nobody else holds it").reopen();
    assert_eq!(floor.store.count(&callback_domain::search::Query::default()).await, Ok(500));
}
