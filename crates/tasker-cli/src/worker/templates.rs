//! Templates below folders, and making them known to the database.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use tasker_core::{RunError, Tasker};
use tasker_postgres::ledger::{LedgerError, RegistrationOutcome};

use super::difference;
use crate::failure::{ExitStatus, Failure};
use crate::handlers::Loaded;

/// How deep folders are looked into: a link that leads in a circle ends here.
const DEEPEST: usize = 32;

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
            return Err(Failure::data(format!("there is no template in {}", folder.display()))
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
            Failure::data(format!("{first} and {second} are both {}", one.name()))
                .advise("give one of them another version, or leave it out")
                .report();
            bad += 1;
        }
    }
    match bad {
        0 => Ok(loaded),
        1 => Err(Failure::data("no worker was started: a template cannot be used")),
        _ => Err(Failure::data(format!("no worker was started: {bad} templates cannot be used"))),
    }
}

fn collect(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let unreadable = |error: std::io::Error| Failure::data(format!("{} cannot be read: {error}", path.display()));
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    if depth > DEEPEST {
        return Err(Failure::data(format!("{} lies more than {DEEPEST} folders deep", path.display()))
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
                    let changes = difference::between(&previous, &one.template.canonical()).join("; ");
                    tell(format!("{} has a new content; tasks made before keep the old one: {changes}", one.name()));
                }
            }
            Err(RunError::Database { error: LedgerError::Redefinition { previous, .. }, .. }) => {
                let changes = difference::between(&previous, &one.template.canonical());
                let list: String = changes.iter().map(|change| format!("\n    {change}")).collect();
                refused.push(format!("\n  {}, in {}:{list}", one.name(), one.file.display()));
            }
            Err(error) => return Err(Failure::new(ExitStatus::Unavailable, error)),
        }
    }
    if refused.is_empty() {
        return Ok(());
    }
    Err(Failure::data(format!("tasks were made from another content of:{}", refused.concat()))
        .advise("raise `version` in the template; tasks made before keep what they were made from")
        .advise("to take the new content under the same version: --allow-redefine"))
}
