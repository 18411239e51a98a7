//! A wire to PostgreSQL that a test can cut: a TCP port before the server's socket.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};

/// What becomes of a commit of the group commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// It passes, and so does its answer.
    Pass,
    /// The wire is cut before the server hears of it.
    CutBefore,
    /// The server commits, and the wire is cut before its answer passes.
    CutAfter,
    /// The same, and nobody gets through any more until [`Proxy::open`].
    CutAfterAndClose,
}

/// The wire; it ends with the test's runtime.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    socket: PathBuf,
    /// For the commits to come, one each; those after pass.
    plan: Mutex<VecDeque<Commit>>,
    closed: AtomicBool,
    refused: AtomicUsize,
}

impl Proxy {
    /// Before the server that listens on this socket.
    pub async fn start(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { socket, ..Shared::default() });
        let accepting = Arc::clone(&shared);
        #[expect(clippy::disallowed_methods, reason = "the wire lives as long as the test's runtime")]
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                if accepting.closed.load(Ordering::SeqCst) {
                    accepting.refused.fetch_add(1, Ordering::SeqCst);
                } else {
                    tokio::spawn(pass(Arc::clone(&accepting), client));
                }
            }
        });
        Self { address, shared }
    }

    /// The address of a database behind the wire.
    pub fn url(&self, login: &str, database: &str) -> String {
        format!("postgres://{login}@{}/{database}", self.address)
    }

    /// What becomes of the next commits, one after the other.
    pub fn plan(&self, commits: &[Commit]) {
        self.shared.plan.lock().unwrap().extend(commits);
    }

    /// Has everything that was planned happened?
    pub fn is_done(&self) -> bool {
        self.shared.plan.lock().unwrap().is_empty()
    }

    /// Connections that were refused while the wire was closed.
    pub fn refused(&self) -> usize {
        self.shared.refused.load(Ordering::SeqCst)
    }

    /// Lets everyone through again.
    pub fn open(&self) {
        self.shared.closed.store(false, Ordering::SeqCst);
    }
}

/// Passes on what both sides say until one of them ends, or the wire is cut.
async fn pass(shared: Arc<Shared>, mut client: TcpStream) {
    let mut server = UnixStream::connect(&shared.socket).await.unwrap();
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    // Set once it shows itself as the connection of the group commit.
    let mut commits = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Some(said) = read.ok().filter(|read| *read > 0).map(|read| &asked[..read]) else { return };
                commits |= holds(said, b"SET enable_seqscan");
                let planned = if commits && holds(said, b"COMMIT\0") { shared.plan.lock().unwrap().pop_front() } else { None };
                if planned == Some(Commit::CutBefore) {
                    return;
                }
                if server.write_all(said).await.is_err() {
                    return;
                }
                if matches!(planned, Some(Commit::CutAfter | Commit::CutAfterAndClose)) {
                    // The answer came, so it is committed.
                    assert!(server.read(&mut answered).await.unwrap() > 0);
                    shared.closed.fetch_or(planned == Some(Commit::CutAfterAndClose), Ordering::SeqCst);
                    return;
                }
            }
            read = server.read(&mut answered) => {
                let Some(said) = read.ok().filter(|read| *read > 0).map(|read| &answered[..read]) else { return };
                if client.write_all(said).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
