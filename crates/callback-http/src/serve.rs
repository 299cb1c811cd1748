//! Serving until told to stop, and finishing what was begun.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use axum::serve::Listener;
use axum::{Extension, Router};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_io_timeout::TimeoutStream;

/// How long requests that were accepted may go on after the stop was asked for.
const DRAIN_TIME: Duration = Duration::from_secs(10);
/// How long a connection may take nothing of what is sent to it.
const WRITE_TIME: Duration = Duration::from_secs(30);

/// Knows whether the server was told to stop, so that answers without an end come to one.
#[derive(Clone, Debug)]
pub(crate) struct Stopping(watch::Receiver<bool>);

impl Stopping {
    pub(crate) fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Completes when the stop is asked for.
    pub(crate) async fn asked(&mut self) {
        // A sender that is gone has sent before.
        let _gone = self.0.wait_for(|asked| *asked).await.is_err();
    }
}

/// Serves until `stop` completes; then takes no more connections, answers what was accepted, ends
/// the streams of events, and gives up on the rest after ten seconds.
///
/// A connection that takes nothing of its answer for half a minute is closed.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (asked, stopping) = watch::channel(false);
    let stopping = Stopping(stopping);
    let router = router.layer(Extension(stopping.clone()));
    let server = axum::serve(Impatient(listener), router).with_graceful_shutdown(async move {
        stop.await;
        asked.send_replace(true);
    });
    let patience = async move {
        let mut stopping = stopping;
        stopping.asked().await;
        sleep(DRAIN_TIME).await;
    };
    tokio::select! {
        served = server => served,
        () = patience => {
            tracing::warn!("connections were still open when the time to finish them was over");
            Ok(())
        }
    }
}

/// A listener whose connections are closed when they take nothing for too long.
struct Impatient(TcpListener);

impl Listener for Impatient {
    type Io = Pin<Box<TimeoutStream<TcpStream>>>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        let (connection, address) = Listener::accept(&mut self.0).await;
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "failed to turn off the delay of small packets");
        }
        let mut connection = TimeoutStream::new(connection);
        connection.set_write_timeout(Some(WRITE_TIME));
        (Box::pin(connection), address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Listener::local_addr(&self.0)
    }
}
