//! What an earlier server on the same data left behind. The supervisor that asks holds the supervisor's lock, so such a
//! server is nobody's any more.

use std::fs;
use std::io;
use std::path::Path;

/// Whose a process number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Process {
    /// A server on our data.
    Ours,
    /// Another program that got the number of a server that ended with the machine or the container.
    Another,
    /// The system does not say.
    Unknown,
}

/// Clears away what keeps a new server from starting: tells an earlier one to end where nothing else has, and removes the
/// note of one that is gone while its number is another program's. What cannot be known or done is waited for.
pub(super) fn clear_the_way(data_dir: &Path, socket_dir: &Path) -> io::Result<()> {
    for note in [data_dir.join("postmaster.pid"), socket_dir.join(".s.PGSQL.5432.lock")] {
        let text = match fs::read_to_string(&note) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let Some(pid) = text.lines().next().and_then(|line| line.trim().parse::<i32>().ok()).filter(|pid| *pid > 1)
        else {
            continue;
        };
        match look_at(pid, data_dir) {
            Process::Ours => end(pid)?,
            Process::Another => fs::remove_file(&note)?,
            Process::Unknown => {}
        }
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn look_at(pid: i32, data_dir: &Path) -> Process {
    match fs::read(format!("/proc/{pid}/cmdline")) {
        // A process that is just ending has none any more.
        Ok(words) if words.is_empty() => Process::Unknown,
        Ok(words) => {
            let ours = data_dir.as_os_str().as_encoded_bytes();
            let is_ours = words.split(|byte| *byte == 0).any(|word| word == ours);
            if is_ours { Process::Ours } else { Process::Another }
        }
        Err(_) => Process::Unknown,
    }
}

#[cfg(not(target_os = "linux"))]
fn look_at(pid: i32, data_dir: &Path) -> Process {
    match std::process::Command::new("/bin/ps").args(["-o", "command=", "-p", &pid.to_string()]).output() {
        Ok(answer) if answer.status.success() => {
            let is_ours = String::from_utf8_lossy(&answer.stdout).contains(&*data_dir.to_string_lossy());
            if is_ours { Process::Ours } else { Process::Another }
        }
        _ => Process::Unknown,
    }
}

/// The death signal has told it already.
#[cfg(target_os = "linux")]
fn end(_pid: i32) -> io::Result<()> {
    Ok(())
}

/// There is no death signal here, so a server outlives a supervisor that was killed.
#[cfg(not(target_os = "linux"))]
fn end(pid: i32) -> io::Result<()> {
    use nix::errno::Errno;
    use nix::sys::signal::{Signal, kill};

    match kill(nix::unistd::Pid::from_raw(pid), Signal::SIGINT) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
