//! A database of its own for each test, on the server that `CALLBACK_TEST_POSTGRES` names.

use std::env;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::{Client, NoTls};

const ADDRESS: &str = "CALLBACK_TEST_POSTGRES";
const SKIPPED: &str = "SKIPPED: PostgreSQL: apt-get install postgresql and run cargo xtask test, \
    or name a server in CALLBACK_TEST_POSTGRES";

pub(crate) struct Database {
    server: String,
    name: String,
}

impl Database {
    /// A fresh database; `None` when there is no server, which is said where it is heard.
    pub(crate) async fn make() -> Option<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let Some(server) = env::var_os(ADDRESS) else {
            eprintln!("{SKIPPED}");
            if let Some(log) = env::var_os("CALLBACK_SKIP_LOG") {
                let mut log = OpenOptions::new().append(true).create(true).open(log).unwrap();
                writeln!(log, "{SKIPPED}").unwrap();
            }
            return None;
        };
        let server = server.into_string().unwrap();
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("callback_test_{}_{number}", process::id());
        let admin = client(&server).await;
        admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name}")).await.unwrap();
        admin.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        Some(Self { server, name })
    }

    /// Its address: that of the server with another database.
    pub(crate) fn address(&self) -> String {
        let (base, options) = match self.server.split_once('?') {
            Some((base, options)) => (base, format!("?{options}")),
            None => (self.server.as_str(), String::new()),
        };
        let host = base.rsplit_once('/').filter(|(host, _)| !host.ends_with('/'));
        format!("{}/{}{options}", host.map_or(base, |(host, _)| host), self.name)
    }

    /// A connection beside the store's own.
    pub(crate) async fn client(&self) -> Client {
        client(&self.address()).await
    }

    /// Returns once some transaction waits for a lock.
    pub(crate) async fn wait_for_a_waiter(&self) {
        let client = self.client().await;
        let waits = "SELECT count(*) FROM pg_stat_activity \
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while client.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 0 {}
    }

    /// Returns once so many connections listen for notifications.
    pub(crate) async fn wait_for_listeners(&self, count: i64) {
        let client = self.client().await;
        let listening = "SELECT count(*) FROM pg_stat_activity \
            WHERE datname = current_database() AND query LIKE '/* hints::TELL */%' AND state = 'idle' \
              AND pid <> pg_backend_pid()";
        while client.query_one(listening, &[]).await.unwrap().get::<_, i64>(0) < count {}
    }

    /// Ends every connection of everybody.
    pub(crate) async fn cut_all(&self) {
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
        client(&self.server).await.execute(cut, &[&self.name]).await.unwrap();
    }

    /// Lets nobody in any more, and ends every connection.
    pub(crate) async fn shut(&self) {
        let shut = format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", self.name);
        client(&self.server).await.batch_execute(&shut).await.unwrap();
        self.cut_all().await;
    }

    /// Lets everybody in again.
    pub(crate) async fn open(&self) {
        let open = format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", self.name);
        client(&self.server).await.batch_execute(&open).await.unwrap();
    }

    /// Removes it, however many connections there still are.
    pub(crate) async fn remove(self) {
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        client(&self.server).await.batch_execute(&drop).await.unwrap();
    }
}

async fn client(address: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(address, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
