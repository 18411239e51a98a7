//! Templates, connectors, their versions, and credentials.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::dialect::{drop, keep_updated_at, run};

/// The step.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLES: &str = r"
CREATE TABLE connector_templates (
    id TEXT NOT NULL PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    summary TEXT NOT NULL,
    description TEXT,
    setup_guide TEXT,
    icon TEXT,
    category TEXT,
    tags {json} NOT NULL,
    official BOOLEAN NOT NULL,
    featured BOOLEAN NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('unpublished', 'published', 'deprecated')),
    -- no foreign key: it would close a circle with template_versions; publishing sets it
    latest_version_id TEXT,
    install_count BIGINT NOT NULL DEFAULT 0,
    revision INTEGER NOT NULL,
    created_at {time} NOT NULL,
    updated_at {time} NOT NULL
);
-- the catalogue by category
CREATE INDEX connector_templates_by_category ON connector_templates (category, id);

CREATE TABLE template_versions (
    id TEXT NOT NULL PRIMARY KEY,
    template_id TEXT NOT NULL REFERENCES connector_templates (id) ON DELETE CASCADE,
    version TEXT NOT NULL,
    status TEXT NOT NULL
        CHECK (status IN ('draft', 'in_review', 'changes_requested', 'rejected', 'published', 'withdrawn')),
    definition {json} NOT NULL,
    hash TEXT NOT NULL,
    changelog TEXT,
    breaking BOOLEAN NOT NULL,
    created_at {time} NOT NULL,
    published_at {time},
    UNIQUE (template_id, version)
);
-- the versions of a template, newest first
CREATE INDEX template_versions_by_template ON template_versions (template_id, id);

CREATE TABLE connectors (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    icon TEXT,
    tags {json} NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('draft', 'active', 'paused', 'blocked', 'archived')),
    revision INTEGER NOT NULL,
    draft {json} NOT NULL,
    -- no foreign key: it would close a circle with connector_versions
    published_version_id TEXT,
    published_hash TEXT,
    config {json} NOT NULL,
    bindings {json} NOT NULL,
    max_concurrency INTEGER,
    template_id TEXT REFERENCES connector_templates (id) ON DELETE SET NULL,
    template_version_id TEXT,
    run_count BIGINT NOT NULL DEFAULT 0,
    success_count BIGINT NOT NULL DEFAULT 0,
    failure_count BIGINT NOT NULL DEFAULT 0,
    last_run_at {time},
    created_by TEXT NOT NULL,
    created_at {time} NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at {time} NOT NULL,
    UNIQUE (workspace_id, id),
    -- one connector by its key
    UNIQUE (workspace_id, key)
);
-- connectors by time of change, the usual order of the list
CREATE INDEX connectors_by_updated_at ON connectors (workspace_id, updated_at, id);
-- connectors by name, the other usual order
CREATE INDEX connectors_by_name ON connectors (workspace_id, lower(name), id);
-- connectors made from a template
CREATE INDEX connectors_by_template ON connectors (template_id) WHERE template_id IS NOT NULL;

CREATE TABLE connector_versions (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    connector_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    definition {json} NOT NULL,
    hash TEXT NOT NULL,
    note TEXT,
    published_by TEXT NOT NULL,
    published_at {time} NOT NULL,
    FOREIGN KEY (workspace_id, connector_id) REFERENCES connectors (workspace_id, id) ON DELETE CASCADE,
    UNIQUE (workspace_id, id),
    -- the next number, and the versions of a connector
    UNIQUE (workspace_id, connector_id, number)
);

CREATE TABLE workspace_api_credentials (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('api_key', 'bearer', 'basic')),
    fields {json} NOT NULL,
    allowed_hosts {json} NOT NULL,
    health TEXT NOT NULL CHECK (health IN ('unknown', 'ok', 'failing', 'expired')),
    -- ciphertext of all secret parts; opened by the vault alone
    sealed {bytes} NOT NULL,
    last_used_at {time},
    revision INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    created_at {time} NOT NULL,
    rotated_at {time} NOT NULL,
    expires_at {time},
    updated_at {time} NOT NULL DEFAULT ({now}),
    UNIQUE (workspace_id, id),
    -- one credential by name, and the list in order of names
    UNIQUE (workspace_id, name)
);
";

#[async_trait::async_trait]
#[expect(elided_lifetimes_in_paths, reason = "the trait elides it, and an anonymous lifetime would not match")]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, TABLES).await?;
        let texts = "slug, name, summary, description, setup_guide, icon, category, tags, official, featured, status, revision";
        keep_updated_at(manager, "connector_templates", texts).await?;
        let settings =
            "key, name, description, icon, tags, status, revision, draft, published_version_id, config, bindings, max_concurrency";
        keep_updated_at(manager, "connectors", settings).await?;
        keep_updated_at(manager, "workspace_api_credentials", "name, kind, fields, allowed_hosts, sealed, revision, expires_at").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["workspace_api_credentials", "connector_versions", "connectors", "template_versions", "connector_templates"]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
