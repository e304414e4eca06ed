//! Pages of the documentation that are written from the code.

use std::path::{Path, PathBuf};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Asserts that a page is what the code says; `TASKER_WRITE_DOCS=1` writes it anew.
#[track_caller]
pub(crate) fn assert_page(path: &str, expected: &str) {
    let file = root().join(path);
    if std::env::var_os("TASKER_WRITE_DOCS").is_some() {
        std::fs::write(&file, expected).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(written == expected, "{path} is not what the code says: write it anew with TASKER_WRITE_DOCS=1");
}
