//! `connectors demo`: the main job by itself, in an empty folder, with nothing to install.
//!
//! Everything past the start goes through the public API over a real WebSocket, as any client would do it.

mod runs;
mod upstream;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Globals;
use super::client::Client;
use super::output::Output;
use super::serve::{FreshKeys, fill_keys};
use crate::auth::Grant;
use crate::config::Config;
use crate::server::{Overrides, Server, catalogue};

/// Name of the official template the demo installs.
const TEMPLATE: &str = "phone-enrichment-audienceacuity";

/// The contacts, as in `examples/contacts.csv`.
const CONTACTS: &str = include_str!("../../../examples/contacts.csv");

const EXAMPLES: &str = "Examples:
  connectors demo
  connectors demo --once --format json";

/// Arguments of `connectors demo`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Leave after the runs instead of going on to serve.
    #[arg(long)]
    once: bool,
    /// Folder for the demo's own files (demo.db, demo.key); an earlier demo in it is replaced.
    #[arg(long, value_name = "DIR", default_value = "connectors-demo")]
    dir: PathBuf,
    /// Address to serve on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    bind: std::net::SocketAddr,
}

/// Runs the demo.
pub(super) async fn run(arguments: &Arguments, globals: &Globals) -> anyhow::Result<bool> {
    let out = Output::new(globals);
    let begun = Instant::now();
    if !arguments.bind.ip().is_loopback() {
        bail!("the demo listens on loopback only; {} is not", arguments.bind);
    }
    let tasks = TaskTracker::new();
    let stop = CancellationToken::new();

    let standin = tokio::net::TcpListener::bind("127.0.0.1:0").await.context("no port for the stand-in API")?;
    let standin_address = standin.local_addr()?;
    tasks.spawn(upstream::serve(standin, stop.clone()));
    out.step(&format!("stand-in for the enrichment API on http://{standin_address}"));

    let (config, fresh) = config(&arguments.dir, out)?;
    let overrides = Overrides { catalogue: Some(catalogue_for(standin_address)?), ..Overrides::default() };
    let server = Server::build(config, overrides, &mut |line| out.step(line)).await?;
    if let Some(keys) = fresh {
        keys.keep(out)?;
    }
    let token = server.verifier().mint(&Grant::user("demo", Duration::from_hours(720)))?;
    let listener = tokio::net::TcpListener::bind(arguments.bind)
        .await
        .with_context(|| format!("{} cannot be listened on; choose another address with --bind", arguments.bind))?;
    let address = listener.local_addr()?;
    let server_stop = server.stop();
    let serving = tasks.spawn(server.run(listener));
    out.step(&format!("serving GraphQL on http://{address}/graphql"));

    let client = Client::connect(&address.to_string(), &token, &tasks).await?;
    let connector = prepare(&client, out).await?;
    let contacts = import(&client, out).await?;
    let report = runs::run(&client, &connector, &contacts, out).await?;
    report.print(out, begun.elapsed());
    let all_ended = report.all_ended();

    if !arguments.once {
        print_invitation(out, address, &token, &connector);
        tokio::signal::ctrl_c().await?;
        out.step("stopping");
    }
    server_stop.cancel();
    stop.cancel();
    serving.await.context("the server's task failed")??;
    Ok(all_ended)
}

/// A configuration for files in the demo's folder, which begins anew.
fn config(dir: &Path, out: Output) -> anyhow::Result<(Config, Option<FreshKeys>)> {
    std::fs::create_dir_all(dir).with_context(|| format!("the folder {} cannot be made", dir.display()))?;
    let database = dir.join("demo.db");
    for name in ["demo.db", "demo.db-wal", "demo.db-shm", "demo.db.lock", "demo.key"] {
        match std::fs::remove_file(dir.join(name)) {
            Ok(()) if name == "demo.db" => out.step("an earlier demo is replaced"),
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error).with_context(|| format!("{} cannot be removed; does another demo run?", dir.join(name).display()));
            }
        }
    }
    let mut config = Config::built_in()?;
    config.database.url = format!("sqlite:{}", database.display());
    let fresh = fill_keys(&mut config, dir.join("demo.key"))?;
    config.egress.allow = vec!["127.0.0.0/8".parse()?];
    Ok((config, fresh))
}

/// The official catalogue with the template's address turned to the stand-in.
fn catalogue_for(standin: std::net::SocketAddr) -> anyhow::Result<Vec<Value>> {
    let mut documents = catalogue::official()?;
    for document in &mut documents {
        if document.pointer("/meta/slug").and_then(Value::as_str) != Some(TEMPLATE) {
            continue;
        }
        let text = document.to_string().replace("https://api.audienceacuity.com/", &format!("http://{standin}/"));
        *document = serde_json::from_str(&text)?;
        if let Some(base_url) = document.pointer_mut("/defaults/base_url") {
            *base_url = json!(format!("http://{standin}"));
        }
        for slot in document.get_mut("credentials").and_then(Value::as_object_mut).into_iter().flat_map(|slots| slots.values_mut()) {
            if let Some(slot) = slot.as_object_mut() {
                slot.insert("hosts".to_owned(), json!([standin.ip().to_string()]));
            }
        }
    }
    Ok(documents)
}

/// Makes a workspace and installs the template with a credential; gives the connector's id.
async fn prepare(client: &Client, out: Output) -> anyhow::Result<String> {
    let made = client
        .request(
            "mutation($input: WorkspaceCreateInput!) { workspaceCreate(input: $input) { workspace { id } userErrors { code message path } } }",
            json!({ "input": { "key": "demo", "name": "Demo" } }),
        )
        .await?;
    anyhow::ensure!(made.pointer("/workspaceCreate/workspace/id").is_some(), "no workspace came back: {made}");
    out.step("workspace `demo`, its owner is the subject `demo`");
    let installed = client
        .request(
            "mutation($input: TemplateInstallInput!) { templateInstall(input: $input) { connector { id name status } userErrors { code message path } } }",
            json!({ "input": {
                "workspace": { "key": "demo" },
                "template": { "slug": TEMPLATE },
                "credentials": [{ "slot": "audienceacuity", "credential": { "create": { "name": "Stand-in key", "secret": { "apiKey": { "value": upstream::KEY } } } } }],
            } }),
        )
        .await?;
    let connector = installed.pointer("/templateInstall/connector").cloned().unwrap_or_default();
    out.step(&format!("installed “{}” from the catalogue with its credential", text(&connector, "name")));
    anyhow::ensure!(text(&connector, "status") == "ACTIVE", "the connector is not active: {connector}");
    Ok(text(&connector, "id"))
}

/// One contact of the demo.
pub(super) struct Contact {
    pub(super) id: String,
    pub(super) label: String,
}

/// Imports the contacts of the file.
async fn import(client: &Client, out: Output) -> anyhow::Result<Vec<Contact>> {
    let mut rows = Vec::new();
    for record in csv::Reader::from_reader(CONTACTS.as_bytes()).deserialize::<std::collections::HashMap<String, String>>() {
        let record = record.context("examples/contacts.csv cannot be read")?;
        let field = |name: &str| record.get(name).filter(|value| !value.is_empty());
        let attributes: serde_json::Map<_, _> = field("city").map(|city| ("city".to_owned(), json!(city))).into_iter().collect();
        rows.push(json!({
            "key": field("key"), "email": field("email"), "phone": field("phone"),
            "firstName": field("first_name"), "lastName": field("last_name"), "company": field("company"),
            "attributes": attributes,
        }));
    }
    let imported = client
        .request(
            "mutation($input: ContactsImportInput!) { contactsImport(input: $input) { createdCount rows { contact { id key firstName lastName company phone } userErrors { code message path } } userErrors { code message path } } }",
            json!({ "input": { "workspace": { "key": "demo" }, "contacts": rows } }),
        )
        .await?;
    let rows = imported.pointer("/contactsImport/rows").and_then(Value::as_array).cloned().unwrap_or_default();
    let contacts: Vec<_> = rows.iter().filter_map(|row| row.get("contact")).map(contact).collect();
    out.step(&format!("{} contacts imported from examples/contacts.csv", contacts.len()));
    Ok(contacts)
}

fn contact(row: &Value) -> Contact {
    let name = [text(row, "firstName"), text(row, "lastName")].join(" ").trim().to_owned();
    let label = [name, text(row, "company"), text(row, "phone")].into_iter().find(|part| !part.is_empty()).unwrap_or_default();
    Contact { id: text(row, "id"), label: format!("{} {label}", text(row, "key")) }
}

/// A text member, empty when absent.
pub(super) fn text(value: &Value, member: &str) -> String {
    value.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn print_invitation(out: Output, address: std::net::SocketAddr, token: &str, connector: &str) {
    out.say(&format!(
        r#"
The server goes on until Ctrl-C.
  GraphQL   http://{address}/graphql   (WebSocket at the same address, sub-protocol graphql-transport-ws)
  Header    Authorization: Bearer {token}

Three operations to paste:
  {{ workspace(by: {{ key: "demo" }}) {{ executions(first: 5) {{ nodes {{ number status result }} }} contacts(first: 5) {{ nodes {{ key firstName lastName email }} }} }} }}

  mutation {{ executionStart(input: {{ connectorId: "{connector}", input: {{ phone: "+12125550143" }}, waitMs: 5000 }}) {{ execution {{ id status output }} userErrors {{ message }} }} }}

  subscription {{ executionLogs(executionId: "exe_…") {{ entries {{ sequence level message }} complete }} }}
"#
    ));
}
