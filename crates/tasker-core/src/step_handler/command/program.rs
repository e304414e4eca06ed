//! Finding the program that a template names, and finding out before the first step that it cannot run.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};

/// The longest first line of a script that is looked at; the systems we run on read no further.
const HEAD_BYTES: u64 = 256;

/// The absolute path of a program that can be started, or what is wrong and what to do.
///
/// A name with a slash is a path from the folder; one without is looked up in the search path.
pub(super) fn find(name: &str, folder: &Path, search_path: Option<&OsStr>) -> Result<PathBuf, String> {
    if !name.contains('/') {
        return on_search_path(name, folder, search_path);
    }
    let path = std::path::absolute(folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
    check(&path)?;
    Ok(path)
}

fn on_search_path(name: &str, folder: &Path, search_path: Option<&OsStr>) -> Result<PathBuf, String> {
    // Relative entries of PATH would mean another folder for each place that a worker is started in.
    let folders = search_path.map(|list| std::env::split_paths(list).filter(|entry| entry.is_absolute()));
    for entry in folders.into_iter().flatten() {
        let candidate = entry.join(name);
        if candidate.is_file() && access(&candidate, AccessFlags::X_OK).is_ok() {
            check(&candidate)?;
            return Ok(candidate);
        }
    }
    if folder.join(name).is_file() {
        return Err(format!("no program `{name}` on PATH; for the file beside the template write `./{name}`"));
    }
    Err(format!("no program `{name}` on PATH; install it, or write a path with a slash for a file of your own"))
}

fn check(path: &Path) -> Result<(), String> {
    let shown = path.display();
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!("{shown} does not exist; a path with a slash counts from the template's folder")
        }
        _ => format!("{shown} cannot be looked at: {error}"),
    })?;
    if metadata.is_dir() {
        return Err(format!("{shown} is a folder, not a program"));
    }
    if !metadata.is_file() {
        return Err(format!("{shown} is not a file"));
    }
    match access(path, AccessFlags::X_OK) {
        Ok(()) => check_interpreter(path),
        Err(Errno::EACCES) => Err(format!("{shown} is not executable; run `chmod +x {shown}`")),
        Err(error) => Err(format!("{shown} cannot be executed: {}", error.desc())),
    }
}

/// A script is started through the interpreter that its first line names. Left to the system, a mistake there is reported
/// as if the script itself did not exist.
fn check_interpreter(path: &Path) -> Result<(), String> {
    let shown = path.display();
    let mut head = Vec::new();
    let opened = File::open(path);
    let Ok(file) = opened else {
        // A program that may be executed and not read is no script that we could judge.
        return Ok(());
    };
    file.take(HEAD_BYTES).read_to_end(&mut head).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    let Some(after_mark) = head.strip_prefix(b"#!") else {
        let text = !head.contains(&0) && std::str::from_utf8(&head).is_ok();
        return if text {
            Err(format!("{shown} does not say what runs it; make its first line `#!/bin/sh` or another interpreter's"))
        } else {
            Ok(())
        };
    };
    let line = after_mark.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if line.ends_with(b"\r") {
        return Err(format!(
            "{shown} has Windows line ends, which its interpreter's name then contains; save it with LF"
        ));
    }
    let line = String::from_utf8_lossy(line);
    let Some(interpreter) = line.split_whitespace().next() else {
        return Err(format!("{shown} names no interpreter after `#!` in its first line"));
    };
    if Path::new(interpreter).is_absolute() && !Path::new(interpreter).exists() {
        return Err(format!("{shown} names the interpreter {interpreter} in its first line, which does not exist"));
    }
    Ok(())
}
