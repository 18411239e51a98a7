//! Precedence and messages, with real files and an environment handed in.

use super::*;
use std::{collections::BTreeMap, fs};
use tempfile::TempDir;

struct Place {
    directory: TempDir,
    environment: BTreeMap<String, String>,
    overrides: Overrides,
}

impl Place {
    fn new() -> Self {
        Self { directory: TempDir::new().unwrap(), environment: BTreeMap::new(), overrides: Overrides::default() }
    }

    fn file(self, name: &str, text: &str) -> Self {
        fs::write(self.directory.path().join(name), text).unwrap();
        self
    }

    fn toml(self, text: &str) -> Self {
        self.file("connectors.toml", text)
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.replace("DIR", self.directory.path().to_str().unwrap()));
        self
    }

    fn flag(mut self, flag: &'static str, key: &'static str, value: &str) -> Self {
        self.overrides.flags.push(Flag { flag, key, value: value.to_owned() });
        self
    }

    fn load(&self) -> Result<Config, Error> {
        let surroundings = Surroundings { environment: self.environment.clone(), directory: Some(self.directory.path().to_owned()) };
        Config::load_in(self.overrides.clone(), &surroundings)
    }

    /// The message, with the directory's changing name taken out.
    fn message(&self) -> String {
        self.load().expect_err("should be refused").to_string().replace(self.directory.path().to_str().unwrap(), "DIR")
    }
}

fn setting<'a>(config: &'a Config, key: &str) -> &'a Setting {
    config.settings().iter().find(|setting| setting.key == key).unwrap()
}

#[test]
fn defaults_are_those_of_the_layers() {
    let config = Place::new().load().unwrap();
    assert_eq!(config.server.bind.to_string(), "127.0.0.1:4000");
    assert_eq!(config.http, http::Options::default());
    assert_eq!(config.http_limits, http::Limits::default());
    assert_eq!(config.log, telemetry::Options::default());
    assert_eq!(format!("{:?}", config.egress), format!("{:?}", egress::Options::default()));
    assert_eq!((config.auth.issuer, config.encryption.key), (None, None));
}

#[test]
fn a_later_source_wins() {
    let place = Place::new();
    let bind = |place: &Place| {
        let config = place.load().unwrap();
        (config.server.bind.to_string(), setting(&config, "server.bind").source.replace(place.directory.path().to_str().unwrap(), "DIR"))
    };
    let pair = |bind: &str, source: &str| (bind.to_owned(), source.to_owned());
    assert_eq!(bind(&place), pair("127.0.0.1:4000", "default"));
    let place = place.toml("[server]\nbind = \"127.0.0.2:1\"\n");
    assert_eq!(bind(&place), pair("127.0.0.2:1", "DIR/connectors.toml"));
    let place = place.env("PORT", "2");
    assert_eq!(bind(&place), pair("127.0.0.2:2", "environment variable PORT"));
    let place = place.env("CONNECTORS_SERVER__BIND", "127.0.0.1:3");
    assert_eq!(bind(&place), pair("127.0.0.1:3", "environment variable CONNECTORS_SERVER__BIND"));
    let place = place.flag("--bind", "server.bind", "127.0.0.1:4");
    assert_eq!(bind(&place), pair("127.0.0.1:4", "flag --bind"));
}

#[test]
fn the_environment_sets_every_kind_of_value() {
    let config = Place::new()
        .env("CONNECTORS_AUTH__JWT_SECRET", "12345678901234567890123456789012")
        .env("CONNECTORS_HTTP__ALLOWED_ORIGINS", "https://a.example, https://b.example:8443")
        .env("CONNECTORS_GRAPHQL__INTROSPECTION", "true")
        .env("CONNECTORS_WORKER__CONCURRENCY", "7")
        .env("CONNECTORS_LIMITS__BODY_BYTES", "2MiB")
        .env("CONNECTORS_SERVER__SHUTDOWN_GRACE", "5s")
        .env("DATABASE_URL", "sqlite:other.db")
        .env("CONNECTORS_PORT", "tcp://10.0.0.1:4000")
        .load()
        .unwrap();
    assert_eq!(config.auth.jwt_secret.len(), 32);
    assert_eq!(config.http.allowed_origins, ["https://a.example", "https://b.example:8443"]);
    assert!(config.graphql.introspection);
    assert_eq!((config.worker.concurrency, config.http_limits.body_bytes), (7, 2 << 20));
    assert_eq!(config.server.shutdown_grace.as_secs(), 5);
    assert_eq!(config.database.url, "sqlite:other.db");
}

#[test]
fn a_file_can_hold_the_value() {
    let place = Place::new().file("secret", "from-a-file\n").env("CONNECTORS_AUTH__JWT_SECRET_FILE", "DIR/secret");
    let config = place.load().unwrap();
    assert_eq!(config.auth.jwt_secret, "from-a-file");
    assert_eq!(setting(&config, "auth.jwt_secret").source, "environment variable CONNECTORS_AUTH__JWT_SECRET_FILE");
    let message = place.env("CONNECTORS_AUTH__JWT_SECRET", "x").message();
    assert_eq!(message, "`auth.jwt_secret` is set twice: keep either CONNECTORS_AUTH__JWT_SECRET or CONNECTORS_AUTH__JWT_SECRET_FILE");
    let message = Place::new().env("CONNECTORS_ENCRYPTION__KEY_FILE", "DIR/absent").message();
    assert!(message.starts_with("DIR/absent, named by environment variable CONNECTORS_ENCRYPTION__KEY_FILE, cannot be read"), "{message}");
}

#[test]
fn a_file_can_be_named() {
    let place = Place::new().toml("[log]\nlevel = \"warn\"\n").file("other.toml", "[log]\nlevel = \"debug\"\n");
    assert_eq!(place.load().unwrap().log.level, "warn");
    let place = place.env("CONNECTORS_CONFIG", "DIR/other.toml");
    assert_eq!(place.load().unwrap().log.level, "debug");
    let message = Place::new().env("CONNECTORS_CONFIG", "DIR/absent.toml").message();
    assert!(message.starts_with("DIR/absent.toml, named by environment variable CONNECTORS_CONFIG, cannot be read"), "{message}");
}

#[test]
fn unknown_keys_are_refused_with_the_nearest() {
    for (place, expected) in [
        (
            Place::new().toml("[server]\nbnid = \"x\"\n"),
            "`server.bnid`, set in DIR/connectors.toml, is not a key of the configuration; did you mean `server.bind`?",
        ),
        (
            Place::new().toml("[sever]\nbind = \"x\"\n"),
            "`sever`, set in DIR/connectors.toml, is not a key of the configuration; did you mean `server`?",
        ),
        (
            Place::new().toml("jwt_secret = \"x\"\n"),
            "`jwt_secret`, set in DIR/connectors.toml, is not a key of the configuration; did you mean `auth.jwt_secret`?",
        ),
        (
            Place::new().env("CONNECTORS_AUTH__JWT_SECRETE", "x"),
            "`CONNECTORS_AUTH__JWT_SECRETE`, set in the environment, is not a key of the configuration; did you mean `CONNECTORS_AUTH__JWT_SECRET`?",
        ),
        (
            Place::new().env("CONNECTORS_LOG_LEVEL", "x"),
            "`CONNECTORS_LOG_LEVEL`, set in the environment, is not a key of the configuration; did you mean `CONNECTORS_LOG__LEVEL`?",
        ),
        (
            Place::new().env("CONNECTORS_COLOUR__OF_THE_SKY", "x"),
            "`CONNECTORS_COLOUR__OF_THE_SKY`, set in the environment, is not a key of the configuration",
        ),
    ] {
        assert_eq!(place.message(), expected);
    }
}

#[test]
fn wrong_values_name_key_source_and_what_to_write() {
    for (name, value, expected) in [
        ("SERVER__BIND", "localhost", "`server.bind`, set in environment variable CONNECTORS_SERVER__BIND: write an IP address and a port"),
        (
            "SERVER__SHUTDOWN_GRACE",
            "30",
            "`server.shutdown_grace`, set in environment variable CONNECTORS_SERVER__SHUTDOWN_GRACE: write a duration such as",
        ),
        (
            "LIMITS__BODY_BYTES",
            "1 meg",
            "`limits.body_bytes`, set in environment variable CONNECTORS_LIMITS__BODY_BYTES: write a size such as",
        ),
        ("WORKER__CONCURRENCY", "many", "`worker.concurrency`, set in environment variable CONNECTORS_WORKER__CONCURRENCY: write"),
        (
            "WORKER__CONCURRENCY",
            "0",
            "`worker.concurrency`, set in environment variable CONNECTORS_WORKER__CONCURRENCY: write a number from 1 to 10000",
        ),
        ("LIMITS__DEPTH", "0", "`limits.depth`, set in environment variable CONNECTORS_LIMITS__DEPTH: write a number above 0"),
        (
            "GRAPHQL__INTROSPECTION",
            "perhaps",
            "`graphql.introspection`, set in environment variable CONNECTORS_GRAPHQL__INTROSPECTION: write",
        ),
        (
            "HTTP__ALLOWED_ORIGINS",
            "*",
            "`http.allowed_origins`, set in environment variable CONNECTORS_HTTP__ALLOWED_ORIGINS: write each origin",
        ),
        (
            "HTTP__ALLOWED_ORIGINS",
            "https://a.example/",
            "`http.allowed_origins`, set in environment variable CONNECTORS_HTTP__ALLOWED_ORIGINS: write",
        ),
        (
            "HTTP__STATUS_PROFILE",
            "old",
            "`http.status_profile`, set in environment variable CONNECTORS_HTTP__STATUS_PROFILE: write \"current\"",
        ),
        ("HTTP__MAX_CONNECTIONS", "0", "`http.max_connections`, set in environment variable CONNECTORS_HTTP__MAX_CONNECTIONS: write"),
        (
            "LOG__LEVEL",
            "chatty",
            "`log.level`, set in environment variable CONNECTORS_LOG__LEVEL: `chatty` is not a level; write one of off, error, warn, info, debug, trace",
        ),
        (
            "LOG__LEVEL",
            "connectors=loud,warn",
            "`log.level`, set in environment variable CONNECTORS_LOG__LEVEL: `connectors=loud,warn` is not",
        ),
        ("LOG__LEVEL", "", "`log.level`, set in environment variable CONNECTORS_LOG__LEVEL: `` is not a level"),
        ("LOG__FORMAT", "xml", "`log.format`, set in environment variable CONNECTORS_LOG__FORMAT: write one of text, json"),
        ("EGRESS__ALLOW", "10.0.0.1/99", "`egress.allow`, set in environment variable CONNECTORS_EGRESS__ALLOW: write each network"),
    ] {
        let message = Place::new().env(&format!("CONNECTORS_{name}"), value).message();
        assert!(message.starts_with(expected), "{message}");
    }
    let message = Place::new().toml("[server]\nbind = \"127.0.0.1:1\n").message();
    assert!(message.starts_with("DIR/connectors.toml, line 2, is not valid TOML: "), "{message}");
}

#[test]
fn a_level_may_differ_by_part() {
    for level in ["off", "INFO", "connectors=debug,warn", "connectors::http=trace, error"] {
        assert_eq!(Place::new().env("CONNECTORS_LOG__LEVEL", level).load().unwrap().log.level, level);
    }
}

#[test]
fn secrets_are_never_shown() {
    let place = Place::new()
        .env("CONNECTORS_AUTH__JWT_SECRET", "canary-one")
        .env("CONNECTORS_ENCRYPTION__KEY", "canary-two")
        .env("CONNECTORS_ENCRYPTION__PREVIOUS_KEYS", "canary-three");
    let config = place.load().unwrap();
    assert!(!format!("{config:?}").contains("canary"), "{config:?}");
    assert_eq!(setting(&config, "auth.jwt_secret").value, "\"***\"");
    assert_eq!(setting(&Place::new().load().unwrap(), "auth.jwt_secret").value, "\"\"");
    let message = Place::new().toml("[auth]\njwt_secret = \"canary\n").message();
    assert!(!message.contains("canary"), "{message}");
}

#[test]
fn the_template_is_the_defaults() {
    let place = Place::new().toml(Config::template());
    assert_eq!(place.load().unwrap().http, http::Options::default());
}
