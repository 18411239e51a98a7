//! Object, input and enum types, one file per noun. Each object holds the scope its row was read in, and everything
//! reached from it is read in that scope.

mod actor;
mod admin;
mod connector;
mod contact;
mod credential;
mod definition;
mod enums;
mod execution;
mod flow;
mod input;
mod installation;
mod log;
mod node;
mod page;
mod server;
mod step;
mod template;
mod user_error;
mod workspace;

pub(crate) use actor::{Actor, Viewer};
pub(crate) use admin::{Admin, SaasAdmin};
pub(crate) use connector::{Connector, ConnectorVersion};
pub(crate) use contact::{Contact, ContactFieldChange};
pub(crate) use credential::Credential;
pub(crate) use definition::{DefinitionProblem, DefinitionValidation, DefinitionView, ExpressionPreview, StepKind};
pub(crate) use enums::*;
pub(crate) use execution::{Execution, ExecutionError};
pub(crate) use input::*;
pub(crate) use installation::TemplateInstallation;
pub(crate) use log::LogEntry;
pub(crate) use node::Node;
pub(crate) use page::{Connection, Edge, PageArgs, page_cost};
pub(crate) use server::{ServerInfo, server_info};
pub(crate) use step::StepRun;
pub(crate) use template::{Template, TemplateVersion};
pub(crate) use user_error::{UserError, user_errors};
pub(crate) use workspace::{Workspace, WorkspaceMember};
