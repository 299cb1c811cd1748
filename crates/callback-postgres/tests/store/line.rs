//! A line to PostgreSQL that breaks at a commit.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// What the library sends to commit.
const COMMIT: &[u8] = b"COMMIT\0";

/// What is lost when the line breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The server never hears of the commit.
    Commit,
    /// The server commits, and is not heard.
    Answer,
}

/// A line that is whole until it is to break.
pub(crate) struct Line {
    breaks: Breaks,
}

/// How many commits are let through before the one that breaks the line, and how.
type Breaks = Arc<Mutex<Option<(usize, Lost)>>>;

impl Line {
    /// Leads to the server of an address; answers the address of its near end, too.
    pub(crate) async fn to(address: &str) -> (Self, String) {
        let (head, rest) = address.rsplit_once('@').unwrap();
        let (server, database) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = listener.local_addr().unwrap();
        let breaks = Breaks::default();
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

    /// The commit after so many others breaks the line.
    pub(crate) fn break_at_commit(&self, after: usize, lost: Lost) {
        *self.breaks.lock().unwrap() = Some((after, lost));
    }

    pub(crate) fn has_broken(&self) -> bool {
        self.breaks.lock().unwrap().is_none()
    }
}

async fn lead(client: TcpStream, server: &str, breaks: &Breaks) {
    let server = TcpStream::connect(server).await.unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::select! {
        lost = forth(&mut from_client, &mut to_server, breaks) => {
            if lost == Some(Lost::Answer) {
                // The answer, which nobody hears.
                from_server.read_u8().await.unwrap();
            }
        }
        () = back(&mut from_server, &mut to_client) => {}
    }
}

/// Leads forth until the line breaks; answers what is lost with it.
async fn forth(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf, breaks: &Breaks) -> Option<Lost> {
    let mut bytes = vec![0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        let sent = &bytes[..count];
        let commits = sent.windows(COMMIT.len()).any(|window| window == COMMIT);
        let lost = if commits { commit(breaks) } else { None };
        if lost != Some(Lost::Commit) && to.write_all(sent).await.is_err() {
            return None;
        }
        if lost.is_some() {
            return lost;
        }
    }
    None
}

/// Counts a commit; answers what is lost if it is the one that breaks the line.
fn commit(breaks: &Breaks) -> Option<Lost> {
    let mut breaks = breaks.lock().unwrap();
    match &mut *breaks {
        Some((after, _)) if *after > 0 => {
            *after -= 1;
            None
        }
        _ => breaks.take().map(|(_, lost)| lost),
    }
}

async fn back(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf) {
    let mut bytes = vec![0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
