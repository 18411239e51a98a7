//! The edge over real connections, in front of a schema as small as can be.

mod connections;
mod over_http;
mod over_ws;

#[path = "../../../tests/it/support/http.rs"]
mod client;
#[path = "../../../tests/it/support/ws.rs"]
mod socket;

use super::*;
use crate::{auth::Grant, clock::SystemClock, graphql::Patience};
use async_graphql::{Context, EmptyMutation, Error, ErrorExtensions, Object, Response, Schema, Subscription};
use chrono::{DateTime, TimeDelta, Utc};
use client::Http;
use futures_util::{Stream, StreamExt, stream};
use std::net::SocketAddr;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc},
};

struct Query;
struct Mutation;
struct Events;
/// Tells when a resolver begins and when it is dropped.
struct Watch(mpsc::UnboundedSender<&'static str>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.send("dropped").unwrap_or_default();
    }
}

struct Caller(Result<Principal, auth::Error>);

fn coded(code: &'static str) -> Error {
    Error::new("a coded failure").extend_with(|_, values| values.set("code", code))
}

fn break_down() -> i32 {
    panic!("a resolver's panic")
}

#[Object]
impl Query {
    async fn hello(&self) -> &'static str {
        "world"
    }
    /// More than the buffers between two sockets hold.
    async fn large(&self) -> String {
        "x".repeat(32 << 20)
    }
    async fn metered(&self, ctx: &Context<'_>) -> bool {
        ctx.insert_http_header("ratelimit", "cost;r=9");
        true
    }
    async fn echo(&self, n: i32) -> i32 {
        n
    }
    async fn caller(&self, ctx: &Context<'_>) -> Result<String, Error> {
        match &ctx.data::<Caller>()?.0 {
            Ok(principal) => std::future::ready(Ok(principal.subject().to_owned())).await,
            Err(_) => Err(coded("UNAUTHENTICATED")),
        }
    }
    async fn refused(&self) -> Result<Option<i32>, Error> {
        std::future::ready(Err(coded("FORBIDDEN"))).await
    }
    async fn leaky(&self) -> Result<Option<i32>, Error> {
        std::future::ready(Err(Error::new("connection string with a password"))).await
    }
    async fn never(&self) -> i32 {
        std::future::pending().await
    }
    /// Asks for far more time than the edge allows, and takes it until the gate opens.
    async fn patient(&self, ctx: &Context<'_>) -> Result<bool, Error> {
        ctx.data::<Patience>()?.grant(Duration::from_secs(20));
        ctx.data::<Arc<Semaphore>>()?.acquire().await?.forget();
        Ok(true)
    }
    async fn watched(&self, ctx: &Context<'_>) -> Result<i32, Error> {
        let watch = Watch(ctx.data::<mpsc::UnboundedSender<&'static str>>()?.clone());
        watch.0.send("began")?;
        std::future::pending().await
    }
    async fn broken(&self) -> i32 {
        break_down()
    }
}

#[Object]
impl Mutation {
    async fn bump(&self) -> i32 {
        1
    }
}

#[Subscription]
impl Events {
    async fn ticks(&self, count: i32) -> impl Stream<Item = i32> {
        stream::iter(0..count)
    }
    async fn silence(&self) -> impl Stream<Item = i32> {
        stream::once(async { 0 }).chain(stream::pending())
    }
    async fn closed(&self) -> Result<stream::Pending<i32>, Error> {
        std::future::ready(Err(coded("FORBIDDEN"))).await
    }
    async fn breaks(&self, after: i32) -> impl Stream<Item = i32> {
        stream::iter(0..).map(move |n| if n < after { n } else { panic!("a stream's panic") })
    }
    async fn falters(&self) -> impl Stream<Item = Result<i32, Error>> {
        stream::iter([Ok(0), Err(coded("SLOW_CONSUMER"))])
    }
}

/// The machine's clock, set forward.
#[derive(Debug)]
struct Ahead(TimeDelta);

impl Clock for Ahead {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + self.0
    }
    fn fresh_id(&self) -> uuid::Uuid {
        SystemClock.fresh_id()
    }
    fn chance(&self) -> f64 {
        SystemClock.chance()
    }
}

/// Time for requests under way when an edge stops.
const GRACE: Duration = Duration::from_secs(10);

type TinySchema = Schema<Query, Mutation, Events>;

/// A running edge.
struct Edge {
    address: SocketAddr,
    verifier: Verifier,
    stop: CancellationToken,
    /// Cancelled, it ends the listener; apart from `stop`, so that a test can see how a stopping edge answers.
    listening: CancellationToken,
    tasks: TaskTracker,
    server: tokio_util::task::AbortOnDropHandle<()>,
}

fn check(text: &str) -> Result<(), Refusal> {
    let (code, message, maximum, actual) = ("QUERY_TOO_COMPLEX", "The document is too long.".to_owned(), 2_000, text.len());
    if actual > maximum { Err(Refusal { code, message, limit: "document_bytes", maximum, actual }) } else { Ok(()) }
}

impl Edge {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// An edge whose field `watched` tells when it begins and when it is dropped.
    async fn watched() -> (Self, mpsc::UnboundedReceiver<&'static str>) {
        let (sender, seen) = mpsc::unbounded_channel();
        (Self::with(|state| state.prepare = Arc::new(move |request, _, _| request.data(sender.clone()))).await, seen)
    }

    async fn with(change: impl FnOnce(&mut State<TinySchema>)) -> Self {
        let options = auth::Options { jwt_secret: "tLq8Zr3vX0mB7nKd5WfHs1GyPc9JaEuT".to_owned(), ..auth::Options::default() };
        let verifier = Verifier::new(&options, Arc::new(SystemClock)).unwrap();
        let mut state = State {
            executor: Schema::new(Query, Mutation, Events),
            verifier: verifier.clone(),
            prepare: Arc::new(|request, principal, _| request.data(Caller(principal))),
            check: Arc::new(check),
            readiness: Arc::new(|| Box::pin(async { Vec::new() })),
            clock: Arc::new(SystemClock),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            sockets: Sockets::default(),
            options: Options::default(),
            limits: Limits::default(),
        };
        change(&mut state);
        let (stop, tasks) = (state.stop.clone(), state.tasks.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let options = state.options.clone();
        let listening = CancellationToken::new();
        let until = listening.clone();
        let server = TaskTracker::new().spawn(async move { serve(listener, router(state), &options, until, GRACE).await });
        Self { address, verifier, stop, listening, tasks, server: tokio_util::task::AbortOnDropHandle::new(server) }
    }

    fn token(&self, subject: &str) -> String {
        let grant = Grant { subject: subject.to_owned(), email: None, service: false, lifetime: Duration::from_mins(1) };
        self.verifier.mint(&grant).unwrap()
    }

    fn http(&self) -> Http {
        Http::new(self.address, None)
    }

    async fn socket(&self) -> socket::Socket {
        socket::Socket::connect(self.address, &self.token("ann")).await
    }
}

#[tokio::test]
async fn health_tells_alive_from_ready() {
    let edge = Edge::with(|state| state.readiness = Arc::new(|| Box::pin(async { vec!["migrations"] }))).await;
    assert_eq!(edge.http().send("GET", "/healthz", &[], "").await.status, 200);
    let reply = edge.http().send("GET", "/readyz", &[], "").await;
    assert_eq!((reply.status, &reply.body["failing"]), (503, &serde_json::json!(["migrations"])));
    assert_eq!(edge.http().send("GET", "/metrics", &[], "").await.status, 404);

    let edge = Edge::start().await;
    assert_eq!(edge.http().send("GET", "/readyz", &[], "").await.status, 200);
    edge.stop.cancel();
    let reply = edge.http().send("GET", "/readyz", &[], "").await;
    assert_eq!((reply.status, &reply.body["failing"]), (503, &serde_json::json!(["stopping"])));
}

#[tokio::test]
async fn a_panic_outside_the_schema_is_an_answer_too() {
    let edge =
        Edge::with(|state| state.readiness = Arc::new(|| Box::pin(async { if break_down() == 0 { vec!["never"] } else { Vec::new() } })))
            .await;
    let reply = edge.http().send("GET", "/readyz", &[], "").await;
    assert_eq!((reply.status, reply.code()), (500, "INTERNAL"));
    assert_eq!(reply.body["errors"][0]["extensions"]["requestId"], reply.header("x-request-id"));
}

#[tokio::test]
async fn an_error_keeps_the_code_it_has_and_gets_one_if_it_has_none() {
    let schema = Schema::new(Query, EmptyMutation, Events);
    let id = RequestId::fresh(&SystemClock);
    for (query, variables, code) in [
        ("{ refused }", "{}", "FORBIDDEN"),
        ("{ leaky }", "{}", "INTERNAL"),
        ("{ absent }", "{}", "GRAPHQL_VALIDATION_FAILED"),
        ("{ echo(n: \"x\") }", "{}", "GRAPHQL_VALIDATION_FAILED"),
        ("query($n: Int!) { echo(n: $n) }", "{\"n\":\"x\"}", "BAD_USER_INPUT"),
        ("query($n: Int!) { echo(n: $n) }", "{}", "BAD_USER_INPUT"),
        ("query($n: Int!) { hello }", "{}", "GRAPHQL_VALIDATION_FAILED"),
    ] {
        let request = async_graphql::Request::new(query).variables(serde_json::from_str(variables).unwrap());
        let has_variables = query.starts_with("query(");
        let mut response: Response = schema.execute(request).await;
        operation::complete(&mut response, &id, has_variables);
        let text = serde_json::to_value(&response.errors).unwrap();
        assert_eq!(text[0]["extensions"]["code"], code, "{query} {text}");
        assert_eq!(text[0]["extensions"]["requestId"], id.as_str(), "{text}");
        assert!(!text.to_string().contains("password"), "{text}");
    }
}

#[tokio::test]
async fn an_operation_that_waits_takes_its_wait_besides_the_timeout() {
    let gate = Arc::new(Semaphore::new(0));
    let data = Arc::clone(&gate);
    let edge = Edge::with(|state| {
        state.limits.timeout = Duration::from_millis(50);
        state.prepare = Arc::new(move |request, _, _| request.data(Arc::clone(&data)));
    })
    .await;
    let mut socket = edge.socket().await;
    socket.subscribe("1", "{ patient }", serde_json::Value::Null).await;
    let http = edge.http();
    let release = async {
        // Each of these takes one whole timeout.
        for _ in 0..2 {
            assert_eq!(http.graphql("{ never }", serde_json::Value::Null).await.code(), "TIMEOUT");
        }
        gate.add_permits(2);
    };
    let (reply, ()) = tokio::join!(http.graphql("{ patient }", serde_json::Value::Null), release);
    assert_eq!((reply.status, &reply.body["data"]["patient"]), (200, &serde_json::json!(true)), "{}", reply.body);
    assert_eq!(socket.expect("next", "1").await["data"]["patient"], true);
}
