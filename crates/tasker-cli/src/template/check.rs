//! `tasker template check`.

use std::path::PathBuf;

use tasker_domain::code::Code;

use crate::failure::{ExitStatus, Failure};
use crate::printing::{to_stdout, visible};

use super::{load, unwritable};

/// Checks every file and says of each whether it is good.
pub(super) fn run(files: &[PathBuf], environment: Option<&str>) -> Result<ExitStatus, Failure> {
    let mut bad = 0;
    for file in files {
        match load(file, environment) {
            Ok(checked) => {
                let template = &checked.template;
                let steps = template.steps.len();
                let plural = if steps == 1 { "" } else { "s" };
                let line = format!(
                    "{}: {}/{} {}, {steps} step{plural}: good",
                    file.display(),
                    template.namespace,
                    template.name,
                    template.version
                );
                to_stdout(format_args!("{}", visible(&line))).map_err(unwritable)?;
            }
            Err(failure) => {
                failure.report();
                bad += 1;
            }
        }
    }
    match bad {
        0 => Ok(ExitStatus::Success),
        1 if files.len() == 1 => Ok(ExitStatus::Data),
        _ => Err(Failure::bad(Code::TEMPLATE_REFUSED, format!("{bad} of {} templates cannot be used", files.len()))),
    }
}
