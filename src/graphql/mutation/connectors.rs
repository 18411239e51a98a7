//! Making, changing, publishing, binding, testing and deleting connectors.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, OneofObject};
use serde_json::json;

use crate::app::{self, Mistake};
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::Result;
use crate::graphql::patience::announce;
use crate::graphql::scalar::{ConnectorDefinition, Json, parse_id};
use crate::graphql::types::{
    Connector, ConnectorVersion, ContactLookup, CredentialSlotInput, Edge, Execution, WorkspaceLookup, slot_fills,
};

use super::payload::{
    ConnectorCreatePayload, ConnectorCredentialsBindPayload, ConnectorDeletePayload, ConnectorPublishPayload, ConnectorTestPayload,
    ConnectorUpdatePayload,
};

/// What a new connector begins as.
#[derive(OneofObject, Debug)]
pub(crate) enum ConnectorSourceInput {
    /// This definition.
    Definition(ConnectorDefinition),
    /// What the draft of this connector says.
    ConnectorId(ID),
    /// What this version of a connector says.
    VersionId(ID),
}

impl ConnectorSourceInput {
    fn into_source(self) -> Result<app::ConnectorSource> {
        Ok(match self {
            Self::Definition(definition) => app::ConnectorSource::Definition(definition.0),
            Self::ConnectorId(id) => app::ConnectorSource::Connector(parse_id(&id)?),
            Self::VersionId(id) => app::ConnectorSource::Version(parse_id(&id)?),
        })
    }
}

/// What `connectorCreate` needs.
#[derive(InputObject, Debug)]
pub(crate) struct ConnectorCreateInput {
    /// The workspace it will be in.
    workspace: WorkspaceLookup,
    /// The name people will see.
    name: String,
    /// The name programs will use; one is made from `name` unless told.
    key: Option<String>,
    /// What it is good for, in Markdown.
    description: Option<String>,
    /// An emoji, or an icon's name.
    icon: Option<String>,
    /// Labels. At most 20.
    tags: Option<Vec<String>>,
    /// What it begins as; empty unless told.
    source: Option<ConnectorSourceInput>,
    /// What to set for its `configSchema`.
    config: Option<Json>,
}

/// What `connectorUpdate` needs.
#[derive(InputObject, Debug)]
pub(crate) struct ConnectorUpdateInput {
    /// The connector to change.
    id: ID,
    /// The revision that was read; left out, the change is made whatever others did meanwhile.
    expected_revision: Option<i32>,
    /// The name people will see.
    name: MaybeUndefined<String>,
    /// The name programs will use.
    key: MaybeUndefined<String>,
    /// What it is good for, in Markdown.
    description: MaybeUndefined<String>,
    /// An emoji, or an icon's name.
    icon: MaybeUndefined<String>,
    /// Labels. At most 20.
    tags: MaybeUndefined<Vec<String>>,
    /// The definition as a whole, as it is to be.
    definition: Option<ConnectorDefinition>,
    /// What to set for its `configSchema`.
    config: MaybeUndefined<Json>,
    /// How many of its executions may run at one time; null to go by the workspace's setting.
    max_concurrency: MaybeUndefined<i32>,
    /// Is it to be published at once, when it can be saved?
    #[graphql(default = false)]
    publish: bool,
}

/// What `connectorPublish` needs.
#[derive(InputObject, Debug)]
pub(crate) struct ConnectorPublishInput {
    /// The connector to publish.
    id: ID,
    /// The revision that was read; left out, it is published whatever others did meanwhile.
    expected_revision: Option<i32>,
    /// What is new in it.
    note: Option<String>,
}

/// What `connectorDelete` needs.
#[derive(InputObject, Debug)]
pub(crate) struct ConnectorDeleteInput {
    /// The connector to delete.
    id: ID,
}

/// What `connectorCredentialsBind` needs.
#[derive(InputObject, Debug)]
pub(crate) struct ConnectorCredentialsBindInput {
    /// The connector whose slots are meant.
    id: ID,
    /// The slots to fill, and with what.
    bind: Option<Vec<CredentialSlotInput>>,
    /// The slots to empty.
    unbind: Option<Vec<String>>,
}

/// What a test is to run.
#[derive(OneofObject, Debug)]
pub(crate) enum TestTargetInput {
    /// What the draft of this connector says.
    ConnectorId(ID),
    /// What this version of a connector says.
    VersionId(ID),
    /// This definition, whether it is saved or not.
    Definition(ConnectorDefinition),
}

impl TestTargetInput {
    fn into_target(self) -> Result<app::TestTarget> {
        Ok(match self {
            Self::ConnectorId(id) => app::TestTarget::Draft(parse_id(&id)?),
            Self::VersionId(id) => app::TestTarget::Version(parse_id(&id)?),
            Self::Definition(definition) => app::TestTarget::Definition(definition.0),
        })
    }
}

/// An output to be taken for granted.
#[derive(InputObject, Debug)]
pub(crate) struct PinnedOutputInput {
    /// The step whose output it is, by path.
    step_path: String,
    /// The output.
    output: Json,
}

/// What `connectorTest` needs.
#[derive(InputObject, Debug)]
pub(crate) struct ConnectorTestInput {
    /// The workspace it runs in.
    workspace: WorkspaceLookup,
    /// What it runs.
    target: TestTargetInput,
    /// Run this step alone; what it takes from steps before it is found in `pinned`.
    only_step_path: Option<String>,
    /// What a caller would give it.
    input: Option<Json>,
    /// The contact it runs for.
    contact: Option<ContactLookup>,
    /// Outputs to be taken for granted; their steps do not run. At most 100.
    pinned: Option<Vec<PinnedOutputInput>>,
    /// What fills the slots; what is bound to the connector unless told.
    credentials: Option<Vec<CredentialSlotInput>>,
    /// What to set for its `configSchema`; what the connector has unless told.
    config: Option<Json>,
    /// Is the contact to be changed in earnest?
    #[graphql(default = false)]
    write_contact: bool,
    /// The milliseconds to wait for its end, at most 30000.
    #[graphql(default = 0)]
    wait_ms: i32,
}

impl ConnectorTestInput {
    fn into_request(self) -> Result<Result<app::TestRequest, Mistake>> {
        let wait = match super::executions::wait(self.wait_ms, "waitMs") {
            Ok(wait) => wait,
            Err(mistake) => return Ok(Err(mistake)),
        };
        let pinned = self.pinned.unwrap_or_default().into_iter().map(|pinned| (pinned.step_path, pinned.output.0));
        Ok(Ok(app::TestRequest {
            workspace: self.workspace.into_reference()?,
            target: self.target.into_target()?,
            only_step: self.only_step_path,
            input: self.input.map(|input| input.0),
            contact: self.contact.map(ContactLookup::into_reference).transpose()?,
            pinned: pinned.collect(),
            credentials: slot_fills(self.credentials)?,
            config: self.config.map(|config| config.0),
            write_contact: self.write_contact,
            wait,
        }))
    }
}

/// What is left out stays, null empties.
#[expect(clippy::option_option, reason = "left out, emptied and given are three things")]
fn change<T>(given: MaybeUndefined<T>) -> Option<Option<T>> {
    match given {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(value)),
    }
}

#[derive(Default)]
pub(crate) struct ConnectorMutations;

#[Object]
impl ConnectorMutations {
    /// Makes a connector: an empty one, one from a definition, or a copy without credentials. Requires EDITOR.
    #[graphql(complexity = "10 + child_complexity")]
    async fn connector_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The connector to make.")] input: ConnectorCreateInput,
    ) -> Result<Option<ConnectorCreatePayload>> {
        let workspace = input.workspace.into_reference()?;
        let new = app::NewConnector {
            name: input.name,
            key: input.key,
            description: input.description,
            icon: input.icon,
            tags: input.tags.unwrap_or_default(),
            source: input.source.map(ConnectorSourceInput::into_source).transpose()?,
            config: input.config.map(|config| config.0),
        };
        let done = ctx.app()?.create_connector(ctx.principal()?, &workspace, new).await;
        ConnectorCreatePayload::of(done, |(row, scope)| {
            let cursor = app::connector_cursor(&row);
            let connector = Connector::new(&scope, row);
            ConnectorCreatePayload {
                edge: Some(Edge { cursor, node: connector.clone() }),
                connector: Some(connector),
                ..Default::default()
            }
        })
    }

    /// Changes the draft or the texts of a connector; what is left out stays. A draft may be half done: problems do not
    /// keep it from being saved. Requires EDITOR.
    #[graphql(complexity = "10 + child_complexity")]
    async fn connector_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The connector, and what to change.")] input: ConnectorUpdateInput,
    ) -> Result<Option<ConnectorUpdatePayload>> {
        let change = app::ConnectorChange {
            expected_revision: input.expected_revision,
            name: change(input.name).map(Option::unwrap_or_default),
            key: change(input.key).map(Option::unwrap_or_default),
            description: change(input.description),
            icon: change(input.icon),
            tags: change(input.tags).map(Option::unwrap_or_default),
            definition: input.definition.map(|definition| definition.0),
            config: change(input.config).map(|config| config.map_or_else(|| json!({}), |config| config.0)),
            max_concurrency: change(input.max_concurrency),
            publish: input.publish,
        };
        let done = ctx.app()?.change_connector(ctx.principal()?, parse_id(&input.id)?, change).await;
        ConnectorUpdatePayload::of(done, |(row, version, scope)| ConnectorUpdatePayload {
            connector: Some(Connector::new(&scope, row)),
            version: version.map(|version| ConnectorVersion::new(&scope, version)),
            ..Default::default()
        })
    }

    /// Makes the draft what runs; refused as long as it has problems of severity ERROR. Requires EDITOR.
    #[graphql(complexity = "10 + child_complexity")]
    async fn connector_publish(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The connector to publish.")] input: ConnectorPublishInput,
    ) -> Result<Option<ConnectorPublishPayload>> {
        let id = parse_id(&input.id)?;
        let done = ctx.app()?.publish_connector(ctx.principal()?, id, (input.expected_revision, input.note)).await;
        ConnectorPublishPayload::of(done, |(row, version, scope)| ConnectorPublishPayload {
            connector: Some(Connector::new(&scope, row)),
            version: version.map(|version| ConnectorVersion::new(&scope, version)),
            ..Default::default()
        })
    }

    /// Deletes a connector and its versions; its executions stay until they expire. Requires EDITOR.
    #[graphql(complexity = "10 + child_complexity")]
    async fn connector_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The connector to delete.")] input: ConnectorDeleteInput,
    ) -> Result<Option<ConnectorDeletePayload>> {
        let done = ctx.app()?.delete_connector(ctx.principal()?, parse_id(&input.id)?).await;
        ConnectorDeletePayload::of(done, |id| ConnectorDeletePayload { deleted_id: Some(id.to_string().into()), ..Default::default() })
    }

    /// Fills credential slots, or empties them. Requires EDITOR, and ADMIN where credentials are made.
    #[graphql(complexity = "10 + child_complexity")]
    async fn connector_credentials_bind(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The connector, and its slots.")] input: ConnectorCredentialsBindInput,
    ) -> Result<Option<ConnectorCredentialsBindPayload>> {
        let slots = (slot_fills(input.bind)?, input.unbind.unwrap_or_default());
        let done = ctx.app()?.bind_credentials(ctx.principal()?, parse_id(&input.id)?, slots).await;
        ConnectorCredentialsBindPayload::of(done, |(row, scope)| ConnectorCredentialsBindPayload {
            connector: Some(Connector::new(&scope, row)),
            ..Default::default()
        })
    }

    /// Tries a definition, or one step of it: an execution of kind TEST, which can be followed like any other. Requires
    /// EDITOR.
    #[graphql(complexity = "50 + child_complexity")]
    async fn connector_test(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to try, and on what.")] input: ConnectorTestInput,
    ) -> Result<Option<ConnectorTestPayload>> {
        let (app, principal) = (ctx.app()?, ctx.principal()?);
        let done = match input.into_request()? {
            Ok(request) => {
                announce(ctx, request.wait);
                Box::pin(app.test(principal, request)).await
            }
            Err(mistake) => Err(mistake.into()),
        };
        ConnectorTestPayload::of(done, |started| ConnectorTestPayload {
            execution: Some(Execution::new(&started.scope, started.execution)),
            finished: Some(started.finished),
            ..Default::default()
        })
    }
}
