//! The one place where the cluster reads environment variables.

use std::env;
#[cfg(unix)]
use std::ffi::OsString;
use std::path::PathBuf;

use etcetera::BaseStrategy;
use etcetera::base_strategy::Xdg;

/// Tells a started copy of the program that it was started as a supervisor. A program that then opens a cluster has
/// forgotten `become_supervisor_if_asked`, and would start itself without end.
#[cfg(unix)]
pub(super) const STARTED_AS_SUPERVISOR: &str = "TASKER_STARTED_AS_SUPERVISOR";

/// What the loader of PostgreSQL's programs may need; everything else is kept from the server.
#[cfg(unix)]
const PASSED_ON: [&str; 5] = ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "TMPDIR"];

/// What the environment says, read once.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `TASKER_POSTGRES_BIN`: the folder of the binaries to use.
    pub postgres_bin: Option<PathBuf>,
    /// `TASKER_DATA_DIR`: where everything of the private cluster is kept.
    pub data_dir: Option<PathBuf>,
    /// `PATH`, split.
    pub path: Vec<PathBuf>,
    /// The user's home folder (`HOME`, else the user database).
    pub home: Option<PathBuf>,
    /// The user's folder for data (`XDG_DATA_HOME`, else `~/.local/share`).
    pub user_data: Option<PathBuf>,
    /// `VIRTUAL_ENV`: the active Python environment.
    pub virtual_env: Option<PathBuf>,
    /// The current folder.
    pub working_dir: Option<PathBuf>,
}

impl Environment {
    /// Reads the environment of this process. An empty variable counts as unset.
    pub fn read() -> Self {
        Self {
            postgres_bin: path_in("TASKER_POSTGRES_BIN"),
            data_dir: path_in("TASKER_DATA_DIR"),
            path: env::var_os("PATH")
                .map(|value| env::split_paths(&value).filter(|folder| folder.is_absolute()).collect())
                .unwrap_or_default(),
            home: etcetera::home_dir().ok().filter(|home| !home.as_os_str().is_empty()),
            user_data: Xdg::new().ok().map(|folders| folders.data_dir()).filter(|folder| folder.is_absolute()),
            virtual_env: path_in("VIRTUAL_ENV"),
            working_dir: env::current_dir().ok(),
        }
    }
}

fn path_in(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The variables that PostgreSQL's own programs get.
#[cfg(unix)]
pub(super) fn for_server() -> Vec<(OsString, OsString)> {
    let mut variables: Vec<(OsString, OsString)> =
        PASSED_ON.iter().filter_map(|name| Some((OsString::from(name), env::var_os(name)?))).collect();
    // Messages are read (`is still in use`), so they must not be translated.
    variables.push(("LC_ALL".into(), "C".into()));
    variables
}

/// Whether this process was started as a supervisor.
#[cfg(unix)]
pub(super) fn started_as_supervisor() -> bool {
    env::var_os(STARTED_AS_SUPERVISOR).is_some()
}
