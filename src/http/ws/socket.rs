//! One socket from its first frame to its close.

use super::{
    close::Close,
    message::{self, Incoming},
    operations::Operations,
    sockets::Place,
    timers::{Due, Timers},
};
use crate::{
    auth::Principal,
    http::{
        RequestId, State, bearer,
        error::{Code, Failure},
        params::Params,
    },
};
use async_graphql::{Executor, Value};
use axum::extract::ws::{Message, WebSocket};
use futures_util::SinkExt;
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until, timeout};

/// How long a close frame may take to leave, and then the client to answer it.
const FAREWELL: Duration = Duration::from_secs(2);

/// The same when the server stops, which is not to wait for a client that is asleep.
const HASTY_FAREWELL: Duration = Duration::from_millis(100);

/// Longest life of a socket, whatever its token allows.
const LONGEST_LIFE: Duration = Duration::from_hours(24 * 30);

/// Messages written before they are flushed together.
const BURST: usize = 32;

/// Why a socket ends.
enum End {
    /// We close it.
    Close(Close),
    /// The client is gone, or does not read.
    Gone,
}

/// A signed-in client.
struct Session {
    principal: Principal,
    /// Held for its drop.
    _place: Place,
}

struct Connection<E> {
    socket: WebSocket,
    state: Arc<State<E>>,
    request_id: RequestId,
    session: Option<Session>,
    operations: Operations,
    timers: Timers,
}

/// Speaks the protocol until either side ends it.
pub(super) async fn serve<E: Executor>(socket: WebSocket, state: Arc<State<E>>, request_id: RequestId) {
    let timers = Timers::new(&state.options, Instant::now());
    let acceptable = socket.protocol().is_some();
    let mut connection = Connection { socket, state, request_id, session: None, operations: Operations::default(), timers };
    let end = if acceptable { connection.run().await } else { End::Close(Close::PROTOCOL) };
    if let End::Close(close) = end {
        connection.say_goodbye(close).await;
    }
}

impl<E: Executor> Connection<E> {
    async fn run(&mut self) -> End {
        let stop = self.state.stop.clone();
        let mut stopped = pin!(stop.cancelled());
        let mut alarm = pin!(sleep_until(self.timers.next()));
        loop {
            if alarm.deadline() != self.timers.next() {
                alarm.as_mut().reset(self.timers.next());
            }
            // Each branch is cancel-safe: a frame or message that is not taken stays where it is.
            let outcome = tokio::select! {
                biased;
                () = &mut stopped => Err(End::Close(Close::RESTART)),
                () = &mut alarm => self.keep_time().await,
                frame = self.socket.recv() => match frame {
                    Some(Ok(frame)) => self.hear(frame).await,
                    Some(Err(error)) => Err(unreadable(&error)),
                    None => Err(End::Gone),
                },
                outgoing = self.operations.next() => match self.operations.admit(outgoing) {
                    Some(text) => self.send_burst(text).await,
                    None => Ok(()),
                },
            };
            if let Err(end) = outcome {
                return end;
            }
        }
    }

    async fn keep_time(&mut self) -> Result<(), End> {
        match self.timers.due(Instant::now()) {
            Due::Nothing => Ok(()),
            Due::Ping => self.send(Message::Ping(Vec::new().into())).await,
            Due::Close(close) => Err(End::Close(close)),
        }
    }

    async fn hear(&mut self, frame: Message) -> Result<(), End> {
        self.timers.heard();
        match frame {
            Message::Text(text) => match message::read(text.as_str()).map_err(End::Close)? {
                Incoming::Init { authorization } => self.sign_in(authorization.as_deref()).await,
                Incoming::Ping => self.send(Message::text(message::PONG)).await,
                Incoming::Pong => Ok(()),
                Incoming::Subscribe { id, params } => self.subscribe(id, params).await,
                Incoming::Complete { id } => {
                    self.operations.stop(&id);
                    Ok(())
                }
            },
            Message::Binary(_) => Err(End::Close(Close::broken("Binary frames are not understood"))),
            Message::Close(_) => Err(End::Gone),
            Message::Ping(_) | Message::Pong(_) => Ok(()),
        }
    }

    async fn sign_in(&mut self, authorization: Option<&str>) -> Result<(), End> {
        if self.session.is_some() {
            return Err(End::Close(Close::TOO_MANY_INITS));
        }
        let principal = bearer::of_text(&self.state.verifier, authorization.unwrap_or_default()).map_err(|error| {
            tracing::debug!(request_id = self.request_id.as_str(), %error, "a socket was refused");
            End::Close(Close::FORBIDDEN)
        })?;
        let place = self.state.sockets.take(principal.subject(), self.state.limits.sockets_per_subject);
        let place = place.ok_or(End::Close(Close::TOO_MANY_SOCKETS))?;
        let rest = (principal.expires_at() - self.state.clock.now()).to_std().unwrap_or_default();
        self.timers.signed_in(Instant::now(), (rest + self.state.options.token_leeway).min(LONGEST_LIFE));
        self.session = Some(Session { principal, _place: place });
        self.send(Message::text(message::ACKNOWLEDGEMENT)).await
    }

    async fn subscribe(&mut self, id: String, params: Params) -> Result<(), End> {
        let Some(session) = &self.session else { return Err(End::Close(Close::UNAUTHORIZED)) };
        if self.operations.contains(&id) {
            return Err(End::Close(Close::taken(&id)));
        }
        let most = self.state.limits.streams_per_socket;
        if self.operations.len() < most {
            self.operations.start(&self.state, &session.principal, &self.request_id, (id, params));
            return Ok(());
        }
        let extensions =
            vec![("limit", Value::from("streams_per_socket")), ("maximum", Value::from(u64::try_from(most).unwrap_or(u64::MAX)))];
        let failure = Failure { extensions, ..Failure::new(Code::RATE_LIMITED, "This socket runs as many operations as it may.") };
        match message::error(&id, &vec![failure.into_error(&self.request_id)]) {
            Some(text) => self.send(Message::text(text)).await,
            None => Ok(()),
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        self.write(Some(message)).await?;
        self.write(None).await
    }

    /// Writes what operations have ready, then flushes once.
    async fn send_burst(&mut self, first: String) -> Result<(), End> {
        self.write(Some(Message::text(first))).await?;
        for _ in 1..BURST {
            let Some(outgoing) = self.operations.waiting() else { break };
            if let Some(text) = self.operations.admit(outgoing) {
                self.write(Some(Message::text(text))).await?;
            }
        }
        self.write(None).await
    }

    /// Feeds one message, or flushes. A client that takes nothing for too long is given up, and a stop does not wait for it.
    async fn write(&mut self, message: Option<Message>) -> Result<(), End> {
        let stop = self.state.stop.clone();
        let socket = &mut self.socket;
        let writing = async {
            match message {
                Some(message) => socket.feed(message).await,
                None => socket.flush().await,
            }
        };
        tokio::select! {
            biased;
            done = timeout(self.state.options.stall_timeout, writing) => match done {
                Ok(Ok(())) => Ok(()),
                _ => Err(End::Gone),
            },
            () = stop.cancelled() => Err(End::Close(Close::RESTART)),
        }
    }

    /// Sends the close frame and waits a moment for the client's: closing at once could lose ours on the way.
    async fn say_goodbye(mut self, close: Close) {
        drop(std::mem::take(&mut self.operations));
        tracing::debug!(request_id = self.request_id.as_str(), code = close.code, reason = &*close.reason, "a socket is closed");
        let farewell = async {
            if self.socket.send(close.into_message()).await.is_ok() {
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        };
        let time = if self.state.stop.is_cancelled() { HASTY_FAREWELL } else { FAREWELL };
        if timeout(time, farewell).await.is_err() {
            tracing::debug!(request_id = self.request_id.as_str(), "the client did not answer the close");
        }
    }
}

/// A frame that cannot be read is the client's fault, unless the connection broke.
fn unreadable(error: &axum::Error) -> End {
    use std::error::Error;
    use tokio_tungstenite::tungstenite::Error as Fault;
    match error.source().and_then(|source| source.downcast_ref::<Fault>()) {
        Some(Fault::Capacity(_)) => End::Close(Close::broken("The message is too large")),
        Some(Fault::Utf8(_)) => End::Close(Close::broken("The text is not UTF-8")),
        Some(Fault::Protocol(_)) => End::Close(Close::broken("The frame is broken")),
        _ => End::Gone,
    }
}
