//! `tasker postgres`: what a user can do with the private cluster. Answers go to stdout, notices to stderr.

use std::io;

use clap::Subcommand;
use tasker_postgres::cluster::{self, ClusterError, ClusterOptions, FetchError, Status, Stopped};

use crate::confirmation::confirmed;
use crate::printing::{to_stderr, to_stdout, visible};

/// The private PostgreSQL that the program makes and runs when no database is named.
#[derive(Debug, Clone, Subcommand)]
pub enum PostgresCommand {
    /// Show where the private cluster is and where binaries were looked for
    Where,
    /// Start the private cluster and let it run until `stop`
    Start,
    /// Stop the private cluster
    Stop {
        /// Stop it although programs use it
        #[arg(long)]
        force: bool,
    },
    /// Show whether the private cluster runs and who uses it
    Status,
    /// Open psql on the private cluster
    Psql {
        /// Arguments for psql
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Delete the private cluster with all its data
    Reset {
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Stop it although programs use it
        #[arg(long)]
        force: bool,
    },
}

/// Why such a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PostgresFailure {
    /// There is no cluster, or it does not do what is wanted.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The user did not agree to a deletion.
    #[error("nothing was deleted; add --yes to delete without being asked")]
    NotConfirmed,
    /// psql did not run.
    #[error("cannot run psql: {0}")]
    Psql(io::Error),
    /// psql ended with this exit code and has said why.
    #[error("psql ended with exit code {0}")]
    PsqlEnded(u8),
    /// The terminal is gone.
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
}

impl PostgresFailure {
    /// The exit code of the command.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Cluster(ClusterError::InUse { .. }) | Self::NotConfirmed => 1,
            // What was fetched is not what it should be: bad data, not a missing service.
            Self::Cluster(ClusterError::Fetch(FetchError::HashMismatch { .. })) => 65,
            Self::Cluster(_) => 69,
            Self::Psql(_) => 71,
            Self::PsqlEnded(code) => *code,
            Self::Output(_) => 74,
        }
    }
}

/// Carries out one command.
///
/// # Errors
/// [`PostgresFailure`]; the caller prints it and ends with its exit code.
pub(crate) async fn run(command: PostgresCommand, options: &ClusterOptions) -> Result<(), PostgresFailure> {
    match command {
        PostgresCommand::Where => show_location(options).await,
        PostgresCommand::Start => {
            let handle = cluster::start(options, &notice).await?;
            answer(&[handle.url()])
        }
        PostgresCommand::Stop { force } => {
            let stopped = cluster::stop(options, force).await?;
            answer(&[match stopped {
                Stopped::AlreadyStopped => "the private cluster was not running".to_owned(),
                Stopped::Now => "stopped the private cluster".to_owned(),
            }])
        }
        PostgresCommand::Status => show_status(options).await,
        PostgresCommand::Psql { arguments } => enter(options, &arguments).await,
        PostgresCommand::Reset { yes, force } => delete(options, yes, force).await,
    }
}

/// What happens on the way.
fn notice(text: &str) {
    to_stderr(format_args!("{}", visible(text)));
}

fn answer(lines: &[String]) -> Result<(), PostgresFailure> {
    for line in lines {
        to_stdout(format_args!("{line}"))?;
    }
    Ok(())
}

async fn show_location(options: &ClusterOptions) -> Result<(), PostgresFailure> {
    let location = cluster::locate(options).await?;
    let mut lines = vec![format!("folder    {}", location.base.display())];
    if location.data_dirs.is_empty() {
        lines.push("data      none yet".to_owned());
    }
    for (major, data_dir) in &location.data_dirs {
        lines.push(format!("data      {} (PostgreSQL {major})", data_dir.display()));
    }
    lines.push(match &location.bin_dir {
        Some(bin_dir) => format!("binaries  {}", bin_dir.display()),
        None => "binaries  none that serve".to_owned(),
    });
    lines.push(format!("logs      {}", location.server_log.display()));
    lines.push(format!("          {}", location.supervisor_log.display()));
    lines.push("looked for binaries in".to_owned());
    lines.push(location.search.table());
    answer(&lines)
}

async fn show_status(options: &ClusterOptions) -> Result<(), PostgresFailure> {
    let lines = match cluster::status(options).await? {
        Status::NotMade { base } => vec![format!("not made yet; it would be in {}", base.display())],
        Status::Stopped { data_dir, major } => vec![format!("stopped: PostgreSQL {major} in {}", data_dir.display())],
        Status::Between { base } => vec![format!("just starting or stopping, in {}", base.display())],
        Status::Running(server) => {
            let users: Vec<String> = server.users.iter().map(u32::to_string).collect();
            let used = if users.is_empty() { "no known process".to_owned() } else { users.join(", ") };
            let stays = if server.pinned { "until `tasker postgres stop`" } else { "as long as it is used" };
            vec![
                format!("running: PostgreSQL {} in {}", server.version, server.data_dir.display()),
                format!("url         {}", server.url),
                format!("binaries    {}", server.bin_dir.display()),
                format!("postgres    process {}", server.postgres_pid),
                format!("supervisor  process {}", server.supervisor_pid),
                format!("used by     {used}"),
                format!("stays       {stays}"),
            ]
        }
    };
    answer(&lines)
}

async fn enter(options: &ClusterOptions, arguments: &[String]) -> Result<(), PostgresFailure> {
    let handle = cluster::open(options, &notice).await?;
    let mut command = cluster::psql_command(&handle)?;
    command.args(arguments);
    // Ctrl-C is psql's: it cancels a query there, and must not end us and with us the server under it.
    let mut psql = tokio::process::Command::from(command).spawn().map_err(PostgresFailure::Psql)?;
    let status = loop {
        tokio::select! {
            status = psql.wait() => break status.map_err(PostgresFailure::Psql)?,
            interrupt = tokio::signal::ctrl_c() => interrupt.map_err(PostgresFailure::Psql)?,
        }
    };
    match status.code() {
        Some(0) => Ok(()),
        code => Err(PostgresFailure::PsqlEnded(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))),
    }
}

async fn delete(options: &ClusterOptions, yes: bool, force: bool) -> Result<(), PostgresFailure> {
    let location = cluster::locate(options).await?;
    if !yes && !confirmed(&format!("Delete all data in {}? [y/N] ", location.base.display()))? {
        return Err(PostgresFailure::NotConfirmed);
    }
    let deleted = cluster::reset(options, force).await?;
    if deleted.is_empty() {
        return answer(&["there was no data".to_owned()]);
    }
    answer(&deleted.iter().map(|folder| format!("deleted {}", folder.display())).collect::<Vec<_>>())
}
