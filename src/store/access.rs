//! What a signed-in subject may enter: their own membership rows, and nothing of anyone else's.

use connectors_entity::{connector, workspace, workspace_member as membership};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, IntoTableRef, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, IntoActiveModel, QueryFilter, QuerySelect,
    QueryTrait, Statement,
};

use super::page::{Key, Keyset, page};
use super::{Error, Tx, admins, convert};
use crate::auth::{Access, UserScope};
use crate::domain::connector::Connector;
use crate::domain::id::{
    ConnectorId, ConnectorVersionId, ContactId, CredentialId, ExecutionId, FieldChangeId, InstallationId, MemberId, StepRunId, WorkspaceId,
};
use crate::domain::page::{Page, PageRequest};
use crate::domain::workspace::{Member, SaasAdmin, Workspace, WorkspaceRole};

/// Names a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkspaceRef {
    /// By id.
    Id(WorkspaceId),
    /// By the host application's key.
    Key(String),
}

/// Names something inside a workspace that is not named itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectId {
    /// A connector.
    Connector(ConnectorId),
    /// A published version of a connector.
    ConnectorVersion(ConnectorVersionId),
    /// A credential.
    Credential(CredentialId),
    /// An execution.
    Execution(ExecutionId),
    /// A step of an execution.
    StepRun(StepRunId),
    /// A contact.
    Contact(ContactId),
    /// A change of a contact field.
    FieldChange(FieldChangeId),
    /// A membership.
    Member(MemberId),
    /// An installed template: a connector made from one, under the same bits.
    Installation(InstallationId),
}

impl ObjectId {
    /// The table it is in and its id there.
    fn place(self) -> (&'static str, String) {
        match self {
            Self::Connector(id) => ("connectors", id.to_string()),
            Self::ConnectorVersion(id) => ("connector_versions", id.to_string()),
            Self::Credential(id) => ("workspace_api_credentials", id.to_string()),
            Self::Execution(id) => ("connector_executions", id.to_string()),
            Self::StepRun(id) => ("execution_steps", id.to_string()),
            Self::Contact(id) => ("contacts", id.to_string()),
            Self::FieldChange(id) => ("contact_field_changes", id.to_string()),
            Self::Member(id) => ("workspace_members", id.to_string()),
            Self::Installation(id) => ("connectors", ConnectorId::from_uuid(id.uuid()).to_string()),
        }
    }

    /// Selects the workspace of the object.
    fn workspace(self) -> SelectStatement {
        let (table, id) = self.place();
        let mut select = Query::select();
        select.expr_as(Expr::col(("o", "workspace_id")), "workspace_id");
        select.from(Alias::new(table).into_table_ref().alias("o")).and_where(Expr::col(("o", "id")).eq(id));
        if matches!(self, Self::Installation(_)) {
            select.and_where(Expr::col(("o", "template_id")).is_not_null());
        }
        select
    }
}

impl Tx<UserScope> {
    /// Says what a service looks for before its workspace is known: on PostgreSQL it sees that row, and nothing else.
    async fn look_for(&self, name: &str) -> Result<(), Error> {
        if self.scope().principal().is_service() && self.engine() == DbBackend::Postgres {
            let told = Statement::from_sql_and_values(DbBackend::Postgres, "SELECT set_config('app.object', $1, true)", [name.into()]);
            self.db().execute_raw(told).await?;
        }
        Ok(())
    }

    /// The workspace and what the subject may do there: as a member, or as a service, which may administer any.
    pub async fn find_access(&self, by: &WorkspaceRef) -> Result<Option<(Workspace, Access)>, Error> {
        let (name, column) = match by {
            WorkspaceRef::Id(id) => (id.to_string(), workspace::Column::Id),
            WorkspaceRef::Key(key) => (key.clone(), workspace::Column::Key),
        };
        self.look_for(&name).await?;
        let condition = column.eq(name);
        let Some(row) = workspace::Entity::find().filter(condition).one(&self.db()).await? else { return Ok(None) };
        let workspace = convert::workspace(row)?;
        let principal = self.scope().principal();
        if let Some(role) = self.role_everywhere() {
            let access = Access { workspace_id: workspace.id, role };
            return Ok(Some((workspace, access)));
        }
        let own = Condition::all()
            .add(membership::Column::WorkspaceId.eq(workspace.id.to_string()))
            .add(membership::Column::Subject.eq(principal.subject()));
        let Some(row) = membership::Entity::find().filter(own).one(&self.db()).await? else { return Ok(None) };
        let role = convert::word(&row.role, WorkspaceRole::from_stored)?;
        let access = Access { workspace_id: workspace.id, role };
        Ok(Some((workspace, access)))
    }

    /// What the subject may do in the workspace the object is in; nothing is said about objects elsewhere.
    pub async fn find_access_to(&self, object: ObjectId) -> Result<Option<Access>, Error> {
        self.look_for(&object.place().1).await?;
        let mut select = object.workspace();
        if let Some(role) = self.role_everywhere() {
            let Some(row) = self.db().query_one(&select).await? else { return Ok(None) };
            let workspace_id = convert::id(&row.try_get::<String>("", "workspace_id")?)?;
            return Ok(Some(Access { workspace_id, role }));
        }
        let same = Expr::col(("m", "workspace_id")).equals(("o", "workspace_id"));
        select.expr_as(Expr::col(("m", "role")), "role");
        select.inner_join(Alias::new("workspace_members").into_table_ref().alias("m"), same);
        select.and_where(Expr::col(("m", "subject")).eq(self.scope().principal().subject()));
        let Some(row) = self.db().query_one(&select).await? else { return Ok(None) };
        let workspace_id = convert::id(&row.try_get::<String>("", "workspace_id")?)?;
        let role = convert::word(&row.try_get::<String>("", "role")?, WorkspaceRole::from_stored)?;
        Ok(Some(Access { workspace_id, role }))
    }

    /// A connector with what the subject may do in its workspace, in one look; nothing is said about those elsewhere.
    pub async fn find_connector_with_access(&self, id: ConnectorId) -> Result<Option<(Connector, Access)>, Error> {
        self.look_for(&id.to_string()).await?;
        let everywhere = self.role_everywhere();
        let mut select = connector::Entity::find_by_id(id.to_string());
        if everywhere.is_none() {
            let same = Expr::col(("m", "workspace_id")).equals((connector::Entity, connector::Column::WorkspaceId));
            let query = QuerySelect::query(&mut select);
            query.expr_as(Expr::col(("m", "role")), "member_role");
            query.inner_join(Alias::new("workspace_members").into_table_ref().alias("m"), same);
            query.and_where(Expr::col(("m", "subject")).eq(self.scope().principal().subject()));
        }
        let Some(row) = self.db().query_one(&select.into_query()).await? else { return Ok(None) };
        let role = match everywhere {
            Some(role) => role,
            None => convert::word(&row.try_get::<String>("", "member_role")?, WorkspaceRole::from_stored)?,
        };
        let connector = convert::connector(connector::Model::from_query_result(&row, "")?)?;
        let access = Access { workspace_id: connector.workspace_id, role };
        Ok(Some((connector, access)))
    }

    /// The workspaces the subject is a member of, by name.
    pub async fn list_workspaces(&self, request: &PageRequest) -> Result<Page<Workspace>, Error> {
        // Read by themselves: within the list an engine may walk along all workspaces to find the few.
        let own: Vec<String> = membership::Entity::find()
            .select_only()
            .column(membership::Column::WorkspaceId)
            .filter(membership::Column::Subject.eq(self.scope().principal().subject()))
            .into_tuple()
            .all(&self.db())
            .await?;
        let select = workspace::Entity::find().filter(workspace::Column::Id.is_in(own));
        let keyset = Keyset {
            list: "workspaces.name",
            key: Key::Text(Expr::col(workspace::Column::Name.as_column_ref()), |row: &workspace::Model| row.name.clone()),
            id: Expr::col(workspace::Column::Id.as_column_ref()),
            id_of: |row| row.id.clone(),
            descending: false,
        };
        super::page::map(page(&self.db(), select, &keyset, request).await?, convert::workspace)
    }

    /// The subject's own row among the SaaS admins.
    pub async fn find_saas_admin(&self) -> Result<Option<SaasAdmin>, Error> {
        admins::find_by_subject(&self.db(), self.scope().principal().subject()).await
    }

    /// Makes a workspace and its first member together.
    ///
    /// # Errors
    /// [`Error::Conflict`] `key`.
    pub async fn insert_workspace(&self, workspace: &Workspace, owner: &Member) -> Result<(), Error> {
        let row = convert::workspace_row(workspace).into_active_model();
        workspace::Entity::insert(row).exec_without_returning(&self.db()).await?;
        let row = convert::member_row(owner).into_active_model();
        membership::Entity::insert(row).exec_without_returning(&self.db()).await?;
        Ok(())
    }
}
