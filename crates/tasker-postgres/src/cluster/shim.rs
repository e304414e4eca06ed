//! Our own program, started again to become something else.
//!
//! `unsafe` is forbidden, so nothing can be done between fork and exec. Instead the program is started again with a
//! word that no user types as its first argument: as the *launcher*, which starts the supervisor and ends, so that the
//! supervisor has neither the caller as parent nor its process group; as the *supervisor*; or as the *shim*, which
//! changes the user, asks for the death signal and then replaces itself by PostgreSQL's program.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::SigSet;

use super::environment::{self, STARTED_AS_SUPERVISOR};
use super::options::this_program;
use super::runner::Account;
use super::supervisor;

const LAUNCHER: &str = "private-postgres-launcher";
const SUPERVISOR: &str = "private-postgres-supervisor";
const SHIM: &str = "private-postgres-exec";
/// Stands for "nothing" in the shim's arguments.
const NONE: &str = "-";
/// Exit code of the shim where it could not become the program that it should.
const COULD_NOT_RUN: i32 = 126;

/// Must be the first line of the main of every program that opens a private cluster.
///
/// Where this process was started as supervisor of a cluster, or to run one of PostgreSQL's programs, it does that and
/// never returns. Else it returns at once. Nothing may have started a thread before.
pub fn become_supervisor_if_asked() {
    let mut arguments = std::env::args_os().skip(1);
    let Some(word) = arguments.next() else {
        return;
    };
    let code = match word.to_str() {
        Some(LAUNCHER) => launch(arguments),
        Some(SUPERVISOR) => supervisor::run(arguments.next()),
        Some(SHIM) => replace_ourselves(arguments),
        _ => return,
    };
    std::process::exit(code);
}

/// The command that starts the launcher; its standard output becomes the supervisor's.
pub(super) fn launcher(program: &Path, assignment: &str) -> Command {
    let mut command = Command::new(program);
    // Its own process group, so that a Ctrl-C in this very moment does not reach it.
    command.arg0("tasker").arg(LAUNCHER).arg(assignment).process_group(0);
    command.env_clear().envs(environment::for_server()).env(STARTED_AS_SUPERVISOR, "1").current_dir("/");
    command
}

/// The command that runs `executable` through the shim; further arguments are the executable's.
pub(super) fn command(program: &Path, account: Option<&Account>, dies_with_us: bool, executable: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg0("tasker").arg(SHIM);
    command.arg(account.map_or(NONE.to_owned(), |account| format!("{}:{}", account.uid, account.gid)));
    command.arg(if dies_with_us { std::process::id().to_string() } else { NONE.to_owned() });
    command.arg(executable);
    command
}

/// The supervisor must lead a session of its own, which a process that leads a group cannot begin; hence this step.
fn launch(arguments: impl Iterator<Item = OsString>) -> i32 {
    let started =
        Command::new(this_program()).arg0("tasker").arg(SUPERVISOR).args(arguments).stdin(Stdio::null()).spawn();
    match started {
        Ok(_) => 0,
        Err(error) => {
            eprintln!("cannot start the supervisor: {error}");
            COULD_NOT_RUN
        }
    }
}

fn replace_ourselves(mut arguments: impl Iterator<Item = OsString>) -> i32 {
    let (Some(account), Some(parent), Some(executable)) = (arguments.next(), arguments.next(), arguments.next()) else {
        eprintln!("{SHIM} is for the program's own use");
        return COULD_NOT_RUN;
    };
    let mut command = Command::new(&executable);
    command.args(arguments).env_remove(STARTED_AS_SUPERVISOR);
    if let Err(reason) = prepare(&mut command, &account.to_string_lossy(), &parent.to_string_lossy()) {
        eprintln!("cannot run {}: {reason}", Path::new(&executable).display());
        return COULD_NOT_RUN;
    }
    // The supervisor keeps some signals back for itself; that is inherited.
    if let Err(error) = SigSet::all().thread_unblock() {
        eprintln!("cannot run {}: {error}", Path::new(&executable).display());
        return COULD_NOT_RUN;
    }
    let error = command.exec();
    eprintln!("cannot run {}: {error}", Path::new(&executable).display());
    COULD_NOT_RUN
}

fn prepare(command: &mut Command, account: &str, parent: &str) -> Result<(), String> {
    if account != NONE {
        let ids = account.split_once(':').and_then(|(uid, gid)| Some((uid.parse().ok()?, gid.parse().ok()?)));
        let (uid, gid) = ids.ok_or_else(|| format!("`{account}` names no user"))?;
        change_user(command, uid, gid)?;
    }
    if parent != NONE {
        let parent = parent.parse().map_err(|_| format!("`{parent}` is no process id"))?;
        die_with(parent)?;
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn change_user(_command: &mut Command, uid: u32, gid: u32) -> Result<(), String> {
    use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};

    let failed = |step: &str, error: nix::Error| {
        format!("cannot change to user id {uid} ({step}: {error}); run as an ordinary user instead of root")
    };
    setgroups(&[Gid::from_raw(gid)]).map_err(|error| failed("setgroups", error))?;
    setgid(Gid::from_raw(gid)).map_err(|error| failed("setgid", error))?;
    setuid(Uid::from_raw(uid)).map_err(|error| failed("setuid", error))
}

/// Without a death signal the order does not matter, and `exec` itself changes the user and drops the groups.
#[cfg(not(target_os = "linux"))]
fn change_user(command: &mut Command, uid: u32, gid: u32) -> Result<(), String> {
    command.uid(uid).gid(gid);
    Ok(())
}

/// Asks for SIGINT, PostgreSQL's fast shutdown, when the parent ends. Changing the user clears such a wish, so this
/// comes after; it survives exec. A parent that ended before is noticed by having another one now.
#[cfg(target_os = "linux")]
fn die_with(parent: i32) -> Result<(), String> {
    use nix::sys::prctl::set_pdeathsig;
    use nix::sys::signal::Signal;
    use nix::unistd::getppid;

    set_pdeathsig(Signal::SIGINT).map_err(|error| format!("no death signal: {error}"))?;
    if getppid().as_raw() == parent { Ok(()) } else { Err("the process that wanted it is gone".to_owned()) }
}

/// There is no death signal here; the supervisor's lock decides.
#[cfg(not(target_os = "linux"))]
fn die_with(_parent: i32) -> Result<(), String> {
    Ok(())
}
