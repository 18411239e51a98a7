//! Accepts connections, no more at a time than allowed, until told to stop; what happens on one is `connection`'s business.
//!
//! At the cap nobody is refused: accepting waits for a place, and the operating system lets newcomers queue up meanwhile.

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::Options;
use super::connection::{self, Bounds, Held};

/// Pause after an accept that failed for want of file descriptors or memory: others must end before the next can succeed.
const RECOVERY: Duration = Duration::from_secs(1);

/// Serves until `stop` is cancelled, then lets requests under way end, at most `grace`. Sockets are not waited for here: the tracker in
/// [`State`](super::State) holds them.
pub async fn serve(listener: TcpListener, router: Router, options: &Options, stop: CancellationToken, grace: Duration) {
    // Makes the routes once instead of for each request.
    let router = router.with_state(());
    let places = Arc::new(Semaphore::new(options.max_connections.min(Semaphore::MAX_PERMITS)));
    let bounds = Bounds { idle: options.header_timeout, grace };
    let connections = TaskTracker::new();
    while let Some((stream, place)) = stop.run_until_cancelled(next(&listener, &places)).await {
        // Answers are small and written at once: waiting to fill a packet would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        connections.spawn(connection::serve(Held::new(stream, place), router.clone(), bounds, stop.clone()));
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// The next connection, and the place it takes. Cancel-safe: a place that is dropped is free again.
async fn next(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, OwnedSemaphorePermit) {
    loop {
        let Ok(place) = Arc::clone(places).acquire_owned().await else { return std::future::pending().await };
        match listener.accept().await {
            Ok((stream, _)) => return (stream, place),
            Err(error) if is_of_one_connection(&error) => tracing::debug!(%error, "a connection broke before it was accepted"),
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                tokio::time::sleep(RECOVERY).await;
            }
        }
    }
}

/// Does the error concern one client alone?
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}
