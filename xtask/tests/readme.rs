//! What the project's texts show and point to is there.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The text between the first fence that follows `mark` and the fence that closes it.
fn block_after<'t>(text: &'t str, mark: &str, fence: &str) -> &'t str {
    let (_, after_mark) = text.split_once(mark).expect("the mark stands in the text");
    let (_, block) = after_mark.split_once(fence).expect("a block follows the mark");
    block.split_once("```").expect("the block is closed").0
}

fn texts() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["", "docs", "docs/decisions", "examples"] {
        for entry in root().join(folder).read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn the_readme_shows_the_program_that_is_compiled() {
    assert_eq!(block_after(&read("README.md"), "<!-- hello.rs -->", "```rust\n"), read("examples/src/bin/hello.rs"));
}

#[test]
fn links_between_the_texts_lead_to_files() {
    let texts = texts();
    assert!(texts.len() > 10, "only {} texts were found", texts.len());
    let mut links = 0;
    let mut broken = Vec::new();
    for text in texts {
        let content = std::fs::read_to_string(&text).unwrap();
        for target in content.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target) {
            let file = target.split('#').next().unwrap();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            links += 1;
            if !text.parent().unwrap().join(file).exists() {
                broken.push(format!("{}: {target}", text.display()));
            }
        }
    }
    assert!(links > 20, "only {links} links were found");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
