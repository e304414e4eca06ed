//! Pictures that are kept under `docs/pictures` and drawn again.

use std::fs;
use std::path::PathBuf;

/// Compares a picture with the kept one. `INSTA_UPDATE=always` keeps the new one instead, as it does for snapshots.
pub(crate) fn assert_kept(name: &str, drawn: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/pictures").join(name);
    if std::env::var("INSTA_UPDATE").is_ok_and(|value| value == "always") {
        fs::write(&path, drawn).unwrap();
        return;
    }
    let kept = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()));
    let differing = kept.lines().zip(drawn.lines()).position(|(kept, drawn)| kept != drawn);
    assert!(
        kept == drawn,
        "{name} is drawn differently now (first difference in line {:?}); look at it, then keep it with INSTA_UPDATE=always",
        differing.map(|line| line + 1)
    );
}
