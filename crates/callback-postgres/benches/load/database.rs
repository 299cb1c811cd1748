//! A database of its own for each contestant.

use std::env;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context as _;
use tokio_postgres::{Client, NoTls};

const ADDRESS: &str = "CALLBACK_TEST_POSTGRES";
static MADE: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Database {
    server: String,
    name: String,
}

impl Database {
    pub(crate) async fn make(kind: &str) -> anyhow::Result<Self> {
        let server = env::var_os(ADDRESS).and_then(|address| address.into_string().ok());
        let server = server.with_context(|| {
            format!("{ADDRESS} names no server; run `cargo xtask bench postgres`")
        })?;
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("callback_bench_{kind}_{}_{number}", process::id());
        let database = Self { server, name };
        let make = format!("CREATE DATABASE {}", database.name);
        client(&database.server).await?.batch_execute(&make).await?;
        Ok(database)
    }

    pub(crate) fn address(&self) -> String {
        let host = self.server.rsplit_once('/').map_or(self.server.as_str(), |(host, _)| host);
        format!("{host}/{}", self.name)
    }

    pub(crate) async fn client(&self) -> anyhow::Result<Client> {
        client(&self.address()).await
    }

    pub(crate) async fn remove(self) -> anyhow::Result<()> {
        let remove = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        Ok(client(&self.server).await?.batch_execute(&remove).await?)
    }
}

async fn client(address: &str) -> anyhow::Result<Client> {
    let (client, connection) =
        tokio_postgres::connect(address, NoTls).await.context("connect to the server")?;
    tokio::spawn(connection);
    Ok(client)
}
