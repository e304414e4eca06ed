//! Making the data folder.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::discovery::Binaries;
use super::error::ClusterError;
use super::layout::{Layout, files};
use super::runner::Runner;

/// The only role; the socket's folder is what keeps others out.
pub(super) const ROLE: &str = "tasker";
const LINES_SHOWN: usize = 12;

/// Makes a data folder beside its place and moves it there when it is complete, so that a folder with the right name is
/// always whole. The caller holds the start lock.
pub(super) fn make_data(layout: &Layout, binaries: &Binaries, runner: &Runner) -> Result<PathBuf, ClusterError> {
    let major = binaries.version.major;
    let making = layout.making_dir(major);
    let data_dir = layout.data_dir(major);
    let advice = "check the permissions and the free space, or name another folder with TASKER_DATA_DIR";
    remove(&making)?;
    DirBuilder::new().mode(0o700).create(&making).map_err(|source| files("make", &making, advice, source))?;
    runner.own(&making)?;

    let mut command = runner.command(&binaries.dir.join("initdb"), true);
    command.args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]);
    command.arg(format!("--username={ROLE}")).arg("--pgdata").arg(&making).stdin(Stdio::null());
    let failed = |output: String| {
        let advice = advice_on(&output).to_owned();
        ClusterError::Initdb { data_dir: data_dir.clone(), output, advice }
    };
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => return Err(failed(error.to_string())),
    };
    if !output.status.success() {
        let mut words = String::from_utf8_lossy(&output.stdout).into_owned();
        words.push_str(&String::from_utf8_lossy(&output.stderr));
        remove(&making)?;
        return Err(failed(last_lines(&words, LINES_SHOWN)));
    }
    fs::rename(&making, &data_dir).map_err(|source| files("rename", &making, advice, source))?;
    Ok(data_dir)
}

fn remove(folder: &Path) -> Result<(), ClusterError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(files("remove", folder, "remove it by hand", error))
        }
        _ => Ok(()),
    }
}

/// The last lines of what a program wrote, each indented.
pub(super) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let first = lines.len().saturating_sub(count);
    let shown: Vec<String> = lines[first..].iter().map(|line| format!("  {line}")).collect();
    if shown.is_empty() { "  (it wrote nothing)".to_owned() } else { shown.join("\n") }
}

/// What to do about what PostgreSQL's programs say.
pub(super) fn advice_on(output: &str) -> &'static str {
    let known = [
        ("could not create shared memory", "the system has too little shared memory: raise its limit (/dev/shm)"),
        (
            "No space left on device",
            "the disk is full: make room, or name a folder on another disk with TASKER_DATA_DIR",
        ),
        ("Disk quota exceeded", "the disk quota is used up: make room, or name another folder with TASKER_DATA_DIR"),
        ("cannot change to user id", "run as an ordinary user, or name a database with --database-url"),
        (
            "Permission denied",
            "the server's user cannot reach the folder: name one that it can pass through with TASKER_DATA_DIR",
        ),
        ("Read-only file system", "the file system is read-only: name another folder with TASKER_DATA_DIR"),
        ("could not map anonymous shared memory", "the system has too little memory: free some"),
        (
            "could not locate a valid checkpoint record",
            "the data is damaged: restore it, or delete it with `tasker postgres reset`",
        ),
    ];
    known
        .iter()
        .find(|(sign, _)| output.contains(sign))
        .map_or("its own words say why; mend that, or name a database with --database-url", |(_, advice)| advice)
}
