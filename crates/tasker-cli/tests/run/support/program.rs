use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub(crate) const TASKER: &str = env!("CARGO_BIN_EXE_tasker");

/// No program of these tests takes longer, however busy the machine.
const LONGEST: Duration = Duration::from_secs(120);

/// The command with an environment that says nothing, so that neither a database nor colours of whoever runs the tests
/// matter. A private cluster would be made where nothing can be made.
pub(crate) fn tasker(arguments: &[&str]) -> Command {
    let mut command = Command::new(TASKER);
    command.args(arguments).stdin(Stdio::null());
    for name in ["DATABASE_URL", "TASKER_ENV", "TASKER_LOG", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS"] {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C.UTF-8").env("TASKER_DATA_DIR", "/proc/no-cluster");
    command
}

/// How a program ended and what it said.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn of(command: Command) -> Self {
        assert_cmd::Command::from_std(command).timeout(LONGEST).output().unwrap().into()
    }

    /// Asserts the exit status and that all these words stand on standard error; none of them is a panic.
    #[track_caller]
    pub(crate) fn expect(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.status.code(), Some(code), "{self}");
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` is missing\n{self}");
        }
        for word in ["panicked", "RUST_BACKTRACE", "stack backtrace"] {
            assert!(!self.stderr.contains(word), "{self}");
        }
        self
    }

    /// The document of `--json`; standard output holds nothing else.
    #[track_caller]
    pub(crate) fn document(&self) -> serde_json::Value {
        assert_eq!(self.stdout.lines().count(), 1, "{self}");
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// The command that is printed to go on with.
    #[track_caller]
    pub(crate) fn resume_command(&self) -> &str {
        let all = self.stdout.lines().chain(self.stderr.lines());
        let mut commands = all.filter_map(|line| line.find(TASKER).map(|start| &line[start..]));
        commands.find(|command| command.contains(" --resume ")).unwrap_or_else(|| panic!("no such command\n{self}"))
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            status: output.status,
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nstdout:\n{}\nstderr:\n{}", self.status, self.stdout, self.stderr)
    }
}

/// A program that runs, whose lines on standard error can be waited for.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    stderr: String,
    stdout: Option<JoinHandle<String>>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut out = child.stdout.take().unwrap();
        let stdout = std::thread::spawn(move || {
            let mut text = String::new();
            out.read_to_string(&mut text).unwrap();
            text
        });
        Self { child, lines, stderr: String::new(), stdout: Some(stdout) }
    }

    /// Waits until a line on standard error holds all these words.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, words: &[&str]) {
        loop {
            match self.lines.recv_timeout(LONGEST) {
                Ok(line) => {
                    let found = words.iter().all(|word| line.contains(word));
                    self.stderr.push_str(&line);
                    self.stderr.push('\n');
                    if found {
                        return;
                    }
                }
                Err(error) => panic!("{words:?} never came: {error}\n{}", self.stderr),
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        loop {
            match self.lines.recv_timeout(LONGEST) {
                Ok(line) => {
                    self.stderr.push_str(&line);
                    self.stderr.push('\n');
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end\n{}", self.stderr),
            }
        }
        let status = self.child.wait().unwrap();
        let stdout = self.stdout.take().map(|reader| reader.join().unwrap()).unwrap_or_default();
        Ended { status, stdout, stderr: std::mem::take(&mut self.stderr) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only what a failed test leaves behind still runs here.
        if matches!(self.child.try_wait(), Ok(None)) {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
    }
}

/// Waits for what another process does without telling us.
#[expect(
    clippy::disallowed_methods,
    reason = "between two looks at another process, for whose deeds there is no event"
)]
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..1_200 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("waited in vain until {what}");
}

/// Whether a process lives; one that has ended and that nobody reaps does not.
pub(crate) fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    let process = Pid::from_raw(pid.parse().unwrap());
    kill(process, None).is_ok() && !stat.is_ok_and(|text| text.contains(") Z "))
}
