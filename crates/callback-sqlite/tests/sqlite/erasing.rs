//! What was erased leaves no bytes behind in the file.

use callback_domain::priority::Priority;
use callback_engine::command::{Create, What};
use callback_engine::erasure::Step;
use callback_engine::store::Idempotency;
use uuid::Uuid;

use crate::floor::{Floor, wish};

fn holds(floor: &Floor, text: &str) -> bool {
    let files = std::fs::read_dir(floor.folder.path()).expect("the folder is read");
    files.into_iter().any(|file| {
        let bytes = std::fs::read(file.expect("a file").path()).expect("the file is read");
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[tokio::test]
async fn what_was_erased_leaves_no_bytes_behind() {
    const DIGITS: &str = "4178555";
    let floor = Floor::open();
    let service = floor.service().await;
    let mut ids = Vec::new();
    for number in 1..=40 {
        let mut create = wish(number, service, Priority::Normal);
        create.new.target = wish(1, service, Priority::Normal).new.target;
        create.new.description = Some(format!("{DIGITS} {}", "wants a call ".repeat(10)));
        create.idempotency = Some(Idempotency {
            principal: "shop".to_owned(),
            key: format!("order-{number}"),
            body_hash: Vec::new(),
        });
        ids.push(create.id);
        floor.run(What::Create(Box::new(create))).await.expect("it is made");
    }
    floor.run(What::Tick { limit: 100 }).await.expect("the clock moves");
    assert!(holds(&floor, DIGITS));
    let Create { new, .. } = wish(1, service, Priority::Normal);
    let key = new.target.key();
    let steps = [
        Step::Callbacks(ids),
        Step::Answers { after: None, limit: 100 },
        Step::Line { id: Uuid::from_u128(1), suppressions: Vec::new(), callbacks: 40 },
    ];
    for step in steps {
        let what = What::Erase { key: key.clone(), step: Box::new(step) };
        floor.run(what).await.expect("it is erased");
    }
    // Until the log is written back to the file it still holds what was.
    let connection = rusqlite::Connection::open(floor.path()).expect("the file is opened");
    let back = "PRAGMA wal_checkpoint(TRUNCATE)";
    let busy: i64 = connection.query_row(back, [], |row| row.get(0)).expect("it is written back");
    assert_eq!(busy, 0);
    assert!(!holds(&floor, DIGITS));
}
