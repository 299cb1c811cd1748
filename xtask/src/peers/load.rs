//! Clients that ask a peer for a time, each on a connection of its own.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};

const WARM_UP: Duration = Duration::from_secs(1);
/// Bytes of a task.
pub(super) const TASK_BYTES: usize = 400;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A task is put in.
    Create,
    /// A task is put in, one is taken, and it is done.
    Cycle,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Cycle => "cycle",
        }
    }
}

/// What is asked, by how many, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) kind: Kind,
    pub(super) clients: usize,
    pub(super) seconds: u64,
}

/// Somebody who speaks a peer's language.
pub(super) trait Peer: Sized + 'static {
    /// Puts a task in.
    async fn create(&mut self) -> anyhow::Result<()>;
    /// Takes a task, and has done with it.
    async fn take(&mut self) -> anyhow::Result<()>;
}

impl Load {
    /// Rounds per second.
    pub(super) fn run<P: Peer>(
        self,
        address: SocketAddr,
        peer: impl Fn(Wire, usize) -> P,
    ) -> anyhow::Result<f64> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("failed to start the runtime")?;
        runtime.block_on(LocalSet::new().run_until(self.run_locally(address, peer)))
    }

    async fn run_locally<P: Peer>(
        self,
        address: SocketAddr,
        peer: impl Fn(Wire, usize) -> P,
    ) -> anyhow::Result<f64> {
        let (counts, goes_on) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(true)));
        let mut clients = JoinSet::new();
        for number in 0..self.clients {
            let mut client = peer(Wire::connect(address).await?, number);
            let (counts, goes_on) = (Rc::clone(&counts), Rc::clone(&goes_on));
            clients.spawn_local(async move {
                let mut asked = 0_u64;
                while goes_on.get() {
                    let counted = counts.get();
                    client.create().await?;
                    if self.kind == Kind::Cycle {
                        client.take().await?;
                    }
                    asked += u64::from(counted && counts.get());
                }
                anyhow::Ok(asked)
            });
        }
        tokio::time::sleep(WARM_UP).await;
        counts.set(true);
        let began = Instant::now();
        tokio::time::sleep(Duration::from_secs(self.seconds)).await;
        counts.set(false);
        goes_on.set(false);
        let elapsed = began.elapsed();
        let mut asked = 0;
        while let Some(ended) = clients.join_next().await {
            asked += ended.context("a client has stopped")??;
        }
        Ok(asked as f64 / elapsed.as_secs_f64())
    }
}

/// A connection, with what was read of it and not yet understood.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Wire {
    async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.context("failed to connect")?;
        stream.set_nodelay(true).context("failed to set up the connection")?;
        Ok(Self { stream, read: Vec::new() })
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(bytes).await.context("failed to send")
    }

    /// The next line, without its end.
    pub(super) async fn line(&mut self) -> anyhow::Result<String> {
        loop {
            if let Some(end) = self.read.windows(2).position(|bytes| bytes == b"\r\n") {
                let line = String::from_utf8_lossy(&self.read[..end]).into_owned();
                self.read.drain(..end + 2);
                return Ok(line);
            }
            self.more().await?;
        }
    }

    /// Passes over bytes and the end of line behind them.
    pub(super) async fn skip(&mut self, bytes: usize) -> anyhow::Result<()> {
        while self.read.len() < bytes + 2 {
            self.more().await?;
        }
        self.read.drain(..bytes + 2);
        Ok(())
    }

    async fn more(&mut self) -> anyhow::Result<()> {
        let read = self.stream.read_buf(&mut self.read).await.context("failed to read")?;
        anyhow::ensure!(read > 0, "the peer has closed the connection");
        Ok(())
    }
}
