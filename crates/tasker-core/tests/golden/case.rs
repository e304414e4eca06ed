//! What a recording says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// Names another folder of recordings.
const FOLDER_VARIABLE: &str = "TASKER_GOLDEN_RUNS";

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Case {
    #[serde(skip)]
    pub(crate) file: String,
    pub(crate) template: String,
    /// By step, what each of its attempts does.
    #[serde(default)]
    pub(crate) script: BTreeMap<String, Vec<String>>,
    /// The context that was asked with, where a case says it.
    pub(crate) context: Option<Value>,
    pub(crate) phases: Vec<Phase>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Phase {
    pub(crate) phase: String,
    #[serde(default)]
    pub(crate) jobs_run: Option<Vec<String>>,
    pub(crate) rows: Option<Value>,
    pub(crate) accepted: Option<bool>,
    #[serde(default)]
    pub(crate) errors: Vec<String>,
    pub(crate) tasks_written: Option<i64>,
}

impl Case {
    pub(crate) fn has_rows(&self) -> bool {
        self.phases.iter().any(|phase| phase.rows.is_some())
    }
}

impl Case {
    /// The case as if nothing had happened after each of its phases that left rows, the first and the last left out.
    pub(crate) fn cut_short(&self) -> impl Iterator<Item = Case> {
        (2..self.phases.len()).filter(|&phases| self.phases[phases - 1].rows.is_some()).map(|phases| Case {
            file: format!("{} up to phase {phases}", self.file),
            phases: self.phases[..phases].to_vec(),
            ..self.clone()
        })
    }
}

/// The folder of the recordings that stand in the project.
pub(crate) fn committed() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tasker-testing/golden/rails-runs")
}

/// Every recording of the folder that is named, or else of the project's.
pub(crate) fn cases() -> Vec<Case> {
    let Some(named) = std::env::var_os(FOLDER_VARIABLE).map(PathBuf::from) else { return cases_of(&committed()) };
    // Tests run in the folder of their crate; who names a folder thinks of where they stand, the workspace.
    let from_workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(&named);
    cases_of(if named.is_dir() { &named } else { &from_workspace })
}

/// Every recording of a folder, by file name.
pub(crate) fn cases_of(folder: &Path) -> Vec<Case> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds no recordings", folder.display());
    files
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let case: Case = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            Case { file: path.file_name().unwrap().to_string_lossy().into_owned(), ..case }
        })
        .collect()
}
