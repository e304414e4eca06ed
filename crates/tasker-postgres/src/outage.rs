//! Which errors of the driver say that the server is away, or too busy to answer.

use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// Whether the connection was lost or could not be made, or the server lacks something that it will have again.
///
/// A server that ends a session names many causes; those that lie with the server itself pass (its disk is full just when
/// it writes down what a new session needs to know, a file cannot be read), those that lie with whoever asks (a password, a
/// database that does not exist) do not.
pub(crate) fn is_outage(error: &sqlx::Error) -> bool {
    let reported = match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => return true,
        sqlx::Error::Database(reported) => reported,
        _ => return false,
    };
    let ended_the_session = reported
        .try_downcast_ref::<PgDatabaseError>()
        .is_some_and(|reported| matches!(reported.severity(), PgSeverity::Fatal | PgSeverity::Panic));
    // Every error that the server itself reports has one.
    let Some(code) = reported.code() else { return false };
    match &*code {
        // admin_shutdown, crash_shutdown, cannot_connect_now, idle_session_timeout
        "57P01" | "57P02" | "57P03" | "57P05" => true,
        // It has a name of its own.
        "53100" => false,
        // Connection exceptions; what a server can run out of: memory, connections, files.
        code if code.starts_with("08") || code.starts_with("53") => true,
        // A transaction that took too long, an error of the system, an error in the server.
        code => ended_the_session && ["25", "58", "XX"].iter().any(|class| code.starts_with(class)),
    }
}
