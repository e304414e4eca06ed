//! How the command ends: exit statuses that scripts can rely on, and errors that say what to do.

use std::fmt;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use tasker_domain::code::{Code, Coded};

use crate::printing::{to_stderr, unless_closed, visible};
use crate::view::TaskEnd;

/// What the exit status means; the numbers are those of `sysexits.h` where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// 0: done; a task is complete.
    Success,
    /// 1: a task ended in error, or a check found differences.
    Failed,
    /// 2: a task was cancelled.
    Cancelled,
    /// 64: the arguments are wrong.
    Usage,
    /// 65: the template, the context or another input is bad.
    Data,
    /// 69: there is no database, or it was lost.
    Unavailable,
    /// 75: the time given has passed.
    TimedOut,
    /// 130: interrupted.
    Interrupted,
    /// The status of a program that was run for the user.
    Other(u8),
}

impl ExitStatus {
    /// The status of a command whose task ended like this.
    pub(crate) fn of(end: TaskEnd) -> Self {
        match end {
            TaskEnd::Complete | TaskEnd::ResolvedManually => Self::Success,
            TaskEnd::Error => Self::Failed,
            TaskEnd::Cancelled => Self::Cancelled,
        }
    }

    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failed => 1,
            Self::Cancelled => 2,
            Self::Usage => 64,
            Self::Data => 65,
            Self::Unavailable => 69,
            Self::TimedOut => 75,
            Self::Interrupted => 130,
            Self::Other(code) => code,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        ExitCode::from(status.code())
    }
}

/// An error as a person reads it: what is wrong, then what to do.
#[derive(Debug, Clone)]
pub struct Failure {
    status: ExitStatus,
    code: Code,
    message: String,
    advice: Vec<String>,
}

impl Failure {
    /// An error that ends the command with this status, with the code that says no more than the status does.
    /// [`Failure::coded`] says more.
    pub fn new(status: ExitStatus, message: impl fmt::Display) -> Self {
        let code = match status {
            ExitStatus::Usage => Code::USAGE,
            ExitStatus::Data => Code::INPUT_REFUSED,
            _ => Code::FAILED,
        };
        Self { status, code, message: message.to_string(), advice: Vec::new() }
    }

    /// An error of this code.
    pub fn of(status: ExitStatus, code: Code, message: impl fmt::Display) -> Self {
        Self { code, ..Self::new(status, message) }
    }

    /// An error that knows its code.
    pub fn coded(status: ExitStatus, error: &(impl Coded + fmt::Display + ?Sized)) -> Self {
        Self::of(status, error.code(), error)
    }

    /// Bad input that has no code of its own. [`Failure::bad`] says more.
    pub fn data(message: impl fmt::Display) -> Self {
        Self::new(ExitStatus::Data, message)
    }

    /// Bad input, of this code.
    pub fn bad(code: Code, message: impl fmt::Display) -> Self {
        Self::of(ExitStatus::Data, code, message)
    }

    /// Adds something to do.
    #[must_use]
    pub fn advise(mut self, advice: impl fmt::Display) -> Self {
        self.advice.push(advice.to_string());
        self
    }

    /// The exit status.
    pub fn status(&self) -> ExitStatus {
        self.status
    }

    /// What is wrong, without what to do.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Prints the error and returns its status.
    pub fn report(&self) -> ExitCode {
        let bad = Style::new().fg_color(Some(AnsiColor::Red.into())).bold();
        let hint = Style::new().fg_color(Some(AnsiColor::Cyan.into()));
        to_stderr(format_args!("{bad}error[{}]{bad:#}: {}", self.code, visible(&self.message)));
        for advice in &self.advice {
            to_stderr(format_args!("{hint}hint{hint:#}: {}", visible(advice)));
        }
        self.status.into()
    }
}

/// What clap has to say about wrong arguments, or the help that was asked for.
pub(crate) fn usage(refusal: &clap::Error) -> ExitCode {
    if unless_closed(refusal.print()).is_err() {
        return ExitStatus::Unavailable.into();
    }
    if refusal.use_stderr() { ExitStatus::Usage.into() } else { ExitStatus::Success.into() }
}
