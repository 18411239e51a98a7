//! Rows as sea-orm sees them: one file per table, no behaviour.
//!
//! Enums are kept as their stored text and turned into values by `store`, which also knows what to say when they cannot be.

pub mod connector;
pub mod connector_execution;
pub mod connector_template;
pub mod connector_version;
pub mod contact;
pub mod contact_field_change;
pub mod execution_log;
pub mod execution_step;
pub mod saas_admin_user;
pub mod template_version;
pub mod workspace;
pub mod workspace_api_credential;
pub mod workspace_member;
