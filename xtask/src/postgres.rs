//! Where PostgreSQL's programs are.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest major version that is supported.
pub const OLDEST_MAJOR: u32 = 14;

/// Folders whose sub-folders are named after a version and hold the programs, and where in them.
const VERSIONED: [(&str, &str, &str); 5] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

/// PostgreSQL's programs of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// The folder that holds `initdb` and `postgres`.
    pub folder: PathBuf,
    /// The major version, like 15.
    pub major: u32,
    /// The version as the server tells it, like `postgres (PostgreSQL) 15.18`.
    pub version: String,
}

impl Programs {
    /// Path of one of the programs.
    pub fn path(&self, program: &str) -> PathBuf {
        self.folder.join(program)
    }
}

/// The newest programs of the wanted major version, or of any supported one.
pub fn find(wanted: Option<u32>) -> Option<Programs> {
    candidates()
        .iter()
        .filter_map(|folder| programs_in(folder))
        .filter(|programs| wanted.map_or(programs.major >= OLDEST_MAJOR, |major| programs.major == major))
        // The first of equals: what the user put on PATH comes before what lies in a system folder.
        .rev()
        .max_by_key(|programs| programs.major)
}

/// The places that [`find`] looks at, for a message.
pub fn places() -> String {
    let mut places = vec!["PATH".to_owned()];
    places.extend(VERSIONED.iter().map(|(parent, prefix, bin)| format!("{parent}/{prefix}*/{bin}")));
    places.join(", ")
}

/// `15` of `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, or of `… 18beta1`.
pub fn major_of(version: &str) -> Option<u32> {
    let number = version.split_once("(PostgreSQL) ")?.1;
    let end = number.find(|character: char| !character.is_ascii_digit()).unwrap_or(number.len());
    number[..end].parse().ok()
}

fn candidates() -> Vec<PathBuf> {
    let search_path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&search_path).collect();
    for (parent, prefix, bin) in VERSIONED {
        // A folder that is not there, or may not be read, holds no programs for us.
        let Ok(entries) = std::fs::read_dir(parent) else { continue };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(prefix) {
                folders.push(entry.path().join(bin));
            }
        }
    }
    folders
}

/// The programs in a folder; nothing where it has none or they do not run.
pub fn programs_in(folder: &Path) -> Option<Programs> {
    if !folder.join("initdb").is_file() {
        return None;
    }
    // A link (as on a PATH that somebody arranged) leads to the folder that has the server's other files beside it.
    let server = folder.join("postgres").canonicalize().ok()?;
    let output = Command::new(&server).arg("--version").output().ok()?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let major = major_of(&version)?;
    Some(Programs { folder: server.parent()?.to_owned(), major, version })
}
