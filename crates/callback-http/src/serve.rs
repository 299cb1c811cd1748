//! Serving until told to stop, and finishing what was begun.

mod connection;
mod patience;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

pub(crate) use self::connection::Secured;
pub use self::tls::{Certificates, TlsError};

/// How long requests that were accepted may go on after the stop was asked for.
const DRAIN_TIME: Duration = Duration::from_secs(10);
/// How long to rest when the system has no more connections to give.
const ACCEPT_REST: Duration = Duration::from_secs(1);
/// How many connections there may be at once, unless that is set.
pub const CONNECTIONS: usize = 4_096;

/// How connections are taken.
#[derive(Clone, Debug)]
pub struct Front {
    /// What the server shows to prove who it is; without it, it speaks plain HTTP.
    pub certificates: Option<Certificates>,
    /// How many connections there may be at once; further ones wait to be accepted.
    pub connections: usize,
}

impl Default for Front {
    fn default() -> Self {
        Self { certificates: None, connections: CONNECTIONS }
    }
}

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

/// Serves plain HTTP as [`serve_behind`] does.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_behind(Front::default(), listener, router, stop).await
}

/// Serves until `stop` completes; then takes no more connections, answers what was accepted, ends
/// the streams of events, and gives up on the rest after ten seconds.
///
/// A connection is closed when its TLS handshake or the head of a request takes more than ten
/// seconds, when it asks nothing for 75 seconds, and when it takes nothing of its answer for 30.
///
/// # Errors
/// When the listener fails.
pub async fn serve_behind(
    front: Front,
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (asked, stopping) = watch::channel(false);
    let stopping = Stopping(stopping);
    let router = router.layer(Extension(stopping.clone()));
    let (tls, _renewal) = match front.certificates {
        Some(certificates) => (Some(certificates.acceptor()), Some(certificates.follow())),
        None => (None, None),
    };
    let places = Arc::new(Semaphore::new(front.connections));
    let mut connections = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let (place, stream, address) = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &places) => accepted?,
            Some(ended) = connections.join_next() => {
                note(ended);
                continue;
            }
        };
        let connection = connection::Connection {
            address,
            router: router.clone(),
            tls: tls.clone(),
            stopping: stopping.clone(),
        };
        connections.spawn(async move {
            connection.serve(stream).await;
            drop(place);
        });
    }
    drop(listener);
    asked.send_replace(true);
    let drained = timeout(DRAIN_TIME, async {
        while let Some(ended) = connections.join_next().await {
            note(ended);
        }
    });
    if drained.await.is_err() {
        tracing::warn!("connections were still open when the time to finish them was over");
    }
    Ok(())
}

type Place = tokio::sync::OwnedSemaphorePermit;

/// Takes the next connection when there is room for one.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(Place, TcpStream, SocketAddr)> {
    if places.available_permits() == 0 {
        tracing::warn!("as many connections are open as may be; further ones wait");
    }
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    loop {
        match listener.accept().await {
            Ok((stream, address)) => return Ok((place, stream, address)),
            // The caller was gone before it was taken in.
            Err(error) if is_of_caller(&error) => {}
            Err(error) => {
                tracing::error!(%error, "failed to accept a connection; trying again");
                sleep(ACCEPT_REST).await;
            }
        }
    }
}

fn is_of_caller(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    [ConnectionAborted, ConnectionRefused, ConnectionReset].contains(&error.kind())
}

fn note(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection ended in a panic");
    }
}
