//! The document of `--json`: one JSON object and a line break.

use std::io::{self, Write};
use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A run that is over, for programs.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    /// The task.
    pub task: TaskReport,
    /// Its steps, in topological order, ties in the template's order.
    pub steps: Vec<StepReport>,
    /// The attempts that this run started.
    pub executions: u64,
    /// How long the run took; written in seconds, to the microsecond.
    #[serde(rename = "elapsed_seconds", serialize_with = "seconds")]
    pub elapsed: Duration,
}

/// The task of a [`RunReport`].
#[derive(Debug, Clone, Serialize)]
pub struct TaskReport {
    /// Its id; nothing for a task that was only simulated.
    pub id: Option<i64>,
    /// Namespace of its template.
    pub namespace: String,
    /// Name of its template.
    pub name: String,
    /// Version of its template.
    pub version: String,
    /// Its state as the database has it: `complete`, `error`, `cancelled` …
    pub state: String,
}

/// A step of a [`RunReport`].
#[derive(Debug, Clone, Serialize)]
pub struct StepReport {
    /// Its name.
    pub name: String,
    /// Its state as the database has it: `pending`, `complete`, `error` …
    pub state: String,
    /// The attempts it had; 0 where it never ran.
    pub attempts: u32,
    /// The states it went to, in order; empty where it never ran.
    pub transitions: Vec<String>,
    /// Its results, byte for byte as they were read, so that no number loses digits; `{}` where it never ran.
    pub results: Box<RawValue>,
}

impl RunReport {
    /// Writes the document.
    ///
    /// # Errors
    /// What the stream says.
    pub fn write(&self, mut stream: impl Write) -> io::Result<()> {
        write_document(self, &mut stream)
    }
}

/// Writes one document and a line break.
///
/// # Errors
/// What the stream says.
pub(crate) fn write_document(value: &impl Serialize, mut stream: impl Write) -> io::Result<()> {
    let mut document = serde_json::to_vec(value)?;
    document.push(b'\n');
    stream.write_all(&document)?;
    stream.flush()
}

pub(crate) fn seconds<S: Serializer>(elapsed: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    let whole_microseconds = Duration::from_micros(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX));
    serializer.serialize_f64(whole_microseconds.as_secs_f64())
}
