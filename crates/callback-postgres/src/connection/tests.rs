use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::{Connector, UnderWay, send_off};
use crate::Options;
use crate::database::Database;

/// Far more than a connection keeps of an answer that nobody takes.
const MANY: &str = "/* tests::many */ \
    SELECT repeat('x', 1000) FROM generate_series(1, 20000)";

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
    drop(session);
    database.remove().await;
}
