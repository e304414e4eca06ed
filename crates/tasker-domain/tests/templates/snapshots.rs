//! Stored templates of earlier releases still load, and keep their hashes.

use std::path::Path;

use tasker_domain::template::Template;

use super::sources::{EVERY_KEY, template};

/// A committed snapshot, and the hash it had when it was made.
fn stored(name: &str) -> (String, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/template-snapshots");
    let read = |ending: &str| std::fs::read_to_string(folder.join(format!("{name}.{ending}"))).unwrap();
    (read("json").trim_end().to_owned(), read("sha256").trim_end().to_owned())
}

#[test]
fn a_snapshot_with_every_key_loads_and_keeps_its_hash() {
    // The first is of a time when steps had no `deadline_seconds`.
    for name in ["every-key-1", "every-key-2"] {
        let (text, hash) = stored(name);
        let loaded = Template::from_canonical(&text).unwrap();
        assert_eq!(loaded.canonical(), text, "the canonical form has changed: stored hashes would no longer match");
        assert_eq!(loaded.content_hash(), hash);
    }
    let (text, _) = stored("every-key-2");
    assert_eq!(template(EVERY_KEY).canonical(), text, "the same file gives another canonical form than it did");
    let before = EVERY_KEY.replace("    deadline_seconds: 90.5\n", "");
    assert_eq!(template(&before).canonical(), stored("every-key-1").0, "a key that is not there changes nothing");
}

#[test]
fn a_snapshot_without_optional_keys_loads_with_their_defaults() {
    let (text, hash) = stored("smallest-1");
    let loaded = Template::from_canonical(&text).unwrap();
    assert_eq!(loaded.content_hash(), hash);
    let step = &loaded.steps[0];
    assert!(step.jitter && step.priority == 0 && step.timeout_seconds.is_none() && step.handler_config.is_none());
    assert!(!loaded.strict && !loaded.fail_fast && loaded.context_schema.is_none());
}
