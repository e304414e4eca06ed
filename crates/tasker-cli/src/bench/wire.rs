//! Counts what waits for an answer: everything between a program and the server passes through here, and each time the
//! server says that it is ready for more, a message has been answered. Only for counting: it takes time itself.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tasker_postgres::connection::{PgConnectOptions, PgSslMode};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

const READY_FOR_QUERY: u8 = b'Z';

/// A socket that leads to the server; it is closed when this is dropped.
pub(super) struct Wire {
    /// How to connect through it.
    pub(super) options: PgConnectOptions,
    answers: Arc<AtomicU64>,
    _folder: TempDir,
    _accepting: AbortOnDropHandle<()>,
}

impl Wire {
    /// Where the server has no socket on this machine there is none of ours.
    pub(super) fn to(options: &PgConnectOptions) -> io::Result<Option<Self>> {
        let Some(server) = options.get_socket() else {
            return Ok(None);
        };
        let name = format!(".s.PGSQL.{}", options.get_port());
        let server = server.join(&name);
        let folder = tempfile::Builder::new().prefix("tasker-bench-").tempdir()?;
        let listener = UnixListener::bind(folder.path().join(name))?;
        let answers = Arc::new(AtomicU64::new(0));
        let accepting = tokio::spawn(accept(listener, server, answers.clone()));
        Ok(Some(Self {
            // What is encrypted cannot be counted; inside a machine nothing is.
            options: options.clone().socket(folder.path()).ssl_mode(PgSslMode::Disable),
            answers,
            _folder: folder,
            _accepting: AbortOnDropHandle::new(accepting),
        }))
    }

    /// Answers so far.
    pub(super) fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }
}

async fn accept(listener: UnixListener, server: PathBuf, answers: Arc<AtomicU64>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (server, answers) = (server.clone(), answers.clone());
        connections.spawn(async move {
            // Whatever goes wrong here the program sees as a broken connection, and says so.
            let _told_by_the_program = pass_on(client, &server, &answers).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn pass_on(client: UnixStream, server: &std::path::Path, answers: &AtomicU64) -> io::Result<()> {
    let server = UnixStream::connect(server).await?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut onwards = JoinSet::new();
    onwards.spawn(pass_through(from_client, to_server));
    let done = count(from_server, to_client, answers).await;
    onwards.shutdown().await;
    done
}

async fn pass_through(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
    tokio::io::copy(&mut from, &mut to).await?;
    to.shutdown().await
}

async fn count(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    answers: &AtomicU64,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let mut messages = Messages::default();
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        answers.fetch_add(messages.ready_in(&buffer[..length]), Ordering::Relaxed);
        to.write_all(&buffer[..length]).await?;
    }
}

/// Where in the server's stream of messages we are: each has a letter and a length that counts itself.
#[derive(Default)]
struct Messages {
    head: Vec<u8>,
    /// Bytes left of the message whose head has passed.
    left: usize,
}

impl Messages {
    /// How often these bytes say that the server is ready.
    fn ready_in(&mut self, mut bytes: &[u8]) -> u64 {
        let mut ready = 0;
        while !bytes.is_empty() {
            if self.left > 0 {
                let passed = self.left.min(bytes.len());
                self.left -= passed;
                bytes = &bytes[passed..];
                continue;
            }
            self.head.push(bytes[0]);
            bytes = &bytes[1..];
            if let [letter, length @ ..] = &self.head[..]
                && let Ok(length) = <[u8; 4]>::try_from(length)
            {
                self.left = (u32::from_be_bytes(length) as usize).saturating_sub(4);
                ready += u64::from(*letter == READY_FOR_QUERY);
                self.head.clear();
            }
        }
        ready
    }
}
