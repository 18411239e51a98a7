//! `connectors run FILE`: runs a definition once, with no server, on a throw-away database, and shows its log live.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use super::Globals;
use super::client::Client;
use super::output::Output;
use super::record::{self, Given, Made};
use super::validate::{print_problems, read_definition};
use crate::auth::Grant;
use crate::config::Config;
use crate::domain::credential::CredentialKind;
use crate::domain::definition::{Definition, MAX_BYTES};
use crate::domain::id::WorkspaceId;
use crate::pipeline;
use crate::server::{Overrides, Server};
use crate::vault::Vault;

const EXAMPLES: &str = r#"Examples:
  connectors run examples/hello.json --input '{"name": "Ada"}' --allow 127.0.0.0/8
  connectors run templates/company-lookup.json --input '{"domain": "example.com"}' --secret clearbit=key.txt
  connectors run my.json --input '{"q": "x"}' --record --record-as "finds x""#;

/// Arguments of `connectors run`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The definition, a JSON file; `-` reads standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What the run is given, as the definition's `inputs` ask for it.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    input: String,
    /// Values for the definition's `config`.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    with_config: String,
    /// A secret for a credential slot, read from a file; may be given several times.
    ///
    /// The file of a basic slot holds USER:PASSWORD.
    #[arg(long = "secret", value_name = "SLOT=FILE")]
    secrets: Vec<String>,
    /// Network the definition may call besides public addresses, e.g. 127.0.0.0/8; may be given several times.
    #[arg(long, value_name = "NETWORK")]
    allow: Vec<ipnet::IpNet>,
    /// Add this run to the `tests` of FILE; `connectors test` then runs it with no network.
    ///
    /// The calls are kept without secrets, without the values at `redact` paths and without the headers of requests.
    /// The file is written anew, two blanks a level.
    #[arg(long, group = "recording")]
    record: bool,
    /// The same in a copy of FILE.
    #[arg(long, value_name = "NEW", group = "recording")]
    record_to: Option<PathBuf>,
    /// Name of the recorded test; `recorded 1` and so on unless told.
    #[arg(long, value_name = "NAME", requires = "recording")]
    record_as: Option<String>,
}

impl Arguments {
    /// Where the run is recorded, if it is.
    fn recording(&self) -> Option<&Path> {
        self.record_to.as_deref().or_else(|| self.record.then_some(&*self.file))
    }
}

const TEST: &str = "mutation($input: ConnectorTestInput!) { connectorTest(input: $input) { execution { id } userErrors { message ... on DefinitionError { problems { message } } } } }";
const WORKSPACE: &str = "mutation { workspaceCreate(input: { key: \"cli\", name: \"CLI\" }) { workspace { id } userErrors { message } } }";
const CREDENTIAL: &str =
    "mutation($input: CredentialCreateInput!) { credentialCreate(input: $input) { credential { id } userErrors { message } } }";
const FOLLOW: &str =
    "subscription($id: ID!) { executionLogs(executionId: $id) { entries { sequence loggedAt level message stepPath } complete } }";
const READ: &str = "query($id: ID!) { execution(id: $id) { id status result output cost durationMs lastLogSequence error { code message hint stepPath httpStatus pointer } } }";

/// Runs the definition; exit status 5 when it is not valid, 1 when the run did not succeed.
pub(super) async fn run(arguments: &Arguments, globals: &Globals) -> anyhow::Result<ExitCode> {
    let out = Output::new(globals);
    let source = read_definition(&arguments.file)?;
    let compiled = pipeline::compile(&source);
    let (Some(definition), true) = (&compiled.definition, compiled.plan.is_some()) else {
        print_problems(out, &arguments.file, &compiled.problems);
        out.json(&json!({ "valid": false, "problems": compiled.problems }));
        return Ok(ExitCode::from(5));
    };
    let input: Value = serde_json::from_str(&arguments.input).context("--input is not JSON")?;
    let config_values: Value = serde_json::from_str(&arguments.with_config).context("--with-config is not JSON")?;
    let credentials = credentials(definition, &arguments.secrets)?;
    let secrets = secrets(&credentials);

    let folder = Folder::make()?;
    let asked = json!({ "workspace": { "key": "cli" }, "target": { "definition": source }, "input": input, "config": config_values });
    let ran = Box::pin(serve_one(config(&folder, arguments)?, asked, credentials, out)).await?;
    report(out, &ran.execution);
    if let Some(file) = arguments.recording() {
        let given = Given { inputs: &input, config: &config_values, secrets: &secrets };
        keep(&source, file, (&ran.made, &given), (arguments.record_as.as_deref(), out))?;
    }
    out.json(&ran.execution);
    Ok(if ran.execution.get("status") == Some(&json!("SUCCEEDED")) { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// A configuration for a server that lives for one run.
fn config(folder: &Folder, arguments: &Arguments) -> anyhow::Result<Config> {
    let mut config = Config::built_in()?;
    config.database.url = format!("sqlite:{}", folder.0.join("run.db").display());
    config.encryption.key = Some(Vault::generate_key()?);
    config.auth.jwt_secret = crate::auth::generate_secret()?;
    config.egress.allow.clone_from(&arguments.allow);
    if arguments.recording().is_some() {
        // A recording needs whole bodies, and a definition holds no more than this.
        (config.worker.preview_bytes, config.worker.failure_preview_bytes) = (MAX_BYTES, MAX_BYTES);
    }
    Ok(config)
}

/// Adds the run to the tests of a document, and says what it is called there.
fn keep(source: &Value, file: &Path, (made, given): (&Made, &Given<'_>), (name, out): (Option<&str>, Output)) -> anyhow::Result<()> {
    if file.as_os_str() == "-" {
        bail!("standard input cannot be added to; name a file with --record-to");
    }
    let (document, name) = record::with_test(source, made, given, name)?;
    record::write(file, &document)?;
    out.step(&format!("recorded as `{name}` in {}", file.display()));
    Ok(())
}

/// What came of the run: as the API shows it, and as the server keeps it.
struct Ran {
    execution: Value,
    made: Made,
}

/// Starts a server, has it do the run, and ends it.
async fn serve_one(config: Config, asked: Value, credentials: Vec<(String, Value)>, out: Output) -> anyhow::Result<Ran> {
    let overrides = Overrides { catalogue: Some(Vec::new()), ..Overrides::default() };
    let server = Server::build(config, overrides, &mut |_| {}).await?;
    let token = server.verifier().mint(&Grant::user("cli", Duration::from_hours(1)))?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.context("no free port on loopback")?;
    let address = listener.local_addr()?.to_string();
    let (stop, store, tasks) = (server.stop(), server.store().clone(), TaskTracker::new());
    let serving = tasks.spawn(server.run(listener));
    let ran = async {
        let client = Client::connect(&address, &token, &tasks).await?;
        let (workspace, execution) = work(&client, asked, credentials, out).await?;
        let id = execution.get("id").and_then(Value::as_str).context("the run has no id")?.parse()?;
        Ok(Ran { made: Made::read(&store, workspace, id).await?, execution })
    }
    .await;
    stop.cancel();
    serving.await.context("the server's task failed")??;
    ran
}

/// Starts the test run, shows its lines, and reads what came of it, and where.
async fn work(client: &Client, mut asked: Value, credentials: Vec<(String, Value)>, out: Output) -> anyhow::Result<(WorkspaceId, Value)> {
    let made = client.request(WORKSPACE, json!({})).await?;
    let workspace = made.pointer("/workspaceCreate/workspace/id").and_then(Value::as_str).context("no workspace came back")?;
    let mut slots = Vec::new();
    for (slot, credential) in credentials {
        let made = client.request(CREDENTIAL, json!({ "input": credential })).await?;
        slots.push(json!({ "slot": slot, "credential": { "id": made.pointer("/credentialCreate/credential/id") } }));
    }
    if let Some(asked) = asked.as_object_mut() {
        asked.insert("credentials".to_owned(), json!(slots));
    }
    let started = client.request(TEST, json!({ "input": asked })).await?;
    let id = started.pointer("/connectorTest/execution/id").and_then(Value::as_str).context("the run did not start")?;
    let mut lines = client.subscribe(FOLLOW, &json!({ "id": id }))?;
    while let Some(message) = lines.recv().await {
        for entry in message.pointer("/data/executionLogs/entries").and_then(Value::as_array).into_iter().flatten() {
            out.log_line("", entry);
        }
    }
    let mut read = client.request(READ, json!({ "id": id })).await?;
    Ok((workspace.parse()?, read.get_mut("execution").map(Value::take).unwrap_or_default()))
}

fn report(out: Output, execution: &Value) {
    let text = |pointer: &str| execution.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    out.say("");
    out.say(format!("{} {}", text("/status").to_lowercase(), text("/result")).trim_end());
    if let Some(output) = execution.get("output").filter(|output| !output.is_null()) {
        out.say(&serde_json::to_string_pretty(output).unwrap_or_default());
    }
    if !text("/error/message").is_empty() {
        let blocked = text("/error/code") == "HOST_BLOCKED";
        let hint =
            if blocked { "Call a public host, or allow its network with --allow, e.g. --allow 127.0.0.0/8." } else { text("/error/hint") };
        out.say(&format!("{}\n{hint}", text("/error/message")));
    }
}

/// `--secret` values as credentials for the API to make, by slot.
fn credentials(definition: &Definition, given: &[String]) -> anyhow::Result<Vec<(String, Value)>> {
    let mut files = BTreeMap::new();
    for pair in given {
        let (slot, file) = pair.split_once('=').with_context(|| format!("--secret takes SLOT=FILE, not `{pair}`"))?;
        let secret = std::fs::read_to_string(file).with_context(|| format!("the secret file {file} cannot be read"))?;
        files.insert(slot, secret.trim_end().to_owned());
    }
    let mut credentials = Vec::new();
    for (name, slot) in &definition.credentials {
        let Some(secret) = files.remove(name.as_str()) else {
            bail!("the definition needs a credential for `{name}`: give --secret {name}=FILE");
        };
        let secret = match slot.kind {
            CredentialKind::ApiKey => json!({ "apiKey": { "value": secret } }),
            CredentialKind::Bearer => json!({ "bearer": { "token": secret } }),
            CredentialKind::Basic => {
                let (username, password) = secret.split_once(':').context("a basic slot's file holds USER:PASSWORD")?;
                json!({ "basic": { "username": username, "password": password } })
            }
        };
        credentials
            .push((name.clone(), json!({ "workspace": { "key": "cli" }, "name": name, "secret": secret, "allowedHosts": slot.hosts })));
    }
    if let Some(unknown) = files.keys().next() {
        bail!("the definition has no credential slot `{unknown}`");
    }
    Ok(credentials)
}

/// The secrets in credentials as the API takes them.
fn secrets(credentials: &[(String, Value)]) -> Vec<String> {
    let members = |value: &Value| value.as_object().into_iter().flatten().map(|(_, member)| member.clone()).collect::<Vec<_>>();
    let secrets = credentials.iter().filter_map(|(_, credential)| credential.get("secret"));
    let texts = secrets.flat_map(members).flat_map(|kind| members(&kind));
    texts.filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

/// A folder of this run's own, removed when it ends.
struct Folder(PathBuf);

impl Folder {
    fn make() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("connectors-run-{}", crate::clock::Clock::fresh_id(&crate::clock::SystemClock)));
        std::fs::create_dir(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "the run's folder could not be removed");
        }
    }
}
