//! `tasker template schema`.

use tasker_domain::template::json_schema;

use crate::failure::{ExitStatus, Failure};
use crate::printing::to_stdout;

use super::unwritable;

/// Prints the JSON Schema of the file format.
pub(super) fn run() -> Result<ExitStatus, Failure> {
    to_stdout(format_args!("{:#}", json_schema())).map_err(unwritable)?;
    Ok(ExitStatus::Success)
}
