//! Who asks.

use std::collections::BTreeMap;
use std::fmt;

/// A party that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caller {
    /// A member of the other workspace, in a role.
    Neighbour(&'static str),
    /// Someone without any workspace.
    Stranger,
    /// A SaaS admin without any workspace.
    Reviewer,
    /// The SaaS admin with all rights, who made the templates.
    Publisher,
    /// Nobody: no token.
    Anonymous,
    /// The owner of the guarded workspace, with a token whose time is over.
    Expired,
    /// The owner of the guarded workspace, as a token of another server says.
    Forged,
    /// A member of the guarded workspace, in a role.
    Insider(&'static str),
}

/// The token each caller shows; whoever is not in here does not ask.
pub type Tokens = BTreeMap<Caller, Option<String>>;

impl Caller {
    /// Those whose token is good and who have no business in the guarded workspace.
    pub const OUTSIDERS: [Self; 4] = [Self::Neighbour("OWNER"), Self::Neighbour("VIEWER"), Self::Stranger, Self::Reviewer];
    /// Those without a good token, and the code they get.
    pub const UNKNOWN: [(Self, &'static str); 3] =
        [(Self::Anonymous, "UNAUTHENTICATED"), (Self::Expired, "TOKEN_EXPIRED"), (Self::Forged, "UNAUTHENTICATED")];

    /// Is the foreign object of this id kept from the caller? SaaS admins may see templates that are not published, and
    /// each other.
    pub fn is_kept_from(self, id: &str) -> bool {
        self != Self::Reviewer || !["tpl_", "tpv_", "adm_"].iter().any(|prefix| id.starts_with(prefix))
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Neighbour(role) => write!(out, "{} of the other workspace", role.to_lowercase()),
            Self::Stranger => out.write_str("someone without a workspace"),
            Self::Reviewer => out.write_str("SaaS admin, reviewer"),
            Self::Publisher => out.write_str("SaaS admin, publisher"),
            Self::Anonymous => out.write_str("no token"),
            Self::Expired => out.write_str("expired token"),
            Self::Forged => out.write_str("token of another server"),
            Self::Insider(role) => write!(out, "{} of the guarded workspace", role.to_lowercase()),
        }
    }
}
