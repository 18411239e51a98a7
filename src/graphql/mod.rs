//! The public contract: what can be asked, told and followed. Thin: a resolver parses, asks [`App`], converts.
//!
//! [`schema`] builds it; each request carries an `Arc<RequestContext>` in its data. Failures leave through `error`
//! alone. How requests arrive is the business of `http`.

use std::any::TypeId;
use std::sync::Arc;

use async_graphql::{Request, Response, SDLExportOptions};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _};

use crate::app::App;
use crate::app::definitions;

mod context;
mod error;
mod guard;
mod limits;
mod loader;
mod mutation;
mod nulls;
mod order;
mod patience;
mod query;
mod roots;
mod scalar;
mod secrets;
mod subscription;
mod types;

pub use context::RequestContext;
pub use error::request_error;
pub use limits::{Limits, Refusal, check_document};
pub use patience::Patience;

/// What the schema allows.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// May clients ask for the schema itself? Suggestions in messages go with it.
    pub introspection: bool,
    /// How much one request may ask for.
    #[serde(skip)]
    pub limits: Limits,
}

type Inner = async_graphql::Schema<query::Query, mutation::Mutation, subscription::Subscription>;

/// Hash of the schema, for `serverInfo`.
#[derive(Debug, Clone)]
pub(crate) struct SchemaHash(pub(crate) String);

/// The schema, ready to answer; a cheap clone.
#[derive(Clone)]
pub struct Schema {
    inner: Inner,
    app: App,
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Schema").finish_non_exhaustive()
    }
}

/// The schema over these use cases.
pub fn schema(app: App, options: &Options) -> Schema {
    let mut builder = build()
        .data(app.clone())
        .data(options.limits.clone())
        .data(SchemaHash(definitions::hash(&serde_json::Value::String(sdl()))))
        .limit_recursive_depth(limits::RECURSION)
        .extension(guard::Guard::new(options.limits.clone()));
    if !options.introspection {
        builder = builder.disable_introspection().disable_suggestions();
    }
    Schema { inner: builder.finish(), app }
}

/// The schema as text, everything in alphabetical order.
pub fn sdl() -> String {
    let options = SDLExportOptions::new().sorted_fields().sorted_arguments().sorted_enum_items().include_specified_by();
    build().finish().sdl_with_options(options)
}

fn build() -> async_graphql::SchemaBuilder<query::Query, mutation::Mutation, subscription::Subscription> {
    async_graphql::Schema::build(query::Query::default(), mutation::Mutation::default(), subscription::Subscription::default())
        .register_output_type::<types::Node>()
        .register_output_type::<types::UserError>()
        .register_output_type::<mutation::payload::MutationPayload>()
}

impl Schema {
    /// Answers a query or mutation. Dropping the future stops what it was doing; a mutation either happened or did not.
    pub async fn execute(&self, request: impl Into<Request>) -> Response {
        let (request, request_id) = self.prepare(request.into());
        let response = self.inner.execute(request).await;
        error::finish(response, &request_id)
    }

    /// Answers a subscription item by item, or a query or mutation with one item. A failure before the stream begins
    /// is its only item.
    pub fn execute_stream(&self, request: impl Into<Request>) -> BoxStream<'static, Response> {
        let (request, request_id) = self.prepare(request.into());
        finished(self.inner.execute_stream(request), request_id).boxed()
    }

    /// Adds what lives for one request only: the loaders of one viewer.
    fn prepare(&self, request: Request) -> (Request, String) {
        let context = request.data.get(&TypeId::of::<Arc<RequestContext>>()).and_then(|data| data.downcast_ref::<Arc<RequestContext>>());
        let request_id = context.map(|context| context.request_id.clone()).unwrap_or_default();
        let principal = context.and_then(|context| context.principal.clone().ok());
        (request.data(loader::Loaders::new(&self.app, principal)), request_id)
    }
}

impl async_graphql::Executor for Schema {
    async fn execute(&self, request: Request) -> Response {
        Self::execute(self, request).await
    }

    fn execute_stream(&self, request: Request, _session: Option<Arc<async_graphql::Data>>) -> BoxStream<'static, Response> {
        Self::execute_stream(self, request)
    }
}

fn finished(stream: impl Stream<Item = Response> + Send + 'static, request_id: String) -> impl Stream<Item = Response> + Send + 'static {
    stream.map(move |response| error::finish(response, &request_id))
}

#[cfg(test)]
mod tests;
