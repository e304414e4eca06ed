//! Ctrl-C and its like end the program in order: the running step ends, then the server is stopped and removed.

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::signal::unix::{SignalKind, signal};

/// The signals that end the program, and the step that they have to reach.
#[derive(Debug, Clone, Default)]
pub struct Interrupts {
    /// Number of the first signal that came; 0 before.
    received: Arc<AtomicI32>,
    running: Arc<Mutex<Option<Pid>>>,
}

impl Interrupts {
    /// Begins to watch for Ctrl-C, termination and a closed terminal.
    ///
    /// # Errors
    /// When the thread or its signal handlers cannot be set up.
    pub fn watch() -> Result<Self> {
        let interrupts = Self::default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .context("cannot set up the watch for signals")?;
        let watching = interrupts.clone();
        let guard = runtime.enter();
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        drop(guard);
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    loop {
                        let number = tokio::select! {
                            _ = interrupt.recv() => Signal::SIGINT,
                            _ = terminate.recv() => Signal::SIGTERM,
                            _ = hang_up.recv() => Signal::SIGHUP,
                        };
                        watching.arrived(number);
                    }
                });
            })
            .context("cannot start the thread that watches for signals")?;
        Ok(interrupts)
    }

    /// What to exit with after a signal, as shells count it; nothing before one came.
    pub fn exit_code(&self) -> Option<u8> {
        let number = self.received.load(Ordering::SeqCst);
        // Only SIGHUP, SIGINT and SIGTERM are ever stored: 1, 2 and 15.
        (number != 0).then(|| u8::try_from(128 + number).unwrap_or(u8::MAX))
    }

    /// Whether a signal came.
    pub fn came(&self) -> bool {
        self.exit_code().is_some()
    }

    /// Names the process that signals have to reach, as long as the returned value lives.
    pub fn reach(&self, process: u32) -> Reached {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = i32::try_from(process).ok().map(Pid::from_raw);
        Reached { running: Arc::clone(&self.running) }
    }

    fn arrived(&self, number: Signal) {
        let again = self.received.swap(number as i32, Ordering::SeqCst) != 0;
        let Some(process) = *self.running.lock().unwrap_or_else(PoisonError::into_inner) else { return };
        // A terminal sends its Ctrl-C to the step as well; the second one means that the step did not obey.
        let passed_on = match (again, number) {
            (true, _) => Signal::SIGKILL,
            (false, Signal::SIGINT) => return,
            (false, other) => other,
        };
        if let Err(error) = kill(process, passed_on) {
            eprintln!("cannot pass {passed_on} on to process {process}: {error}");
        }
    }
}

/// Ends [`Interrupts::reach`] when dropped.
#[derive(Debug)]
pub struct Reached {
    running: Arc<Mutex<Option<Pid>>>,
}

impl Drop for Reached {
    fn drop(&mut self) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
