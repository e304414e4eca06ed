//! A connection that breaks: a proxy between a program and its PostgreSQL server, which cuts, holds back and counts.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::postgres::PgConnectOptions;
use tasker_core::entropy::Entropy;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Asks the server whether it would encrypt.
const ENCRYPT: u32 = 80_877_103;

/// Stands between a program and its server until dropped.
#[derive(Debug)]
pub struct Proxy {
    folder: TempDir,
    options: PgConnectOptions,
    controls: Arc<Controls>,
    listens: JoinHandle<()>,
}

#[derive(Debug)]
struct Controls {
    entropy: Entropy,
    /// Chance, in millionths, that the connection is cut instead of handing on what came from the server.
    cut_replies: AtomicU64,
    /// The same for what came from the program.
    cut_requests: AtomicU64,
    cuts: AtomicU64,
    statements: AtomicU64,
    holds: watch::Sender<Holds>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Holds {
    requests: bool,
    replies: bool,
    /// Connections that were made before are cut.
    generation: u64,
}

impl Proxy {
    /// Stands before the server of these options. It draws when to cut from `entropy`.
    ///
    /// # Panics
    /// Outside a runtime, and when no socket can be made.
    pub fn start(server: &PgConnectOptions, entropy: Entropy) -> Self {
        let folder = tempfile::tempdir().expect("a folder for a socket can be made");
        let path = folder.path().join(format!(".s.PGSQL.{}", server.get_port()));
        let listener = UnixListener::bind(path).expect("a socket can be made");
        let (holds, _) = watch::channel(Holds::default());
        let controls = Arc::new(Controls {
            entropy,
            cut_replies: AtomicU64::new(0),
            cut_requests: AtomicU64::new(0),
            cuts: AtomicU64::new(0),
            statements: AtomicU64::new(0),
            holds,
        });
        let (behind, shared) = (server.clone(), controls.clone());
        let listens = tokio::spawn(async move {
            while let Ok((program, _)) = listener.accept().await {
                let (behind, shared) = (behind.clone(), shared.clone());
                tokio::spawn(async move {
                    // However it ends, the program sees a connection that is gone.
                    let _ended = carry(program, &behind, &shared).await.is_err();
                });
            }
        });
        let options = server.clone().socket(folder.path());
        Self { folder, options, controls, listens }
    }

    /// How to connect through it.
    #[must_use]
    pub fn options(&self) -> PgConnectOptions {
        self.options.clone()
    }

    /// The folder of its socket, for programs that are told by a URL.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Cuts a connection with this chance (0 to 1) whenever an answer comes: the server has done what it was asked, and the
    /// program does not hear of it.
    pub fn cut_replies(&self, chance: f64) {
        self.controls.cut_replies.store(millionths(chance), Ordering::SeqCst);
    }

    /// Cuts a connection with this chance (0 to 1) before it hands on a message of the program.
    pub fn cut_requests(&self, chance: f64) {
        self.controls.cut_requests.store(millionths(chance), Ordering::SeqCst);
    }

    /// Holds back what the program sends from now on, until told otherwise.
    pub fn hold_requests(&self, hold: bool) {
        self.controls.holds.send_modify(|holds| holds.requests = hold);
    }

    /// Holds back what the server answers from now on, until told otherwise.
    pub fn hold_replies(&self, hold: bool) {
        self.controls.holds.send_modify(|holds| holds.replies = hold);
    }

    /// Cuts every connection there is.
    pub fn cut_all(&self) {
        self.controls.holds.send_modify(|holds| holds.generation += 1);
    }

    /// How many connections were cut by chance.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.controls.cuts.load(Ordering::SeqCst)
    }

    /// How many statements the program has had carried out.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.controls.statements.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listens.abort();
        self.cut_all();
    }
}

impl Controls {
    fn cuts_now(&self, chance: &AtomicU64) -> bool {
        let cuts = self.entropy.fraction() < chance.load(Ordering::SeqCst) as f64 / 1e6;
        self.cuts.fetch_add(u64::from(cuts), Ordering::SeqCst);
        cuts
    }
}

fn millionths(chance: f64) -> u64 {
    (chance.clamp(0.0, 1.0) * 1e6) as u64
}

async fn carry(program: UnixStream, server: &PgConnectOptions, controls: &Controls) -> io::Result<()> {
    match server.get_socket() {
        Some(folder) => {
            let path = folder.join(format!(".s.PGSQL.{}", server.get_port()));
            let (read, write) = UnixStream::connect(path).await?.into_split();
            between(program, read, write, controls).await
        }
        None => {
            let (read, write) = TcpStream::connect((server.get_host(), server.get_port())).await?.into_split();
            between(program, read, write, controls).await
        }
    }
}

async fn between(
    program: UnixStream,
    mut read_server: impl AsyncRead + Unpin,
    mut write_server: impl AsyncWrite + Unpin,
    controls: &Controls,
) -> io::Result<()> {
    let (mut read_program, mut write_program) = program.into_split();
    let mut holds = controls.holds.subscribe();
    let generation = holds.borrow().generation;
    let requests = async {
        let mut held = controls.holds.subscribe();
        let mut first = true;
        loop {
            let message = message(&mut read_program, first).await?;
            if controls.cuts_now(&controls.cut_requests) {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            // a question whether to encrypt comes before the start and has no letter either
            let asks_first = first && message.get(4..8) == Some(&ENCRYPT.to_be_bytes());
            if !first && matches!(message.first(), Some(b'E' | b'Q')) {
                controls.statements.fetch_add(1, Ordering::SeqCst);
            }
            first = asks_first;
            released(&mut held, |holds| holds.requests).await?;
            write_server.write_all(&message).await?;
        }
    };
    let replies = async {
        let mut held = controls.holds.subscribe();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let size = read_server.read(&mut buffer).await?;
            if size == 0 || controls.cuts_now(&controls.cut_replies) {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            released(&mut held, |holds| holds.replies).await?;
            write_program.write_all(&buffer[..size]).await?;
        }
    };
    tokio::select! {
        ended = requests => ended,
        ended = replies => ended,
        ended = holds.wait_for(|holds| holds.generation != generation) => {
            ended.map_err(|_| io::ErrorKind::ConnectionAborted.into()).map(drop)
        }
    }
}

async fn released(holds: &mut watch::Receiver<Holds>, is_held: impl Fn(&Holds) -> bool) -> io::Result<()> {
    holds.wait_for(|now| !is_held(now)).await.map_err(|_| io::ErrorKind::ConnectionAborted.into()).map(drop)
}

/// A message of the program; the first has no letter in front.
async fn message(from: &mut (impl AsyncRead + Unpin), first: bool) -> io::Result<Vec<u8>> {
    let head = if first { 4 } else { 5 };
    let mut message = vec![0; head];
    from.read_exact(&mut message).await?;
    let mut length = [0; 4];
    length.copy_from_slice(&message[head - 4..]);
    let size = u32::from_be_bytes(length) as usize;
    message.resize(head - 4 + size, 0);
    from.read_exact(&mut message[head..]).await?;
    Ok(message)
}
