//! What a user can do with the private cluster: see where it is and how it stands, start, stop, enter and delete it.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use super::answers::{Location, RunningServer, Status, Stopped};
use super::discovery::search;
use super::error::ClusterError;
use super::handle::{ClusterHandle, url};
use super::layout::{Layout, files};
use super::locks::{Hold, Standing, holders, open_lock, standing, take, try_hold};
use super::open::{blocking, open, request_stop, wait_until_gone};
use super::options::ClusterOptions;
use super::places::Places;
use super::runner::Runner;
use super::supervisor::Stop;

const ADVICE: &str = "check the permissions of the folder";

/// Says where the cluster is or would be, and which binaries it uses or would use. Makes and starts nothing.
///
/// # Errors
/// [`ClusterError`] when the folder is not known or cannot be read.
pub async fn locate(options: &ClusterOptions) -> Result<Location, ClusterError> {
    let options = options.clone();
    blocking(move |_| locate_now(&options), &|_| {}).await
}

fn locate_now(options: &ClusterOptions) -> Result<Location, ClusterError> {
    let layout = Layout::of(options)?;
    let majors = layout.majors()?;
    let runner = Runner::for_this_user(&options.program)?;
    let places = Places { cache: Some(layout.binaries()), ..options.places.clone() };
    let searched = search(&places, majors.first().copied(), &runner)?;
    let bin_dir = match standing(&layout)? {
        Standing::Running(server) => Some(server.bin_dir),
        Standing::None | Standing::Between => searched.chosen.map(|binaries| binaries.dir),
    };
    Ok(Location {
        data_dirs: majors.into_iter().map(|major| (major, layout.data_dir(major))).collect(),
        server_log: layout.server_log(),
        supervisor_log: layout.supervisor_log(),
        base: layout.base,
        bin_dir,
        search: searched.report,
    })
}

/// Says how the cluster stands. Changes nothing.
///
/// # Errors
/// [`ClusterError`] when the folder is not known or cannot be read.
pub async fn status(options: &ClusterOptions) -> Result<Status, ClusterError> {
    let options = options.clone();
    blocking(move |_| status_now(&options), &|_| {}).await
}

fn status_now(options: &ClusterOptions) -> Result<Status, ClusterError> {
    let layout = Layout::of(options)?;
    match standing(&layout)? {
        Standing::Between => Ok(Status::Between { base: layout.base }),
        Standing::Running(server) => Ok(Status::Running(RunningServer {
            version: server.version,
            url: url(&server.socket_dir),
            pinned: layout.pinned().exists(),
            users: holders(&layout.use_lock()),
            data_dir: server.data_dir,
            bin_dir: server.bin_dir,
            postgres_pid: server.postgres_pid,
            supervisor_pid: server.supervisor_pid,
        })),
        Standing::None => Ok(match layout.majors()?.first() {
            Some(major) => Status::Stopped { data_dir: layout.data_dir(*major), major: *major },
            None => Status::NotMade { base: layout.base },
        }),
    }
}

/// Starts the cluster, making it where there is none, and lets it run until [`stop`], also without a user.
///
/// # Errors
/// As [`open`].
pub async fn start(options: &ClusterOptions, notice: &(dyn Fn(&str) + Sync)) -> Result<ClusterHandle, ClusterError> {
    let handle = open(options, notice).await?;
    let mark = Layout::of(options)?.pinned();
    // While the handle is held the supervisor does not stop, so the mark comes in time.
    File::create(&mark).map_err(|source| files("write", &mark, ADVICE, source))?;
    Ok(handle)
}

/// Stops the server. Programs that use it are in the way unless `force` is set; then they lose their connections.
///
/// # Errors
/// [`ClusterError::InUse`] with the processes that use it, as far as the system tells.
pub async fn stop(options: &ClusterOptions, force: bool) -> Result<Stopped, ClusterError> {
    let options = options.clone();
    blocking(move |_| stopped(&options, force, |_| Ok(())).map(|(found, ())| found), &|_| {}).await
}

/// Stops the server and deletes all data. The caller has asked the user. Returns the folders that were deleted.
///
/// # Errors
/// [`ClusterError::InUse`] as with [`stop`].
pub async fn reset(options: &ClusterOptions, force: bool) -> Result<Vec<PathBuf>, ClusterError> {
    let options = options.clone();
    blocking(move |_| stopped(&options, force, delete_data).map(|(_, deleted)| deleted), &|_| {}).await
}

/// Stops the server and does something while nobody can start it again.
fn stopped<T>(
    options: &ClusterOptions,
    force: bool,
    then: impl FnOnce(&Layout) -> Result<T, ClusterError>,
) -> Result<(Stopped, T), ClusterError> {
    let mut layout = Layout::of(options)?;
    if !layout.base.is_dir() {
        return Err(ClusterError::NotMade { base: layout.base });
    }
    layout.make()?;
    let log = layout.supervisor_log();
    let what = "another program that starts or stops the server";
    let _starting = take(&layout.start_lock(), Hold::Exclusive, what, options.limit, log)?;
    let use_path = layout.use_lock();
    let use_lock = open_lock(&use_path)?;
    if !try_hold(&use_lock, &use_path, Hold::Exclusive)? && !force && standing(&layout)? != Standing::None {
        return Err(ClusterError::InUse { pids: holders(&use_path) });
    }
    let mark = layout.pinned();
    match fs::remove_file(&mark) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(files("remove", &mark, ADVICE, error));
        }
        _ => {}
    }
    let found = if standing(&layout)? == Standing::None {
        Stopped::AlreadyStopped
    } else {
        request_stop(&layout, Stop::Fast)?;
        wait_until_gone(&layout, options.limit)?;
        Stopped::Now
    };
    Ok((found, then(&layout)?))
}

/// Deletes every folder that is named like data, also a damaged one.
fn delete_data(layout: &Layout) -> Result<Vec<PathBuf>, ClusterError> {
    let mut deleted = Vec::new();
    let entries = layout.base.read_dir().map_err(|source| files("read", &layout.base, ADVICE, source))?;
    for entry in entries {
        let entry = entry.map_err(|source| files("read", &layout.base, ADVICE, source))?;
        let name = entry.file_name();
        let is_data = name.to_str().is_some_and(|name| name.trim_end_matches(".making").parse::<u32>().is_ok());
        if is_data {
            let path = entry.path();
            fs::remove_dir_all(&path).map_err(|source| files("delete", &path, ADVICE, source))?;
            deleted.push(path);
        }
    }
    deleted.sort();
    Ok(deleted)
}

/// The command that enters the database with the `psql` of the server's own binaries, or with that of `PATH` where they
/// came without one, as npm's packages do. The handle must outlive it.
///
/// # Errors
/// [`ClusterError::NoPsql`] where there is none.
pub fn psql_command(handle: &ClusterHandle) -> Result<Command, ClusterError> {
    let search_path = std::env::var_os("PATH").unwrap_or_default();
    let program = std::iter::once(handle.bin_dir().to_path_buf())
        .chain(std::env::split_paths(&search_path))
        .map(|folder| folder.join("psql"))
        .find(|program| program.is_file())
        .ok_or_else(|| ClusterError::NoPsql { bin_dir: handle.bin_dir().to_path_buf(), url: handle.url() })?;
    let mut command = Command::new(program);
    command.arg(handle.url());
    Ok(command)
}
