//! Asks a server everything that one workspace could try to learn of another one, and judges the answers.
//!
//! Nothing here is listed by hand but the access rules in [`rules`]: the probes are derived from the exported schema, so
//! a new field, argument or id is probed by itself. [`run`] asks them all of one [`Scene`], which
//! [`furnish()`] fills; where the answers come from, a socket or this process, is up to the [`Ask`](judge::Ask) it is given.
//!
//! The test suite and `connectors self-test isolation` share it, so it knows neither of them.

pub mod callers;
mod cursors;
mod error;
mod finding;
mod furnish;
pub mod judge;
pub mod operation;
pub mod probes;
pub mod questions;
pub mod rules;
pub mod scene;
pub mod schema;
pub mod selection;
pub mod values;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use judge::Judge;
use probes::Probes;
use scene::Scene;
use schema::Schema;

pub use error::Error;
pub use finding::Finding;
pub use furnish::furnish;

/// Makes the probes of one sort; it is given the cursors of the guarded workspace.
type Make = fn(&mut Probes<'_>, &BTreeSet<String>);

/// The sorts of questions, those that could change something last.
const SORTS: [(&str, Make); 9] = [
    ("what is there is found", |probes, _| probes.control()),
    ("root fields asked by those who may not", |probes, _| probes.access()),
    ("foreign ids in queries", |probes, _| probes.ids_in_queries()),
    ("foreign names and words", |probes, _| probes.texts()),
    ("foreign cursors", |probes, cursors| probes.cursors(cursors)),
    ("orders and filters", |probes, _| probes.orders()),
    ("ways on from foreign objects", |probes, _| probes.nested()),
    ("ways through one's own objects", |probes, _| probes.own()),
    ("foreign ids in mutations", |probes, _| probes.ids_in_mutations()),
];

/// Asks every probe of the scene; the judge has the verdicts. After each sort of question `progress` hears its name and
/// how many probes there were so far.
///
/// # Errors
/// [`Error::Undeclared`] when the schema and the rules do not fit.
pub async fn run(schema: &Schema, scene: &Scene, judge: &mut Judge, progress: &mut (dyn FnMut(&str, usize) + Send)) -> Result<(), Error> {
    let gaps = rules::gaps(schema);
    if !gaps.is_empty() {
        return Err(Error::Undeclared { gaps });
    }
    let cursors = cursors::cursors(schema, scene, judge).await;
    let mut probes = Probes::over(schema, scene);
    for (name, make) in SORTS {
        make(&mut probes, &cursors);
        judge.try_all(std::mem::take(&mut probes.made)).await;
        progress(name, judge.probes);
    }
    Ok(())
}
