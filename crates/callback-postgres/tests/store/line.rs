//! A line to PostgreSQL that breaks at a commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// What the library sends to commit.
const COMMIT: &[u8] = b"COMMIT\0";

/// What is lost when the line breaks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lost {
    /// The server never hears of the commit.
    Commit = 1,
    /// The server commits, and is not heard.
    Answer = 2,
}

/// A line that is whole until it is to break.
pub(crate) struct Line {
    breaks: Arc<AtomicU8>,
}

impl Line {
    /// Leads to the server of an address; answers the address of its near end, too.
    pub(crate) async fn to(address: &str) -> (Self, String) {
        let (head, rest) = address.rsplit_once('@').unwrap();
        let (server, database) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = listener.local_addr().unwrap();
        let breaks = Arc::new(AtomicU8::new(0));
        let line = Self { breaks: Arc::clone(&breaks) };
        let server = server.to_owned();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, breaks) = (server.clone(), Arc::clone(&breaks));
                tokio::spawn(async move { lead(client, &server, &breaks).await });
            }
        });
        (line, format!("{head}@{near}/{database}"))
    }

    /// The next commit breaks the line.
    pub(crate) fn break_at_commit(&self, lost: Lost) {
        self.breaks.store(lost as u8, Ordering::SeqCst);
    }

    pub(crate) fn has_broken(&self) -> bool {
        self.breaks.load(Ordering::SeqCst) == 0
    }
}

async fn lead(client: TcpStream, server: &str, breaks: &AtomicU8) {
    let server = TcpStream::connect(server).await.unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::select! {
        lost = forth(&mut from_client, &mut to_server, breaks) => {
            if lost == Lost::Answer as u8 {
                // The answer, which nobody hears.
                from_server.read_u8().await.unwrap();
            }
        }
        () = back(&mut from_server, &mut to_client) => {}
    }
}

/// Leads forth until the line breaks; answers what is lost with it.
async fn forth(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf, breaks: &AtomicU8) -> u8 {
    let mut bytes = vec![0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        let sent = &bytes[..count];
        let commits = sent.windows(COMMIT.len()).any(|window| window == COMMIT);
        let lost = if commits { breaks.swap(0, Ordering::SeqCst) } else { 0 };
        if lost != Lost::Commit as u8 && to.write_all(sent).await.is_err() {
            return 0;
        }
        if lost != 0 {
            return lost;
        }
    }
    0
}

async fn back(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf) {
    let mut bytes = vec![0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
