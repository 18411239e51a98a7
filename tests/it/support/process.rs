//! The real binary as a child process, for what only a process can show: kill -9, exit codes, output.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

/// A `connectors serve --dev` of this test's own; killed when dropped.
pub struct Process {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Process {
    /// Starts one in a folder, on a database, and waits until it listens. Its leases are short, and soon missed.
    pub fn serve(folder: &Path, database: &str) -> Self {
        let mut child = command()
            .current_dir(folder)
            .env("CONNECTORS_WORKER__LEASE", "2s")
            .env("CONNECTORS_WORKER__SWEEP", "100ms")
            .args(["serve", "--dev", "--bind", "127.0.0.1:0", "--format", "json", "--database", database])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line:?}"));
        let address = said["listening"].as_str().unwrap().parse().unwrap();
        Self { child, address }
    }

    /// SIGTERM, and the wait for its end: what it exits with, and how long that took.
    pub fn terminate(mut self) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        let status = self.child.wait().unwrap();
        (status, begun.elapsed())
    }

    /// SIGKILL: nothing of the process runs any more when this returns.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A `connectors serve` that may or may not come up: what it says line by line.
pub struct Starting {
    child: Child,
    out: BufReader<ChildStdout>,
    err: BufReader<ChildStderr>,
}

impl Starting {
    /// Starts one on a database, with these settings of the environment and further arguments.
    pub fn serve(folder: &Path, database: &str, settings: &[(&str, &str)], arguments: &[&str]) -> Self {
        let mut child = command()
            .current_dir(folder)
            .envs(settings.iter().copied())
            .args(["serve", "--dev", "--bind", "127.0.0.1:0", "--format", "json", "--database", database])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (out, err) = (BufReader::new(child.stdout.take().unwrap()), BufReader::new(child.stderr.take().unwrap()));
        Self { child, out, err }
    }

    /// The next line of its log that holds the text; panics when the log ends before.
    pub fn until(&mut self, text: &str) -> String {
        let mut said = String::new();
        loop {
            let from = said.len();
            assert!(self.err.read_line(&mut said).unwrap() > 0, "it never said {text:?}: {said}");
            if said[from..].contains(text) {
                return said[from..].to_owned();
            }
        }
    }

    /// Waits until it listens; panics when it ends before.
    pub fn listens(&mut self) {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        let mut said = String::new();
        if line.is_empty() {
            self.err.read_to_string(&mut said).unwrap();
        }
        assert!(line.contains("listening"), "{line}{said}");
    }

    /// Waits for its end: its exit code, and what it said on standard error; panics when it comes up instead.
    pub fn end(mut self) -> (Option<i32>, String) {
        let (mut line, mut said) = (String::new(), String::new());
        self.out.read_line(&mut line).unwrap();
        assert!(!line.contains("listening"), "it came up: {line}");
        self.err.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The binary, away from any configuration of the machine.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_connectors"));
    command.env_clear().current_dir(std::env::temp_dir());
    command
}

/// Runs the binary to its end.
pub fn run(arguments: &[&str]) -> Output {
    command().args(arguments).output().unwrap()
}

/// The token that `serve --dev` on this database, in this folder, accepts for a subject.
pub fn token(folder: &Path, database: &str, subject: &str) -> String {
    let output = command().current_dir(folder).args(["token", "mint", subject, "--database", database]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
