//! Who asks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use connectors::auth::{Grant, Options, Verifier};
use connectors::clock::SystemClock;

use super::rules::ROLES;
use super::scene::{PUBLISHER, REVIEWER, Scene};

/// A party that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Caller {
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

impl Caller {
    /// Those whose token is good and who have no business in the guarded workspace.
    pub(super) const OUTSIDERS: [Self; 4] = [Self::Neighbour("OWNER"), Self::Neighbour("VIEWER"), Self::Stranger, Self::Reviewer];
    /// Those without a good token, and the code they get.
    pub(super) const UNKNOWN: [(Self, &'static str); 3] =
        [(Self::Anonymous, "UNAUTHENTICATED"), (Self::Expired, "TOKEN_EXPIRED"), (Self::Forged, "UNAUTHENTICATED")];

    /// Is the foreign object of this id kept from the caller? SaaS admins may see templates that are not published, and
    /// each other.
    pub(super) fn is_kept_from(self, id: &str) -> bool {
        self != Self::Reviewer || !["tpl_", "tpv_", "adm_"].iter().any(|prefix| id.starts_with(prefix))
    }
}

/// The token each caller shows.
pub(super) fn tokens(scene: &Scene) -> BTreeMap<Caller, Option<String>> {
    let app = &scene.app;
    let owner = scene.foreign.member("OWNER");
    let mut tokens = BTreeMap::from([
        (Caller::Stranger, Some(app.token("stranger"))),
        (Caller::Reviewer, Some(app.token(REVIEWER))),
        (Caller::Publisher, Some(app.token(PUBLISHER))),
        (Caller::Anonymous, None),
        (Caller::Expired, Some(app.expired_token(&owner))),
        (Caller::Forged, Some(forged(&owner))),
    ]);
    for role in ROLES {
        tokens.insert(Caller::Insider(role), Some(app.token(&scene.foreign.member(role))));
        tokens.insert(Caller::Neighbour(role), Some(app.token(&scene.own.member(role))));
    }
    tokens
}

fn forged(subject: &str) -> String {
    let options = Options { jwt_secret: connectors::auth::generate_secret().unwrap(), ..Options::default() };
    let verifier = Verifier::new(&options, Arc::new(SystemClock)).unwrap();
    verifier.mint(&Grant::user(subject, Duration::from_hours(1))).unwrap()
}
