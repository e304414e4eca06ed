use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Shell: waits until a file `go` is there; for a minute, so that nothing stays behind when a test fails.
pub(crate) const WAIT_FOR_GO: &str =
    "tries=0; while [ ! -e go ] && [ $tries -lt 1200 ]; do tries=$((tries + 1)); sleep 0.05; done";

/// A folder for the files of one test.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        let open_to_all = fs::Permissions::from_mode(0o755);
        Self(tempfile::Builder::new().prefix("tsk").permissions(open_to_all).tempdir_in("/tmp").unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(name, content);
        self
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// A shell script that can be executed.
    pub(crate) fn script(self, name: &str, body: &str) -> Self {
        let path = self.write(name, format!("#!/bin/sh\n{body}\n"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// The lines of a file; none where it is not there yet.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        fs::read_to_string(self.path().join(name)).unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

/// A template without chance in its waits; `steps` is the YAML under `step_templates`.
pub(crate) fn template(steps: &str) -> String {
    template_with("", steps)
}

/// A template with further keys.
pub(crate) fn template_with(keys: &str, steps: &str) -> String {
    format!(
        "name: trial\nnamespace_name: tests\nversion: 1.2.3\ntask_handler_class: Trial\njitter: false\n{keys}step_templates:\n{steps}"
    )
}

/// A template whose steps stand one after the other, carried out by handlers that nobody has.
pub(crate) fn chain(names: &[&str]) -> String {
    let mut steps = String::new();
    let mut parent = None;
    for name in names {
        writeln!(steps, "  - name: {name}\n    handler_class: Scripted").unwrap();
        if let Some(parent) = parent.replace(name) {
            writeln!(steps, "    depends_on_step: {parent}").unwrap();
        }
    }
    template(&steps)
}
