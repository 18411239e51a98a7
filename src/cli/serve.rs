//! `connectors serve`: the API and the worker, in the foreground until told to stop.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use super::output::Output;
use super::{Configured, Globals};
use crate::config::Config;
use crate::server::{Overrides, Server};
use crate::vault::Vault;
use crate::{store, telemetry};

/// Arguments of `connectors serve`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// IP address and port to serve on, instead of `server.bind`; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<SocketAddr>,
    /// For trying things out: make missing keys beside the database, let connectors call loopback, answer introspection.
    ///
    /// The keys of `connectors.db` go to `connectors.key`, readable by you alone, and are used again at the next start.
    /// Only loopback addresses can be served in this way.
    #[arg(long)]
    dev: bool,
    /// Leave the schema as it is, and refuse to start when it is behind.
    #[arg(long)]
    no_migrate: bool,
    #[command(flatten)]
    configured: Configured,
}

const EXAMPLES: &str = "Examples:
  connectors serve --dev
  connectors serve --dev --bind 127.0.0.1:0 --database play.db
  CONNECTORS_AUTH__JWT_SECRET_FILE=jwt.secret CONNECTORS_ENCRYPTION__KEY_FILE=vault.key connectors serve --bind 0.0.0.0:4000";

/// Serves until Ctrl-C or SIGTERM; a second signal ends at once.
pub(super) async fn run(arguments: &Arguments, globals: &Globals) -> anyhow::Result<()> {
    let out = Output::new(globals);
    let mut config = arguments.configured.load()?;
    telemetry::start(&config.log);
    if let Some(bind) = arguments.bind {
        config.server.bind = bind;
    }
    let bind = config.server.bind;
    if arguments.dev && !bind.ip().is_loopback() {
        bail!("--dev listens on loopback only, and {bind} is not; set auth.jwt_secret and encryption.key and leave out --dev");
    }
    // First of all: where the port is taken, nothing is made and no execution begins.
    let listener = tokio::net::TcpListener::bind(bind)
        .await
        .with_context(|| format!("{bind} cannot be listened on; choose another address with --bind or server.bind"))?;
    let fresh = if arguments.dev { allow_development(&mut config, out)? } else { None };
    let (place, key) = (config.database.place(), key_file(&config.database));
    let overrides = Overrides { migrate: !arguments.no_migrate, ..Overrides::default() };
    let server = Server::build(config, overrides, &mut |line| out.step(line)).await?;
    if let Some(keys) = fresh {
        keys.keep(out)?;
    }
    let address = listener.local_addr()?;
    out.step(&format!("everything is kept in {place}"));
    out.step(&format!("GraphQL on http://{address}/graphql, health on /healthz and /readyz"));
    if arguments.dev {
        out.step(&format!("a token for it: connectors token mint YOUR-NAME --key-file {}", key.display()));
    }
    out.json(&serde_json::json!({ "listening": address.to_string() }));
    let stop = server.stop();
    let serving = server.run(listener);
    tokio::pin!(serving);
    tokio::select! {
        outcome = &mut serving => return Ok(outcome?),
        () = signal() => out.step("stopping; a second signal ends at once"),
    }
    stop.cancel();
    tokio::select! {
        outcome = &mut serving => Ok(outcome?),
        () = signal() => bail!("ended at once by a second signal"),
    }
}

/// What `--dev` means: keys are made, loopback may be called, introspection answers.
fn allow_development(config: &mut Config, out: Output) -> anyhow::Result<Option<FreshKeys>> {
    let fresh = fill_keys(config, key_file(&config.database))?;
    config.egress.allow.push("127.0.0.0/8".parse()?);
    config.egress.allow.push("::1/128".parse()?);
    config.graphql.introspection = true;
    out.warn("--dev: connectors may call this machine's loopback addresses");
    Ok(fresh)
}

/// Where the keys of a database are kept when nobody else keeps them: beside its file, or here for a server's.
pub(super) fn key_file(database: &store::Options) -> PathBuf {
    if database.is_server() { PathBuf::from("connectors.key") } else { Path::new(&database.place()).with_extension("key") }
}

/// Keys just made, which no file holds yet.
#[must_use = "keys that are not kept are lost"]
pub(super) struct FreshKeys {
    file: PathBuf,
    text: String,
}

impl FreshKeys {
    /// Writes them down and says so: once the start cannot fail any more, so that a failed one leaves nothing behind.
    pub(super) fn keep(self, out: Output) -> anyhow::Result<()> {
        let Self { file, text } = self;
        write_private(&file, &text).with_context(|| format!("the key file {} cannot be written", file.display()))?;
        out.warn(&format!("made new keys in {}: keep that file safe; without it the credentials in the database are lost", file.display()));
        Ok(())
    }
}

/// Fills missing keys from a file beside the database; where there is none, with new ones that are still to be kept.
pub(super) fn fill_keys(config: &mut Config, file: PathBuf) -> anyhow::Result<Option<FreshKeys>> {
    if config.encryption.key.is_some() && !config.auth.jwt_secret.is_empty() {
        return Ok(None);
    }
    let (text, fresh) = match std::fs::read_to_string(&file) {
        Ok(text) => (text, false),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            (format!("{}\n{}\n", Vault::generate_key()?, crate::auth::generate_secret()?), true)
        }
        Err(error) => return Err(error).with_context(|| format!("the key file {} cannot be read", file.display())),
    };
    let mut lines = text.lines();
    let (Some(key), Some(secret)) = (lines.next(), lines.next()) else { bail!(not_a_key_file(&file)) };
    config.encryption.key.get_or_insert_with(|| key.to_owned());
    if config.auth.jwt_secret.is_empty() {
        secret.clone_into(&mut config.auth.jwt_secret);
    }
    Ok(fresh.then_some(FreshKeys { file, text }))
}

/// What to say of a file without the two lines.
pub(super) fn not_a_key_file(file: &Path) -> String {
    format!("{} is not a key file: one has a line for encryption and a line for tokens, as `serve --dev` writes it", file.display())
}

/// Writes a file that only its owner may read.
fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(text.as_bytes())
}

/// Ctrl-C, or SIGTERM where there is one.
pub(super) async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    drop(tokio::signal::ctrl_c().await);
}
