//! The sections as they are written, and how each becomes a layer's `Options`.

use super::{
    Config, Setting,
    units::{Size, Span},
};
use crate::{auth, egress, executor, graphql, http, store, telemetry, vault};
use serde::Deserialize;
use std::{net::SocketAddr, time::Duration};

/// The section `server`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Address and port of the API.
    pub bind: SocketAddr,
    /// Time to hand work back after a signal to stop.
    pub shutdown_grace: Duration,
}

/// The whole document.
#[derive(Deserialize)]
pub(super) struct Sections {
    server: ServerSection,
    http: HttpSection,
    database: DatabaseSection,
    auth: AuthSection,
    encryption: EncryptionSection,
    graphql: GraphqlSection,
    limits: LimitsSection,
    worker: WorkerSection,
    egress: EgressSection,
    log: telemetry::Options,
}

#[derive(Deserialize)]
struct ServerSection {
    bind: String,
    shutdown_grace: Span,
}

#[derive(Deserialize)]
struct HttpSection {
    allowed_origins: Vec<String>,
    require_origin: bool,
    status_profile: String,
    max_connections: usize,
    header_timeout: Span,
    init_timeout: Span,
    ping_interval: Span,
    pong_timeout: Span,
    stall_timeout: Span,
}

#[derive(Deserialize)]
struct DatabaseSection {
    url: String,
    owner_url: String,
    max_connections: u32,
    connect_timeout: Span,
}

#[derive(Deserialize)]
struct AuthSection {
    jwt_secret: String,
    issuer: String,
    audience: String,
}

#[derive(Deserialize)]
struct EncryptionSection {
    key: String,
    previous_keys: Vec<String>,
}

#[derive(Deserialize)]
struct GraphqlSection {
    introspection: bool,
    timeout: Span,
}

#[derive(Deserialize)]
struct LimitsSection {
    depth: usize,
    cost: usize,
    tokens: usize,
    aliases: usize,
    directives: usize,
    root_fields: usize,
    document_bytes: Size,
    body_bytes: Size,
    streams_per_socket: usize,
    sockets_per_subject: usize,
}

#[derive(Deserialize)]
struct WorkerSection {
    concurrency: usize,
    lease: Span,
    sweep: Span,
}

#[derive(Deserialize)]
struct EgressSection {
    allow: Vec<String>,
    connect_timeout: Span,
    max_response_bytes: Size,
}

/// The key whose value cannot be used, and what to write.
type Advice = (&'static str, String);

impl Sections {
    /// Checks what types alone do not hold, and hands each layer its part.
    pub(super) fn into_config(self, settings: Vec<Setting>) -> Result<Config, Advice> {
        let limits = &self.limits;
        let http_limits = http::Limits {
            timeout: self.graphql.timeout.0,
            body_bytes: bytes("limits.body_bytes", limits.body_bytes)?,
            streams_per_socket: limits.streams_per_socket,
            sockets_per_subject: limits.sockets_per_subject,
        };
        Ok(Config {
            server: self.server.check()?,
            http: self.http.check()?,
            http_limits,
            database: self.database.check()?,
            auth: auth::Options { jwt_secret: self.auth.jwt_secret, issuer: given(self.auth.issuer), audience: given(self.auth.audience) },
            encryption: vault::Options { key: given(self.encryption.key), previous_keys: self.encryption.previous_keys },
            graphql: graphql::Options { introspection: self.graphql.introspection, limits: self.limits.check()? },
            worker: self.worker.check()?,
            egress: self.egress.check()?,
            log: self.log,
            settings,
        })
    }
}

fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn bytes(key: &'static str, size: Size) -> Result<usize, Advice> {
    usize::try_from(size.0).map_err(|_| (key, "write a smaller size".to_owned()))
}

impl ServerSection {
    fn check(self) -> Result<Server, Advice> {
        let bind = self.bind.parse();
        let bind = bind.map_err(|_| ("server.bind", "write an IP address and a port, e.g. \"127.0.0.1:4000\"".to_owned()))?;
        Ok(Server { bind, shutdown_grace: self.shutdown_grace.0 })
    }
}

impl HttpSection {
    fn check(self) -> Result<http::Options, Advice> {
        let is_origin =
            |text: &String| text.parse::<url::Url>().is_ok_and(|url| url.origin().ascii_serialization() == *text && text != "null");
        if !self.allowed_origins.iter().all(is_origin) {
            let advice = "write each origin as a browser sends it: scheme, host and any unusual port, e.g. \"https://app.example.com\"; `*` is not one";
            return Err(("http.allowed_origins", advice.to_owned()));
        }
        let status_profile = match self.status_profile.as_str() {
            "current" => http::StatusProfile::Current,
            "draft" => http::StatusProfile::Draft,
            _ => return Err(("http.status_profile", "write \"current\" or \"draft\"".to_owned())),
        };
        if self.max_connections == 0 {
            return Err(("http.max_connections", "write a number above 0".to_owned()));
        }
        Ok(http::Options {
            allowed_origins: self.allowed_origins,
            require_origin: self.require_origin,
            status_profile,
            max_connections: self.max_connections,
            header_timeout: self.header_timeout.0,
            init_timeout: self.init_timeout.0,
            ping_interval: self.ping_interval.0,
            pong_timeout: self.pong_timeout.0,
            stall_timeout: self.stall_timeout.0,
            ..http::Options::default()
        })
    }
}

impl DatabaseSection {
    fn check(self) -> Result<store::Options, Advice> {
        if !(1..=1000).contains(&self.max_connections) {
            return Err(("database.max_connections", "write a number from 1 to 1000".to_owned()));
        }
        if self.url.is_empty() {
            return Err((
                "database.url",
                "write where the rows are, e.g. \"sqlite:connectors.db\" or \"postgres://user@host/database\"".to_owned(),
            ));
        }
        Ok(store::Options {
            url: self.url,
            owner_url: self.owner_url,
            max_connections: self.max_connections,
            connect_timeout: self.connect_timeout.0,
            ..store::Options::default()
        })
    }
}

impl LimitsSection {
    fn check(self) -> Result<graphql::Limits, Advice> {
        let counts = [
            ("limits.depth", self.depth),
            ("limits.cost", self.cost),
            ("limits.tokens", self.tokens),
            ("limits.root_fields", self.root_fields),
            ("limits.streams_per_socket", self.streams_per_socket),
            ("limits.sockets_per_subject", self.sockets_per_subject),
        ];
        if let Some((key, _)) = counts.into_iter().find(|(_, count)| *count == 0) {
            return Err((key, "write a number above 0".to_owned()));
        }
        Ok(graphql::Limits {
            depth: self.depth,
            cost: self.cost,
            tokens: self.tokens,
            aliases: self.aliases,
            directives: self.directives,
            root_fields: self.root_fields,
            document_bytes: bytes("limits.document_bytes", self.document_bytes)?,
            ..graphql::Limits::default()
        })
    }
}

impl WorkerSection {
    fn check(self) -> Result<executor::Options, Advice> {
        if !(1..=10_000).contains(&self.concurrency) {
            return Err(("worker.concurrency", "write a number from 1 to 10000".to_owned()));
        }
        Ok(executor::Options { concurrency: self.concurrency, lease: self.lease.0, sweep: self.sweep.0, ..executor::Options::default() })
    }
}

impl EgressSection {
    fn check(self) -> Result<egress::Options, Advice> {
        let allow = self.allow.iter().map(|text| text.parse()).collect::<Result<_, _>>();
        let allow = allow.map_err(|_| ("egress.allow", "write each network with its prefix length, e.g. \"10.20.0.0/16\"".to_owned()))?;
        Ok(egress::Options { allow, connect_timeout: self.connect_timeout.0, max_response_bytes: self.max_response_bytes.0 })
    }
}
