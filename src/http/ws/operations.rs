//! The operations of one socket: a tracked task each, and the channel through which they hand over what is to be sent.

use super::message;
use crate::{
    auth::Principal,
    http::{
        RequestId, State,
        error::Failure,
        operation::{self, Operation},
        params::Params,
    },
};
use async_graphql::{Executor, Response, parser::types::OperationType};
use futures_util::{FutureExt, StreamExt};
use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    task::AbortHandle,
};
use tracing::Instrument;

/// Messages that may wait for a slow client before its operations wait too.
const WAITING: usize = 16;

/// One message of an operation, to be sent if the operation is still the one its id stands for.
#[derive(Debug)]
pub(super) struct Outgoing {
    id: Arc<str>,
    generation: u64,
    pub(super) text: Option<String>,
    last: bool,
}

/// The running operations by id. Dropping this stops them.
#[derive(Debug, Default)]
pub(super) struct Operations {
    running: HashMap<Arc<str>, (u64, AbortHandle)>,
    generation: u64,
    channel: Option<(Sender<Outgoing>, Receiver<Outgoing>)>,
}

/// What an operation's task needs.
struct Task<E> {
    state: Arc<State<E>>,
    principal: Principal,
    request_id: RequestId,
    id: Arc<str>,
    generation: u64,
    outbox: Sender<Outgoing>,
}

impl Operations {
    pub(super) fn len(&self) -> usize {
        self.running.len()
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.running.contains_key(id)
    }

    /// Starts an operation under an id that is free.
    pub(super) fn start<E: Executor>(
        &mut self,
        state: &Arc<State<E>>,
        principal: &Principal,
        request_id: &RequestId,
        asked: (String, Params),
    ) {
        let (id, params) = asked;
        let id: Arc<str> = id.into();
        self.generation += 1;
        let task = Task {
            state: Arc::clone(state),
            principal: principal.clone(),
            request_id: request_id.clone(),
            id: Arc::clone(&id),
            generation: self.generation,
            outbox: self.channel.get_or_insert_with(|| channel(WAITING)).0.clone(),
        };
        let span = tracing::info_span!("operation", request_id = request_id.as_str(), id = &*id);
        let handle = state.tasks.spawn(task.run(params).instrument(span)).abort_handle();
        self.running.insert(id, (self.generation, handle));
    }

    /// Stops an operation; one that is over already is no fault.
    pub(super) fn stop(&mut self, id: &str) {
        if let Some((_, handle)) = self.running.remove(id) {
            handle.abort();
        }
    }

    /// The next message; waits for ever while there is none. Cancel-safe.
    pub(super) async fn next(&mut self) -> Outgoing {
        match &mut self.channel {
            Some((_, receiver)) => match receiver.recv().await {
                Some(outgoing) => outgoing,
                None => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }

    /// A message that waits already.
    pub(super) fn waiting(&mut self) -> Option<Outgoing> {
        self.channel.as_mut()?.1.try_recv().ok()
    }

    /// The text to send, or nothing if the client has since ended the operation. The last message frees the id.
    pub(super) fn admit(&mut self, outgoing: Outgoing) -> Option<String> {
        let (generation, _) = self.running.get(&outgoing.id)?;
        if *generation != outgoing.generation {
            return None;
        }
        if outgoing.last {
            self.running.remove(&outgoing.id);
        }
        outgoing.text
    }
}

impl Drop for Operations {
    fn drop(&mut self) {
        for (_, handle) in self.running.values() {
            handle.abort();
        }
    }
}

impl<E: Executor> Task<E> {
    /// Runs the operation to its end; a panic ends the operation and nothing else.
    async fn run(self, params: Params) {
        let begun = AtomicBool::new(false);
        let ended = match AssertUnwindSafe(self.execute(params, &begun)).catch_unwind().await {
            Ok(Ok(())) => message::complete(&self.id),
            Ok(Err(failed)) => message::error(&self.id, &failed.errors),
            Err(_) => {
                tracing::error!("a resolver panicked");
                let fault = Response::from_errors(vec![Failure::internal().into_error(&self.request_id)]);
                if begun.load(Ordering::Relaxed) {
                    self.send(message::next(&self.id, &fault), false).await;
                    message::complete(&self.id)
                } else {
                    message::error(&self.id, &fault.errors)
                }
            }
        };
        self.send(ended, true).await;
    }

    /// `Err` with the errors of an operation that could not begin.
    async fn execute(&self, params: Params, begun: &AtomicBool) -> Result<(), Response> {
        let operation = Operation::parse(params, &self.state.check).map_err(|failure| self.fail(failure))?;
        let request = (self.state.prepare)(operation.request, Ok(self.principal.clone()), self.request_id.clone());
        if operation.kind != OperationType::Subscription {
            let execution = self.state.executor.execute(request);
            let response = operation::within(self.state.limits.timeout, &operation.patience, execution).await;
            let response = response.map_err(|failure| self.fail(failure))?;
            return self.forward(response, operation.has_variables, false).await;
        }
        let mut responses = self.state.executor.execute_stream(request, None);
        while let Some(response) = responses.next().await {
            // A stream that cannot be opened answers once, with a path but without data.
            let unopened = !begun.load(Ordering::Relaxed) && response.data == async_graphql::Value::Null && response.is_err();
            self.forward(response, operation.has_variables, unopened).await?;
            begun.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn forward(&self, mut response: Response, has_variables: bool, unopened: bool) -> Result<(), Response> {
        operation::complete(&mut response, &self.request_id, has_variables);
        if unopened || operation::is_request_error(&response) {
            return Err(response);
        }
        self.send(message::next(&self.id, &response), false).await;
        Ok(())
    }

    fn fail(&self, failure: Failure) -> Response {
        Response::from_errors(vec![failure.into_error(&self.request_id)])
    }

    /// Waits while the client is slow. A socket that is gone is no fault: its end stops this task.
    async fn send(&self, text: Option<String>, last: bool) {
        let outgoing = Outgoing { id: Arc::clone(&self.id), generation: self.generation, text, last };
        if self.outbox.send(outgoing).await.is_err() {
            tracing::debug!("the socket closed before the operation ended");
        }
    }
}
