//! Name resolution under the policy: every address is judged, and exactly the judged ones are dialled.
//!
//! One closed answer closes the whole name, so that mixed answers and rebinding gain nothing. IP literals never come
//! here; the policy judges them in the URL.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::policy::{Policy, Reach};

/// Resolves by the machine's resolver, within a reach.
pub(super) struct Resolver {
    policy: Arc<Policy>,
    reach: Reach,
}

/// The name leads somewhere that is closed. Travels through the client's error to where it is told from other failures.
#[derive(Debug, thiserror::Error)]
#[error("the name resolves to an address that is closed")]
pub(super) struct ClosedName;

impl Resolver {
    pub(super) fn new(policy: Arc<Policy>, reach: Reach) -> Self {
        Self { policy, reach }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, reach) = (Arc::clone(&self.policy), self.reach);
        Box::pin(async move {
            let name = as_asked(name.as_str(), reach);
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(judge(found, &policy, reach)?)
        })
    }
}

/// A public name is asked for absolutely, so that no search domain of this machine is tried after it.
fn as_asked(name: &str, reach: Reach) -> String {
    let absolute = reach == Reach::Allowed || name.ends_with('.');
    if absolute { name.to_owned() } else { format!("{name}.") }
}

fn judge(found: Vec<SocketAddr>, policy: &Policy, reach: Reach) -> Result<Addrs, ClosedName> {
    if found.iter().all(|address| policy.is_open(address.ip(), reach)) { Ok(Box::new(found.into_iter())) } else { Err(ClosedName) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answers: &[&str], allow: &[&str], reach: Reach, expected: bool) {
        let policy = Policy::new(&allow.iter().map(|network| network.parse().unwrap()).collect::<Vec<_>>());
        let found = answers.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 0)).collect();
        assert_eq!(judge(found, &policy, reach).is_ok(), expected, "{answers:?} {allow:?} {reach:?}");
    }

    #[test]
    fn ssrf_5_one_closed_answer_closes_the_name() {
        check(&["8.8.8.8"], &[], Reach::Public, true);
        check(&["8.8.8.8", "2606:4700::1111"], &[], Reach::Public, true);
        check(&["10.0.0.1"], &[], Reach::Public, false);
        check(&["8.8.8.8", "10.0.0.1"], &[], Reach::Public, false);
        check(&["8.8.8.8", "fd00::1"], &[], Reach::Public, false);
        check(&["8.8.8.8", "::ffff:127.0.0.1"], &[], Reach::Public, false);
        check(&["169.254.169.254"], &["0.0.0.0/0"], Reach::Public, false);
        check(&["8.8.8.8", "10.0.0.1"], &["10.0.0.0/8"], Reach::Public, true);
        check(&["10.0.0.1"], &["10.0.0.0/8"], Reach::Allowed, true);
        check(&["8.8.8.8"], &["10.0.0.0/8"], Reach::Allowed, false);
    }

    #[test]
    fn ssrf_9_public_names_are_asked_for_absolutely() {
        assert_eq!(as_asked("api.x.example", Reach::Public), "api.x.example.");
        assert_eq!(as_asked("api.x.example.", Reach::Public), "api.x.example.");
        assert_eq!(as_asked("db", Reach::Allowed), "db");
    }
}
