//! `tasker template show`.

use std::path::Path;

use crate::failure::{ExitStatus, Failure};
use crate::printing::{to_stdout, visible};

use super::{load, unwritable};

/// Shows what the engine would work by.
pub(super) fn run(file: &Path, environment: Option<&str>, json: bool) -> Result<ExitStatus, Failure> {
    let template = load(file, environment)?.template;
    let hash = template.content_hash();
    let shown = if json {
        // The canonical form stands in it to the letter, so that whoever reads it can compute the hash.
        format!(r#"{{"content_hash":"{hash}","template":{}}}"#, template.canonical())
    } else {
        format!("# content hash {hash}\n{}", visible(template.to_yaml().trim_end()))
    };
    to_stdout(format_args!("{shown}")).map_err(unwritable)?;
    Ok(ExitStatus::Success)
}
