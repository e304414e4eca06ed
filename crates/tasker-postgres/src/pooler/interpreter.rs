//! One connection of the driver to the pooler, message by message (PostgreSQL's protocol, version 3).

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::target::Target;

/// How much is gathered before it is sent although the other side has not come to an end.
const GATHERED: usize = 64 * 1024;

/// No message is longer; what claims to be is none.
const LONGEST: usize = 1 << 30;

/// Begins a request to cancel, on a connection of its own.
const CANCEL: u32 = 80_877_102;

/// What the driver has been promised an answer to: for each batch of messages up to a `Sync`, whether the answers to its
/// `Parse` messages are for the driver, in order, or for us alone.
type Promised = Arc<Mutex<VecDeque<VecDeque<bool>>>>;

/// Carries a connection until one side ends it.
pub(super) async fn carry(client: TcpStream, target: &Target) -> io::Result<()> {
    client.set_nodelay(true)?;
    let (read_server, mut write_server) = target.connect().await?;
    let (read_client, mut write_client) = client.into_split();
    let mut read_client = BufReader::with_capacity(GATHERED, read_client);
    let start = first_packet(&mut read_client).await?;
    write_server.write_all(&start).await?;
    if start.get(4..8) == Some(&CANCEL.to_be_bytes()) {
        return write_server.shutdown().await;
    }
    // The first `ReadyForQuery` answers the start.
    let promised: Promised = Arc::new(Mutex::new(VecDeque::from([VecDeque::new()])));
    let answers = answers(read_server, &mut write_client, &promised);
    let questions = async {
        let mut statements = Statements { promised: promised.clone(), ..Statements::default() };
        let mut gathered = Vec::new();
        loop {
            let (kind, body) = message(&mut read_client).await?;
            let ends = statements.interpret(kind, body, &mut gathered)?;
            if ends || gathered.len() > GATHERED {
                write_server.write_all(&gathered).await?;
                write_server.flush().await?;
                gathered.clear();
            }
        }
    };
    // Whichever side ends first takes the other with it.
    tokio::select! {
        ended = answers => ended,
        ended = questions => ended,
    }
}

async fn first_packet(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length).await?;
    let size = u32::from_be_bytes(length) as usize;
    if !(8..=GATHERED).contains(&size) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut packet = vec![0; size];
    packet[..4].copy_from_slice(&length);
    from.read_exact(&mut packet[4..]).await?;
    Ok(packet)
}

async fn message(from: &mut (impl AsyncRead + Unpin)) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    from.read_exact(&mut head).await?;
    let size = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    if !(4..=LONGEST).contains(&size) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; size - 4];
    from.read_exact(&mut body).await?;
    Ok((head[0], body))
}

fn put(kind: u8, parts: &[&[u8]], into: &mut Vec<u8>) -> io::Result<()> {
    let size = 4 + parts.iter().map(|part| part.len()).sum::<usize>();
    let size = u32::try_from(size).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    into.push(kind);
    into.extend_from_slice(&size.to_be_bytes());
    parts.iter().for_each(|part| into.extend_from_slice(part));
    Ok(())
}

/// A text up to its zero, and what follows.
fn text(body: &[u8]) -> io::Result<(&[u8], &[u8])> {
    let end = body.iter().position(|&byte| byte == 0).ok_or(io::ErrorKind::InvalidData)?;
    Ok((&body[..end], &body[end + 1..]))
}

async fn answers(
    from: Box<dyn AsyncRead + Send + Unpin>,
    to: &mut (impl AsyncWriteExt + Unpin),
    promised: &Promised,
) -> io::Result<()> {
    let mut from = BufReader::with_capacity(GATHERED, from);
    let mut gathered = Vec::new();
    loop {
        let (kind, body) = message(&mut from).await?;
        let is_wanted = {
            let mut promised = promised.lock().unwrap_or_else(PoisonError::into_inner);
            match kind {
                b'1' => promised.front_mut().and_then(VecDeque::pop_front).unwrap_or(true),
                b'Z' => {
                    promised.pop_front();
                    true
                }
                _ => true,
            }
        };
        if is_wanted {
            put(kind, &[&body], &mut gathered)?;
        }
        if from.buffer().is_empty() || gathered.len() > GATHERED {
            to.write_all(&gathered).await?;
            to.flush().await?;
            gathered.clear();
        }
    }
}

/// The statements of one connection of the driver: by name, the rest of the message that parsed them.
#[derive(Default)]
struct Statements {
    known: HashMap<Vec<u8>, Vec<u8>>,
    /// The statement that stands in the session as the unnamed one, as far as this batch has put it there.
    parsed: Option<Vec<u8>>,
    /// Whether answers of this batch are promised already.
    announced: bool,
    promised: Promised,
}

impl Statements {
    /// Adds what becomes of a message; true where the driver waits for an answer now.
    fn interpret(&mut self, kind: u8, body: Vec<u8>, out: &mut Vec<u8>) -> io::Result<bool> {
        match kind {
            b'P' => {
                let (name, rest) = text(&body)?;
                put(kind, &[b"\0", rest], out)?;
                self.known.insert(name.to_vec(), rest.to_vec());
                self.parsed = Some(name.to_vec());
                self.expect(true);
            }
            b'D' if body.first() == Some(&b'S') => {
                let (name, _) = text(&body[1..])?;
                self.provide(name, out)?;
                put(kind, &[b"S\0"], out)?;
            }
            b'B' => {
                let (_, after_portal) = text(&body)?;
                let portal = &body[..body.len() - after_portal.len()];
                let (name, rest) = text(after_portal)?;
                self.provide(name, out)?;
                put(kind, &[portal, b"\0", rest], out)?;
            }
            b'C' if body.first() == Some(&b'S') => {
                let (name, _) = text(&body[1..])?;
                self.known.remove(name);
                self.parsed = None;
                put(kind, &[b"S\0"], out)?;
            }
            // Sync, and a simple query, which is a batch by itself
            b'S' | b'Q' => {
                put(kind, &[&body], out)?;
                self.begin_batch();
                self.announced = false;
                self.parsed = None;
                return Ok(true);
            }
            _ => {
                put(kind, &[&body], out)?;
                // the others that can stand in a batch: Execute, Describe and Close of a portal
                return Ok(!matches!(kind, b'E' | b'D' | b'C'));
            }
        }
        Ok(false)
    }

    /// Puts a statement into the session in front of a message that needs it.
    fn provide(&mut self, name: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        if self.parsed.as_deref() == Some(name) {
            return Ok(());
        }
        // A statement that was never parsed is left for the server to refuse.
        if let Some(rest) = self.known.get(name) {
            put(b'P', &[b"\0", rest], out)?;
            self.parsed = Some(name.to_vec());
            self.expect(false);
        }
        Ok(())
    }

    fn expect(&mut self, by_driver: bool) {
        self.begin_batch();
        let mut promised = self.promised.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(batch) = promised.back_mut() {
            batch.push_back(by_driver);
        }
    }

    fn begin_batch(&mut self) {
        if !self.announced {
            self.promised.lock().unwrap_or_else(PoisonError::into_inner).push_back(VecDeque::new());
            self.announced = true;
        }
    }
}
