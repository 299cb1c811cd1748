//! One connection, from its handshake to its end.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

use super::Stopping;
use super::patience::{Heads, Patient};

/// How long a connection may take nothing of what is sent to it.
const WRITE_TIME: Duration = Duration::from_secs(30);
/// How long a TLS handshake may take.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// How long a connection may be kept without a request.
const IDLE_TIME: Duration = Duration::from_secs(75);
/// Most headers of a request.
const HEADERS: usize = 64;
/// Longest head of a request, in bytes.
const HEAD_BYTES: usize = 16 * 1024;
/// Most bytes held for a connection on either way.
const BUFFER_BYTES: usize = 64 * 1024;

/// The mark of requests that came by TLS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Secured;

/// What a connection is served with.
pub(super) struct Connection {
    pub(super) address: SocketAddr,
    pub(super) router: Router,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) stopping: Stopping,
}

impl Connection {
    /// Serves requests until either side ends it.
    pub(super) async fn serve(self, stream: TcpStream) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "failed to turn off the delay of small packets");
        }
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(WRITE_TIME));
        let stream: Pin<Box<_>> = Box::pin(stream);
        let Some(tls) = self.tls.clone() else { return self.converse(stream, false).await };
        let mut stopping = self.stopping.clone();
        let shaken = tokio::select! {
            () = stopping.asked() => return,
            shaken = timeout(HANDSHAKE_TIME, tls.accept(stream)) => shaken,
        };
        match shaken {
            Ok(Ok(stream)) => self.converse(stream, true).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn converse(self, stream: impl AsyncRead + AsyncWrite + Unpin, is_secured: bool) {
        let Self { address, router, tls: _, mut stopping } = self;
        let heads = Arc::new(Heads::default());
        let stream = Patient::new(stream, Arc::clone(&heads));
        let router = TowerToHyperService::new(router);
        let service = service_fn(move |mut request: Request<Incoming>| {
            let heads = Arc::clone(&heads);
            heads.arrived();
            request.extensions_mut().insert(ConnectInfo(address));
            if is_secured {
                request.extensions_mut().insert(Secured);
            }
            let answer = router.call(request);
            async move {
                let answer = answer.await;
                heads.awaited();
                answer
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // From the end of an answer; the head itself is held to less by the stream.
            .header_read_timeout(IDLE_TIME)
            .max_headers(HEADERS)
            .max_header_size(HEAD_BYTES)
            .max_buf_size(BUFFER_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopping.asked() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            // The text is about bytes and sockets, and holds nothing of a request.
            tracing::debug!(%error, "a connection ended early");
        }
    }
}
