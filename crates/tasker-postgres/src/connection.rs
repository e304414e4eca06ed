//! Connecting to a database that somebody named.

use std::io;
use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
pub use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{Connection, PgConnection, PgPool};

use crate::wording::said;

/// How long a server has to answer.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Why a database cannot be worked on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is none. Its text may hold a password, so it is not repeated.
    #[error("the database URL cannot be read ({}): it has the form postgres://user:password@host:5432/database", said(.0))]
    Url(#[source] sqlx::Error),
    /// The server answered and refused.
    #[error("the database refuses the connection ({}): check user, password and the database's name", said(.0))]
    Refused(#[source] sqlx::Error),
    /// Nobody answered.
    #[error("the database cannot be reached ({}): check host and port and that the server is running", said(.0))]
    Unreachable(#[source] sqlx::Error),
}

/// Reads a URL such as `postgres://user:password@host:5432/database`.
///
/// # Errors
/// [`ConnectError::Url`].
pub fn parse_url(url: &str) -> Result<PgConnectOptions, ConnectError> {
    // The driver takes any word before the colon.
    if !["postgres://", "postgresql://"].iter().any(|start| url.starts_with(start)) {
        return Err(ConnectError::Url(sqlx::Error::Configuration("it does not begin with postgres://".into())));
    }
    url.parse().map_err(ConnectError::Url)
}

/// Opens a pool of at most this many connections and makes the first of them.
///
/// # Errors
/// [`ConnectError::Refused`] and [`ConnectError::Unreachable`].
pub async fn connect(options: PgConnectOptions, connections: u32) -> Result<PgPool, ConnectError> {
    // A pool tries a port that nobody listens on again and again, and then only says that time is up.
    match tokio::time::timeout(CONNECT_WITHIN, PgConnection::connect_with(&options)).await {
        Ok(Ok(connection)) => {
            if let Err(error) = connection.close().await {
                tracing::debug!(%error, "the first connection was not closed in good order");
            }
        }
        Ok(Err(error)) => return Err(refused(error)),
        Err(_) => return Err(ConnectError::Unreachable(io::Error::from(io::ErrorKind::TimedOut).into())),
    }
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(CONNECT_WITHIN)
        // A question before every use would double the time of a small exchange; a dead connection shows at its use.
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .map_err(refused)
}

fn refused(error: sqlx::Error) -> ConnectError {
    match error {
        sqlx::Error::Database(_) => ConnectError::Refused(error),
        _ => ConnectError::Unreachable(error),
    }
}
