//! Every code has a page and every page a code; every public error has a code.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use tasker_domain::code::Code;

use super::pages::{assert_page, root};

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let files: BTreeSet<String> = std::fs::read_dir(root().join("docs/errors"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name != "README.md")
        .collect();
    let expected: BTreeSet<String> = Code::all().map(|code| format!("{code}.md")).collect();
    assert_eq!(files, expected);
    println!("count: {} codes", expected.len());
}

#[test]
fn numbers_and_titles_are_given_once() {
    let codes: Vec<Code> = Code::all().collect();
    assert!(codes.windows(2).all(|pair| pair[0] < pair[1]), "the table is in the order of the numbers");
    let titles: BTreeSet<&str> = codes.iter().map(|code| code.title()).collect();
    assert_eq!(titles.len(), codes.len());
}

#[test]
fn every_page_says_what_happened_and_what_to_do() {
    for code in Code::all() {
        let page = code.page();
        assert!(page.starts_with(&format!("# {code}: {}\n\n", code.title())), "{code}");
        let (meaning, advice) =
            page.split_once("\n## What to do\n\n").unwrap_or_else(|| panic!("{code} gives no advice"));
        assert!(meaning.lines().count() >= 3 && advice.trim().len() > 20, "{code} says too little");
        assert!(page.lines().all(|line| line.chars().count() <= 160), "{code} has long lines");
        for link in page.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let target = link.split('#').next().unwrap();
            assert!(root().join("docs/errors").join(target).is_file(), "{code} links to {link}");
        }
    }
}

#[test]
fn the_index_lists_all_of_them() {
    let mut index = "\
# Codes of errors

An error shows its code, such as `error[TSK-0012]`. `tasker explain TSK-0012` prints the page about it; programs in Rust get it from
`tasker_domain::code::Coded`. Codes are stable: none is given another meaning or used again.

| code | what went wrong |
|---|---|
"
    .to_owned();
    for code in Code::all() {
        writeln!(index, "| [{code}]({code}.md) | {} |", code.title()).unwrap();
    }
    assert_page("docs/errors/README.md", &index);
}

#[test]
fn codes_are_written_and_read_in_one_form() {
    for code in Code::all() {
        let text = code.to_string();
        assert_eq!(text.parse::<Code>().unwrap(), code);
        assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<Code>(&format!("\"{text}\"")).unwrap(), code);
    }
    assert_eq!("12".parse::<Code>().unwrap(), Code::REDEFINITION);
    for bad in ["", "TSK-", "TSK-0000", "TSK-12345", "TSK0012", "é", "TSKé12", "+1", " 12"] {
        assert!(bad.parse::<Code>().is_err(), "{bad:?}");
    }
}

/// Errors that get no code, and why.
const WITHOUT: &[(&str, &str)] = &[
    ("StepError", "what a handler says of its step; it has a code of the handler's own"),
    ("Endless", "never leaves its crate: it becomes a violation of a context"),
    ("MixtureError", "for tests only"),
    ("SetupError", "for tests only"),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The name after `enum`, `struct` or `for`, without parameters.
fn name_after<'l>(line: &'l str, word: &str) -> Option<&'l str> {
    let rest = line.split_once(word)?.1;
    let path = rest.split(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == ':')).next()?;
    path.rsplit("::").next().filter(|name| !name.is_empty())
}

#[test]
fn every_public_error_of_the_workspace_has_a_code() {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root().join("crates")).unwrap() {
        sources(&entry.unwrap().path().join("src"), &mut files);
    }
    let mut errors: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut coded: BTreeSet<String> = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut derives = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with("#[derive(") && (line.contains("Error)") || line.contains("Error,")) {
                derives = true;
            }
            let is_type = ["enum ", "struct "].iter().any(|word| line.contains(word)) && !line.starts_with("//");
            if derives && is_type {
                derives = false;
                // In a macro the name is a variable.
                let name = name_after(line, "enum ").or_else(|| name_after(line, "struct "));
                if let Some(name) = name.filter(|_| line.starts_with("pub ")) {
                    errors.insert(name.to_owned(), file.clone());
                }
            }
            if line.starts_with("impl") && line.contains("Error for ") && line.contains("std::error::Error") {
                errors.extend(name_after(line, " for ").map(|name| (name.to_owned(), file.clone())));
            }
            if line.starts_with("impl") && line.contains("Coded for ") {
                coded.extend(name_after(line, "Coded for ").map(str::to_owned));
            }
            // The table in `code/errors.rs`.
            if let Some((name, code)) = line.split_once(" = ")
                && code.ends_with(';')
                && code[..code.len() - 1].bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
            {
                coded.insert(name.rsplit("::").next().unwrap().to_owned());
            }
        }
    }
    assert!(errors.len() >= 25 && errors.contains_key("RunError"), "too few errors were found: {errors:?}");
    let without: Vec<String> = errors
        .iter()
        .filter(|(name, _)| !coded.contains(*name) && !WITHOUT.iter().any(|(known, _)| known == name))
        .map(|(name, file)| format!("{name} in {}", file.display()))
        .collect();
    assert!(without.is_empty(), "these errors have no code: {without:#?}");
    println!("count: {} public errors", errors.len());
}
