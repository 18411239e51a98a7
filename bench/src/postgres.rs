//! A private PostgreSQL for the measures that need one: from the binaries of the machine, in a folder of its own, reached
//! by a socket in it alone, and as durable as PostgreSQL is by itself. It ends when dropped.
//!
//! `PG_BINDIR` names the folder of the binaries where they are in none of the usual places.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Executor as _};
use tempfile::TempDir;

use crate::Result;

/// Owns the database of the server under measure, and may make the roles its migrations make.
const OWNER: &str = "bench";

/// The running server.
pub(crate) struct Postgres {
    binaries: PathBuf,
    folder: TempDir,
}

impl Postgres {
    /// Starts one with two databases: `bench` for the server under measure, `raw` for the bare loop.
    pub(crate) async fn start() -> Result<Self> {
        let server = Self { binaries: find_binaries()?, folder: tempfile::tempdir()? };
        if let Some((user, group)) = other_user() {
            chown(server.folder.path(), Some(user), Some(group))?;
        }
        let settings = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D"];
        server.run("initdb", |command| command.args(settings).arg(server.data()))?;
        let options = format!("-k {} -c listen_addresses='' -c max_connections=50", server.folder.path().display());
        let log = server.data().join("server.log");
        server.run("pg_ctl", |command| command.args(["-w", "-o", &options, "-D"]).arg(server.data()).arg("-l").arg(log).arg("start"))?;
        let mut superuser = PgConnection::connect(&server.url("postgres", "postgres")).await?;
        superuser.execute("CREATE ROLE bench LOGIN CREATEROLE").await?;
        superuser.execute("CREATE DATABASE bench OWNER bench").await?;
        superuser.execute("CREATE DATABASE raw OWNER bench").await?;
        Ok(server)
    }

    /// Where the server under measure finds its database.
    pub(crate) fn server_url(&self) -> String {
        self.url(OWNER, "bench")
    }

    /// Where the bare loop finds its own.
    pub(crate) fn raw_url(&self) -> String {
        self.url(OWNER, "raw")
    }

    /// A connection to the database of the server under measure that is above row security.
    pub(crate) async fn superuser(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect(&self.url("postgres", "bench")).await?)
    }

    fn url(&self, login: &str, database: &str) -> String {
        format!("postgres://{login}@localhost/{database}?host={}", self.folder.path().display())
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Runs one of its programs to the end. What it leaves running must not hold a pipe of ours, so its words go to a file.
    fn run(&self, program: &str, arguments: impl FnOnce(&mut Command) -> &mut Command) -> Result<()> {
        let words = self.folder.path().join("words");
        let output = File::create(&words)?;
        let mut command = Command::new(self.binaries.join(program));
        if let Some((user, group)) = other_user() {
            command.uid(user).gid(group);
        }
        command.current_dir("/").env("LC_ALL", "C.UTF-8").stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        if arguments(&mut command).status()?.success() {
            return Ok(());
        }
        Err(format!("{program}: {}", fs::read_to_string(words).unwrap_or_default().trim()).into())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Fails only when it never started.
        drop(self.run("pg_ctl", |command| command.args(["-w", "-m", "immediate", "-D"]).arg(self.data()).arg("stop")));
    }
}

/// The folder of the newest binaries of the machine.
fn find_binaries() -> Result<PathBuf> {
    let named = std::env::var_os("PG_BINDIR").map(PathBuf::from);
    let on_path = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    let mut folders = named.into_iter().chain(newest_first(Path::new("/usr/lib/postgresql"))).chain(on_path);
    let found = folders.find(|folder| folder.join("initdb").is_file());
    found.ok_or_else(|| "no PostgreSQL here: install the package `postgresql`, or set PG_BINDIR to the folder of initdb".into())
}

fn newest_first(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut versions: Vec<_> = entries.filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path()))).collect();
    versions.sort_unstable();
    versions.into_iter().rev().map(|(_, path)| path.join("bin")).collect()
}

/// PostgreSQL refuses to run as root: then it runs as another user of the machine.
fn other_user() -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").ok()?.uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let ids = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    ["postgres", "nobody"].into_iter().find_map(ids)
}
