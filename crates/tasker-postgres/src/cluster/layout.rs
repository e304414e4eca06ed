//! Where the files of a cluster lie.
//!
//! ```text
//! /var/lib/tasker/          or ~/.local/share/tasker, or TASKER_DATA_DIR
//!   15/                     the data, named by its major version
//!   15.making/              data that initdb is still making
//!   binaries/               fetched binaries
//!   use.lock                shared: every program that uses the cluster
//!   start.lock              exclusive: whoever starts, stops or deletes it
//!   supervisor.lock         exclusive: the supervisor, as long as it lives
//!   server.json             what runs; there only while it takes connections
//!   pinned                  there while the server is to stay without a user
//!   stop.request            asks the supervisor to stop
//!   server.log, supervisor.log
//! ```

use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::Uid;
use sha2::{Digest, Sha256};

use super::error::ClusterError;
use super::options::ClusterOptions;
use super::runner::Runner;

/// The port is part of the socket's name; nothing listens on a network.
pub(super) const PORT: u16 = 5432;
/// What a socket's path may have on every system (Linux allows 107 bytes, macOS 103), less `/.s.PGSQL.5432`.
const LONGEST_SOCKET_FOLDER: usize = 103 - "/.s.PGSQL.5432".len();
const OTHER_FOLDER: &str = "name a folder that can be written with TASKER_DATA_DIR";

/// The folder of a cluster and the names in it.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) base: PathBuf,
}

impl Layout {
    /// The folder for these options; nothing is made.
    pub(super) fn of(options: &ClusterOptions) -> Result<Self, ClusterError> {
        let base = match (&options.data_dir, &options.user_data) {
            (Some(folder), _) => folder.clone(),
            (None, _) if Uid::effective().is_root() => PathBuf::from("/var/lib/tasker"),
            (None, Some(user_data)) => user_data.join("tasker"),
            (None, None) => return Err(ClusterError::NoHome),
        };
        let base = std::path::absolute(&base).map_err(|source| files("find", &base, OTHER_FOLDER, source))?;
        Ok(Self { base })
    }

    /// Makes the folder. It must be ours; the server's user must be able to pass through one that we make as root.
    pub(super) fn make(&mut self) -> Result<(), ClusterError> {
        let is_root = Uid::effective().is_root();
        if !self.base.is_dir() {
            let mode = if is_root { 0o755 } else { 0o700 };
            DirBuilder::new()
                .recursive(true)
                .mode(mode)
                .create(&self.base)
                .map_err(|source| files("make", &self.base, OTHER_FOLDER, source))?;
            if is_root {
                // A strict umask must not shut the server's user out.
                set_mode(&self.base, mode)?;
            }
        }
        self.base = self.base.canonicalize().map_err(|source| files("find", &self.base, OTHER_FOLDER, source))?;
        let owner = fs::metadata(&self.base).map_err(|source| files("read", &self.base, OTHER_FOLDER, source))?.uid();
        if owner != Uid::effective().as_raw() {
            let expected = format!("user id {}", Uid::effective());
            return Err(ClusterError::NotOurs { path: self.base.clone(), owner, expected });
        }
        Ok(())
    }

    pub(super) fn data_dir(&self, major: u32) -> PathBuf {
        self.base.join(major.to_string())
    }

    pub(super) fn making_dir(&self, major: u32) -> PathBuf {
        self.base.join(format!("{major}.making"))
    }

    pub(super) fn binaries(&self) -> PathBuf {
        self.base.join("binaries")
    }

    pub(super) fn use_lock(&self) -> PathBuf {
        self.base.join("use.lock")
    }

    pub(super) fn start_lock(&self) -> PathBuf {
        self.base.join("start.lock")
    }

    pub(super) fn supervisor_lock(&self) -> PathBuf {
        self.base.join("supervisor.lock")
    }

    pub(super) fn server_file(&self) -> PathBuf {
        self.base.join("server.json")
    }

    pub(super) fn pinned(&self) -> PathBuf {
        self.base.join("pinned")
    }

    pub(super) fn stop_request(&self) -> PathBuf {
        self.base.join("stop.request")
    }

    pub(super) fn server_log(&self) -> PathBuf {
        self.base.join("server.log")
    }

    pub(super) fn supervisor_log(&self) -> PathBuf {
        self.base.join("supervisor.log")
    }

    /// The major versions of the data folders that are there, highest first.
    pub(super) fn majors(&self) -> Result<Vec<u32>, ClusterError> {
        let entries = match self.base.read_dir() {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(files("read", &self.base, OTHER_FOLDER, source)),
        };
        let mut majors = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|source| files("read", &self.base, OTHER_FOLDER, source))?;
            let Some(major) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            let path = entry.path();
            let written = match fs::read_to_string(path.join("PG_VERSION")) {
                Ok(text) => text.trim().to_owned(),
                Err(error) => {
                    return Err(ClusterError::DamagedData { path, reason: format!("PG_VERSION: {error}") });
                }
            };
            if written != major.to_string() {
                return Err(ClusterError::DamagedData { path, reason: format!("PG_VERSION says {written}") });
            }
            majors.push(major);
        }
        majors.sort_unstable_by(|a, b| b.cmp(a));
        Ok(majors)
    }

    /// Makes the folder for the socket: short, of mode 0700, the server's user's own.
    pub(super) fn make_socket_folder(&self, runner: &Runner) -> Result<PathBuf, ClusterError> {
        let digest = Sha256::digest(self.base.as_os_str().as_encoded_bytes());
        let hash: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let short = Path::new("/tmp").join(format!("tasker-{}-{hash}", Uid::effective()));
        match DirBuilder::new().mode(0o700).create(&short) {
            Ok(()) => runner.own(&short)?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => check_socket_folder(&short, runner)?,
            // No /tmp to write in: the cluster's own folder does where its path is short enough.
            Err(error) => return self.socket_folder_beside_data(runner, &short, &error),
        }
        set_mode(&short, 0o700)?;
        Ok(short)
    }

    fn socket_folder_beside_data(
        &self,
        runner: &Runner,
        short: &Path,
        why_not_short: &io::Error,
    ) -> Result<PathBuf, ClusterError> {
        let folder = self.base.join("socket");
        if folder.as_os_str().len() > LONGEST_SOCKET_FOLDER {
            return Err(ClusterError::SocketFolder {
                path: short.to_path_buf(),
                reason: format!("{why_not_short}, and {} is too long for a socket", folder.display()),
                advice: "make /tmp writable or name a shorter folder with TASKER_DATA_DIR",
            });
        }
        if !folder.is_dir() {
            let made = DirBuilder::new().mode(0o700).create(&folder);
            made.map_err(|source| files("make", &folder, OTHER_FOLDER, source))?;
            runner.own(&folder)?;
        }
        check_socket_folder(&folder, runner)?;
        Ok(folder)
    }
}

/// Anybody can make names in /tmp: one that is a link or somebody else's is refused.
fn check_socket_folder(folder: &Path, runner: &Runner) -> Result<(), ClusterError> {
    let refused = |reason: String| ClusterError::SocketFolder {
        path: folder.to_path_buf(),
        reason,
        advice: "remove it, or name another data folder with TASKER_DATA_DIR",
    };
    let found = fs::symlink_metadata(folder).map_err(|error| refused(error.to_string()))?;
    if !found.is_dir() {
        return Err(refused("it is not a folder".to_owned()));
    }
    if found.uid() == Uid::effective().as_raw() {
        // Ours from a start that was cut off before the folder was given away.
        return runner.own(folder);
    }
    if found.uid() != runner.uid() {
        return Err(refused(format!("it belongs to user id {}", found.uid())));
    }
    Ok(())
}

pub(super) fn set_mode(path: &Path, mode: u32) -> Result<(), ClusterError> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(|source| files("set the permissions of", path, OTHER_FOLDER, source))
}

/// An error about a file or folder.
pub(super) fn files(action: &'static str, path: &Path, advice: &'static str, source: io::Error) -> ClusterError {
    let advice = match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room on the disk and try again",
        _ => advice,
    };
    ClusterError::Files { action, path: path.to_path_buf(), advice, source }
}
