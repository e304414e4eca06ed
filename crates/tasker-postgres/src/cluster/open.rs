//! Opening the private cluster, or one that is thrown away afterwards.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use tempfile::TempDir;

use super::error::ClusterError;
use super::handle::{ClusterHandle, may_have_ended, reach_database};
use super::launch::{How, join_or_start};
use super::layout::{Layout, files};
use super::locks::{Standing, standing};
use super::options::ClusterOptions;
use super::stopwatch::{Stopwatch, pause, pause_async};
use super::supervisor::Stop;

const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);
const ATTEMPTS: u32 = 50;
const POLL: Duration = Duration::from_millis(10);

/// Joins the private cluster of this user where it runs, starts it where it is stopped, makes it where there is none.
/// `notice` gets lines for the user: what was found and done, and the progress of a fetch.
///
/// # Errors
/// [`ClusterError`]; its text says what to do.
pub async fn open(options: &ClusterOptions, notice: &(dyn Fn(&str) + Sync)) -> Result<ClusterHandle, ClusterError> {
    open_in(options, Layout::of(options)?, false, notice).await
}

async fn open_in(
    options: &ClusterOptions,
    layout: Layout,
    throwaway: bool,
    notice: &(dyn Fn(&str) + Sync),
) -> Result<ClusterHandle, ClusterError> {
    let took = Stopwatch::start();
    let mut attempt = 1;
    loop {
        let (blocking_options, mut blocking_layout) = (options.clone(), layout.clone());
        let joined =
            blocking(move |notice| join_or_start(&blocking_options, &mut blocking_layout, throwaway, notice), notice)
                .await?;
        match reach_database(&joined.server).await {
            Ok(()) => {
                let (major, data) = (joined.server.version.major, joined.server.data_dir.display());
                let seconds = took.seconds();
                notice(&match joined.how {
                    How::Joined => format!("joined the private PostgreSQL {major} in {data} ({seconds})"),
                    How::Started => format!("started the private PostgreSQL {major} in {data} ({seconds})"),
                    How::Made => format!(
                        "made a private PostgreSQL {major} in {data} with binaries of {} ({seconds})",
                        joined.server.bin_dir.display()
                    ),
                });
                return Ok(ClusterHandle::new(joined.server, joined.use_lock));
            }
            // The server was killed and its supervisor has not noticed yet.
            Err(error) if may_have_ended(&error) && attempt < ATTEMPTS => {
                drop(joined);
                attempt += 1;
                pause_async(BETWEEN_ATTEMPTS).await;
            }
            Err(source) => {
                let (data_dir, log) = (joined.server.data_dir.clone(), layout.server_log());
                return Err(ClusterError::Connect { data_dir, log, source });
            }
        }
    }
}

/// Runs blocking work off the async threads and hands its notices on.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce(&dyn Fn(&str)) -> Result<T, ClusterError> + Send + 'static,
    notice: &(dyn Fn(&str) + Sync),
) -> Result<T, ClusterError> {
    let (sender, mut notices) = tokio::sync::mpsc::unbounded_channel::<String>();
    let task = tokio::task::spawn_blocking(move || {
        work(&|text| {
            // Nobody listens any more when the caller gave up; the work still ends in good order.
            let _ = sender.send(text.to_owned());
        })
    });
    while let Some(text) = notices.recv().await {
        notice(&text);
    }
    match task.await {
        Ok(result) => result,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
}

/// A cluster in a temporary folder, for tests and benchmarks. It ends with this value, or with this process.
#[derive(Debug)]
pub struct ThrowawayCluster {
    /// There until it is stopped.
    handle: Option<ClusterHandle>,
    layout: Layout,
    limit: Duration,
    /// Deletes what a killed supervisor left.
    _folder: TempDir,
}

/// Makes a cluster in a temporary folder with the binaries that a private cluster would use. Of the options `data_dir`
/// is not looked at; `fsync` may be off.
///
/// # Errors
/// [`ClusterError`]; its text says what to do.
pub async fn throwaway(options: &ClusterOptions) -> Result<ThrowawayCluster, ClusterError> {
    let advice = "make the folder for temporary files writable, or name another with TMPDIR";
    let place = std::env::temp_dir();
    let folder = tempfile::Builder::new()
        .prefix("tasker-throwaway-")
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir()
        .map_err(|source| files("make a folder in", &place, advice, source))?;
    let base = folder.path().canonicalize().map_err(|source| files("find", folder.path(), advice, source))?;
    let options = ClusterOptions { data_dir: Some(base.clone()), grace: Duration::ZERO, ..options.clone() };
    let layout = Layout { base };
    let handle = open_in(&options, layout.clone(), true, &|_| {}).await?;
    Ok(ThrowawayCluster { handle: Some(handle), layout, limit: options.limit, _folder: folder })
}

impl ThrowawayCluster {
    /// The running cluster.
    pub fn handle(&self) -> &ClusterHandle {
        // `handle` is taken only by `end`, which `stop` and `drop` call last.
        self.handle.as_ref().expect("a throwaway cluster holds its handle until it is stopped")
    }

    /// Stops the server and deletes the folder, without blocking an async thread as dropping does.
    ///
    /// # Errors
    /// [`ClusterError::TookTooLong`] when the server does not end.
    pub async fn stop(mut self) -> Result<(), ClusterError> {
        blocking(move |_| self.end(), &|_| {}).await
    }

    fn end(&mut self) -> Result<(), ClusterError> {
        let Some(handle) = self.handle.take() else {
            return Ok(());
        };
        drop(handle);
        if self.layout.base.exists() {
            request_stop(&self.layout, Stop::Immediate)?;
        }
        wait_until_gone(&self.layout, self.limit)
    }
}

impl Drop for ThrowawayCluster {
    /// Stops the server and deletes the folder; blocks for about a tenth of a second.
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!(%error, "a throwaway cluster did not end");
        }
    }
}

/// Leaves word for the supervisor.
pub(super) fn request_stop(layout: &Layout, how: Stop) -> Result<(), ClusterError> {
    let path = layout.stop_request();
    let advice = "check the permissions of the folder";
    // Renamed into place, so that the supervisor never reads half of it.
    let fresh = path.with_extension("request.new");
    let text = serde_json::to_vec(&how).map_err(|error| files("write", &fresh, advice, error.into()))?;
    let written = fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, &path));
    match written {
        // The supervisor of a throwaway cluster has just deleted the folder.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(files("write", &path, advice, source)),
        Ok(()) => Ok(()),
    }
}

/// Waits until no supervisor lives.
pub(super) fn wait_until_gone(layout: &Layout, limit: Duration) -> Result<(), ClusterError> {
    let waited = Stopwatch::start();
    while standing(layout)? != Standing::None {
        if waited.elapsed() >= limit {
            return Err(ClusterError::TookTooLong {
                what: "the private PostgreSQL to stop",
                seconds: limit.as_secs(),
                log: layout.supervisor_log(),
            });
        }
        pause(POLL);
    }
    Ok(())
}
