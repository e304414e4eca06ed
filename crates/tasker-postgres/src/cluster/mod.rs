//! The private cluster: a PostgreSQL that the program makes and runs itself, from binaries that it finds, when no
//! database is named.
//!
//! A program that opens one begins its main with [`become_supervisor_if_asked`]; then [`open`] gives a
//! [`ClusterHandle`]. As long as any program holds one, the server stays; a few seconds after the last is gone, however
//! it went, a small supervisor process stops it.
//!
//! | file | subject |
//! |---|---|
//! | `environment`, `options`, `places` | what the user and the system say |
//! | `discovery`, `report`, `version` | finding binaries, and telling what was looked at |
//! | `fetch`, `packages`, `unpack` | fetching binaries when asked to |
//! | `layout`, `locks` | files of a cluster; who uses, starts and supervises it |
//! | `runner`, `shim` | running PostgreSQL's programs, as another user where we are root |
//! | `initdb`, `launch`, `open`, `handle` | the way from nothing to a connection |
//! | `supervisor`, `orphan` | the process that owns the server, and what an earlier one left |
//! | `operations`, `answers` | what `tasker postgres …` does |

mod answers;
mod environment;
mod error;
mod options;
mod places;
mod report;
mod version;

#[cfg(unix)]
mod discovery;
#[cfg(unix)]
mod fetch;
#[cfg(unix)]
mod handle;
#[cfg(unix)]
mod initdb;
#[cfg(unix)]
mod launch;
#[cfg(unix)]
mod layout;
#[cfg(unix)]
mod locks;
#[cfg(unix)]
mod open;
#[cfg(unix)]
mod operations;
#[cfg(unix)]
mod orphan;
#[cfg(unix)]
mod packages;
#[cfg(unix)]
mod runner;
#[cfg(unix)]
mod shim;
#[cfg(unix)]
mod stopwatch;
#[cfg(unix)]
mod supervisor;
#[cfg(unix)]
mod unpack;

#[cfg(not(unix))]
mod elsewhere;

pub use answers::{Location, RunningServer, Status, Stopped};
pub use environment::Environment;
pub use error::{ClusterError, FetchError};
pub use options::ClusterOptions;
pub use places::Places;
pub use report::{Finding, PlaceLooked, SearchReport};
pub use version::{OLDEST_MAJOR, PostgresVersion};

#[cfg(unix)]
pub use discovery::{Binaries, Search, search};
#[cfg(unix)]
pub use handle::ClusterHandle;
#[cfg(unix)]
pub use open::{ThrowawayCluster, open, throwaway};
#[cfg(unix)]
pub use operations::{locate, psql_command, reset, start, status, stop};
#[cfg(unix)]
pub use runner::Runner;
#[cfg(unix)]
pub use shim::become_supervisor_if_asked;

#[cfg(not(unix))]
pub use elsewhere::{
    ClusterHandle, ThrowawayCluster, become_supervisor_if_asked, locate, open, psql_command, reset, start, status,
    stop, throwaway,
};
