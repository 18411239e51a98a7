//! Two workspaces that hold the same: one object of each kind, with the workspace's own mark in every text.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use super::callers::Tokens;
use super::schema::Schema;

/// Objects by the name of their type.
pub type Ids = BTreeMap<String, String>;

/// A workspace and what is in it.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Key, name or text of everything in it that has one.
    pub mark: String,
    /// The subject that owns it.
    pub owner: String,
    /// The key of a workspace its owner might still make.
    pub second: String,
    /// The definition its connector follows.
    pub definition: Value,
    /// Its object of each type.
    pub ids: Ids,
    /// Ids of types it has no object of: of what both may see, or of nothing at all. Questions are put with them, but
    /// they are not what is looked for.
    pub shared: Ids,
}

impl Tenant {
    /// A workspace that holds nothing yet; its members are called like it.
    pub fn new(mark: &str, definition: Value) -> Self {
        let (owner, second) = (format!("{mark}-owner"), format!("{mark}-second"));
        Self { mark: mark.to_owned(), owner, second, definition, ids: Ids::new(), shared: Ids::new() }
    }

    /// The id of its object of this type.
    pub fn id(&self, kind: &str) -> Option<&str> {
        self.ids.get(kind).map(String::as_str)
    }

    /// An id of this type to put a question with.
    pub fn any(&self, kind: &str) -> &str {
        self.ids.get(kind).or_else(|| self.shared.get(kind)).map(String::as_str).unwrap_or_default()
    }

    /// Its member in a role.
    pub fn member(&self, role: &str) -> String {
        if role == "OWNER" { self.owner.clone() } else { format!("{}-{}", self.mark, role.to_lowercase()) }
    }
}

/// A name that only the guarded workspace uses, or that only SaaS admins may know.
#[derive(Debug, Clone)]
pub struct Word {
    /// The name.
    pub foreign: String,
    /// One as long that nobody uses.
    pub twin: String,
    /// May SaaS admins know it?
    pub admins_may: bool,
}

/// A workspace to be guarded, one to be asked from, and who asks.
#[derive(Debug, Clone)]
pub struct Scene {
    /// The one to be guarded.
    pub foreign: Tenant,
    /// The one to be asked from.
    pub own: Tenant,
    /// Foreign names.
    pub words: Vec<Word>,
    /// What is in every text of the guarded workspace and nowhere else.
    pub canary: String,
    /// Who asks.
    pub tokens: Tokens,
}

impl Scene {
    /// Every type with a global id that the guarded workspace has an object of, and that object.
    pub fn foreign_nodes<'a>(&'a self, schema: &'a Schema) -> impl Iterator<Item = (&'a str, &'a str)> {
        schema.implementers("Node").into_iter().filter_map(|kind| Some((kind, self.foreign.id(kind)?)))
    }

    /// The ids that only the guarded workspace has, out of the rows of both as text.
    pub fn guarded(&self, foreign: &[&str], others: &[&str]) -> HashSet<String> {
        let known: HashSet<_> = others.iter().flat_map(|row| ids(row)).collect();
        let held = foreign.iter().flat_map(|row| ids(row)).filter(|id| !known.contains(id)).map(str::to_owned);
        held.chain(self.foreign.ids.values().cloned()).collect()
    }
}

/// The ids in a text: a prefix, `_`, and 26 characters.
pub fn ids(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.len() > 28 && word.split_once('_').is_some_and(|(prefix, rest)| prefix.len() < 4 && rest.len() == 26))
}
