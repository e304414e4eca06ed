//! The supervisor: a process of our own program that owns one `postgres` and stops it when nobody uses it any more.
//!
//! `postgres` is its direct child, started from the main thread: the death signal belongs to the thread that spawned,
//! and the main thread ends with the process. So a supervisor that is killed takes the server with it (Linux), and the
//! server's end is seen at once.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::{Pid, setsid};
use serde::{Deserialize, Serialize};

use super::initdb::{advice_on, last_lines};
use super::layout::{Layout, PORT};
use super::locks::{Hold, Server, is_still_there, open_lock, take, try_hold};
use super::options::this_program;
use super::orphan::clear_the_way;
use super::runner::{Account, Runner};
use super::stopwatch::Stopwatch;
use super::version::PostgresVersion;

/// How often a running server, its users and requests are looked at.
const WATCH: Duration = Duration::from_millis(100);
/// How often a starting or stopping server is looked at.
const WATCH_CLOSELY: Duration = Duration::from_millis(10);
/// How long an earlier server on the same data may take to end.
const EARLIER_SERVER: Duration = Duration::from_secs(30);
const FAST_STOP: Duration = Duration::from_secs(10);
const IMMEDIATE_STOP: Duration = Duration::from_secs(5);
pub(super) const LARGEST_LOG: u64 = 10 * 1024 * 1024;
const LINES_SHOWN: usize = 12;

/// What the supervisor is to run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Assignment {
    pub(super) base: PathBuf,
    pub(super) data_dir: PathBuf,
    pub(super) bin_dir: PathBuf,
    pub(super) socket_dir: PathBuf,
    pub(super) version: PostgresVersion,
    /// Name, user id and group id of the user to run the server as, where that is another.
    pub(super) account: Option<(String, u32, u32)>,
    pub(super) grace: Duration,
    pub(super) limit: Duration,
    pub(super) fsync: bool,
    /// Whether the whole folder is deleted at the end.
    pub(super) throwaway: bool,
}

/// The one line that the supervisor writes to whoever started it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Report {
    /// The server takes connections.
    Ready(Server),
    /// It does not, and the supervisor has ended.
    Failed {
        /// The last lines of the log, or what else went wrong.
        output: String,
        /// What to do about it.
        advice: String,
    },
}

/// How the server is to be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stop {
    /// Sessions are ended and everything is written.
    Fast,
    /// At once; for data that nobody needs.
    Immediate,
}

/// Runs as supervisor; returns the exit code of the process.
pub(super) fn run(argument: Option<OsString>) -> i32 {
    let parsed = argument.as_deref().and_then(|text| text.to_str()).map(serde_json::from_str::<Assignment>);
    let Some(Ok(assignment)) = parsed else {
        eprintln!("the supervisor is for the program's own use");
        return 64;
    };
    match supervise(&assignment) {
        Ok(()) => 0,
        Err(failure) => {
            note(&failure.output);
            tell(&Report::Failed { output: failure.output, advice: failure.advice });
            1
        }
    }
}

struct Failure {
    output: String,
    advice: String,
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let output = format!("  {error}");
        Self { advice: advice_on(&output).to_owned(), output }
    }
}

fn supervise(assignment: &Assignment) -> Result<(), Failure> {
    setsid()?;
    let signals = listen()?;
    let layout = Layout { base: assignment.base.clone() };
    let log = layout.supervisor_log();
    let _alone =
        take(&layout.supervisor_lock(), Hold::Exclusive, "the supervisor before this one", assignment.limit, log)?;
    forget(&layout.server_file())?;
    forget(&layout.stop_request())?;

    let mut supervisor = Supervisor { assignment, layout, signals };
    let mut postgres = supervisor.start()?;
    let ended = supervisor.serve(&mut postgres);
    // Whatever happened, no server stays behind without a supervisor.
    let how = *ended.as_ref().unwrap_or(&Some(Stop::Fast));
    if let Some(how) = how {
        supervisor.stop(&mut postgres, how)?;
    }
    supervisor.clean_up();
    ended.map(|_| ())
}

struct Supervisor<'a> {
    assignment: &'a Assignment,
    layout: Layout,
    signals: Receiver<Signal>,
}

impl Supervisor<'_> {
    /// Starts the server and waits until it takes connections. An earlier server on the same data, whose supervisor was
    /// killed, may still be ending: then it is tried again.
    fn start(&mut self) -> Result<Child, Failure> {
        let waited = Stopwatch::start();
        loop {
            let mut log = open_log(&self.layout.server_log())?;
            let begin = log.seek(SeekFrom::End(0))?;
            let mut postgres = self.spawn(&log)?;
            let Some(output) = self.wait_until_ready(&mut postgres, begin)? else {
                return Ok(postgres);
            };
            if !is_of_an_earlier_server(&output) || waited.elapsed() >= EARLIER_SERVER.min(self.assignment.limit) {
                let output = last_lines(&output, LINES_SHOWN);
                return Err(Failure { advice: advice_on(&output).to_owned(), output });
            }
            note("an earlier server is still ending; trying again");
            clear_the_way(&self.assignment.data_dir, &self.assignment.socket_dir)?;
            self.pause(WATCH)?;
        }
    }

    fn spawn(&self, log: &File) -> io::Result<Child> {
        let account = self.assignment.account.clone().map(|(name, uid, gid)| Account { name, uid, gid });
        let runner = Runner::with_account(this_program(), account);
        let mut command = runner.command(&self.assignment.bin_dir.join("postgres"), true);
        let socket_dir = self.assignment.socket_dir.to_string_lossy().replace('"', "\"\"");
        command.arg("-D").arg(&self.assignment.data_dir);
        for setting in [
            "listen_addresses=".to_owned(),
            format!("unix_socket_directories=\"{socket_dir}\""),
            "unix_socket_permissions=0700".to_owned(),
            format!("port={PORT}"),
            "cluster_name=tasker".to_owned(),
            "logging_collector=off".to_owned(),
            "log_destination=stderr".to_owned(),
            "timezone=UTC".to_owned(),
            "log_timezone=UTC".to_owned(),
            format!("fsync={}", if self.assignment.fsync { "on" } else { "off" }),
        ] {
            command.arg("-c").arg(setting);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log.try_clone()?).spawn()
    }

    /// Nothing once the server takes connections; what it wrote where it ended instead.
    fn wait_until_ready(&self, postgres: &mut Child, log_begin: u64) -> Result<Option<String>, Failure> {
        let waited = Stopwatch::start();
        loop {
            if let Some(status) = postgres.try_wait()? {
                let mut written = read_from(&self.layout.server_log(), log_begin)?;
                written.push_str(&format!("postgres ended ({status})\n"));
                return Ok(Some(written));
            }
            if is_ready(&self.assignment.data_dir, postgres.id()) {
                return Ok(None);
            }
            let interrupted = self.pause(WATCH_CLOSELY)?;
            if interrupted || waited.elapsed() >= self.assignment.limit {
                let reason = if interrupted { "it was told to end" } else { "it took too long to start" };
                self.stop(postgres, Stop::Fast)?;
                return Err(Failure {
                    output: last_lines(&read_from(&self.layout.server_log(), log_begin)?, LINES_SHOWN),
                    advice: format!("{reason}; look at {}", self.layout.server_log().display()),
                });
            }
        }
    }

    /// Says that the server runs and watches over it. Returns how it is to be stopped, or nothing where it has ended.
    fn serve(&mut self, postgres: &mut Child) -> Result<Option<Stop>, Failure> {
        let server = Server {
            supervisor_pid: std::process::id(),
            postgres_pid: postgres.id(),
            version: self.assignment.version,
            bin_dir: self.assignment.bin_dir.clone(),
            data_dir: self.assignment.data_dir.clone(),
            socket_dir: self.assignment.socket_dir.clone(),
        };
        server.write(&self.layout)?;
        tell(&Report::Ready(server));
        // The starter waits for the end of this stream.
        nix::unistd::dup2_stdout(File::open("/dev/null")?)?;

        let use_path = self.layout.use_lock();
        let use_lock = open_lock(&use_path)?;
        let mut unused_since: Option<Stopwatch> = None;
        loop {
            if self.pause(WATCH)? {
                note("told to end by a signal");
                return Ok(Some(Stop::Fast));
            }
            if let Some(status) = postgres.try_wait()? {
                note(&format!("postgres ended by itself ({status}); see server.log"));
                forget(&self.layout.server_file())?;
                return Ok(None);
            }
            if !is_still_there(&use_lock, &use_path) {
                note("the folder was deleted");
                return Ok(Some(Stop::Immediate));
            }
            if let Some(how) = self.requested()? {
                note("asked to stop");
                return Ok(Some(how));
            }
            keep_small(&self.layout.server_log())?;
            if !try_hold(&use_lock, &use_path, Hold::Exclusive)? || self.layout.pinned().exists() {
                unused_since = None;
                use_lock.unlock()?;
                continue;
            }
            if unused_since.get_or_insert_with(Stopwatch::start).elapsed() >= self.assignment.grace {
                note("nobody uses it any more");
                // The lock is kept: whoever comes now waits until this process has ended.
                forget(&self.layout.server_file())?;
                let stopped = self.stop(postgres, if self.assignment.throwaway { Stop::Immediate } else { Stop::Fast });
                return stopped.map(|()| None);
            }
            use_lock.unlock()?;
        }
    }

    fn requested(&self) -> io::Result<Option<Stop>> {
        match fs::read(self.layout.stop_request()) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text).unwrap_or(Stop::Fast))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Stops the server, ever harder.
    fn stop(&self, postgres: &mut Child, how: Stop) -> Result<(), Failure> {
        forget(&self.layout.server_file())?;
        let pid = Pid::from_raw(i32::try_from(postgres.id())?);
        let steps = [(Signal::SIGINT, FAST_STOP), (Signal::SIGQUIT, IMMEDIATE_STOP), (Signal::SIGKILL, IMMEDIATE_STOP)];
        let first = if how == Stop::Fast { 0 } else { 1 };
        for (signal, limit) in &steps[first..] {
            // Not yet waited for, so the number cannot be another process's.
            if postgres.try_wait()?.is_some() {
                return Ok(());
            }
            kill(pid, *signal)?;
            let waited = Stopwatch::start();
            while waited.elapsed() < *limit {
                if postgres.try_wait()?.is_some() {
                    return Ok(());
                }
                self.pause(WATCH_CLOSELY)?;
            }
            note(&format!("postgres did not end by {signal}"));
        }
        Err(Failure {
            output: format!("  process {pid} does not end"),
            advice: "look at it with the system's tools".to_owned(),
        })
    }

    /// Removes what only a running server needs. What cannot be removed does no harm; the next start uses it again.
    fn clean_up(&self) {
        for result in [forget(&self.layout.stop_request()), fs::remove_dir(&self.assignment.socket_dir)] {
            if let Err(error) = result {
                note(&format!("left behind: {error}"));
            }
        }
        if self.assignment.throwaway
            && let Err(error) = fs::remove_dir_all(&self.layout.base)
            && error.kind() != io::ErrorKind::NotFound
        {
            note(&format!("cannot delete {}: {error}", self.layout.base.display()));
        }
    }

    /// Waits; true when a signal asked this process to end.
    fn pause(&self, duration: Duration) -> Result<bool, Failure> {
        match self.signals.recv_timeout(duration) {
            Ok(_) => Ok(true),
            Err(RecvTimeoutError::Timeout) => Ok(false),
            Err(gone @ RecvTimeoutError::Disconnected) => Err(gone.into()),
        }
    }
}

/// Takes the signals by which systems end programs: they must not end us before the server has ended.
fn listen() -> Result<Receiver<Signal>, Failure> {
    let mut wanted = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        wanted.add(signal);
    }
    wanted.thread_block()?;
    let (sender, receiver) = channel();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        while let Ok(signal) = wanted.wait() {
            if sender.send(signal).is_err() {
                return;
            }
        }
    })?;
    Ok(receiver)
}

fn tell(report: &Report) {
    // Whoever started us may be gone; the cluster is there for others all the same.
    let told = serde_json::to_string(report).map_err(io::Error::from).and_then(|text| {
        let mut out = io::stdout().lock();
        writeln!(out, "{text}").and_then(|()| out.flush())
    });
    if let Err(error) = told {
        note(&format!("nobody listens: {error}"));
    }
}

/// Writes a line to the supervisor's log, which is its standard error. There is nobody to tell where that fails.
fn note(text: &str) {
    let _ = writeln!(io::stderr(), "[{}] {text}", std::process::id());
}

fn forget(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Opens a log at its end; an overgrown one is emptied first.
pub(super) fn open_log(path: &Path) -> io::Result<File> {
    keep_small(path)?;
    // The server's log may quote statements.
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// Empties an overgrown log. Its writers append, so they go on at the new end.
fn keep_small(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.len() > LARGEST_LOG => OpenOptions::new().write(true).truncate(true).open(path).map(drop),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn read_from(path: &Path, begin: u64) -> io::Result<String> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(begin))?;
    let mut bytes = Vec::new();
    file.take(LARGEST_LOG).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The server writes its state into the eighth line of `postmaster.pid`; the first line says whose it is.
fn is_ready(data_dir: &Path, pid: u32) -> bool {
    let text = fs::read_to_string(data_dir.join("postmaster.pid")).unwrap_or_default();
    let mut lines = text.lines();
    lines.next().is_some_and(|line| line.trim() == pid.to_string())
        && lines.nth(6).is_some_and(|line| line.trim() == "ready")
}

fn is_of_an_earlier_server(output: &str) -> bool {
    output.contains("pre-existing shared memory block")
        || output.lines().any(|line| line.contains("lock file") && line.contains("already exists"))
}
