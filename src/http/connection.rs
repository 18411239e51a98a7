//! One connection from its first byte to its last request, or to the WebSocket that takes it over.
//!
//! A connection on which nothing happens is let go: else a few thousand clients that never finish the head of a request, or never read
//! an answer, would hold every place there is. What happens is counted, not timed, so that a request costs no timer.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Without anything happening.
    pub(super) idle: Duration,
    /// For what is under way when the server stops.
    pub(super) grace: Duration,
}

/// Serves until either side ends it, or `stop` does.
pub(super) async fn serve(stream: Held, router: Router, bounds: Bounds, stop: CancellationToken) {
    let activity = Arc::clone(&stream.activity);
    let counted = Arc::clone(&activity);
    let service = ServiceExt::<Request>::map_future(router, move |answer| {
        let request = UnderWay::new(&counted);
        async move {
            let answered = answer.await;
            drop(request);
            answered
        }
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service)));
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = activity.cease(bounds.idle) => return tracing::debug!("a connection was idle for too long"),
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            match timeout(bounds.grace, connection).await {
                Ok(ended) => ended,
                Err(_) => return tracing::warn!("a request did not end within the grace period"),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error, "a connection broke");
    }
}

/// What happens on a connection.
#[derive(Debug, Default)]
struct Activity {
    /// Requests whose answer is not made yet.
    under_way: AtomicUsize,
    /// Writes that took something; a client that only sends makes none.
    writes: AtomicUsize,
}

impl Activity {
    /// Ends when for the whole of a span no request was under way and nothing was written: after one span at the earliest, after two
    /// at the latest.
    async fn cease(&self, span: Duration) {
        let mut before = 0;
        loop {
            sleep(span).await;
            let writes = self.writes.load(Ordering::Relaxed);
            if writes == before && self.under_way.load(Ordering::Relaxed) == 0 {
                return;
            }
            before = writes;
        }
    }
}

/// A request that is being answered, until it is dropped.
struct UnderWay(Arc<Activity>);

impl UnderWay {
    fn new(activity: &Arc<Activity>) -> Self {
        activity.under_way.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(activity))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream together with the place it takes; both go along when a WebSocket takes the connection over.
#[derive(Debug)]
pub(super) struct Held {
    stream: TcpStream,
    activity: Arc<Activity>,
    _place: OwnedSemaphorePermit,
}

impl Held {
    pub(super) fn new(stream: TcpStream, place: OwnedSemaphorePermit) -> Self {
        Self { stream, activity: Arc::default(), _place: place }
    }

    fn count(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.activity.writes.fetch_add(1, Ordering::Relaxed);
        }
        written
    }
}

impl AsyncRead for Held {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Held {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.count(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, parts: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
