//! How a program comes to a running server: by joining, by starting, by making one first.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use super::discovery::{Binaries, search};
use super::environment;
use super::error::ClusterError;
use super::fetch;
use super::initdb::make_data;
use super::layout::{Layout, files};
use super::locks::{Hold, Server, Standing, standing, take};
use super::options::ClusterOptions;
use super::places::Places;
use super::runner::Runner;
use super::shim;
use super::stopwatch::{Stopwatch, pause};
use super::supervisor::{Assignment, Report, open_log};

const POLL: Duration = Duration::from_millis(10);
const WAIT_SILENTLY: Duration = Duration::from_secs(3);
const WAIT_FOR_STARTER: Duration = Duration::from_secs(15 * 60);

/// What the caller did to come to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Joined,
    Started,
    Made,
}

/// A running server and the lock that keeps it running.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) server: Server,
    pub(super) use_lock: File,
    pub(super) how: How,
}

/// Joins the cluster of a folder, or starts it, or makes it. Blocks.
pub(super) fn join_or_start(
    options: &ClusterOptions,
    layout: &mut Layout,
    throwaway: bool,
    notice: &dyn Fn(&str),
) -> Result<Joined, ClusterError> {
    if environment::started_as_supervisor() {
        return Err(ClusterError::NoSupervisor {
            program: options.program.clone(),
            reason: "it opened a cluster instead".to_owned(),
        });
    }
    layout.make()?;
    let log = layout.supervisor_log();
    let use_lock = take(&layout.use_lock(), Hold::Shared, "an earlier server to stop", options.limit, log)?;
    if let Standing::Running(server) = standing(layout)? {
        return Ok(Joined { server, use_lock, how: How::Joined });
    }
    let _starting = wait_to_start(layout, notice)?;
    if let Some(server) = settled(options, layout)? {
        return Ok(Joined { server, use_lock, how: How::Joined });
    }
    let (server, how) = start(options, layout, throwaway, notice)?;
    Ok(Joined { server, use_lock, how })
}

/// Takes the start lock. Its holder may be fetching binaries over a slow line, so the wait may be long and is told; one
/// that dies lets go of it.
fn wait_to_start(layout: &Layout, notice: &dyn Fn(&str)) -> Result<File, ClusterError> {
    let take_within = |limit| {
        take(
            &layout.start_lock(),
            Hold::Exclusive,
            "another program that starts the server",
            limit,
            layout.supervisor_log(),
        )
    };
    match take_within(WAIT_SILENTLY) {
        Err(ClusterError::TookTooLong { .. }) => {
            notice("waiting for another program that is making the private PostgreSQL");
            take_within(WAIT_FOR_STARTER)
        }
        taken => taken,
    }
}

/// Waits until the supervisor, if there is one, runs a server or is gone: its starter may have been killed while it was
/// starting, and one that was told to stop does not look at its users any more.
pub(super) fn settled(options: &ClusterOptions, layout: &Layout) -> Result<Option<Server>, ClusterError> {
    let waited = Stopwatch::start();
    loop {
        match standing(layout)? {
            Standing::None => return Ok(None),
            Standing::Running(server) => return Ok(Some(server)),
            Standing::Between if waited.elapsed() < options.limit => pause(POLL),
            Standing::Between => {
                return Err(ClusterError::TookTooLong {
                    what: "the supervisor of the private cluster",
                    seconds: options.limit.as_secs(),
                    log: layout.supervisor_log(),
                });
            }
        }
    }
}

fn start(
    options: &ClusterOptions,
    layout: &Layout,
    throwaway: bool,
    notice: &dyn Fn(&str),
) -> Result<(Server, How), ClusterError> {
    let runner = Runner::for_this_user(&options.program)?;
    let places = Places { cache: Some(layout.binaries()), ..options.places.clone() };
    let (binaries, data_dir, how) = match existing_data(layout, &places, &runner)? {
        Some((binaries, data_dir)) => (binaries, data_dir, How::Started),
        None => {
            let binaries = find_or_fetch(options, layout, &places, &runner, notice)?;
            let data_dir = make_data(layout, &binaries, &runner)?;
            (binaries, data_dir, How::Made)
        }
    };
    runner.check_owner(&data_dir)?;
    let socket_dir = layout.make_socket_folder(&runner)?;
    let assignment = Assignment {
        base: layout.base.clone(),
        data_dir,
        bin_dir: binaries.dir,
        socket_dir,
        version: binaries.version,
        account: runner.account().map(|account| (account.name.clone(), account.uid, account.gid)),
        grace: options.grace,
        limit: options.limit,
        fsync: options.fsync || !throwaway,
        throwaway,
    };
    Ok((launch(options, layout, &assignment)?, how))
}

/// The data that is there, with binaries of its major version; the highest where there are several.
fn existing_data(
    layout: &Layout,
    places: &Places,
    runner: &Runner,
) -> Result<Option<(Binaries, PathBuf)>, ClusterError> {
    let majors = layout.majors()?;
    let mut missing = None;
    for major in majors {
        let search = search(places, Some(major), runner)?;
        if let Some(binaries) = search.chosen {
            return Ok(Some((binaries, layout.data_dir(major))));
        }
        let found = search.report.versions_found();
        missing.get_or_insert(ClusterError::OtherMajor { data_dir: layout.data_dir(major), major, found });
    }
    missing.map_or(Ok(None), Err)
}

fn find_or_fetch(
    options: &ClusterOptions,
    layout: &Layout,
    places: &Places,
    runner: &Runner,
    notice: &dyn Fn(&str),
) -> Result<Binaries, ClusterError> {
    let search = search(places, None, runner)?;
    match search.chosen {
        Some(binaries) => Ok(binaries),
        None if options.fetch => Ok(fetch::fetch(places, &layout.binaries(), runner, notice)?),
        None => Err(ClusterError::NoBinaries(Box::new(search.report))),
    }
}

/// Starts the supervisor and waits for its one line.
fn launch(options: &ClusterOptions, layout: &Layout, assignment: &Assignment) -> Result<Server, ClusterError> {
    let advice = "check the permissions of the folder, or name another with TASKER_DATA_DIR";
    let log_path = layout.supervisor_log();
    let log = open_log(&log_path).map_err(|source| files("open", &log_path, advice, source))?;
    let absent = |reason: String| ClusterError::NoSupervisor { program: options.program.clone(), reason };
    let text = serde_json::to_string(assignment).map_err(|error| absent(error.to_string()))?;
    let mut command = shim::launcher(&options.program, &text);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    let mut launcher = command.spawn().map_err(|error| absent(error.to_string()))?;
    let mut answer = Vec::new();
    if let Some(stdout) = launcher.stdout.take() {
        // A program that is no supervisor may print without end.
        let mut line = BufReader::new(stdout.take(1 << 20));
        line.read_until(b'\n', &mut answer).map_err(|error| absent(error.to_string()))?;
    }
    let report = serde_json::from_slice::<Report>(&answer);
    if report.is_err() {
        // Some other program that may run for ever; one that has ended cannot be ended again, which is all right.
        let _ = launcher.kill();
    }
    let status = launcher.wait().map_err(|error| absent(error.to_string()))?;
    match report {
        Ok(Report::Ready(server)) => Ok(server),
        Ok(Report::Failed { output, advice }) => {
            Err(ClusterError::Start { data_dir: assignment.data_dir.clone(), output, advice })
        }
        Err(_) => {
            let said = fs::read_to_string(&log_path).unwrap_or_default();
            let last = said.lines().last().unwrap_or("it wrote nothing").to_owned();
            Err(absent(format!("{status}; last line of {}: {last}", log_path.display())))
        }
    }
}
