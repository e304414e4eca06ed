//! Connecting to a database that somebody named.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

/// How long a server has to answer.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Why a database cannot be worked on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is none. Its text may hold a password, so it is not repeated.
    #[error("the database URL cannot be read ({0}): it has the form postgres://user:password@host:5432/database")]
    Url(#[source] sqlx::Error),
    /// The server answered and refused.
    #[error("the database refuses the connection ({0}): check user, password and the database's name")]
    Refused(#[source] sqlx::Error),
    /// Nobody answered.
    #[error("the database cannot be reached ({0}): check host and port and that the server is running")]
    Unreachable(#[source] sqlx::Error),
}

/// Reads a URL such as `postgres://user:password@host:5432/database`.
///
/// # Errors
/// [`ConnectError::Url`].
pub fn parse_url(url: &str) -> Result<PgConnectOptions, ConnectError> {
    url.parse().map_err(ConnectError::Url)
}

/// Opens a pool of at most this many connections and makes the first of them.
///
/// # Errors
/// [`ConnectError::Refused`] and [`ConnectError::Unreachable`].
pub async fn connect(options: PgConnectOptions, connections: u32) -> Result<PgPool, ConnectError> {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(CONNECT_WITHIN)
        // A question before every use would double the time of a small exchange; a dead connection shows at its use.
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .map_err(|error| match error {
            sqlx::Error::Database(_) => ConnectError::Refused(error),
            _ => ConnectError::Unreachable(error),
        })
}
