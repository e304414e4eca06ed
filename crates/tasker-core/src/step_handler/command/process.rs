//! One run of a program, from start to a certain end: its whole process group is gone when this is through, whatever the
//! program does with signals, pipes and children.

use std::future::{Future, pending};
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures_util::future::{Either, select};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop, ProcessGroup};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::streams::{Captured, Stopped, Tail, feed};
use crate::clock::Clock;

/// Between the request to end and the end by force.
const GRACE_AFTER_TERM: Duration = Duration::from_secs(2);

/// How long streams may stay open after the program itself has ended: a filter that it started may still be writing.
const GRACE_FOR_STREAMS: Duration = Duration::from_secs(1);

/// How long we wait for what the system does at once unless it is in trouble: take down a killed process, close its pipes.
const GRACE_AFTER_KILL: Duration = Duration::from_millis(500);

/// A program file that is just being written cannot be started; so often, and after such a wait each, it is tried again.
const BUSY_TRIES: u32 = 5;
const BUSY_WAIT: Duration = Duration::from_millis(50);

/// How a run ended.
#[derive(Debug)]
pub(super) enum End {
    /// By itself, or by a signal that was not ours.
    Exited(ExitStatus),
    /// By us: it took longer than this.
    TimedOut(Duration),
    /// By us: the attempt was cancelled.
    Cancelled,
    /// By us: stdout grew beyond the limit.
    TooMuchOutput,
    /// By us: it could not be followed any longer.
    Broken(io::Error),
}

/// A run and what it left behind.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) end: End,
    pub(super) stdout: Captured,
    pub(super) stderr: Tail,
}

/// The limits of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits<'a> {
    pub(super) timeout: Option<Duration>,
    pub(super) stdout_bytes: usize,
    pub(super) cancelled: &'a CancellationToken,
    pub(super) clock: &'a dyn Clock,
}

/// Starts the program, feeds it the document and follows it to its end. Dropping the future kills the group.
///
/// # Errors
/// The program could not be started.
pub(super) async fn run(command: Command, document: &[u8], limits: Limits<'_>) -> io::Result<Run> {
    let clock = limits.clock;
    let mut group = Group::start(command, clock).await?;
    let pipes = (group.child.stdin().take(), group.child.stdout().take(), group.child.stderr().take());
    let (Some(stdin), Some(stdout_pipe), Some(stderr_pipe)) = pipes else {
        return Err(io::Error::other("the program was started without its three streams"));
    };
    let (mut stdout, mut stderr) = (Captured::default(), Tail::default());
    let end = {
        let mut streams = Streams {
            all: Box::pin(async {
                tokio::try_join!(
                    feed(stdin, document),
                    stdout.read(stdout_pipe, limits.stdout_bytes),
                    stderr.read(stderr_pipe),
                )
                .map(|_| ())
            }),
            open: true,
        };
        let mut end = follow(&mut group, &mut streams, limits).await;
        match &end {
            End::Exited(_) => {
                if let Some(Err(stopped)) = streams.finish_within(clock, GRACE_FOR_STREAMS).await {
                    end = stopped.into();
                }
            }
            End::TimedOut(_) | End::Cancelled => group.ask_to_end(&mut streams, clock).await,
            End::TooMuchOutput | End::Broken(_) => {}
        }
        group.kill(&mut streams, clock).await;
        end
    };
    Ok(Run { end, stdout, stderr })
}

/// Waits for whichever comes first: the program's end, a stream that must stop, the time limit, the cancellation.
async fn follow<S>(group: &mut Group, streams: &mut Streams<S>, limits: Limits<'_>) -> End
where
    S: Future<Output = Result<(), Stopped>> + Unpin,
{
    let time_limit = async {
        match limits.timeout {
            Some(timeout) => {
                limits.clock.deadline(timeout).await;
                timeout
            }
            None => pending().await,
        }
    };
    tokio::pin!(time_limit);
    tokio::select! {
        // A program that has ended has ended, even if its time is up at the same moment.
        biased;
        status = group.leader_end() => status.map_or_else(End::Broken, End::Exited),
        // Streams that simply end say nothing: the program may go on without them.
        Err(stopped) = streams.next() => stopped.into(),
        timeout = &mut time_limit => End::TimedOut(timeout),
        () = limits.cancelled.cancelled() => End::Cancelled,
    }
}

impl From<Stopped> for End {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::TooMuchOutput => End::TooMuchOutput,
            Stopped::Broken(error) => End::Broken(error),
        }
    }
}

/// The work on all three streams, which may be over before the program is or after.
struct Streams<S> {
    all: S,
    open: bool,
}

impl<S: Future<Output = Result<(), Stopped>> + Unpin> Streams<S> {
    /// Drives the streams to their end; only to be called while they are open.
    async fn next(&mut self) -> Result<(), Stopped> {
        let outcome = (&mut self.all).await;
        self.open = false;
        outcome
    }

    /// The streams' outcome if they end within the time, or nothing if they do not or had ended before.
    async fn finish_within(&mut self, clock: &dyn Clock, grace: Duration) -> Option<Result<(), Stopped>> {
        if !self.open {
            return None;
        }
        within(self.next(), clock, grace).await
    }
}

/// A program as the leader of its own process group. Ends with it: on drop the group is killed.
struct Group {
    child: Box<dyn ChildWrapper>,
    id: Option<Pid>,
}

impl Group {
    async fn start(command: Command, clock: &dyn Clock) -> io::Result<Self> {
        let mut command = CommandWrap::from(command);
        command.command_mut().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // No reset of the signal mask: the standard library gives a child an empty one, and asking for it once more would
        // mean a fork of the whole worker instead of a spawn.
        command.wrap(ProcessGroup::leader()).wrap(KillOnDrop);
        let mut tries = 1;
        let child = loop {
            match command.spawn() {
                Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < BUSY_TRIES => {
                    tries += 1;
                    clock.sleep(BUSY_WAIT).await;
                }
                started => break started?,
            }
        };
        let id = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        if id.is_none() {
            return Err(io::Error::other("the started program has no process id"));
        }
        Ok(Self { child, id })
    }

    /// The end of the program itself; its children may live on.
    async fn leader_end(&mut self) -> io::Result<ExitStatus> {
        // The wrapper's own `wait` would wait for the rest of the group as well.
        self.child.inner_mut().wait().await
    }

    /// Asks the group to end and gives it time for it, reading on so that nobody in it is stuck in a write.
    async fn ask_to_end<S>(&mut self, streams: &mut Streams<S>, clock: &dyn Clock)
    where
        S: Future<Output = Result<(), Stopped>> + Unpin,
    {
        self.signal(Signal::SIGTERM);
        let ended = async {
            let mut leader_ended = false;
            while streams.open || !leader_ended {
                tokio::select! {
                    // How it ends no longer matters: the verdict is that it was made to.
                    _ = self.leader_end(), if !leader_ended => leader_ended = true,
                    _ = streams.next(), if streams.open => {}
                }
            }
        };
        within(ended, clock, GRACE_AFTER_TERM).await;
    }

    /// Kills what is left of the group and takes it down; what still stands in the pipes is read.
    async fn kill<S>(&mut self, streams: &mut Streams<S>, clock: &dyn Clock)
    where
        S: Future<Output = Result<(), Stopped>> + Unpin,
    {
        self.signal(Signal::SIGKILL);
        // A process that left the group may hold the pipes open for ever, and one stuck in the kernel may not die.
        let _ = streams.finish_within(clock, GRACE_AFTER_KILL).await;
        // Waits for the whole group: where the worker is process 1, orphans of the group are its own to take down.
        if within(self.child.wait(), clock, GRACE_AFTER_KILL).await.is_none() {
            tracing::warn!(group = ?self.id, "a killed process is still there; it is left to the system");
        }
        self.id = None;
    }

    fn signal(&self, signal: Signal) {
        let Some(id) = self.id else {
            return;
        };
        match killpg(id, signal) {
            // Nobody left to be signalled is what a signal is for; macOS says EPERM of a group of zombies.
            Ok(()) | Err(nix::errno::Errno::ESRCH | nix::errno::Errno::EPERM) => {}
            Err(error) => tracing::warn!(group = %id, %signal, %error, "a process group could not be signalled"),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
    }
}

/// What the future gives, or nothing if it takes longer than the time.
async fn within<F: Future>(future: F, clock: &dyn Clock, time: Duration) -> Option<F::Output> {
    tokio::pin!(future);
    match select(future, clock.deadline(time)).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}
