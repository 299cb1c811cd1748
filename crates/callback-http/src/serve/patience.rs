//! A stream that does not wait for ever for the head of a request that has begun.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long the head of a request may take from its first byte, or from the connection.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// Whether a request is being answered, or the head of the next one is awaited.
#[derive(Debug, Default)]
pub(super) struct Heads {
    is_answering: AtomicBool,
}

impl Heads {
    /// A head arrived whole; what is read now is a body.
    pub(super) fn arrived(&self) {
        self.is_answering.store(true, Ordering::Relaxed);
    }

    /// The answer begins; what is read next is a head.
    pub(super) fn awaited(&self) {
        self.is_answering.store(false, Ordering::Relaxed);
    }
}

/// The stream of one connection.
pub(super) struct Patient<S> {
    stream: S,
    heads: Arc<Heads>,
    /// When the head that is coming must be here.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    /// A new connection, whose first head is awaited from now on.
    pub(super) fn new(stream: S, heads: Arc<Heads>) -> Self {
        Self { stream, heads, deadline: Some(Box::pin(sleep(HEAD_TIME))) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let is_answering = self.heads.is_answering.load(Ordering::Relaxed);
        if is_answering {
            self.deadline = None;
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        match (&read, &mut self.deadline) {
            (Poll::Pending, Some(deadline)) => {
                if deadline.as_mut().poll(cx).is_ready() {
                    let why = "the head of a request took too long";
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, why)));
                }
            }
            (Poll::Ready(Ok(())), None) if !is_answering && buffer.filled().len() > before => {
                self.deadline = Some(Box::pin(sleep(HEAD_TIME)));
            }
            (Poll::Pending, None) | (Poll::Ready(_), _) => {}
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
