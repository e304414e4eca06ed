//! What the operations on a private cluster answer, as plain data.

use std::path::PathBuf;

use super::report::SearchReport;
use super::version::PostgresVersion;

/// Where the private cluster is, or would be.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Location {
    /// The folder that holds everything of it.
    pub base: PathBuf,
    /// The data folders that are there, with their major versions.
    pub data_dirs: Vec<(u32, PathBuf)>,
    /// The server's log.
    pub server_log: PathBuf,
    /// The supervisor's log.
    pub supervisor_log: PathBuf,
    /// The folder of the binaries that run, or that would be used.
    pub bin_dir: Option<PathBuf>,
    /// What was looked at for binaries.
    pub search: SearchReport,
}

/// A server that runs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RunningServer {
    /// Its version.
    pub version: PostgresVersion,
    /// Its data folder.
    pub data_dir: PathBuf,
    /// The folder of its binaries.
    pub bin_dir: PathBuf,
    /// Where to connect.
    pub url: String,
    /// The process of `postgres`.
    pub postgres_pid: u32,
    /// The process of its supervisor.
    pub supervisor_pid: u32,
    /// Whether it stays without a user, by `start`.
    pub pinned: bool,
    /// The processes that use it, as far as the system tells.
    pub users: Vec<u32>,
}

/// How the private cluster stands.
#[derive(Debug, Clone)]
pub enum Status {
    /// There is none yet.
    NotMade {
        /// Where it would be.
        base: PathBuf,
    },
    /// Its data is there, no server runs.
    Stopped {
        /// The data folder.
        data_dir: PathBuf,
        /// Its major version.
        major: u32,
    },
    /// The server is just starting or stopping.
    Between {
        /// The folder of the cluster.
        base: PathBuf,
    },
    /// The server takes connections.
    Running(RunningServer),
}

/// What `stop` found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// No server ran.
    AlreadyStopped,
    /// It was stopped.
    Now,
}
