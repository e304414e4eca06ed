//! Commands of the tool chain, run one after the other with a line about each.

use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::interrupt::Interrupts;
use crate::output::Filter;

/// The root of the workspace.
///
/// # Panics
/// Never: the manifest of this package lies one folder below the root.
pub fn workspace_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package's folder lies in the workspace's")
}

/// A `cargo` command in the workspace's root.
///
/// `cargo run` tells the program it starts about that program's own package. Build scripts that look at those variables
/// (ring's does) would be run again on every change between `cargo xtask` and `cargo`, so they are not passed on.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(workspace_root());
    for (name, _) in std::env::vars_os() {
        let known = name.to_string_lossy();
        if known.starts_with("CARGO_PKG_") || known.starts_with("CARGO_MANIFEST_") || known == "CARGO_PRIMARY_PACKAGE" {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs steps, says which one runs and how long each took.
#[derive(Debug)]
pub struct Steps<'a> {
    interrupts: &'a Interrupts,
}

impl<'a> Steps<'a> {
    /// Steps that end when a signal comes.
    pub fn new(interrupts: &'a Interrupts) -> Self {
        Self { interrupts }
    }

    /// Does something under a name, and says how long it took.
    ///
    /// # Errors
    /// Those of the work, with the step's name.
    pub fn run<T>(&self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        eprintln!("==> {name}");
        let start = now();
        let done = work().with_context(|| format!("step `{name}` failed"))?;
        eprintln!("    {name}: {}", seconds(start.elapsed()));
        Ok(done)
    }

    /// Runs a command that shows its own output.
    ///
    /// # Errors
    /// When it cannot be started or does not succeed.
    pub fn command(&self, name: &str, command: &mut Command) -> Result<()> {
        self.run(name, || {
            let status = self.wait(command)?;
            if !status.success() {
                bail!("{} ended with {status}", in_words(command));
            }
            Ok(())
        })
    }

    /// Runs a command whose report, written to its standard error, passes through a filter to our standard output.
    ///
    /// # Errors
    /// When it cannot be started, or its report cannot be read or written.
    pub fn filtered(&self, command: &mut Command) -> Result<ExitStatus> {
        let mut child =
            command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().with_context(|| cannot_start(command))?;
        let _reached = self.interrupts.reach(child.id());
        let report = child.stderr.take().context("the report's pipe is missing")?;
        if let Err(error) = show(report) {
            // Nobody sees the rest: the command is not left running behind our back.
            child.kill().context("cannot end the command whose report cannot be shown")?;
            child.wait().context("cannot learn how the command ended")?;
            return Err(error);
        }
        self.end_of(&mut child)
    }

    fn wait(&self, command: &mut Command) -> Result<ExitStatus> {
        let mut child = command.stdin(Stdio::null()).spawn().with_context(|| cannot_start(command))?;
        let _reached = self.interrupts.reach(child.id());
        self.end_of(&mut child)
    }

    fn end_of(&self, child: &mut std::process::Child) -> Result<ExitStatus> {
        let status = child.wait().context("cannot learn how the command ended")?;
        if self.interrupts.came() {
            bail!("interrupted");
        }
        Ok(status)
    }
}

/// Shows what a filter leaves of a report, line by line as it comes.
fn show(report: impl Read) -> Result<()> {
    let mut lines = BufReader::new(report);
    let mut filter = Filter::default();
    let mut screen = std::io::stdout().lock();
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).context("cannot read the report")? > 0 {
        let text = String::from_utf8_lossy(&line);
        if let Some(shown) = filter.line(text.trim_end_matches('\n')) {
            writeln!(screen, "{shown}").context("cannot write the report")?;
        }
        line.clear();
    }
    Ok(())
}

/// Whether a command can be run and succeeds; its output is not shown.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Whether a report may be coloured: standard output is a terminal, and `NO_COLOR` is unset or empty.
pub fn in_colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn cannot_start(command: &Command) -> String {
    format!("cannot start {}", in_words(command))
}

fn in_words(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy()];
    words.extend(command.get_args().map(|argument| argument.to_string_lossy()));
    format!("`{}`", words.join(" "))
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[expect(clippy::disallowed_methods, reason = "how long a step took is told to a person and decides nothing")]
fn now() -> Instant {
    Instant::now()
}
