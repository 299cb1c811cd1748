use callback_domain::date::{self, Instant};
use callback_domain::id::ServiceId;
use callback_engine::ledger::{Line, Subject};
use serde_json::Map;
use uuid::Uuid;

use super::{Fate, Trace, fate};
use crate::connection::{Connector, Session};
use crate::database::Database;
use crate::{Options, PostgresStore};

const APPEND: &str = "/* tests::append */ \
    INSERT INTO ledger (kind, subject, at, what, actor, details) \
    VALUES ($1, $2, $3, $4, 'operator', '{}')";
const NUMBER: &str = "/* tests::number */ SELECT pg_current_xact_id()::text";

fn at(second: i64) -> Instant {
    date::from_micros(second * 1_000_000).expect("it is an instant")
}

fn line(second: i64) -> Line {
    Line {
        sequence: 0,
        subject: Subject::Service(ServiceId(Uuid::from_u128(7))),
        service: None,
        at: at(second),
        what: "ServiceReplaced".to_owned(),
        from: None,
        to: None,
        actor: "operator".to_owned(),
        details: Map::new(),
    }
}

struct Scene {
    database: Database,
    session: Session,
}

impl Scene {
    async fn make() -> Option<Self> {
        let database = Database::make().await?;
        drop(PostgresStore::connect(&database.address(), Options::default()).await.unwrap());
        let connector = Connector::new(&database.address(), &Options::default()).unwrap();
        let session = connector.open_to_write().await.unwrap();
        Some(Self { database, session })
    }

    /// Begins a transaction and writes a line in it; answers its number.
    async fn begin(&mut self, line: &Line) -> String {
        self.session.client.batch_execute("BEGIN").await.unwrap();
        let (kind, subject) = crate::ledger::subject(line.subject);
        self.session.query(APPEND, &[&kind, &subject, &line.at, &line.what]).await.unwrap();
        self.session.query(NUMBER, &[]).await.unwrap().first().unwrap().get(0)
    }

    async fn end(&mut self, how: &str) {
        self.session.client.batch_execute(how).await.unwrap();
    }

    async fn fate(&mut self, number: &str, line: Option<Line>) -> Fate {
        let trace = Trace { number: number.to_owned(), line };
        fate(&mut self.session, &trace).await.unwrap()
    }
}

#[tokio::test]
async fn a_transaction_is_known_by_its_number_and_its_line() {
    let Some(mut scene) = Scene::make().await else { return };
    let number = scene.begin(&line(1)).await;
    assert_eq!(scene.fate(&number, Some(line(1))).await, Fate::UnderWay);
    scene.end("COMMIT").await;
    assert_eq!(scene.fate(&number, Some(line(1))).await, Fate::Committed);

    let number = scene.begin(&line(2)).await;
    scene.end("ROLLBACK").await;
    assert_eq!(scene.fate(&number, Some(line(2))).await, Fate::Undone);
    scene.database.remove().await;
}

/// A campaign of crashes found a cancellation that was acknowledged and lost: the server had died
/// during its commit, and another transaction was given its number afterwards.
#[tokio::test]
async fn another_transaction_of_the_same_number_proves_nothing() {
    let Some(mut scene) = Scene::make().await else { return };
    let number = scene.begin(&line(1)).await;
    scene.end("COMMIT").await;
    assert_eq!(scene.fate(&number, Some(line(2))).await, Fate::Undone);
    assert_eq!(scene.fate(&number, None).await, Fate::Untold);
    // The same line under another number is not ours, either.
    let next = scene.begin(&line(3)).await;
    scene.end("COMMIT").await;
    assert_eq!(scene.fate(&next, Some(line(1))).await, Fate::Undone);
    scene.database.remove().await;
}

#[tokio::test]
async fn a_number_that_is_not_yet_given_out_again_is_of_nothing() {
    let Some(mut scene) = Scene::make().await else { return };
    assert_eq!(scene.fate("4611686018427387904", Some(line(1))).await, Fate::Undone);
    scene.database.remove().await;
}
