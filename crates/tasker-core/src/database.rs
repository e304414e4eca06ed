//! The database of a program of one's own: the one that is named, else the private cluster, with the tables in it.

use tasker_postgres::PgPool;
use tasker_postgres::cluster::{self, ClusterError, ClusterHandle, ClusterOptions};
use tasker_postgres::connection::{self, ConnectError};
use tasker_postgres::schema::{self, Policy, SchemaError};

use crate::error::RunError;
use crate::registry::Handlers;
use crate::tasker::Tasker;

/// Names the database to use.
const URL_VARIABLE: &str = "DATABASE_URL";

/// Connections of the pool: the worker's loop needs one at a time, handlers that fetch results of further ancestors the
/// others.
const CONNECTIONS: u32 = 4;

/// A database whose tables stand. While it lives, a private cluster keeps running; so it must outlive what works on it.
#[derive(Debug)]
pub struct Database {
    pool: PgPool,
    /// Held for its lock.
    cluster: Option<ClusterHandle>,
}

/// Why there is no database. Every text says what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The database that was named cannot be reached, or refuses.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// There is no private cluster.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The tables could not be read or made, or must not be made unasked.
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

impl Database {
    /// The database that the variable `DATABASE_URL` names; where it is unset or empty, the private cluster of this user,
    /// which is made and started if need be. What is found and done is logged at level `info`.
    ///
    /// The tables are made where that may be done unasked: in the private cluster, and in a named database without tables.
    ///
    /// A program that calls this begins its main with
    /// [`become_supervisor_if_asked`](tasker_postgres::cluster::become_supervisor_if_asked).
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open() -> Result<Self, OpenError> {
        match std::env::var(URL_VARIABLE).ok().filter(|url| !url.is_empty()) {
            Some(url) => Self::named(&url).await,
            None => Self::private(&ClusterOptions::default(), &|line| tracing::info!("{line}")).await,
        }
    }

    /// The database of this URL, such as `postgres://user:password@host:5432/database`, whatever the environment says.
    ///
    /// # Errors
    /// [`OpenError::Connect`] and [`OpenError::Schema`].
    pub async fn named(url: &str) -> Result<Self, OpenError> {
        let pool = connection::connect(connection::parse_url(url)?, CONNECTIONS).await?;
        schema::ensure(&pool, Policy::External).await?;
        Ok(Self { pool, cluster: None })
    }

    /// The private cluster that these options describe. `notice` gets lines for the user.
    ///
    /// # Errors
    /// Any [`OpenError`].
    pub async fn private(options: &ClusterOptions, notice: &(dyn Fn(&str) + Sync)) -> Result<Self, OpenError> {
        let cluster = cluster::open(options, notice).await?;
        let pool = connection::connect(cluster.connect_options(), CONNECTIONS).await?;
        schema::ensure(&pool, Policy::Private).await?;
        Ok(Self { pool, cluster: Some(cluster) })
    }

    /// The connections.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// An engine on this database. In a private cluster a changed template is taken under the version it had.
    ///
    /// # Errors
    /// [`RunError::Entropy`] when the operating system gives no randomness.
    pub fn tasker(&self, handlers: Handlers) -> Result<Tasker, RunError> {
        let tasker = Tasker::new(self.pool.clone(), handlers)?;
        Ok(if self.cluster.is_some() { tasker.allowing_redefinition() } else { tasker })
    }
}
