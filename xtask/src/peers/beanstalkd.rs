//! beanstalkd: put, reserve, delete.

use anyhow::{Context as _, ensure};

use super::load::{Peer, TASK_BYTES, Wire};

pub(super) struct Client {
    wire: Wire,
    put: Vec<u8>,
}

impl Client {
    pub(super) fn connect(wire: Wire, _: usize) -> Self {
        let put = format!("put 100 0 60 {TASK_BYTES}\r\n{}\r\n", "x".repeat(TASK_BYTES));
        Self { wire, put: put.into_bytes() }
    }
}

impl Peer for Client {
    async fn create(&mut self) -> anyhow::Result<()> {
        self.wire.send(&self.put).await?;
        let answer = self.wire.line().await?;
        ensure!(answer.starts_with("INSERTED"), "a put was answered {answer}");
        Ok(())
    }

    async fn take(&mut self) -> anyhow::Result<()> {
        self.wire.send(b"reserve\r\n").await?;
        let answer = self.wire.line().await?;
        let mut words = answer.split(' ');
        ensure!(words.next() == Some("RESERVED"), "a reserve was answered {answer}");
        let id = words.next().context("a task has no id")?;
        let bytes = words.next().and_then(|bytes| bytes.parse().ok());
        self.wire.skip(bytes.context("a task has no length")?).await?;
        self.wire.send(format!("delete {id}\r\n").as_bytes()).await?;
        let answer = self.wire.line().await?;
        ensure!(answer == "DELETED", "a delete was answered {answer}");
        Ok(())
    }
}
