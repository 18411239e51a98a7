//! A private PostgreSQL, and in it a database of each test's own.
//!
//! The first test of a run starts the server from the binaries of the machine: in a folder of its own, reached by a
//! socket in it alone, without care for power cuts. Every process that uses it holds a shared lock on a file; a watcher
//! stops the server and removes the folder some seconds after the last one let go, however it ended.
//! A test's database is a copy of a migrated template, which takes a fraction of a second, and goes away with it.
//!
//! `PG_BINDIR` names the folder of the binaries where they are in none of the usual places.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hasher as _};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

/// Owns the tables; may make databases and roles, and nothing else.
const OWNER: &str = "connectors_owner";
/// What a server logs in as: owns nothing, and has no right before it takes a role.
const SERVER: &str = "connectors_server";

/// Does this run test on PostgreSQL?
#[expect(clippy::disallowed_methods, reason = "how a run of the tests is told its engine")]
pub fn is_wanted() -> bool {
    std::env::var("CONNECTORS_TEST_ENGINE").is_ok_and(|engine| engine == "postgres")
}

/// The running server.
pub struct Cluster {
    folder: PathBuf,
    /// Held for as long as the process lives.
    _user: File,
}

/// A database of one test's own.
pub struct Database {
    cluster: &'static Cluster,
    name: String,
}

impl Database {
    /// A copy of a database that `migrate` has brought up to date, given the address of its owner.
    pub async fn migrated(migrate: impl AsyncFnOnce(&str)) -> Self {
        let (cluster, name) = (cluster(), fresh_name());
        let template = template(migrate).await;
        cluster.command(&format!("CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template} STRATEGY WAL_LOG")).await;
        Self { cluster, name }
    }

    /// A database without anything in it.
    pub async fn empty() -> Self {
        Self::empty_on(cluster()).await
    }

    /// A database without anything in it, on a server of the test's own.
    pub async fn empty_on(cluster: &'static Cluster) -> Self {
        let name = fresh_name();
        cluster.command(&format!("CREATE DATABASE {name} OWNER {OWNER}")).await;
        Self { cluster, name }
    }

    /// Its name on the server.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The socket of its server.
    pub fn socket(&self) -> PathBuf {
        self.cluster.folder.join(".s.PGSQL.5432")
    }

    /// As a server logs in.
    pub fn url(&self) -> String {
        self.cluster.url(SERVER, &self.name)
    }

    /// As the owner logs in.
    pub fn owner_url(&self) -> String {
        self.cluster.url(OWNER, &self.name)
    }

    /// As the superuser of the server logs in, who sees everything.
    pub fn superuser_url(&self) -> String {
        self.cluster.url("postgres", &self.name)
    }

    /// What the server writes about all of its databases.
    pub fn log(&self) -> File {
        File::open(self.cluster.folder.join("data/server.log")).unwrap()
    }

    /// A connection past the program, for looking at what is really there.
    pub async fn raw(&self) -> PgConnection {
        PgConnection::connect(&self.superuser_url()).await.unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (cluster, sql) = (self.cluster, format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        // A thread of its own: the test's runtime is busy with dropping.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(cluster.command(&sql));
        });
        drop(dropping.join());
    }
}

/// The template of this program, made by the first test that needs it.
async fn template(migrate: impl AsyncFnOnce(&str)) -> String {
    let program = std::env::current_exe().unwrap();
    let name = format!("template_{:x}", hash((&program, fs::metadata(&program).unwrap().mtime_nsec())));
    let lock = File::create(cluster().folder.join(&name)).unwrap();
    lock.lock().unwrap();
    let mut connection = cluster().connect("postgres").await;
    let found: Option<i32> =
        sqlx::query_scalar("SELECT 1 FROM pg_database WHERE datname = $1").bind(&name).fetch_optional(&mut connection).await.unwrap();
    if found.is_none() {
        let half = format!("{name}_half");
        cluster().command(&format!("DROP DATABASE IF EXISTS {half} WITH (FORCE)")).await;
        cluster().command(&format!("CREATE DATABASE {half} OWNER {OWNER}")).await;
        migrate(&cluster().url(OWNER, &half)).await;
        cluster().let_in().await;
        cluster().command(&format!("ALTER DATABASE {half} RENAME TO {name}")).await;
    }
    name
}

fn fresh_name() -> String {
    format!("test_{}", uuid::Uuid::new_v4().simple())
}

fn hash(value: impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The server of this run, started if need be.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::at(std::env::temp_dir().join(format!("connectors-pg-{:x}", hash(env!("CARGO_MANIFEST_DIR"))))))
}

impl Cluster {
    /// A server that no other test uses, so that it can be stopped and its roles be changed.
    pub fn private() -> &'static Self {
        Box::leak(Box::new(Self::at(std::env::temp_dir().join(format!("connectors-pg-{}", uuid::Uuid::new_v4().simple())))))
    }

    fn at(folder: PathBuf) -> Self {
        let user = locked(&folder.with_extension("users"), File::lock_shared);
        // Held until it is known that the server runs.
        let _turn = locked(&folder.with_extension("lock"), File::lock);
        let cluster = Self { folder, _user: user };
        if !is_running(&cluster.folder) {
            cluster.start();
        }
        cluster
    }

    /// The address of a database for a login; nobody needs a password.
    pub fn url(&self, login: &str, database: &str) -> String {
        format!("postgres://{login}@localhost/{database}?host={}", self.folder.display())
    }

    async fn connect(&self, database: &str) -> PgConnection {
        PgConnection::connect(&self.url("postgres", database)).await.unwrap()
    }

    /// Runs a statement as the superuser, outside of any test's database.
    pub async fn command(&self, sql: &str) {
        let mut connection = self.connect("postgres").await;
        connection.execute(AssertSqlSafe(sql.to_owned())).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Lets the login of servers take the roles, once a migration has made them.
    pub async fn let_in(&self) {
        self.command(&format!("GRANT connectors_api, connectors_worker, connectors_admin TO {SERVER}")).await;
    }

    /// Ends the server in the middle of whatever it does.
    pub fn stop(&self) {
        let mut stop = as_other_user(binaries().join("pg_ctl"));
        run(stop.arg("-D").arg(self.folder.join("data")).args(["-m", "immediate", "-w", "stop"]));
    }

    /// Asks this login for its password from now on.
    pub async fn ask_password_of(&self, login: &str) {
        let file = self.folder.join("data/pg_hba.conf");
        let rules = fs::read_to_string(&file).unwrap();
        fs::write(&file, format!("local all {login} scram-sha-256\n{rules}")).unwrap();
        self.command("SELECT pg_reload_conf()").await;
    }

    /// Starts the server on what it left behind.
    pub fn start_again(&self) {
        // What it starts outlives it, so its output must not be a pipe of ours.
        let log = File::create(self.folder.join("start.log")).unwrap();
        let (data, folder) = (self.folder.join("data"), self.folder.display());
        let settings = format!(
            "-k {folder} -c listen_addresses='' -c fsync=off -c full_page_writes=off -c max_connections=300 -c shared_buffers=64MB \
             -c autovacuum=off -c wal_level=minimal -c max_wal_senders=0 -c max_wal_size=4GB"
        );
        let mut start = as_other_user(binaries().join("pg_ctl"));
        start.arg("-D").arg(&data).arg("-l").arg(data.join("server.log")).args(["-o", &settings, "-w", "start"]);
        let status = start.stdout(log.try_clone().unwrap()).stderr(log).status().unwrap();
        assert!(status.success(), "the server did not start: see {folder}");
    }

    fn start(&self) {
        let folder = &self.folder;
        drop(fs::remove_dir_all(folder));
        fs::create_dir_all(folder).unwrap();
        if let Some((user, group)) = other_user() {
            chown(folder, Some(user), Some(group)).unwrap();
        }
        let settings = ["--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8", "--locale=C", "-D"];
        run(as_other_user(binaries().join("initdb")).args(settings).arg(folder.join("data")));
        self.start_again();
        watch(folder, &binaries());
        let logins = format!("CREATE ROLE {OWNER} LOGIN CREATEROLE CREATEDB; CREATE ROLE {SERVER} LOGIN NOINHERIT");
        // A thread of its own, since this may be called from within a runtime.
        std::thread::scope(|scope| {
            let made = scope.spawn(|| {
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(self.command(&logins));
            });
            made.join().unwrap();
        });
    }
}

/// Opens and locks a file that the watcher removes with the server: one that was removed meanwhile is no use.
fn locked(path: &Path, lock: impl Fn(&File) -> std::io::Result<()>) -> File {
    loop {
        let file = File::create(path).unwrap();
        if let Some((user, group)) = other_user() {
            drop(chown(path, Some(user), Some(group)));
        }
        lock(&file).unwrap();
        if fs::metadata(path).is_ok_and(|there| there.ino() == file.metadata().unwrap().ino()) {
            return file;
        }
    }
}

fn is_running(folder: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(folder.join(".s.PGSQL.5432")).is_ok()
}

/// The newest server of the machine.
fn binaries() -> PathBuf {
    let newest = || {
        let all = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
        let major = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
        all.filter_map(|path| Some((major(&path)?, path.join("bin")))).max().map(|(_, path)| path)
    };
    let on_path = || std::env::split_paths(&std::env::var_os("PATH")?).find(|folder| folder.join("initdb").is_file());
    let named = std::env::var_os("PG_BINDIR").map(PathBuf::from);
    let found = named.into_iter().chain(newest()).chain(on_path()).find(|folder| folder.join("initdb").is_file());
    found.unwrap_or_else(|| {
        panic!("no PostgreSQL on this machine: install the package `postgresql`, or set PG_BINDIR to the folder of initdb")
    })
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

fn as_other_user(program: PathBuf) -> Command {
    let mut command = Command::new(program);
    if let Some((user, group)) = other_user() {
        command.uid(user).gid(group);
    }
    command.current_dir("/").env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    command
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let said = || format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}", said());
}

/// Stops the server once nobody has used it for ten seconds.
#[expect(clippy::zombie_processes, reason = "it outlives this process on purpose")]
fn watch(folder: &Path, bin: &Path) {
    const SCRIPT: &str = r#"
        idle=0
        while [ "$idle" -lt 5 ]; do
            sleep 2
            if flock -n -x "$1" true; then idle=$((idle + 1)); else idle=0; fi
        done
        flock -x "$1" sh -c '"$1/pg_ctl" -D "$0/data" -m immediate stop; rm -rf "$0" "$0.lock" "$0.users"' "$2" "$3"
    "#;
    let mut watcher = as_other_user(PathBuf::from("/bin/sh"));
    watcher.arg("-c").arg(SCRIPT).arg("watch").arg(folder.with_extension("users")).arg(folder).arg(bin);
    watcher.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn().unwrap();
}
