use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::types::ToSql;

use super::{Connector, Sent, UnderWay, send_off};
use crate::Options;
use crate::database::Database;

/// Far more than a connection keeps of an answer that nobody takes.
const MANY: &str = "/* tests::many */ \
    SELECT repeat('x', 1000) FROM generate_series(1, 20000)";

/// A write that answers as much, though only its count is looked at.
const WRITE_MANY: &str = "/* tests::write_many */ \
    INSERT INTO long_answers SELECT repeat('x', 1000) FROM generate_series(1, 20000) RETURNING 1, *";

#[tokio::test]
async fn a_long_answer_that_is_not_awaited_yet_holds_up_nothing() {
    let Some(database) = Database::make().await else { return };
    let connector = Connector::new(&database.address(), &Options::default()).unwrap();
    let mut session = connector.open_to_write().await.unwrap();
    let statement = session.prepare(MANY).await.unwrap();
    let client = Arc::clone(&session.client);
    let long: UnderWay<'static> = Box::pin(async move { client.query(&statement, &[]).await });
    let long = send_off(long).await;
    let next = timeout(Duration::from_secs(20), session.query("SELECT 1", &[])).await;
    assert_eq!(next.expect("it is answered meanwhile").unwrap().len(), 1);
    assert_eq!(long.await.unwrap().len(), 20_000);

    let client = Arc::clone(&session.client);
    client.batch_execute("CREATE TEMPORARY TABLE long_answers (line text)").await.unwrap();
    let statement = session.prepare(WRITE_MANY).await.unwrap();
    let none: [&(dyn ToSql + Sync); 0] = [];
    let write: Sent<u64> = Box::pin(async move { client.execute_raw(&statement, none).await });
    let write = send_off(write).await;
    let next = timeout(Duration::from_secs(20), session.query("SELECT 1", &[])).await;
    assert_eq!(next.expect("it is answered meanwhile").unwrap().len(), 1);
    assert_eq!(write.await.unwrap(), 20_000);
    drop(session);
    database.remove().await;
}
