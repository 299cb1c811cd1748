//! An alarm for snapshots that somebody holds for long.
//!
//! While one is held the database removes nothing that was changed since, and every look at a
//! queue walks past what has left it.

use std::time::Duration;

use callback_engine::store::StoreError;
use tokio::time::sleep;
use tokio_postgres::Client;

use crate::failure::Failure;

/// How often is looked.
const EVERY: Duration = Duration::from_secs(60);
/// How old a snapshot may be.
const OLD: Duration = Duration::from_secs(60);

/// Who holds the oldest snapshot that keeps this database from being tidied up.
const OLDEST: &str = "/* snapshots::OLDEST */ \
    SELECT pid, coalesce(application_name, '') AS application, coalesce(state, '') AS state, \
        extract(epoch FROM clock_timestamp() - xact_start)::float8 AS seconds \
    FROM pg_stat_activity \
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL \
        AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL) \
    ORDER BY xact_start LIMIT 1";

/// A transaction of somebody, and for how long it has held its snapshot.
#[derive(Clone, Debug, PartialEq)]
struct Held {
    /// The process of the database that runs it.
    process: i32,
    /// The name under which its client appears.
    application: String,
    /// What it is doing.
    state: String,
    age: Duration,
}

/// Looks again and again, and warns of what is too old.
pub(crate) async fn watch(client: &Client) -> Result<std::convert::Infallible, StoreError> {
    loop {
        sleep(EVERY).await;
        if let Some(held) = oldest(client, OLD).await? {
            tracing::warn!(
                process = held.process,
                application = held.application,
                state = held.state,
                seconds = held.age.as_secs(),
                "a transaction has held a snapshot of the database for long; queues get slower \
                 until it ends"
            );
        }
    }
}

/// The oldest snapshot that somebody else holds, if it is older than that.
async fn oldest(client: &Client, old: Duration) -> Result<Option<Held>, StoreError> {
    let failed = |error| Failure::of("looking for old snapshots", &error).into_error();
    let row = client.query_opt(OLDEST, &[]).await.map_err(failed)?;
    let read = |row: tokio_postgres::Row| {
        Ok(Held {
            process: row.try_get("pid")?,
            application: row.try_get("application")?,
            state: row.try_get("state")?,
            age: Duration::try_from_secs_f64(row.try_get("seconds")?).unwrap_or_default(),
        })
    };
    let held = row.map(read).transpose().map_err(failed)?;
    Ok(held.filter(|held| held.age > old))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::Database;

    #[tokio::test]
    async fn a_snapshot_that_somebody_holds_is_found_and_one_that_ended_is_not() {
        let Some(database) = Database::make().await else { return };
        let (watcher, holder) = (database.client().await, database.client().await);
        assert_eq!(oldest(&watcher, Duration::ZERO).await.unwrap(), None);
        let begin = "SET application_name = 'report'; \
            BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class";
        holder.batch_execute(begin).await.unwrap();
        let first = oldest(&watcher, Duration::ZERO).await.unwrap().unwrap();
        assert_eq!(
            (first.application.as_str(), first.state.as_str()),
            ("report", "idle in transaction")
        );
        let later = oldest(&watcher, Duration::ZERO).await.unwrap().unwrap();
        assert!(later.process == first.process && later.age > first.age, "{first:?} {later:?}");
        assert_eq!(oldest(&watcher, OLD).await.unwrap(), None);
        holder.batch_execute("COMMIT").await.unwrap();
        assert_eq!(oldest(&watcher, Duration::ZERO).await.unwrap(), None);
        database.remove().await;
    }
}
