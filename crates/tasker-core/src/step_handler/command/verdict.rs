//! What the end of a program means for the step.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nix::sys::signal::Signal;
use serde_json::json;
use serde_json::value::RawValue;
use tasker_domain::retry_after;

use super::process::{End, Run};
use super::streams::Tail;
use crate::clock::Clock;
use crate::step_handler::excerpt;
use crate::step_handler::{Output, StepError};

/// Trying again cannot help (`EX_DATAERR`).
const EXIT_PERMANENT: i32 = 65;
/// It passes (`EX_TEMPFAIL`).
const EXIT_RETRYABLE: i32 = 75;

const MESSAGE_BYTES: usize = 2 * 1024;
const SHOWN_OUTPUT_BYTES: usize = 200;
const RETRY_AFTER: &str = "retry-after:";

/// Turns a run into the step's result or failure. `program` is the name as the template writes it.
pub(super) fn of(run: Run, program: &str, max_result_bytes: usize, clock: &dyn Clock) -> Result<Output, StepError> {
    let Run { end, stdout, stderr } = run;
    let failure = match end {
        End::Exited(status) if status.success() => {
            if !stderr.bytes.is_empty() {
                let text = excerpt::tail(&stderr.bytes, MESSAGE_BYTES, stderr.cut);
                tracing::debug!(program, stderr = text, "the program succeeded and wrote to stderr");
            }
            return result(&stdout.bytes, program, max_result_bytes);
        }
        End::Exited(status) => return Err(from_exit(status, &stderr, program, clock)),
        End::TimedOut(limit) => {
            StepError::timeout(format!("`{program}` took longer than {} s and was ended", limit.as_secs_f64()))
        }
        End::Cancelled => StepError::failure(format!("`{program}` was ended because the attempt was cancelled"))
            .with_class("Tasker::Cancelled"),
        End::TooMuchOutput => too_large(program, max_result_bytes),
        End::Broken(error) => StepError::failure(format!("`{program}` could not be followed to its end: {error}"))
            .with_class("CommandFailed"),
    };
    let text = excerpt::tail(&stderr.bytes, MESSAGE_BYTES, stderr.cut);
    Err(if text.is_empty() { failure } else { failure.with_details(json!({ "stderr": text })) })
}

fn result(stdout: &[u8], program: &str, max_result_bytes: usize) -> Result<Output, StepError> {
    let invalid = |reason: String| {
        let shown = excerpt::head(stdout, SHOWN_OUTPUT_BYTES);
        StepError::failure(format!("`{program}` must print one JSON value to stdout, {reason}; it printed: {shown}"))
            .with_class("InvalidResult")
    };
    let text = std::str::from_utf8(stdout).map_err(|error| invalid(format!("not bytes outside UTF-8 ({error})")))?;
    let text = text.trim();
    if text.len() > max_result_bytes {
        return Err(too_large(program, max_result_bytes));
    }
    if text.is_empty() {
        return Ok(Output::empty());
    }
    let value =
        RawValue::from_string(text.to_owned()).map_err(|error| invalid(format!("which this is not ({error})")))?;
    Ok(Output::raw(value))
}

fn too_large(program: &str, max_result_bytes: usize) -> StepError {
    StepError::failure(format!(
        "`{program}` printed more than the {max_result_bytes} bytes that execution.max_result_bytes allows; print less, \
         such as the place where the data is, or raise the setting"
    ))
    .with_class("ResultTooLarge")
}

fn from_exit(status: ExitStatus, stderr: &Tail, program: &str, clock: &dyn Clock) -> StepError {
    if let Some(number) = status.signal() {
        let name = Signal::try_from(number).map_or_else(|_| "unknown".to_owned(), |signal| signal.to_string());
        let text = excerpt::tail(&stderr.bytes, MESSAGE_BYTES, stderr.cut);
        let message = format!("`{program}` was killed by signal {number} ({name})");
        return StepError::failure(if text.is_empty() { message } else { format!("{message}: {text}") })
            .with_class("CommandKilled")
            .with_code(name.clone())
            .with_details(json!({ "signal": name }));
    }
    let Some(code) = status.code() else {
        return StepError::failure(format!("`{program}` ended in a way that has no exit code: {status}"))
            .with_class("CommandFailed");
    };
    let (error, wait) = match code {
        EXIT_RETRYABLE => {
            let (before, wait) = split_retry_after(&stderr.bytes, clock);
            (StepError::retryable(message(before, stderr.cut, program, code)), wait)
        }
        EXIT_PERMANENT => (StepError::permanent(message(&stderr.bytes, stderr.cut, program, code)), None),
        _ => {
            let message = message(&stderr.bytes, stderr.cut, program, code);
            (StepError::failure(message).with_class("CommandFailed"), None)
        }
    };
    let error = error.with_code(format!("EXIT_{code}")).with_details(json!({ "exit_code": code }));
    match wait {
        Some(wait) => error.retry_after(wait),
        None => error,
    }
}

fn message(stderr: &[u8], cut: bool, program: &str, code: i32) -> String {
    let text = excerpt::tail(stderr, MESSAGE_BYTES, cut);
    if text.is_empty() { format!("`{program}` ended with exit code {code} and said nothing on stderr") } else { text }
}

/// The wait that the last line asks for, and what stands before that line. A line that cannot be understood is ordinary
/// text.
fn split_retry_after<'a>(stderr: &'a [u8], clock: &dyn Clock) -> (&'a [u8], Option<std::time::Duration>) {
    let written = stderr.trim_ascii_end();
    let start = written.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let wait = std::str::from_utf8(&written[start..]).ok().and_then(|line| {
        let (name, value) = line.split_at_checked(RETRY_AFTER.len())?;
        name.eq_ignore_ascii_case(RETRY_AFTER).then(|| retry_after::parse(value, clock.wall_time())).flatten()
    });
    match wait {
        Some(wait) => (&written[..start], Some(wait)),
        None => (stderr, None),
    }
}
