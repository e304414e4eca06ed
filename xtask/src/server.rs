//! The throw-away PostgreSQL server that the tests run on.
//!
//! It is a child of this process, in a group of its own so that a terminal's Ctrl-C does not reach it, and ends with
//! this process: stopped when dropped, and by a death signal where `setpriv` can set one (Linux) if this process is
//! killed outright.

use std::fs::{File, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, chown, geteuid};
use tempfile::TempDir;

use crate::postgres::Programs;
use crate::steps::succeeds;

/// What the server says, untranslated, when it can be used.
const READY: &str = "database system is ready to accept connections";

/// Settings of a server whose data nobody will miss: nothing is forced to disk, and every test may hold connections.
const SETTINGS: [&str; 7] = [
    "listen_addresses=",
    "max_connections=300",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "max_wal_size=4GB",
    "logging_collector=off",
];

/// A running server; dropping it stops it and removes its data.
#[derive(Debug)]
pub struct Server {
    process: Child,
    folder: TempDir,
}

impl Server {
    /// Makes a cluster in a temporary folder and starts it; the server's log goes to `log`.
    ///
    /// Call it from the main thread: the death signal comes when the thread that started the server ends.
    ///
    /// # Errors
    /// When the cluster cannot be made or does not start, with what PostgreSQL said.
    pub fn start(programs: &Programs, log: &Path) -> Result<Self> {
        let owner = owner()?;
        // A short path: a socket's has at most 107 bytes.
        let parent = if Path::new("/tmp").is_dir() { PathBuf::from("/tmp") } else { std::env::temp_dir() };
        let folder = tempfile::Builder::new()
            .prefix("tasker-test-")
            .tempdir_in(&parent)
            .with_context(|| format!("cannot make a folder in {}", parent.display()))?;
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o700))?;
        if let Some(user) = &owner {
            chown(folder.path(), Some(user.uid), Some(user.gid))
                .with_context(|| format!("cannot give {} to user {}", folder.path().display(), user.name))?;
        }
        let data = folder.path().join("data");
        make_cluster(programs, owner.as_ref(), folder.path(), &data)?;
        let process = start_server(programs, owner.as_ref(), folder.path(), &data)?;
        let mut server = Self { process, folder };
        server.wait_until_ready(log)?;
        Ok(server)
    }

    /// URL of the database `postgres`, as the superuser.
    pub fn url(&self) -> String {
        format!("postgresql://postgres@localhost/postgres?host={}", self.folder.path().display())
    }

    /// Process id of the server.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// The folder that holds the data and the socket.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn wait_until_ready(&mut self, log: &Path) -> Result<()> {
        let mut log_file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut lines = BufReader::new(self.process.stderr.take().context("the server's log has no pipe")?);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).context("cannot read the server's log")? > 0 {
            log_file.write_all(&line).with_context(|| format!("cannot write {}", log.display()))?;
            if String::from_utf8_lossy(&line).contains(READY) {
                return keep_log(lines, log_file);
            }
            line.clear();
        }
        let said = std::fs::read_to_string(log).with_context(|| format!("cannot read {}", log.display()))?;
        bail!("PostgreSQL ended before it could be used; it said:\n{said}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Immediate shutdown: the server ends all its processes, and nothing is written for a later start.
        let stopped = i32::try_from(self.process.id())
            .map_err(anyhow::Error::from)
            .and_then(|id| kill(Pid::from_raw(id), Signal::SIGQUIT).map_err(anyhow::Error::from));
        if let Err(error) = stopped {
            eprintln!("cannot stop the tests' PostgreSQL (process {}): {error}", self.process.id());
            return;
        }
        if let Err(error) = self.process.wait() {
            eprintln!("cannot learn how the tests' PostgreSQL ended: {error}");
        }
    }
}

/// Goes on writing the server's log, until the server ends.
fn keep_log(mut lines: BufReader<ChildStderr>, mut log: File) -> Result<()> {
    std::thread::Builder::new()
        .name("postgres log".to_owned())
        .spawn(move || {
            if let Err(error) = std::io::copy(&mut lines, &mut log) {
                eprintln!("the log of the tests' PostgreSQL ends early: {error}");
            }
        })
        .context("cannot start the thread that keeps the server's log")?;
    Ok(())
}

/// Whom the server runs as: PostgreSQL refuses root.
fn owner() -> Result<Option<User>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        if let Some(user) = User::from_name(name).with_context(|| format!("cannot look up user `{name}`"))? {
            return Ok(Some(user));
        }
    }
    bail!("PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody` to run it as");
}

fn make_cluster(programs: &Programs, owner: Option<&User>, folder: &Path, data: &Path) -> Result<()> {
    let mut initdb = as_owner(Command::new(programs.path("initdb")), owner, folder);
    initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"]).arg(data);
    let output = initdb.output().with_context(|| format!("cannot start {}", programs.path("initdb").display()))?;
    if !output.status.success() {
        bail!("initdb ended with {}; it said:\n{}", output.status, String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(())
}

fn start_server(programs: &Programs, owner: Option<&User>, folder: &Path, data: &Path) -> Result<Child> {
    let program = programs.path("postgres");
    let has_death_signal = succeeds(Command::new("setpriv").args(["--pdeathsig", "QUIT", "true"]));
    let starter = if has_death_signal {
        let mut setpriv = Command::new("setpriv");
        setpriv.args(["--pdeathsig", "QUIT"]).arg(&program);
        setpriv
    } else {
        Command::new(&program)
    };
    let mut postgres = as_owner(starter, owner, folder);
    postgres.arg("-D").arg(data).arg("-k").arg(folder).process_group(0);
    for setting in SETTINGS {
        postgres.args(["-c", setting]);
    }
    postgres
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))
}

/// The command run by the owner, in a folder that they may enter, without settings meant for other servers.
fn as_owner(mut command: Command, owner: Option<&User>, folder: &Path) -> Command {
    if let Some(user) = owner {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(&name);
        }
    }
    command.current_dir(folder).env("LC_ALL", "C");
    command
}
