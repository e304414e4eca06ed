//! Which database: the one that was named, else the private cluster.

use std::time::Duration;

use anstream::eprintln;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tasker_postgres::cluster::{self, ClusterHandle, ClusterOptions};
use tasker_postgres::schema::{self, Policy};

use crate::arguments::DatabaseArguments;
use crate::db::DbCommand;
use crate::failure::{ExitStatus, Failure};
use crate::postgres::PostgresCommand;

/// How long a server has to answer.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// A database to work on. While it lives, a private cluster keeps running.
pub(crate) struct Database {
    pub(crate) pool: PgPool,
    /// Held for its lock.
    _cluster: Option<ClusterHandle>,
    pub(crate) is_private: bool,
}

/// Connects, and makes or starts the private cluster where no database was named.
pub(crate) async fn connect(arguments: &DatabaseArguments, connections: u32) -> Result<Database, Failure> {
    let (options, cluster) = match &arguments.database_url {
        Some(url) => (parse(url)?, None),
        None => {
            let cluster = cluster::open(&cluster_options(arguments), &|line| eprintln!("{line}")).await.map_err(no_cluster)?;
            (cluster.connect_options(), Some(cluster))
        }
    };
    let is_private = cluster.is_some();
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(CONNECT_WITHIN)
        .connect_with(options)
        .await
        .map_err(unreachable_database)?;
    Ok(Database { pool, _cluster: cluster, is_private })
}

/// Connects to a database in which the tables stand; makes them where that may be done unasked.
pub(crate) async fn open(arguments: &DatabaseArguments, connections: u32) -> Result<Database, Failure> {
    let database = connect(arguments, connections).await?;
    let policy = if database.is_private { Policy::Private } else { Policy::External };
    schema::ensure(&database.pool, policy).await.map_err(|error| Failure::new(ExitStatus::Unavailable, error))?;
    Ok(database)
}

fn parse(url: &str) -> Result<PgConnectOptions, Failure> {
    url.parse().map_err(|error| {
        // The text may hold a password, so it is not repeated.
        Failure::new(ExitStatus::Unavailable, format!("the database URL cannot be read: {error}"))
            .advise("it has the form postgres://user:password@host:5432/database")
    })
}

fn unreachable_database(error: sqlx::Error) -> Failure {
    let failure = Failure::new(ExitStatus::Unavailable, format!("the database cannot be reached: {error}"));
    match error {
        sqlx::Error::Database(_) => failure.advise("check user, password and the database's name in the URL"),
        _ => failure.advise("check host and port in the URL and that the server is running"),
    }
}

fn no_cluster(error: cluster::ClusterError) -> Failure {
    Failure::new(ExitStatus::Unavailable, error)
}

fn cluster_options(arguments: &DatabaseArguments) -> ClusterOptions {
    let mut options = ClusterOptions::default();
    if let Some(folder) = &arguments.postgres_bin {
        options.bin_dir = Some(folder.clone());
    }
    options.fetch |= arguments.fetch_postgres;
    options
}

/// `tasker db`.
pub(crate) async fn db(command: DbCommand, arguments: &DatabaseArguments) -> Result<ExitStatus, Failure> {
    let database = connect(arguments, 2).await?;
    crate::db::run(command, &database.pool, database.is_private).await
}

/// `tasker postgres`.
pub(crate) async fn postgres(command: PostgresCommand, arguments: &DatabaseArguments) -> Result<ExitStatus, Failure> {
    crate::postgres::run(command, &cluster_options(arguments)).await
}
