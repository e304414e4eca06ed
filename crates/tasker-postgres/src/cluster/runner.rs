//! As whom PostgreSQL's programs are run, and how.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{Uid, User};

use super::environment::{self, STARTED_AS_SUPERVISOR};
use super::error::ClusterError;
use super::shim;

/// A user of this system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// Runs PostgreSQL's programs: as ourselves, or as another user where we are root, as which they refuse to run.
#[derive(Debug, Clone)]
pub struct Runner {
    program: PathBuf,
    account: Option<Account>,
}

impl Runner {
    /// Runs everything as the present user.
    pub fn as_ourselves(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), account: None }
    }

    /// Runs as the present user, or, where that is root, as `postgres` or else `nobody`. `program` is the one that is
    /// started again to change the user.
    ///
    /// # Errors
    /// [`ClusterError::NoServerUser`].
    pub fn for_this_user(program: impl Into<PathBuf>) -> Result<Self, ClusterError> {
        if !Uid::effective().is_root() {
            return Ok(Self::as_ourselves(program));
        }
        for name in ["postgres", "nobody"] {
            // A user database that cannot be read is as good as one without that user.
            if let Ok(Some(user)) = User::from_name(name) {
                let account = Account { name: name.to_owned(), uid: user.uid.as_raw(), gid: user.gid.as_raw() };
                return Ok(Self { program: program.into(), account: Some(account) });
            }
        }
        Err(ClusterError::NoServerUser)
    }

    pub(super) fn with_account(program: impl Into<PathBuf>, account: Option<Account>) -> Self {
        Self { program: program.into(), account }
    }

    pub(super) fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }

    /// The user id under which the server runs.
    pub(super) fn uid(&self) -> u32 {
        self.account.as_ref().map_or_else(|| Uid::effective().as_raw(), |account| account.uid)
    }

    /// The name of that user, for messages.
    pub(super) fn user_name(&self) -> String {
        match &self.account {
            Some(account) => format!("user `{}`", account.name),
            None => format!("user id {}", Uid::effective()),
        }
    }

    /// A command that runs `executable` as the server's user with a small environment. With `dies_with_us` the system
    /// ends it when the *thread* that spawned it ends (Linux).
    pub(super) fn command(&self, executable: &Path, dies_with_us: bool) -> Command {
        let directly = self.account.is_none() && !dies_with_us;
        let mut command = if directly {
            Command::new(executable)
        } else {
            shim::command(&self.program, self.account.as_ref(), dies_with_us, executable)
        };
        command.env_clear().envs(environment::for_server()).current_dir("/");
        if !directly {
            // The shim takes it away again; a program that is none must not open a cluster and so start itself again.
            command.env(STARTED_AS_SUPERVISOR, "1");
        }
        command
    }

    /// Gives a folder to the server's user.
    pub(super) fn own(&self, folder: &Path) -> Result<(), ClusterError> {
        let Some(account) = &self.account else {
            return Ok(());
        };
        std::os::unix::fs::lchown(folder, Some(account.uid), Some(account.gid)).map_err(|source| ClusterError::Files {
            action: "change the owner of",
            path: folder.to_path_buf(),
            advice: "run as an ordinary user, or name another folder with TASKER_DATA_DIR",
            source,
        })
    }

    /// Refuses a folder that does not belong to the server's user.
    pub(super) fn check_owner(&self, folder: &Path) -> Result<(), ClusterError> {
        let owner = fs::metadata(folder).map_err(|source| ClusterError::Files {
            action: "read",
            path: folder.to_path_buf(),
            advice: "check its permissions",
            source,
        })?;
        if owner.uid() == self.uid() {
            return Ok(());
        }
        Err(ClusterError::NotOurs { path: folder.to_path_buf(), owner: owner.uid(), expected: self.user_name() })
    }
}
