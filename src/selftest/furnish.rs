//! Makes a workspace with one object of each kind, through the API as any client would.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Error;
use super::judge::Ask;
use super::rules::ROLES;
use super::scene::{Ids, Tenant};

/// How long to wait for the end of the run that gives steps, log and field changes.
const WAIT_MS: u32 = 30_000;

/// Reads the ids of what came along with the rest.
const READ: &str = "query($c: ID!, $e: ID!) { \
    connector(id: $c) { publishedVersion { id } workspace { id members { nodes { id role } } connectors { nodes { installation { id } } } } } \
    execution(id: $e) { steps { id } fieldChanges { id } } }";

/// The owner of a workspace that is being furnished.
struct Owner<'a> {
    ask: &'a Ask,
    token: &'a str,
}

impl Owner<'_> {
    /// Runs one operation that must succeed; its `data`.
    async fn ok(&self, document: &str, variables: Value) -> Result<Value, Error> {
        let body = json!({ "query": document, "variables": variables }).to_string();
        let answer = (self.ask)(Some(self.token.to_owned()), body).await;
        let refused = |answer: &str| Error::Refused { document: document.to_owned(), answer: answer.to_owned() };
        let read: Value = serde_json::from_str(&answer.body).map_err(|_| refused(&answer.body))?;
        let data = read.get("data").filter(|_| read.get("errors").is_none()).ok_or_else(|| refused(&answer.body))?;
        let payloads = data.as_object().into_iter().flat_map(|fields| fields.values());
        let mut mistakes = payloads.filter_map(|payload| payload.get("userErrors").and_then(Value::as_array));
        if mistakes.any(|mistakes| !mistakes.is_empty()) {
            return Err(refused(&answer.body));
        }
        Ok(data.clone())
    }

    /// Runs a mutation; what it gives at that place of its payload.
    async fn make(&self, field: &str, (result, pointer): (&str, &str), input: Value) -> Result<String, Error> {
        let (first, rest) = field.split_at_checked(1).unwrap_or((field, ""));
        let kind = format!("{}{rest}Input", first.to_uppercase());
        let document = format!("mutation($input: {kind}!) {{ {field}(input: $input) {{ {result} userErrors {{ message path }} }} }}");
        let data = self.ok(&document, json!({ "input": input })).await?;
        text(&data, &format!("/{field}{pointer}"))
    }
}

/// A text at a place of an answer.
fn text(data: &Value, pointer: &str) -> Result<String, Error> {
    let found = data.pointer(pointer).and_then(Value::as_str);
    found.map(str::to_owned).ok_or_else(|| Error::Missing { pointer: pointer.to_owned(), answer: data.to_string() })
}

/// Makes the workspace, its owner being whoever that token stands for, and one object of each kind in it; with a
/// template, also an installation of it. Gives their ids.
///
/// # Errors
/// [`Error::Refused`] or [`Error::Missing`] when the server does not do what it is asked for.
pub async fn furnish(ask: &Ask, tenant: &Tenant, token: &str, template: Option<&str>) -> Result<Ids, Error> {
    let owner = Owner { ask, token };
    make_workspace(&owner, tenant).await?;
    let (mark, workspace) = (&tenant.mark, json!({ "key": tenant.mark }));
    let secret = json!({ "bearer": { "token": format!("{mark}-secret-57c1") } });
    let input = json!({ "workspace": workspace, "name": mark, "secret": secret, "allowedHosts": ["127.0.0.1", format!("{mark}.example")] });
    let credential = owner.make("credentialCreate", ("credential { id }", "/credential/id"), input).await?;
    let bind = json!([{ "slot": "api", "credential": { "id": credential } }]);
    let connector = make_connector(&owner, tenant, &bind).await?;
    if let Some(template) = template {
        let input = json!({ "workspace": workspace, "template": { "id": template }, "name": mark, "credentials": bind });
        owner.make("templateInstall", ("connector { id }", "/connector/id"), input).await?;
    }
    let contact = json!({ "key": mark, "email": format!("{mark}@x.example"), "phone": mark, "firstName": mark, "lastName": mark,
        "company": mark, "attributes": { "note": mark } });
    let contact =
        owner.make("contactUpsert", ("contact { id }", "/contact/id"), json!({ "workspace": workspace, "contact": contact })).await?;
    let execution = run(&owner, tenant, (&connector, &contact)).await?;
    let mut ids = read_ids(&owner, &connector, &execution).await?;
    let made = [("Connector", connector), ("Execution", execution), ("Credential", credential), ("Contact", contact)];
    ids.extend(made.map(|(kind, id)| (kind.to_owned(), id)));
    Ok(ids)
}

async fn make_workspace(owner: &Owner<'_>, tenant: &Tenant) -> Result<(), Error> {
    let mark = &tenant.mark;
    owner.make("workspaceCreate", ("workspace { id }", "/workspace/id"), json!({ "key": mark, "name": mark })).await?;
    for role in ROLES.iter().filter(|role| **role != "OWNER") {
        let (subject, email) = (tenant.member(role), format!("{mark}@x.example"));
        let input = json!({ "workspace": { "key": mark }, "subject": subject, "role": role, "displayName": mark, "email": email });
        owner.make("workspaceMemberAdd", ("member { id }", "/member/id"), input).await?;
    }
    Ok(())
}

async fn make_connector(owner: &Owner<'_>, tenant: &Tenant, bind: &Value) -> Result<String, Error> {
    let mark = &tenant.mark;
    let result = ("connector { id }", "/connector/id");
    let input = json!({ "workspace": { "key": mark }, "name": mark, "key": mark, "description": mark, "icon": mark, "tags": [mark],
        "config": { "note": mark }, "source": { "definition": tenant.definition } });
    let connector = owner.make("connectorCreate", result, input).await?;
    owner.make("connectorCredentialsBind", result, json!({ "id": connector, "bind": bind })).await?;
    owner.make("connectorPublish", result, json!({ "id": connector, "note": mark })).await?;
    Ok(connector)
}

/// One run to its end; its id.
async fn run(owner: &Owner<'_>, tenant: &Tenant, (connector, contact): (&str, &str)) -> Result<String, Error> {
    let mark = &tenant.mark;
    let document =
        "mutation($input: ExecutionStartInput!) { executionStart(input: $input) { execution { id status } userErrors { message path } } }";
    let input = json!({ "connectorId": connector, "contact": { "id": contact }, "input": { "q": format!("{mark}-value") }, "tags": [mark],
        "idempotencyKey": mark, "waitMs": WAIT_MS });
    let started = owner.ok(document, json!({ "input": input })).await?;
    let status = text(&started, "/executionStart/execution/status")?;
    if status != "SUCCEEDED" {
        return Err(Error::Run { status });
    }
    text(&started, "/executionStart/execution/id")
}

async fn read_ids(owner: &Owner<'_>, connector: &str, execution: &str) -> Result<Ids, Error> {
    let read = owner.ok(READ, json!({ "c": connector, "e": execution })).await?;
    let list = |pointer: &str| read.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    // The admin: no role that is too low for a change of members is its own.
    let admin = list("/connector/workspace/members/nodes").find(|member| member.get("role").and_then(Value::as_str) == Some("ADMIN"));
    let installed = list("/connector/workspace/connectors/nodes").find_map(|connector| connector.pointer("/installation/id"));
    let mut ids = BTreeMap::from([
        ("Workspace".to_owned(), text(&read, "/connector/workspace/id")?),
        ("WorkspaceMember".to_owned(), text(admin.unwrap_or(&Value::Null), "/id")?),
        ("ConnectorVersion".to_owned(), text(&read, "/connector/publishedVersion/id")?),
        ("StepRun".to_owned(), text(&read, "/execution/steps/0/id")?),
        ("ContactFieldChange".to_owned(), text(&read, "/execution/fieldChanges/0/id")?),
    ]);
    ids.extend(installed.and_then(Value::as_str).map(|id| ("TemplateInstallation".to_owned(), id.to_owned())));
    Ok(ids)
}
