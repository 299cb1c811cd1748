//! One kept connection that asks and is answered: HTTP/1.1 at the least cost for whoever measures,
//! since measured and measuring share a machine.

use std::io::Write as _;
use std::net::SocketAddr;

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Most headers of an answer.
const HEADERS: usize = 64;
/// Bytes that are read at once.
const CHUNK: usize = 16 * 1024;

/// A connection, with what was read of it.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    host: SocketAddr,
    sent: Vec<u8>,
    read: Vec<u8>,
    body: Vec<u8>,
}

/// How the length of a body is told.
enum Length {
    Bytes(usize),
    Chunks,
}

struct Head {
    status: u16,
    bytes: usize,
    length: Length,
}

impl Wire {
    pub(super) async fn connect(host: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(host).await.context("failed to connect")?;
        stream.set_nodelay(true).context("failed to set up the connection")?;
        Ok(Self { stream, host, sent: Vec::new(), read: Vec::new(), body: Vec::new() })
    }

    /// Asks, and answers the status; the body is then in [`Self::body`].
    pub(super) async fn ask(
        &mut self,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> anyhow::Result<u16> {
        self.sent.clear();
        write!(self.sent, "{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.host)?;
        if !body.is_empty() {
            self.sent.extend_from_slice(b"Content-Type: application/json\r\n");
        }
        write!(self.sent, "Content-Length: {}\r\n\r\n", body.len())?;
        self.sent.extend_from_slice(body);
        self.stream.write_all(&self.sent).await.context("failed to send")?;
        let head = self.head().await?;
        self.read.drain(..head.bytes);
        self.body.clear();
        match head.length {
            Length::Bytes(bytes) => self.take(bytes).await?,
            Length::Chunks => self.take_chunks().await?,
        }
        Ok(head.status)
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    async fn head(&mut self) -> anyhow::Result<Head> {
        loop {
            if let Some(head) = parse(&self.read)? {
                return Ok(head);
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> anyhow::Result<()> {
        self.read.reserve(CHUNK);
        let read = self.stream.read_buf(&mut self.read).await.context("failed to read")?;
        ensure!(read > 0, "the service has closed the connection");
        Ok(())
    }

    /// Moves bytes of what was read to the body.
    async fn take(&mut self, bytes: usize) -> anyhow::Result<()> {
        while self.read.len() < bytes {
            self.more().await?;
        }
        self.body.extend(self.read.drain(..bytes));
        Ok(())
    }

    async fn take_chunks(&mut self) -> anyhow::Result<()> {
        loop {
            let line = loop {
                match self.read.windows(2).position(|bytes| bytes == b"\r\n") {
                    Some(end) => break end,
                    None => self.more().await?,
                }
            };
            let size = str::from_utf8(&self.read[..line]).ok().and_then(|size| {
                usize::from_str_radix(size.split(';').next().unwrap_or(size).trim(), 16).ok()
            });
            let size = size.context("the service sent a chunk without a size")?;
            self.read.drain(..line + 2);
            self.take(size).await?;
            while self.read.len() < 2 {
                self.more().await?;
            }
            self.read.drain(..2);
            if size == 0 {
                return Ok(());
            }
        }
    }
}

/// The head of an answer, when it is there.
fn parse(read: &[u8]) -> anyhow::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut answer = httparse::Response::new(&mut headers);
    let parsed = answer.parse(read).context("the service answered something else than HTTP")?;
    let httparse::Status::Complete(bytes) = parsed else { return Ok(None) };
    let status = answer.code.context("the service answered without a status")?;
    let mut length = Length::Bytes(0);
    for header in answer.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            let bytes = str::from_utf8(header.value).ok().and_then(|text| text.parse().ok());
            length = Length::Bytes(bytes.context("the service answered without a length")?);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            if !header.value.eq_ignore_ascii_case(b"chunked") {
                bail!("the service answered in a way that is not understood");
            }
            length = Length::Chunks;
        }
    }
    Ok(Some(Head { status, bytes, length }))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Answers each request with the next of these, in two pieces.
    async fn answering(answers: &'static [&'static str]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = [0; 4_096];
            for answer in answers {
                assert!(stream.read(&mut asked).await.unwrap() > 0);
                let (first, second) = answer.split_at(answer.len() / 2);
                stream.write_all(first.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
                stream.write_all(second.as_bytes()).await.unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn bodies_with_a_length_and_in_chunks_are_read_whole_on_one_connection() {
        let address = answering(&[
            "HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]",
        ])
        .await;
        let mut wire = Wire::connect(address).await.unwrap();
        let expected: [(u16, &[u8]); 4] =
            [(201, b"hello"), (204, b""), (200, b"abc0123456789"), (200, b"[]")];
        for (status, body) in expected {
            assert_eq!(wire.ask("GET", "/", b"").await.unwrap(), status);
            assert_eq!(wire.body(), body);
        }
    }

    #[tokio::test]
    async fn a_closed_connection_is_an_error() {
        let address = answering(&["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"]).await;
        let mut wire = Wire::connect(address).await.unwrap();
        let error = wire.ask("GET", "/", b"").await.unwrap_err().to_string();
        assert!(error.contains("closed the connection"), "{error}");
    }
}
