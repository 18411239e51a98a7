//! The schema's history: one file per step, written by hand and never derived from the entities, which move on.
//!
//! A step that was shipped is frozen; a change of the schema is a new step.

mod dialect;
mod functions;
mod m20261123_1_create_workspaces;
mod m20261123_2_create_connectors;
mod m20261123_3_create_executions;
mod m20261123_4_create_contacts;
mod m20261125_1_watch_workers;
mod m20261125_2_enforce_row_security;
mod m20261125_3_narrow_services;
mod m20261125_4_nest_steps;
mod m20261125_5_index_lists;
mod m20261125_6_keep_plans;
mod rls;
mod roles;

pub use rls::{Privilege, privileges};

use sea_orm_migration::prelude::{MigrationTrait, MigratorTrait};

/// Applies the steps in order; each is recorded in the same transaction as its changes.
#[derive(Debug, Clone, Copy)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_1_create_workspaces::Migration),
            Box::new(m20261123_2_create_connectors::Migration),
            Box::new(m20261123_3_create_executions::Migration),
            Box::new(m20261123_4_create_contacts::Migration),
            Box::new(m20261125_1_watch_workers::Migration),
            Box::new(m20261125_2_enforce_row_security::Migration),
            Box::new(m20261125_3_narrow_services::Migration),
            Box::new(m20261125_4_nest_steps::Migration),
            Box::new(m20261125_5_index_lists::Migration),
            Box::new(m20261125_6_keep_plans::Migration),
        ]
    }
}
