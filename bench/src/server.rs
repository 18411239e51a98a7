//! The server under measure: a child process on a throw-away database, ended when dropped.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::api::Api;
use crate::{Result, proc};

/// Longest time from the start to the line that tells the address.
const START_AT_MOST: Duration = Duration::from_secs(30);

/// Longest time from asking it to stop to its end; then it is killed.
const STOP_AT_MOST: Duration = Duration::from_secs(10);

/// The subject whose token is used.
pub(crate) const SUBJECT: &str = "bench";

/// The server's program, in the folder of this one.
pub(crate) fn find_program() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let program = own.with_file_name(format!("connectors{}", std::env::consts::EXE_SUFFIX));
    if program.is_file() {
        return Ok(program);
    }
    Err(format!("{} is missing; build it first: cargo build --release --workspace", program.display()).into())
}

/// A folder with the database, its keys and the server's messages; deleted when dropped.
pub(crate) struct Place {
    program: PathBuf,
    folder: TempDir,
    /// The database on a server, if it is on one.
    url: Option<String>,
}

impl Place {
    /// An empty one, with the database in it or on a server.
    pub(crate) fn new(program: &Path, url: Option<&str>) -> Result<Self> {
        Ok(Self { program: program.to_owned(), folder: tempfile::tempdir()?, url: url.map(str::to_owned) })
    }

    /// Signs a token for a subject with the keys the server has made here.
    pub(crate) fn mint(&self, subject: &str) -> Result<String> {
        let mut command = self.command();
        let keys = if self.url.is_some() { "connectors.key" } else { "bench.key" };
        command.args(["token", "mint", subject, "--key-file"]).arg(self.folder.path().join(keys));
        let output = command.stdin(Stdio::null()).output()?;
        if !output.status.success() {
            return Err(format!("no token: {}", String::from_utf8_lossy(&output.stderr).trim()).into());
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// The program, started in this folder so that no configuration file of the caller is read.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(self.folder.path());
        command
    }

    /// Starts the server; `per_subject` is how many sockets it lets one subject have.
    fn spawn(&self, per_subject: u32) -> Result<Child> {
        let messages = std::fs::File::create(self.messages())?;
        let mut command = self.command();
        command.args(["serve", "--dev", "--bind", "127.0.0.1:0", "--format", "json", "--database"]);
        command.arg(self.url.as_ref().map_or_else(|| self.folder.path().join("bench.db"), PathBuf::from));
        command.env("CONNECTORS_LIMITS__SOCKETS_PER_SUBJECT", per_subject.to_string());
        Ok(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(messages).spawn()?)
    }

    fn messages(&self) -> PathBuf {
        self.folder.path().join("messages")
    }

    /// The last lines the server wrote.
    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(self.messages()).unwrap_or_default();
        let lines = text.lines().collect::<Vec<_>>();
        lines.get(lines.len().saturating_sub(8)..).unwrap_or_default().join("\n")
    }
}

/// The running process.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    _output: BufReader<ChildStdout>,
}

impl Server {
    /// Starts it and waits until it listens.
    pub(crate) async fn start(place: &Place, sockets: u32) -> Result<Self> {
        let mut guard = Guard(Some(place.spawn(sockets)?));
        let output = guard.0.as_mut().and_then(|child| child.stdout.take()).ok_or("the server has no standard output")?;
        let reading = tokio::task::spawn_blocking(move || read_address(BufReader::new(output)));
        let read = match tokio::time::timeout(START_AT_MOST, reading).await {
            Ok(read) => read?,
            Err(_) => Err("it did not tell its address in time".into()),
        };
        let (address, output) = read.map_err(|error| format!("the server did not start: {error}\n{}", place.last_words()))?;
        let child = guard.0.take().ok_or("the server is gone")?;
        Ok(Self { child, address, _output: output })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// CPU time it has used so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        proc::cpu_of(self.child.id())
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop and waits for the end.
    pub(crate) async fn stop(mut self) -> Result<()> {
        Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status()?;
        let asked = Instant::now();
        while self.child.try_wait()?.is_none() {
            if asked.elapsed() > STOP_AT_MOST {
                return Err("the server did not stop in time".into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Ends a child that never came to listen.
struct Guard(Option<Child>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            end(child);
        }
    }
}

/// Kills and reaps; both fail only when it has ended already.
fn end(child: &mut Child) {
    drop(child.kill());
    drop(child.wait());
}

/// A running server with a workspace in it.
pub(crate) struct Ready {
    pub(crate) server: Server,
    pub(crate) token: String,
    pub(crate) api: Api,
    pub(crate) workspace: String,
    place: Place,
}

impl Ready {
    /// Starts a server on a fresh database, in a file or at this address, and makes a workspace.
    pub(crate) async fn start(program: &Path, sockets: u32, url: Option<&str>) -> Result<Self> {
        let place = Place::new(program, url)?;
        let server = Server::start(&place, sockets).await?;
        let token = place.mint(SUBJECT)?;
        let api = Api::new(server.address(), &token)?;
        let workspace = api.create_workspace().await?;
        Ok(Self { server, token, api, workspace, place })
    }

    /// A token for somebody else.
    pub(crate) fn mint(&self, subject: &str) -> Result<String> {
        self.place.mint(subject)
    }

    /// Makes and publishes a connector; gives its id.
    pub(crate) async fn publish(&self, name: &str, definition: &Value) -> Result<String> {
        self.api.publish_connector(&self.workspace, name, definition).await
    }
}

/// Reads the line that tells the address, `{"listening": "127.0.0.1:4000"}`; the pipe is kept open for the server's sake.
fn read_address(mut output: BufReader<ChildStdout>) -> Result<(SocketAddr, BufReader<ChildStdout>)> {
    let mut line = String::new();
    output.read_line(&mut line)?;
    Ok((address_in(&line)?, output))
}

fn address_in(line: &str) -> Result<SocketAddr> {
    if line.is_empty() {
        return Err("it ended at once".into());
    }
    let value = serde_json::from_str::<Value>(line)?;
    let text = value.get("listening").and_then(Value::as_str).ok_or("its first line tells no address")?;
    Ok(text.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_from_the_first_line() {
        assert_eq!(address_in("{\"listening\":\"127.0.0.1:4000\"}\n").unwrap().port(), 4000);
        for line in ["", "hello", "{}", "{\"listening\":\"nowhere\"}"] {
            assert!(address_in(line).is_err(), "{line:?}");
        }
    }
}
