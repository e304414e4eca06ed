//! A server that does as it likes with each connection.

use std::future::{Future, pending};
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Listens until it is dropped.
pub(crate) struct RudeServer {
    address: SocketAddr,
    visitors: watch::Receiver<usize>,
    serving: tokio::task::JoinHandle<()>,
}

impl RudeServer {
    pub(crate) async fn start<F, Fut>(behaviour: F) -> Self
    where
        F: Fn(Connection) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (count, visitors) = watch::channel(0);
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.send_modify(|visitors| *visitors += 1);
                tokio::spawn(behaviour(Connection { stream }));
            }
        });
        Self { address, visitors, serving }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(crate) async fn somebody_came(&self) {
        self.visitors.clone().wait_for(|visitors| *visitors > 0).await.unwrap();
    }
}

impl Drop for RudeServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

pub(crate) struct Connection {
    stream: TcpStream,
}

impl Connection {
    pub(crate) async fn read_some(&mut self) {
        let mut bytes = vec![0; 65_536];
        assert!(self.stream.read(&mut bytes).await.unwrap() > 0);
    }

    /// Whether the other side was still there.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok() && self.stream.flush().await.is_ok()
    }

    /// Keeps the connection open and silent.
    pub(crate) async fn hold(self) {
        pending::<()>().await;
    }
}

/// A gzip stream without end that repeats one byte 258 times with every 13 bits.
pub(crate) fn gzip_bomb(repetitions: usize) -> Vec<u8> {
    let mut bits = Vec::with_capacity(repetitions * 13 + 16);
    // Not the last block, with the fixed code.
    bits.extend([0, 1, 0]);
    // The byte 0.
    bits.extend([0, 0, 1, 1, 0, 0, 0, 0]);
    for _ in 0..repetitions {
        // Length 258 (code 285), distance 1 (code 0).
        bits.extend([1, 1, 0, 0, 0, 1, 0, 1]);
        bits.extend([0, 0, 0, 0, 0]);
    }
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let packed =
        bits.chunks(8).map(|byte| byte.iter().enumerate().fold(0_u8, |sum, (place, bit)| sum | (bit << place)));
    header.into_iter().chain(packed).collect()
}
