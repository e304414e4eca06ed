//! Every dependency's licence is one of a list, and every dependency comes from a package registry.
//!
//! Nothing is compiled or looked up: `cargo metadata` knows all of it.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use spdx::{Expression, ParseMode};

use crate::interrupt::Interrupts;
use crate::steps::{Steps, cargo};

/// The licences that a dependency may have, and why each is no burden to people who build on a project under MIT. Only
/// those that some dependency needs: another one is a decision to take when it comes.
pub const ALLOWED: [(&str, &str); 8] = [
    ("MIT", "our own; asks for its notice only"),
    ("MIT-0", "like MIT, without its notice"),
    ("Apache-2.0", "permissive, with a patent grant; asks for its notice"),
    ("BSD-3-Clause", "like MIT; forbids advertising with the authors' names"),
    ("ISC", "like MIT"),
    ("Zlib", "permissive; asks that changed sources are marked"),
    ("Unicode-3.0", "permissive; the tables of the Unicode data crates"),
    ("CDLA-Permissive-2.0", "permissive, for data: the list of root certificates"),
];

/// A package that may not be used as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offence {
    /// Name and version.
    pub package: String,
    /// What is wrong with it.
    pub reason: String,
}

/// What the check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// How many packages each licence expression stands on.
    pub expressions: BTreeMap<String, usize>,
    /// The packages that may not be used.
    pub offences: Vec<Offence>,
}

/// Checks the workspace's dependencies for all platforms and features, and prints what was found.
///
/// # Errors
/// Names every dependency that may not be used, and why.
pub fn run(interrupts: &Interrupts) -> Result<()> {
    Steps::new(interrupts).run("licences", || {
        let metadata = metadata(&mut cargo(&["metadata", "--format-version", "1", "--all-features"]))?;
        let findings = check(&metadata)?;
        if findings.offences.is_empty() {
            let packages: usize = findings.expressions.values().sum();
            eprintln!("    {packages} dependencies under {} licence expressions", findings.expressions.len());
            return Ok(());
        }
        let offences: Vec<String> =
            findings.offences.iter().map(|offence| format!("{}: {}", offence.package, offence.reason)).collect();
        bail!(
            "these dependencies may not be used:\n  {}\nreplace them, or allow the licence with its reason in \
             xtask/src/licences.rs",
            offences.join("\n  ")
        );
    })
}

/// Checks what `cargo metadata` printed.
///
/// # Errors
/// When it does not have the form of `cargo metadata`, format version 1.
pub fn check(metadata: &Value) -> Result<Findings> {
    let packages = metadata["packages"].as_array().context("`cargo metadata` printed no list of packages")?;
    let mut findings = Findings::default();
    for package in packages {
        let name = package["name"].as_str().context("`cargo metadata` printed a package without a name")?;
        let version = package["version"].as_str().with_context(|| format!("package {name} has no version"))?;
        // Only packages of this workspace have no source.
        let Some(source) = package["source"].as_str() else { continue };
        let licence = package["license"].as_str();
        if let Some(expression) = licence {
            *findings.expressions.entry(expression.to_owned()).or_default() += 1;
        }
        let reason = if source.starts_with("registry+") || source.starts_with("sparse+") {
            objection(licence)
        } else {
            Some(format!("comes from {source} and not from a package registry"))
        };
        if let Some(reason) = reason {
            findings.offences.push(Offence { package: format!("{name} {version}"), reason });
        }
    }
    Ok(findings)
}

/// What speaks against a licence expression, if anything does. Old spellings (`MIT/Apache-2.0`,
/// `GPL-2.0`) are understood.
pub fn objection(licence: Option<&str>) -> Option<String> {
    let Some(text) = licence else { return Some("names no licence expression".to_owned()) };
    let mode = ParseMode { allow_slash_as_or_operator: true, allow_deprecated: true, ..ParseMode::STRICT };
    let expression = match Expression::parse_mode(text, mode) {
        Ok(expression) => expression,
        Err(error) => return Some(format!("`{text}` is no licence expression: {}", error.reason)),
    };
    // An exception (`WITH …`) only ever permits more than the licence does.
    let is_allowed = expression.evaluate(|requirement| {
        requirement.license.id().is_some_and(|id| ALLOWED.iter().any(|(allowed, _)| *allowed == id.name))
    });
    (!is_allowed).then(|| format!("`{text}` cannot be met with the allowed licences"))
}

fn metadata(command: &mut Command) -> Result<Value> {
    // Its standard error is shown: in a fresh clone it tells of the packages that it fetches.
    let output = command.stderr(Stdio::inherit()).output().context("cannot start `cargo metadata`")?;
    if !output.status.success() {
        bail!("`cargo metadata` ended with {}", output.status);
    }
    serde_json::from_slice(&output.stdout).context("`cargo metadata` printed something else than JSON")
}
