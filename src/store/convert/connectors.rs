//! Connectors, their versions, and credentials.

use connectors_entity::{connector, connector_version, workspace_api_credential};

use super::{Error, count, id, json, maybe_id, ms, typed, word};
use crate::domain::connector::{Connector, ConnectorStatus, ConnectorVersion};
use crate::domain::credential::{Credential, CredentialHealth, CredentialKind, SealedSecret};
use crate::domain::workspace::Actor;

pub(in super::super) fn connector(row: connector::Model) -> Result<Connector, Error> {
    Ok(Connector {
        id: id(&row.id)?,
        workspace_id: id(&row.workspace_id)?,
        key: row.key,
        name: row.name,
        description: row.description,
        icon: row.icon,
        tags: typed(row.tags)?,
        status: word(&row.status, ConnectorStatus::from_stored)?,
        revision: row.revision,
        draft: row.draft,
        published_version_id: maybe_id(row.published_version_id.as_ref())?,
        published_hash: row.published_hash,
        config: row.config,
        bindings: typed(row.bindings)?,
        max_concurrency: row.max_concurrency.map(count).transpose()?,
        template_id: maybe_id(row.template_id.as_ref())?,
        template_version_id: maybe_id(row.template_version_id.as_ref())?,
        run_count: row.run_count,
        success_count: row.success_count,
        failure_count: row.failure_count,
        last_run_at: row.last_run_at,
        created_by: Actor::from_stored(&row.created_by),
        created_at: row.created_at,
        updated_by: Actor::from_stored(&row.updated_by),
        updated_at: row.updated_at,
    })
}

pub(in super::super) fn connector_row(value: &Connector) -> connector::Model {
    connector::Model {
        id: value.id.to_string(),
        workspace_id: value.workspace_id.to_string(),
        key: value.key.clone(),
        name: value.name.clone(),
        description: value.description.clone(),
        icon: value.icon.clone(),
        tags: json(&value.tags),
        status: value.status.as_str().to_owned(),
        revision: value.revision,
        draft: value.draft.clone(),
        published_version_id: value.published_version_id.map(|id| id.to_string()),
        published_hash: value.published_hash.clone(),
        config: value.config.clone(),
        bindings: json(&value.bindings),
        max_concurrency: value.max_concurrency.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)),
        template_id: value.template_id.map(|id| id.to_string()),
        template_version_id: value.template_version_id.map(|id| id.to_string()),
        run_count: value.run_count,
        success_count: value.success_count,
        failure_count: value.failure_count,
        last_run_at: value.last_run_at.map(ms),
        created_by: value.created_by.stored(),
        created_at: ms(value.created_at),
        updated_by: value.updated_by.stored(),
        updated_at: ms(value.updated_at),
    }
}

pub(in super::super) fn version(row: connector_version::Model) -> Result<ConnectorVersion, Error> {
    Ok(ConnectorVersion {
        id: id(&row.id)?,
        workspace_id: id(&row.workspace_id)?,
        connector_id: id(&row.connector_id)?,
        number: row.number,
        definition: row.definition,
        hash: row.hash,
        note: row.note,
        published_by: Actor::from_stored(&row.published_by),
        published_at: row.published_at,
    })
}

pub(in super::super) fn version_row(value: &ConnectorVersion) -> connector_version::Model {
    connector_version::Model {
        id: value.id.to_string(),
        workspace_id: value.workspace_id.to_string(),
        connector_id: value.connector_id.to_string(),
        number: value.number,
        definition: value.definition.clone(),
        hash: value.hash.clone(),
        note: value.note.clone(),
        published_by: value.published_by.stored(),
        published_at: ms(value.published_at),
    }
}

/// The credential and, apart from it, its ciphertext.
pub(in super::super) fn credential(row: workspace_api_credential::Model) -> Result<(Credential, SealedSecret), Error> {
    let credential = Credential {
        id: id(&row.id)?,
        workspace_id: id(&row.workspace_id)?,
        name: row.name,
        kind: word(&row.kind, CredentialKind::from_stored)?,
        fields: typed(row.fields)?,
        allowed_hosts: typed(row.allowed_hosts)?,
        health: word(&row.health, CredentialHealth::from_stored)?,
        last_used_at: row.last_used_at,
        revision: row.revision,
        created_by: Actor::from_stored(&row.created_by),
        created_at: row.created_at,
        rotated_at: row.rotated_at,
        expires_at: row.expires_at,
    };
    Ok((credential, SealedSecret(row.sealed)))
}

pub(in super::super) fn credential_row(value: &Credential, sealed: &SealedSecret) -> workspace_api_credential::Model {
    workspace_api_credential::Model {
        id: value.id.to_string(),
        workspace_id: value.workspace_id.to_string(),
        name: value.name.clone(),
        kind: value.kind.as_str().to_owned(),
        fields: json(&value.fields),
        allowed_hosts: json(&value.allowed_hosts),
        health: value.health.as_str().to_owned(),
        sealed: sealed.0.clone(),
        last_used_at: value.last_used_at.map(ms),
        revision: value.revision,
        created_by: value.created_by.stored(),
        created_at: ms(value.created_at),
        rotated_at: ms(value.rotated_at),
        expires_at: value.expires_at.map(ms),
        updated_at: ms(value.created_at),
    }
}
