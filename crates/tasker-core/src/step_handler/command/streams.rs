//! A program's three streams, each bounded: stdin is written, stdout kept up to a limit, of stderr the end.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const CHUNK_BYTES: usize = 8 * 1024;

/// How much of the end of stderr is kept; a message shows less, so that what is cut away in cleaning is made up for.
const STDERR_BYTES: usize = 8 * 1024;

/// Why reading stopped before the end of a stream.
#[derive(Debug)]
pub(super) enum Stopped {
    /// More was written to stdout than is taken.
    TooMuchOutput,
    /// The stream itself failed.
    Broken(io::Error),
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Stopped::Broken(error)
    }
}

/// Writes the document and closes the stream. A program that does not read it is none the worse for it.
pub(super) async fn feed(mut stdin: impl AsyncWrite + Unpin, document: &[u8]) -> Result<(), Stopped> {
    match stdin.write_all(document).await {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// What came from stdout.
#[derive(Debug, Default)]
pub(super) struct Captured {
    pub(super) bytes: Vec<u8>,
}

impl Captured {
    /// Reads to the end of the stream, or to the limit.
    pub(super) async fn read(&mut self, mut stream: impl AsyncRead + Unpin, limit: usize) -> Result<(), Stopped> {
        loop {
            self.bytes.reserve(CHUNK_BYTES);
            if stream.read_buf(&mut self.bytes).await? == 0 {
                return Ok(());
            }
            if self.bytes.len() > limit {
                return Err(Stopped::TooMuchOutput);
            }
        }
    }
}

/// The end of what came from stderr.
#[derive(Debug, Default)]
pub(super) struct Tail {
    pub(super) bytes: Vec<u8>,
    /// Whether something before it was thrown away.
    pub(super) cut: bool,
}

impl Tail {
    /// Reads to the end of the stream in bounded memory.
    pub(super) async fn read(&mut self, mut stream: impl AsyncRead + Unpin) -> Result<(), Stopped> {
        loop {
            self.bytes.reserve(CHUNK_BYTES);
            if stream.read_buf(&mut self.bytes).await? == 0 {
                return Ok(());
            }
            if self.bytes.len() > 2 * STDERR_BYTES {
                self.bytes.drain(..self.bytes.len() - STDERR_BYTES);
                self.cut = true;
            }
        }
    }
}
