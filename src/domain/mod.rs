//! Values of the business: no I/O, no async, no clock of its own.
//!
//! Start with [`definition`], the document everything else serves; then [`execution`], one run of it.

pub mod connector;
pub mod contact;
pub mod credential;
pub mod definition;
pub mod event;
pub mod exchange;
pub mod execution;
pub mod id;
pub mod lease;
pub mod page;
pub mod problem;
pub mod step_log;
pub mod template;
pub mod workspace;

/// Gives an enum its stored form (lower snake), and reads it back.
macro_rules! stored_enum {
    ($(#[$doc:meta])* $vis:vis enum $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        $vis enum $name { $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)* }

        impl $name {
            /// Every one, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As stored: lower snake.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// From its stored form.
            pub fn from_stored(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    };
}
pub(crate) use stored_enum;
