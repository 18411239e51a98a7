//! Reading. What the viewer may not see is not there.

use async_graphql::MergedObject;

mod catalogue;
mod definitions;
mod nodes;

/// Reading. Each field answers for the viewer: what the viewer may not see is not there.
#[derive(MergedObject, Default)]
pub(crate) struct Query(nodes::Nodes, catalogue::Catalogue, definitions::Definitions);
