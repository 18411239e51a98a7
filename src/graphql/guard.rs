//! What stands around each request: the document is judged before it runs, the answer put right after.
//!
//! The library's own refusals get their codes here.

use std::sync::{Arc, OnceLock};

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextParseQuery, NextPrepareRequest, NextResolve, NextValidation,
    ResolveInfo,
};
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::registry::MetaType;
use async_graphql::{Request, Response, ServerError, ServerResult, ValidationResult, Value, Variables};

use super::error::with_code;
use super::limits::{Limits, check_document, check_operation, check_weight, within};
use super::nulls::Nulls;
use super::order::Order;
use super::{roots, secrets};

/// Stands around one request.
pub(super) struct Guard {
    limits: Arc<Limits>,
    /// The operation that was asked for by name.
    operation: OnceLock<String>,
    /// How the members of the answer follow each other, where there is more than one way.
    order: OnceLock<Order>,
    /// What failed and can never be null.
    nulls: Nulls,
}

impl Guard {
    pub(super) fn new(limits: Limits) -> Self {
        Self::around(Arc::new(limits))
    }

    fn around(limits: Arc<Limits>) -> Self {
        Self { limits, operation: OnceLock::new(), order: OnceLock::new(), nulls: Nulls::default() }
    }
}

impl ExtensionFactory for Guard {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self::around(Arc::clone(&self.limits)))
    }
}

#[async_graphql::async_trait::async_trait]
impl Extension for Guard {
    async fn prepare_request(&self, ctx: &ExtensionContext<'_>, request: Request, next: NextPrepareRequest<'_>) -> ServerResult<Request> {
        let mut request = next.run(ctx, request).await?;
        check_document(&request.query, &self.limits)?;
        let operation_name = request.operation_name.clone();
        if let Some(name) = &operation_name {
            self.operation.get_or_init(|| name.clone());
        }
        let document = request.parsed_query().map_err(|error| with_code(error, "GRAPHQL_PARSE_FAILED"))?;
        check_operation(document, operation_name.as_deref())?;
        check_weight(document, &self.limits)?;
        secrets::check(document, &ctx.schema_env.registry)?;
        Ok(request)
    }

    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        // The text was parsed above; what is left to fail here is the library's bound on recursion.
        let mut document = next.run(ctx, query, variables).await.map_err(|error| with_code(error, "QUERY_TOO_COMPLEX"))?;
        roots::open(&mut document)?;
        let is_object = |name: &str| matches!(ctx.schema_env.registry.types.get(name), Some(MetaType::Object { .. }));
        if let Some(order) = Order::of(&document, (self.operation.get().map(String::as_str), variables), &is_object) {
            self.order.get_or_init(|| order);
        }
        Ok(document)
    }

    async fn validation(&self, ctx: &ExtensionContext<'_>, next: NextValidation<'_>) -> Result<ValidationResult, Vec<ServerError>> {
        let refused = |errors: Vec<ServerError>| errors.into_iter().map(|error| with_code(error, "GRAPHQL_VALIDATION_FAILED")).collect();
        let result = next.run(ctx).await.map_err(|errors: Vec<ServerError>| -> Vec<ServerError> { refused(errors) })?;
        within("query.cost", self.limits.cost, result.complexity).map_err(|refusal| vec![refusal.into()])?;
        Ok(result)
    }

    async fn execute(&self, ctx: &ExtensionContext<'_>, operation_name: Option<&str>, next: NextExecute<'_>) -> Response {
        let mut response = next.run(ctx, operation_name).await;
        self.nulls.spread(&mut response);
        if let Some(order) = self.order.get() {
            order.restore(&mut response.data);
        }
        response
    }

    async fn resolve(&self, ctx: &ExtensionContext<'_>, info: ResolveInfo<'_>, next: NextResolve<'_>) -> ServerResult<Option<Value>> {
        let (path, kind) = (info.path_node, info.return_type);
        let result = next.run(ctx, info).await;
        self.nulls.note(result.is_err(), path, kind);
        result
    }
}
