//! The same interface where no private cluster can run: everything answers that.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::Command;

use sqlx::postgres::PgConnectOptions;

use super::answers::{Location, Status, Stopped};
use super::error::ClusterError;
use super::options::ClusterOptions;
use super::version::PostgresVersion;

/// A private cluster in use; there is none on this system.
#[derive(Debug)]
pub struct ClusterHandle(Infallible);

/// A cluster in a temporary folder; there is none on this system.
#[derive(Debug)]
pub struct ThrowawayCluster(Infallible);

impl ClusterHandle {
    /// How to connect to the database.
    pub fn connect_options(&self) -> PgConnectOptions {
        match self.0 {}
    }

    /// How to connect, as a URL.
    pub fn url(&self) -> String {
        match self.0 {}
    }

    /// The data folder.
    pub fn data_dir(&self) -> &Path {
        match self.0 {}
    }

    /// The folder of the server's binaries.
    pub fn bin_dir(&self) -> &Path {
        match self.0 {}
    }

    /// The server's version.
    pub fn version(&self) -> PostgresVersion {
        match self.0 {}
    }

    /// The process of `postgres`.
    pub fn postgres_pid(&self) -> u32 {
        match self.0 {}
    }

    /// The process of the server's supervisor.
    pub fn supervisor_pid(&self) -> u32 {
        match self.0 {}
    }
}

impl ThrowawayCluster {
    /// The running cluster.
    pub fn handle(&self) -> &ClusterHandle {
        match self.0 {}
    }

    /// Stops the server and deletes the folder.
    ///
    /// # Errors
    /// None; there is no such cluster.
    pub async fn stop(self) -> Result<(), ClusterError> {
        match self.0 {}
    }
}

/// Does nothing on this system.
pub fn become_supervisor_if_asked() {}

/// Opens the private cluster.
///
/// # Errors
/// Always [`ClusterError::Unsupported`].
pub async fn open(_options: &ClusterOptions, _notice: &(dyn Fn(&str) + Sync)) -> Result<ClusterHandle, ClusterError> {
    Err(ClusterError::Unsupported)
}

/// Makes a cluster in a temporary folder.
///
/// # Errors
/// Always [`ClusterError::Unsupported`].
pub async fn throwaway(_options: &ClusterOptions) -> Result<ThrowawayCluster, ClusterError> {
    Err(ClusterError::Unsupported)
}

/// Says where the cluster is.
///
/// # Errors
/// Always [`ClusterError::Unsupported`].
pub async fn locate(_options: &ClusterOptions) -> Result<Location, ClusterError> {
    Err(ClusterError::Unsupported)
}

/// Says how the cluster stands.
///
/// # Errors
/// Always [`ClusterError::Unsupported`].
pub async fn status(_options: &ClusterOptions) -> Result<Status, ClusterError> {
    Err(ClusterError::Unsupported)
}

/// Starts the cluster.
///
/// # Errors
/// Always [`ClusterError::Unsupported`].
pub async fn start(_options: &ClusterOptions, _notice: &(dyn Fn(&str) + Sync)) -> Result<ClusterHandle, ClusterError> {
    Err(ClusterError::Unsupported)
}

/// Stops the server.
///
/// # Errors
/// Always [`ClusterError::Unsupported`].
pub async fn stop(_options: &ClusterOptions, _force: bool) -> Result<Stopped, ClusterError> {
    Err(ClusterError::Unsupported)
}

/// Deletes all data.
///
/// # Errors
/// Always [`ClusterError::Unsupported`].
pub async fn reset(_options: &ClusterOptions, _force: bool) -> Result<Vec<PathBuf>, ClusterError> {
    Err(ClusterError::Unsupported)
}

/// The command that enters the database.
///
/// # Errors
/// Always [`ClusterError::Unsupported`].
pub fn psql_command(handle: &ClusterHandle) -> Result<Command, ClusterError> {
    match handle.0 {}
}
