//! The templates that the tests read.

use std::path::{Path, PathBuf};

use tasker_domain::template::{Source, Style, Template, parse};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every template of the project's examples, and the sample definitions if `TASKER_WORKFLOWS` names their folder.
pub(crate) fn files() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in std::fs::read_dir(root().join("examples")).unwrap() {
        let folder = folder.unwrap().path();
        let Some(name) = folder.file_name().map(|name| name.to_string_lossy().into_owned()) else { continue };
        found.extend(Some(folder.join(format!("{name}.yaml"))).filter(|file| file.is_file()));
    }
    assert!(found.len() >= 5, "the examples are expected to hold at least five templates, found {found:?}");
    match std::env::var_os("TASKER_WORKFLOWS") {
        Some(folder) => {
            let before = found.len();
            let folders = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            found.extend(folders.map(|folder| folder.join("task.yaml")).filter(|file| file.is_file()));
            assert_eq!(found.len() - before, 7, "seven definitions are expected in the folder");
        }
        None => println!("not read: TASKER_WORKFLOWS is unset"),
    }
    found
}

pub(crate) fn template(text: &str) -> Template {
    let parsed = parse(&Source::new("order.yaml", text), None);
    parsed.unwrap_or_else(|problems| panic!("{}", problems.render(Style::Plain, 120))).template
}

/// A template that writes every key.
pub(crate) const EVERY_KEY: &str = include_str!("every_key.yaml");
