//! The locks by which programs and supervisors agree, and the note about what runs.
//!
//! - Whoever uses the cluster holds `use.lock` shared. The supervisor stops the server only while it holds it
//!   exclusively, and keeps holding it until it ends: a program that comes meanwhile waits, then finds no supervisor
//!   and starts a new one. Between asking and stopping there is no gap.
//! - Whoever starts, stops or deletes the cluster holds `start.lock` exclusively, so that ten programs start one server.
//! - The supervisor holds `supervisor.lock` exclusively all its life. `server.json` counts only while that lock is held.
//!
//! The system lets go of a lock when its process ends, however it ends.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::ClusterError;
use super::layout::{Layout, files};
use super::stopwatch::{Stopwatch, pause};
use super::version::PostgresVersion;

const ADVICE: &str = "check the permissions of the folder, or name another with TASKER_DATA_DIR";
const POLL: Duration = Duration::from_millis(10);

/// What runs, written by the supervisor once the server takes connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Server {
    pub(super) supervisor_pid: u32,
    pub(super) postgres_pid: u32,
    pub(super) version: PostgresVersion,
    pub(super) bin_dir: PathBuf,
    pub(super) data_dir: PathBuf,
    pub(super) socket_dir: PathBuf,
}

impl Server {
    /// Writes the note as a whole or not at all.
    pub(super) fn write(&self, layout: &Layout) -> io::Result<()> {
        let target = layout.server_file();
        let fresh = target.with_extension("json.new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        fs::rename(&fresh, &target)
    }

    /// Reads the note; nothing where it is not there or not whole.
    fn read(layout: &Layout) -> Option<Self> {
        serde_json::from_slice(&fs::read(layout.server_file()).ok()?).ok()
    }
}

/// How the supervisor stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// There is none.
    None,
    /// One is there, and its server does not take connections yet or any more.
    Between,
    /// Its server takes connections.
    Running(Server),
}

/// Looks whether a supervisor lives and what it runs. Changes nothing, also not where nothing is.
pub(super) fn standing(layout: &Layout) -> Result<Standing, ClusterError> {
    let path = layout.supervisor_lock();
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Standing::None),
        Err(source) => return Err(files("open", &path, ADVICE, source)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(Standing::None),
        Err(TryLockError::WouldBlock) => Ok(Server::read(layout).map_or(Standing::Between, Standing::Running)),
        Err(TryLockError::Error(source)) => Err(files("lock", &path, ADVICE, source)),
    }
}

/// How a lock is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    Shared,
    Exclusive,
}

/// Opens a lock file, making it where it is not there.
pub(super) fn open_lock(path: &Path) -> Result<File, ClusterError> {
    let opened = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path);
    opened.map_err(|source| files("open", path, ADVICE, source))
}

/// Takes a lock if that is possible now.
pub(super) fn try_hold(file: &File, path: &Path, hold: Hold) -> Result<bool, ClusterError> {
    let tried = match hold {
        Hold::Shared => file.try_lock_shared(),
        Hold::Exclusive => file.try_lock(),
    };
    match tried {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(source)) => Err(files("lock", path, ADVICE, source)),
    }
}

/// Opens a lock file and waits for the lock. The lock is that of the file that stands there *now*: one that was deleted
/// with its folder meanwhile is opened anew.
pub(super) fn take(
    path: &Path,
    hold: Hold,
    what: &'static str,
    limit: Duration,
    log: PathBuf,
) -> Result<File, ClusterError> {
    let waited = Stopwatch::start();
    loop {
        let file = open_lock(path)?;
        while !try_hold(&file, path, hold)? {
            if waited.elapsed() >= limit {
                return Err(ClusterError::TookTooLong { what, seconds: limit.as_secs(), log });
            }
            pause(POLL);
        }
        if is_still_there(&file, path) {
            return Ok(file);
        }
    }
}

/// Whether an open file is the one that its path names.
pub(super) fn is_still_there(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(opened), Ok(named)) => (opened.dev(), opened.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// The processes that hold a lock on a file, other than we, as far as the system tells (Linux does).
pub(super) fn holders(path: &Path) -> Vec<u32> {
    let (Ok(locks), Ok(file)) = (fs::read_to_string("/proc/locks"), fs::metadata(path)) else {
        return Vec::new();
    };
    let inode = file.ino().to_string();
    let mut pids: Vec<u32> = locks
        .lines()
        .filter_map(|line| {
            // 1: FLOCK  ADVISORY  READ 4711 fe:00:10019080 0 EOF
            let mut words = line.split_whitespace().skip_while(|word| *word != "FLOCK").skip(3);
            let (pid, place) = (words.next()?, words.next()?);
            (place.rsplit(':').next()? == inode).then(|| pid.parse().ok())?
        })
        .filter(|pid| *pid != std::process::id())
        .collect();
    pids.sort_unstable();
    pids.dedup();
    pids
}
