//! The rules build for WebAssembly: no I/O, no clock, no threads has come in.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::steps::{Steps, cargo, succeeds, workspace_root};
use crate::tools::install_packages;

const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's compiler for the web and the source of its standard library, where rustup can fetch no such target.
const COMPILER: &str = "/usr/bin/rustc";
const CARGO: &str = "/usr/bin/cargo";
const PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-19"];

/// Builds the rules for WebAssembly, with the tool chain's own target or else with Debian's packages; says so where this
/// machine has neither.
///
/// # Errors
/// When they do not build.
pub fn build(steps: &Steps<'_>) -> Result<()> {
    if target_is_there() {
        return steps.command("WebAssembly", &mut cargo(&["build", "-p", "tasker-domain", "--target", TARGET]));
    }
    if !debian_compiler_is_there() && install_packages(steps, &PACKAGES).is_err() || !debian_compiler_is_there() {
        println!("not run: the rules were not built for WebAssembly; `rustup target add {TARGET}` makes it possible");
        return Ok(());
    }
    let mut build = Command::new(CARGO);
    build
        .args(["build", "--locked", "-p", "tasker-domain", "--target", TARGET, "-Z", "build-std=std,panic_abort"])
        // Two compilers in one folder would build what they share anew each time.
        .arg("--target-dir")
        .arg(target_folder()?)
        .current_dir(workspace_root())
        // Only this compiler knows its own source, and only so may it build its standard library.
        .env("PATH", "/usr/bin:/bin")
        .env("RUSTC", COMPILER)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld-19")
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("CARGO");
    steps.command("WebAssembly, by Debian's compiler", &mut build)
}

/// Beside the folder of this program's profile.
fn target_folder() -> Result<PathBuf> {
    let program = std::env::current_exe().context("cannot learn where this program lies")?;
    let profile = program.parent().context("this program lies in no folder")?;
    Ok(profile.with_file_name("wasm"))
}

fn target_is_there() -> bool {
    let found = Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).output();
    found.is_ok_and(|found| found.status.success() && Path::new(String::from_utf8_lossy(&found.stdout).trim()).is_dir())
}

fn debian_compiler_is_there() -> bool {
    Path::new("/usr/bin/wasm-ld-19").exists()
        && Path::new(CARGO).exists()
        && succeeds(Command::new(COMPILER).arg("--version"))
        && PACKAGES.iter().all(|package| succeeds(Command::new("dpkg").args(["--status", package])))
}
