//! What a resolver finds in its context: the use cases, who asks, and this request's loaders.

use async_graphql::Context;

use crate::app::App;
use crate::auth::{self, Principal};

use super::error::{Error, Result};
use super::loader::Loaders;

/// What the transport knows about one request; put into its data as `Arc<RequestContext>`.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// Who asks, or why that is not known.
    pub principal: std::result::Result<Principal, auth::Error>,
    /// Leads from an answer to the log.
    pub request_id: String,
}

/// Short ways to what a resolver needs.
pub(crate) trait ContextExt {
    /// The use cases.
    fn app(&self) -> Result<&App>;
    /// Who asks.
    fn principal(&self) -> Result<&Principal>;
    /// This request's loaders.
    fn loaders(&self) -> Result<&Loaders>;
}

impl ContextExt for Context<'_> {
    fn app(&self) -> Result<&App> {
        self.data_opt::<App>().ok_or(Error::Internal)
    }

    fn principal(&self) -> Result<&Principal> {
        let context = self.data_opt::<std::sync::Arc<RequestContext>>().ok_or(Error::Unauthenticated)?;
        context.principal.as_ref().map_err(|error| match error {
            auth::Error::Expired => Error::TokenExpired,
            _ => Error::Unauthenticated,
        })
    }

    fn loaders(&self) -> Result<&Loaders> {
        self.data_opt::<Loaders>().ok_or(Error::Internal)
    }
}
