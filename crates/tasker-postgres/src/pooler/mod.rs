//! Working behind a pooler that shares sessions between transactions.
//!
//! The driver sends a statement in two parts, each ended by a `Sync`: first it is parsed and described, then bound and
//! executed. Between the two such a pooler may give the session to somebody else, and then a named statement is missing,
//! or, worse, the unnamed one is somebody else's and answers without an error. So the driver does not talk to the pooler
//! but to an interpreter in this process, which keeps the driver's statements itself and sends each one's text along
//! whenever it is bound: nothing depends on two messages reaching one session, whatever the driver's cache does.
//!
//! | file | subject |
//! |---|---|
//! | `target` | where the pooler is, and what a URL says of it |
//! | `interpreter` | one connection: what becomes of each message |

mod interpreter;
mod target;

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use target::Target;

pub(crate) use target::take_mark;

/// The port of the interpreter for each pooler; it serves as long as the process lives.
static PORTS: Mutex<Option<HashMap<Target, u16>>> = Mutex::new(None);

/// Options by which a connection goes through an interpreter. `url` is what they were read from.
///
/// # Errors
/// When the URL asks for encryption, which the interpreter has not, or when no port can be opened.
pub(crate) fn through_interpreter(url: &str, options: &PgConnectOptions) -> Result<PgConnectOptions, sqlx::Error> {
    if matches!(options.get_ssl_mode(), PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull) {
        let reason = "a transaction pooler is spoken to without TLS: name one on this machine or in a network of your own, with sslmode=disable";
        return Err(sqlx::Error::Configuration(reason.into()));
    }
    let target = Target::of(options);
    let port = port_of(target).map_err(sqlx::Error::Io)?;
    // A socket that the URL names would be preferred to a host.
    let plain: PgConnectOptions = target::without_host(url).parse()?;
    Ok(plain
        .host(&Ipv4Addr::LOCALHOST.to_string())
        .port(port)
        .ssl_mode(PgSslMode::Disable)
        // not among what a pooler knows to keep apart
        .extra_float_digits(None))
}

/// Whether connections of these options go to a transaction pooler.
pub fn is_pooled(options: &PgConnectOptions) -> bool {
    let ports = PORTS.lock().unwrap_or_else(PoisonError::into_inner);
    options.get_host() == Ipv4Addr::LOCALHOST.to_string()
        && ports.as_ref().is_some_and(|ports| ports.values().any(|&port| port == options.get_port()))
}

fn port_of(target: Target) -> io::Result<u16> {
    let mut ports = PORTS.lock().unwrap_or_else(PoisonError::into_inner);
    let ports = ports.get_or_insert_default();
    if let Some(&port) = ports.get(&target) {
        return Ok(port);
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    let served = target.clone();
    // A thread of its own: no handler can keep it from its work, nor the heartbeat that goes through it.
    std::thread::Builder::new().name("tasker-pooler".to_owned()).spawn(move || {
        match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(serve(listener, served)),
            Err(error) => tracing::error!(%error, "no connection to the pooler is possible"),
        }
    })?;
    ports.insert(target, port);
    Ok(port)
}

async fn serve(listener: TcpListener, target: Target) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "no connection to the pooler is possible");
            return;
        }
    };
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                let target = target.clone();
                tokio::spawn(async move {
                    if let Err(error) = interpreter::carry(client, &target).await {
                        tracing::debug!(%error, "a connection to the pooler ended");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection to the pooler was not accepted");
                tokio::task::yield_now().await;
            }
        }
    }
}
