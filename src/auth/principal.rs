//! The subject a token stands for. It says who, never what they may do.

use chrono::{DateTime, Utc};

use crate::domain::workspace::{Actor, ActorKind};

/// A party that proved who it is. Only the verifier makes one.
#[derive(Debug, Clone)]
pub struct Principal {
    actor: Actor,
    subject: String,
    email: Option<String>,
    expires_at: DateTime<Utc>,
}

impl Principal {
    pub(super) fn new(subject: String, email: Option<String>, service: bool, expires_at: DateTime<Utc>) -> Self {
        let kind = if service { ActorKind::Service } else { ActorKind::User };
        Self { actor: Actor { kind, subject: Some(subject.clone()) }, subject, email, expires_at }
    }

    /// The party as recorded with what it does.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The token's `sub`: never empty, at most 255 characters, no control characters.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The token's `email`, if it carries a usable one.
    pub fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }

    /// Is it a program with a service token?
    pub fn is_service(&self) -> bool {
        self.actor.kind == ActorKind::Service
    }

    /// The token's `exp`; it is honoured for [`super::LEEWAY`] longer.
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }
}
