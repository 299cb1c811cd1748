//! Serving until told to stop, and finishing what was begun.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::sleep;

/// How long requests that were accepted may go on after the stop was asked for.
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// Serves until `stop` completes; then takes no more connections, answers what was accepted, and
/// gives up on that after ten seconds.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (asked, stopping) = oneshot::channel::<()>();
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "failed to turn off the delay of small packets");
        }
    });
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        stop.await;
        drop(asked);
    });
    let patience = async {
        let _dropped = stopping.await.is_err();
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
