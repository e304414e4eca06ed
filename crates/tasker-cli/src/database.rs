//! Which database: the one that was named, else the private cluster.

use tasker_domain::code::Coded;
use tasker_postgres::PgPool;
use tasker_postgres::cluster::{self, ClusterHandle, ClusterOptions};
use tasker_postgres::connection;
use tasker_postgres::schema::{self, Policy};

use crate::arguments::DatabaseArguments;
use crate::db::{DbCommand, DbOutcome};
use crate::failure::{ExitStatus, Failure};
use crate::postgres::{PostgresCommand, PostgresFailure};
use crate::printing::{UntilClosed, to_stderr, visible};

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
        Some(url) => (connection::parse_url(url).map_err(|error| unavailable(&error))?, None),
        None => {
            let told = |line: &str| to_stderr(format_args!("{}", visible(line)));
            let cluster =
                cluster::open(&cluster_options(arguments), &told).await.map_err(|error| unavailable(&error))?;
            (cluster.connect_options(), Some(cluster))
        }
    };
    let is_private = cluster.is_some();
    let pool = connection::connect(options, connections).await.map_err(|error| unavailable(&error))?;
    Ok(Database { pool, _cluster: cluster, is_private })
}

/// Connects to a database in which the tables stand; makes them where that may be done unasked.
pub(crate) async fn open(arguments: &DatabaseArguments, connections: u32) -> Result<Database, Failure> {
    let database = connect(arguments, connections).await?;
    let policy = if database.is_private { Policy::Private } else { Policy::External };
    schema::ensure(&database.pool, policy).await.map_err(|error| unavailable(&error))?;
    Ok(database)
}

fn unavailable(error: &(impl Coded + std::fmt::Display)) -> Failure {
    Failure::coded(ExitStatus::Unavailable, error)
}

pub(crate) fn cluster_options(arguments: &DatabaseArguments) -> ClusterOptions {
    let mut options = ClusterOptions::default();
    if let Some(folder) = &arguments.postgres_bin {
        options.places.setting = Some(folder.clone());
    }
    options.fetch |= arguments.fetch_postgres;
    options
}

/// `tasker db`.
pub(crate) async fn db(command: DbCommand, arguments: &DatabaseArguments) -> Result<ExitStatus, Failure> {
    let database = connect(arguments, 2).await?;
    match crate::db::run(&command, &database.pool, &mut UntilClosed(std::io::stdout())).await {
        Ok(DbOutcome::Fine) => Ok(ExitStatus::Success),
        Ok(DbOutcome::Differs | DbOutcome::Unfinished) => Ok(ExitStatus::Failed),
        Err(error) => Err(Failure::coded(error.status(), &error)),
    }
}

/// `tasker postgres`.
pub(crate) async fn postgres(command: PostgresCommand, arguments: &DatabaseArguments) -> Result<ExitStatus, Failure> {
    match crate::postgres::run(command, &cluster_options(arguments)).await {
        Ok(()) => Ok(ExitStatus::Success),
        // psql has said itself what was wrong.
        Err(PostgresFailure::PsqlEnded(code)) => Ok(ExitStatus::Other(code)),
        Err(failure) => Err(Failure::coded(ExitStatus::Other(failure.exit_code()), &failure)),
    }
}
