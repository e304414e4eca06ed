//! Templates below folders, and making them known to the database.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anstyle::Style;
use tasker_core::{RunError, Tasker};
use tasker_domain::code::Code;
use tasker_domain::template::{Difference, Template};
use tasker_postgres::ledger::{LedgerError, RegistrationOutcome};

use crate::failure::{ExitStatus, Failure};
use crate::handlers::Loaded;

/// How deep folders are looked into: a link that leads in a circle ends here.
const DEEPEST: usize = 32;

/// Lines that tell the difference of one template.
const LINES: usize = 30;

/// Every template below these folders; a file may be named itself. What is wrong with each file goes to standard error.
///
/// # Errors
/// When a folder cannot be read, holds no template, or any of the files is bad.
pub(crate) fn load(folders: &[PathBuf], environment: Option<&str>) -> Result<Vec<Loaded>, Failure> {
    let mut files = Vec::new();
    for folder in folders {
        let before = files.len();
        collect(folder, 0, &mut files)?;
        if files.len() == before {
            return Err(Failure::bad(
                Code::TEMPLATE_UNREADABLE,
                format!("there is no template in {}", folder.display()),
            )
            .advise("templates are files whose names end in .yaml or .yml"));
        }
    }
    files.sort();
    files.dedup();
    let mut loaded = Vec::new();
    let mut bad = 0;
    for file in files {
        match crate::template::load(&file, environment) {
            Ok(checked) => loaded.push(Loaded { file, template: checked.template }),
            Err(failure) => {
                failure.report();
                bad += 1;
            }
        }
    }
    let mut places: HashMap<String, &Loaded> = HashMap::new();
    for one in &loaded {
        if let Some(other) = places.insert(one.name(), one) {
            let (first, second) = (other.file.display(), one.file.display());
            Failure::bad(Code::TEMPLATE_REFUSED, format!("{first} and {second} are both {}", one.name()))
                .advise("give one of them another version, or leave it out")
                .report();
            bad += 1;
        }
    }
    match bad {
        0 => Ok(loaded),
        1 => Err(Failure::bad(Code::TEMPLATE_REFUSED, "nothing was started: a template cannot be used")),
        _ => Err(Failure::bad(Code::TEMPLATE_REFUSED, format!("nothing was started: {bad} templates cannot be used"))),
    }
}

fn collect(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::bad(Code::TEMPLATE_UNREADABLE, format!("{} cannot be read: {error}", path.display()))
    };
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    if depth > DEEPEST {
        return Err(Failure::bad(
            Code::TEMPLATE_UNREADABLE,
            format!("{} lies more than {DEEPEST} folders deep", path.display()),
        )
        .advise("a link probably leads in a circle; name the folders with templates themselves"));
    }
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?.path();
        let hidden = entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let yaml = entry.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if !hidden && (yaml || entry.is_dir()) {
            collect(&entry, depth + 1, files)?;
        }
    }
    Ok(())
}

/// Registers every template; tells of those whose content changed where that is allowed.
///
/// # Errors
/// All refused redefinitions at once, each with the difference; anything else that the database says at once.
pub(crate) async fn register(tasker: &Tasker, loaded: &[Loaded], tell: impl Fn(String)) -> Result<(), Failure> {
    let mut refused = Vec::new();
    for one in loaded {
        match tasker.register(&one.template).await {
            Ok(registered) => {
                if let RegistrationOutcome::Redefined { previous } = registered.outcome {
                    let changes = changes(&previous, one)?;
                    tell(format!("{} has a new content; tasks made before keep the old one:{changes}", one.name()));
                }
            }
            Err(RunError::Database { error: LedgerError::Redefinition { previous, .. }, .. }) => {
                refused.push(format!("\n{}, in {}:{}", one.name(), one.file.display(), changes(&previous, one)?));
            }
            Err(error) => return Err(Failure::coded(ExitStatus::Unavailable, &error)),
        }
    }
    if refused.is_empty() {
        return Ok(());
    }
    Err(Failure::bad(Code::REDEFINITION, format!("tasks were made from another content of:{}", refused.concat()))
        .advise("raise `version` in the template; tasks made before keep what they were made from")
        .advise("to take the new content under the same version: --allow-redefine"))
}

/// What differs between the content that stands in the database and the one at hand, each on a line of its own.
fn changes(previous: &str, one: &Loaded) -> Result<String, Failure> {
    let previous =
        Template::from_canonical(previous).map_err(|error| Failure::coded(ExitStatus::Unavailable, &error))?;
    let difference = Difference::between(&previous, &one.template);
    let mut lines = crate::template::changes(&difference, Style::new(), Style::new());
    let more = lines.len().saturating_sub(LINES);
    lines.truncate(LINES);
    if more > 0 {
        lines.push(format!("and {more} more lines"));
    }
    Ok(lines.iter().map(|line| format!("\n  {line}")).collect())
}
