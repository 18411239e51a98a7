//! The language `connectors/v1` as one table: every object, its fields, and what each may hold.
//!
//! From [`table`] come the check of a document's shape, the JSON Schema of the language and the settings of the step kinds,
//! so that none of them can know a field the others do not.

mod kinds;
mod pattern;
mod schema;
pub mod table;

pub(in crate::domain::definition) use kinds::STEP_KINDS;
pub use kinds::{StepKindInfo, step_kinds};
pub use pattern::Pattern;
pub use schema::definition_schema;

/// An object of the language.
#[derive(Debug)]
pub struct Object {
    /// Its name in the JSON Schema.
    pub name: &'static str,
    /// One sentence.
    pub doc: &'static str,
    /// Fields it shares with others.
    pub base: &'static [Field],
    /// Its own fields.
    pub fields: &'static [Field],
}

impl Object {
    /// Every field, shared ones first.
    pub fn all(&self) -> impl Iterator<Item = &'static Field> {
        self.base.iter().chain(self.fields)
    }

    /// The field of that name.
    pub fn find(&self, name: &str) -> Option<&'static Field> {
        self.all().find(|field| field.name == name)
    }
}

/// A field of an object.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// Must it be there?
    pub required: bool,
    /// What holds when it is left out, as JSON text.
    pub default: Option<&'static str>,
    /// One sentence.
    pub doc: &'static str,
}

impl Field {
    const fn new(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, shape, required: false, default: None, doc }
    }

    /// A field of the language that this server does not run yet.
    const fn later(name: &'static str) -> Self {
        Self::new(name, Shape::Later, "Not run by this server yet.")
    }

    const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    const fn default(self, json: &'static str) -> Self {
        Self { default: Some(json), ..self }
    }
}

/// What a field may hold.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// The name of the format.
    Spec,
    /// Text, taken as it is, of so many characters at most.
    Text(usize),
    /// Text people know the thing by: as `Text`, not empty, and without characters they cannot see.
    Label(usize),
    /// Text of a form.
    Pattern(Pattern),
    /// Text with expressions in it.
    Template,
    /// Text with expressions in it, a number or a boolean.
    Scalar,
    /// Exactly one expression.
    Expression,
    /// Exactly one expression, or a number from 0 to 1.
    Share,
    /// Exactly one expression, or a number that is not negative.
    Amount,
    /// Any JSON with expressions in its texts.
    Values,
    /// Any JSON, taken as it is.
    Json,
    /// Any JSON object, taken as it is.
    JsonObject,
    /// A JSON Schema of an object.
    JsonSchema,
    /// A JSONPath, RFC 9535.
    JsonPath,
    /// An ISO 8601 duration.
    Duration {
        /// May it be zero?
        zero: bool,
        /// Seconds at most.
        max_secs: u64,
    },
    /// A number from the first to the second.
    Number(f64, f64),
    /// A whole number from the first to the second.
    Integer(u64, u64),
    /// True or false.
    Bool,
    /// One of some words.
    Words {
        /// Those that can be used.
        known: &'static [&'static str],
        /// Those this server does not run yet.
        later: &'static [&'static str],
    },
    /// A list.
    List {
        /// What it holds.
        of: &'static Shape,
        /// At least so many.
        min: usize,
        /// At most so many.
        max: usize,
    },
    /// An object whose member names are free.
    Map {
        /// What it holds.
        of: &'static Shape,
        /// Form of the names.
        keys: Pattern,
        /// At most so many.
        max: usize,
    },
    /// An object of the language.
    Object(&'static Object),
    /// A step of any kind.
    Step,
    /// Part of the language, but not run by this server yet.
    Later,
}
