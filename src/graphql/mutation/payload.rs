//! The payloads of all mutations, and the interface they share.

use async_graphql::{ID, Interface, SimpleObject};

use crate::app;
use crate::graphql::error::Result;
use crate::graphql::types::{
    Connector, ConnectorVersion, Contact, Credential, Edge, Execution, SaasAdmin, Template, TemplateInstallation, TemplateVersion,
    UserError, Workspace, WorkspaceMember, user_errors,
};

/// Gives payloads their fields and `userErrors`, and the interface that holds them together.
macro_rules! payloads {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(SimpleObject, Default)]
            pub(crate) struct $name {
                $($(#[$field_doc])* pub(crate) $field: $type,)*
                /// Why nothing was changed; empty when it was.
                #[graphql(owned)]
                pub(crate) user_errors: Vec<UserError>,
            }

            impl $name {
                /// The payload of what was done, or of why it was not.
                pub(crate) fn of<T>(done: app::Result<T>, show: impl FnOnce(T) -> Self) -> Result<Option<Self>> {
                    Ok(Some(match done {
                        Ok(done) => show(done),
                        Err(error) => Self { user_errors: user_errors(error)?, ..Self::default() },
                    }))
                }
            }
        )*

        /// What all mutations give.
        #[derive(Interface)]
        #[expect(clippy::enum_variant_names, reason = "variants are named as their types, types as the contract has them")]
        #[graphql(field(name = "user_errors", ty = "Vec<UserError>", desc = "Why nothing was changed; empty when it was."))]
        pub(crate) enum MutationPayload {
            $($name($name),)*
        }
    };
}

payloads! {
    /// What came of `workspaceCreate`.
    WorkspaceCreatePayload {
        /// The workspace that was made.
        workspace: Option<Workspace>,
    }

    /// What came of `workspaceUpdate`.
    WorkspaceUpdatePayload {
        /// The workspace by now.
        workspace: Option<Workspace>,
    }

    /// What came of `workspaceMemberAdd`.
    WorkspaceMemberAddPayload {
        /// The member that was added.
        member: Option<WorkspaceMember>,
    }

    /// What came of `workspaceMemberUpdate`.
    WorkspaceMemberUpdatePayload {
        /// The member by now.
        member: Option<WorkspaceMember>,
    }

    /// What came of `workspaceMemberRemove`.
    WorkspaceMemberRemovePayload {
        /// The id of the membership that is gone.
        deleted_id: Option<ID>,
    }

    /// What came of `connectorCreate`.
    ConnectorCreatePayload {
        /// The connector that was made.
        connector: Option<Connector>,
        /// The same as an edge, ready to be put into a list.
        edge: Option<Edge<Connector>>,
    }

    /// What came of `connectorUpdate`.
    ConnectorUpdatePayload {
        /// The connector by now.
        connector: Option<Connector>,
        /// The version that was published, if one was.
        version: Option<ConnectorVersion>,
    }

    /// What came of `connectorPublish`.
    ConnectorPublishPayload {
        /// The connector by now.
        connector: Option<Connector>,
        /// The version that was published; if nothing had changed, the one there was.
        version: Option<ConnectorVersion>,
    }

    /// What came of `connectorDelete`.
    ConnectorDeletePayload {
        /// The id of the connector that is gone.
        deleted_id: Option<ID>,
    }

    /// What came of `connectorCredentialsBind`.
    ConnectorCredentialsBindPayload {
        /// The connector by now.
        connector: Option<Connector>,
    }

    /// What came of `connectorTest`.
    ConnectorTestPayload {
        /// The run of kind TEST.
        execution: Option<Execution>,
        /// Was it over within `waitMs`?
        finished: Option<bool>,
    }

    /// What came of `credentialCreate`.
    CredentialCreatePayload {
        /// The credential that was made.
        credential: Option<Credential>,
        /// The same as an edge, ready to be put into a list.
        edge: Option<Edge<Credential>>,
    }

    /// What came of `credentialDelete`.
    CredentialDeletePayload {
        /// The id of the credential that is gone.
        deleted_id: Option<ID>,
    }

    /// What came of `templateInstall`.
    TemplateInstallPayload {
        /// The connector that was made.
        connector: Option<Connector>,
        /// What ties it to the template.
        installation: Option<TemplateInstallation>,
        /// The credentials that were made along the way.
        created_credentials: Option<Vec<Credential>>,
    }

    /// What came of `executionStart`.
    ExecutionStartPayload {
        /// The execution, as far as it has come.
        execution: Option<Execution>,
        /// Was it over within `waitMs`?
        finished: Option<bool>,
        /// Did an earlier call with the same idempotency key begin it?
        repeated: Option<bool>,
    }

    /// What came of `executionCancel`.
    ExecutionCancelPayload {
        /// The execution by now.
        execution: Option<Execution>,
    }

    /// What came of `contactUpsert`.
    ContactUpsertPayload {
        /// The contact by now.
        contact: Option<Contact>,
        /// Is it a new one?
        created: Option<bool>,
    }

    /// What came of `contactsImport`.
    ContactsImportPayload {
        /// What became of each row, in the order of the input.
        rows: Option<Vec<ContactImportRow>>,
        /// The number of contacts that are new.
        created_count: Option<i32>,
        /// The number of contacts that were changed.
        changed_count: Option<i32>,
    }

    /// What came of `adminTemplateCreate`.
    AdminTemplateCreatePayload {
        /// The template that was made.
        template: Option<Template>,
        /// Its first version.
        version: Option<TemplateVersion>,
    }

    /// What came of `adminTemplateVersionCreate`.
    AdminTemplateVersionCreatePayload {
        /// The version that was added.
        version: Option<TemplateVersion>,
    }

    /// What came of `adminTemplateVersionPublish`.
    AdminTemplateVersionPublishPayload {
        /// The version by now.
        version: Option<TemplateVersion>,
    }

    /// What came of `adminSaasAdminAdd`.
    AdminSaasAdminAddPayload {
        /// The SaaS admin that was added.
        saas_admin: Option<SaasAdmin>,
    }
}

/// What became of one row of an import.
#[derive(SimpleObject)]
pub(crate) struct ContactImportRow {
    /// Its place in the input, where counting begins at 0.
    pub(crate) index: i32,
    /// The contact, if the row made or changed one.
    pub(crate) contact: Option<Contact>,
    /// Is that a new one?
    pub(crate) created: bool,
    /// Why the row made or changed none.
    pub(crate) user_errors: Vec<UserError>,
}
