//! Where a pooler is, and what a URL says of it.

use std::io;
use std::path::PathBuf;

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A way to connect; both directions of it.
pub(super) type Stream = (Box<dyn AsyncRead + Send + Unpin>, Box<dyn AsyncWrite + Send + Unpin>);

/// Where a pooler listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Target {
    Port(String, u16),
    Socket(PathBuf),
}

impl Target {
    pub(super) fn of(options: &PgConnectOptions) -> Self {
        let folder = match options.get_socket() {
            Some(folder) => Some(folder.clone()),
            None if options.get_host().starts_with('/') => Some(PathBuf::from(options.get_host())),
            None => None,
        };
        match folder {
            Some(folder) => Target::Socket(folder.join(format!(".s.PGSQL.{}", options.get_port()))),
            None => Target::Port(options.get_host().to_owned(), options.get_port()),
        }
    }

    pub(super) async fn connect(&self) -> io::Result<Stream> {
        match self {
            Target::Port(host, port) => {
                let stream = TcpStream::connect((host.trim_matches(['[', ']']), *port)).await?;
                stream.set_nodelay(true)?;
                let (read, write) = stream.into_split();
                Ok((Box::new(read), Box::new(write)))
            }
            #[cfg(unix)]
            Target::Socket(path) => {
                let (read, write) = tokio::net::UnixStream::connect(path).await?.into_split();
                Ok((Box::new(read), Box::new(write)))
            }
            #[cfg(not(unix))]
            Target::Socket(_) => Err(io::Error::from(io::ErrorKind::Unsupported)),
        }
    }
}

/// Takes the words out of a URL that say that it leads to a transaction pooler (`pooler=transaction`, or `pgbouncer=true`
/// as other programs have it); the second value tells whether there was one.
///
/// # Errors
/// What is wrong with the word, for another kind of pooler.
pub(crate) fn take_mark(url: &str) -> Result<(String, bool), &'static str> {
    let mut marked = false;
    let mut refused = None;
    let url = filter_parameters(url, |name, value| match (name, value) {
        ("pooler", "transaction") | ("pgbouncer", "true") => {
            marked = true;
            false
        }
        ("pooler", "session" | "none") | ("pgbouncer", "false") => false,
        ("pooler" | "pgbouncer", _) => {
            refused = Some("`pooler` is `transaction`, `session` or `none`, `pgbouncer` is `true` or `false`");
            false
        }
        _ => true,
    });
    match refused {
        Some(reason) => Err(reason),
        None => Ok((url, marked)),
    }
}

/// The URL without a folder of sockets.
pub(super) fn without_host(url: &str) -> String {
    let url = filter_parameters(url, |name, _| !matches!(name, "host" | "hostaddr" | "port"));
    // A folder may also stand, percent-encoded, where the host does.
    let Some((head, rest)) = url.split_once("://") else { return url };
    let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let user = authority.rsplit_once('@').map_or(String::new(), |(user, _)| format!("{user}@"));
    format!("{head}://{user}localhost{tail}")
}

fn filter_parameters(url: &str, mut keeps: impl FnMut(&str, &str) -> bool) -> String {
    let Some((address, parameters)) = url.split_once('?') else { return url.to_owned() };
    let kept: Vec<&str> = parameters
        .split('&')
        .filter(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            keeps(name, value)
        })
        .collect();
    if kept.is_empty() { address.to_owned() } else { format!("{address}?{}", kept.join("&")) }
}
