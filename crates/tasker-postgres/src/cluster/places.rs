//! Where PostgreSQL's binaries may be.

#[cfg(unix)]
use std::path::Component;
use std::path::{Path, PathBuf};

use super::environment::Environment;

/// The places that are looked at, in their order. A pattern is a path in which a component may hold one `*`.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The folder that the user named; when set, nothing else is looked at.
    pub setting: Option<PathBuf>,
    /// The folders of `PATH`; `pg_config`, `python3`, `pip` and `npm` are looked for here as well.
    pub path: Vec<PathBuf>,
    /// What system packages use, each with the name to show.
    pub system: Vec<(String, Vec<PathBuf>)>,
    /// Patterns of Python's package folders.
    pub python_packages: Vec<PathBuf>,
    /// Folders `node_modules`.
    pub node_modules: Vec<PathBuf>,
    /// Where fetched binaries are kept. Filled in from the cluster's own folder when it is opened.
    pub cache: Option<PathBuf>,
    /// Folders in which a server that is none of ours may have its socket. Such a server is named, never used.
    pub foreign_sockets: Vec<PathBuf>,
}

impl Places {
    /// The places of this system.
    pub fn of_this_system(environment: &Environment) -> Self {
        Self {
            setting: environment.postgres_bin.clone(),
            path: environment.path.clone(),
            system: vec![
                ("/usr/lib/postgresql/*/bin".to_owned(), vec!["/usr/lib/postgresql/*/bin".into()]),
                ("/usr/pgsql-*/bin".to_owned(), vec!["/usr/pgsql-*/bin".into()]),
                ("Homebrew, Postgres.app".to_owned(), homebrew_and_app(environment)),
            ],
            python_packages: python_packages(environment),
            node_modules: node_modules(environment),
            cache: None,
            foreign_sockets: vec!["/var/run/postgresql".into(), "/tmp".into()],
        }
    }

    /// The first program of that name in the folders of `PATH`.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        self.path.iter().map(|folder| folder.join(name)).find(|file| file.is_file())
    }
}

fn homebrew_and_app(environment: &Environment) -> Vec<PathBuf> {
    let mut patterns: Vec<PathBuf> = Vec::new();
    let mut roots: Vec<PathBuf> =
        vec!["/opt/homebrew".into(), "/usr/local".into(), "/home/linuxbrew/.linuxbrew".into()];
    roots.extend(environment.home.iter().map(|home| home.join(".linuxbrew")));
    for root in roots {
        patterns.push(root.join("opt/postgresql@*/bin"));
        patterns.push(root.join("opt/postgresql/bin"));
        patterns.push(root.join("Cellar/postgresql@*/*/bin"));
    }
    patterns.push("/Applications/Postgres.app/Contents/Versions/*/bin".into());
    patterns
}

fn python_packages(environment: &Environment) -> Vec<PathBuf> {
    let mut patterns: Vec<PathBuf> = Vec::new();
    patterns.extend(environment.virtual_env.iter().map(|folder| folder.join("lib/python3*/site-packages")));
    patterns.extend(environment.working_dir.iter().map(|folder| folder.join(".venv/lib/python3*/site-packages")));
    if let Some(home) = &environment.home {
        patterns.push(home.join(".local/lib/python3*/site-packages"));
        patterns.push(home.join("Library/Python/3*/lib/python/site-packages"));
    }
    for root in ["/usr/local/lib", "/usr/lib"] {
        patterns.push(Path::new(root).join("python3*/site-packages"));
        patterns.push(Path::new(root).join("python3*/dist-packages"));
    }
    patterns
}

fn node_modules(environment: &Environment) -> Vec<PathBuf> {
    let upwards = environment.working_dir.iter().flat_map(|folder| folder.ancestors());
    let mut folders: Vec<PathBuf> = upwards.map(|folder| folder.join("node_modules")).collect();
    folders.extend(["/usr/local/lib/node_modules", "/usr/lib/node_modules"].map(PathBuf::from));
    folders
}

/// The folders that a pattern names, sorted. What cannot be read is not there.
#[cfg(unix)]
pub(super) fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for component in pattern.components() {
        let Component::Normal(name) = component else {
            found.iter_mut().for_each(|path| path.push(component));
            continue;
        };
        let Some((before, after)) = name.to_str().and_then(|name| name.split_once('*')) else {
            found.iter_mut().for_each(|path| path.push(name));
            continue;
        };
        found = found.iter().flat_map(|folder| entries_matching(folder, before, after)).collect();
    }
    found.retain(|path| path.is_dir());
    found.sort();
    found
}

#[cfg(unix)]
fn entries_matching(folder: &Path, before: &str, after: &str) -> Vec<PathBuf> {
    let Ok(entries) = folder.read_dir() else {
        return Vec::new();
    };
    entries
        .filter_map(Result::ok)
        .filter(|entry| {
            entry.file_name().to_str().is_some_and(|name| {
                name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
            })
        })
        .map(|entry| entry.path())
        .collect()
}
