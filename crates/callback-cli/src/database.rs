//! Where everything is kept: a SQLite file, or a PostgreSQL database that several processes share.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use callback_engine::clock::SystemClock;
use callback_engine::store::Store;
use callback_postgres::PostgresStore;
use callback_sqlite::SqliteStore;

use crate::cli::MigrateArgs;

/// Which database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    /// A file.
    Sqlite(PathBuf),
    /// An address, which may hold a password.
    Postgres(String),
}

impl From<&str> for Database {
    fn from(text: &str) -> Self {
        let is_address = text.starts_with("postgres://") || text.starts_with("postgresql://");
        if is_address { Self::Postgres(text.to_owned()) } else { Self::Sqlite(PathBuf::from(text)) }
    }
}

impl fmt::Display for Database {
    /// Names the database without its password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(address) => {
                let (scheme, rest) = address.split_once("://").unwrap_or(("postgres", address));
                let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
                let host = host.split_once('?').map_or(host, |(host, _)| host);
                write!(f, "{scheme}://{host}")
            }
        }
    }
}

impl Database {
    /// Opens it, and brings its schema up to date.
    pub(crate) async fn open(&self) -> anyhow::Result<Arc<dyn Store>> {
        let during = || format!("failed to open the database {self}");
        match self {
            Self::Sqlite(path) => {
                let path = path.clone();
                let opened = tokio::task::spawn_blocking(move || {
                    SqliteStore::open(&path, callback_sqlite::Options::new(Arc::new(SystemClock)))
                });
                Ok(Arc::new(opened.await.with_context(during)?.with_context(during)?))
            }
            Self::Postgres(address) => {
                let opened = PostgresStore::connect(address, callback_postgres::Options::default());
                Ok(Arc::new(opened.await.with_context(during)?))
            }
        }
    }
}

pub(crate) fn migrate(args: &MigrateArgs) -> anyhow::Result<()> {
    let database = Database::from(args.database.as_str());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")?;
    runtime.block_on(database.open())?;
    tell(&database);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what a command did goes to standard output")]
fn tell(database: &Database) {
    println!("{database} has the newest schema");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_from_a_file() {
        assert_eq!(Database::from("callback.db"), Database::Sqlite(PathBuf::from("callback.db")));
        let address = "postgres://callback@db.example/callback";
        assert_eq!(Database::from(address), Database::Postgres(address.to_owned()));
    }

    #[test]
    fn a_password_is_not_shown() {
        for address in [
            "postgres://user:s3cret@db.example:5432/callback",
            "postgresql://db.example/callback?user=user&password=s3cret",
            "postgres://user:s3cret@with@db.example/callback",
        ] {
            let shown = Database::from(address).to_string();
            assert!(!shown.contains("s3cret"), "{shown}");
            assert!(shown.contains("db.example"), "{shown}");
        }
    }
}
