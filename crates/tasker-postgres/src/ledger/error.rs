//! What can go wrong between us and the database, and what to do about it.

use crate::outage::is_outage;
use crate::wording::said;

/// An error of the ledger.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The database cannot be reached, lacks memory or connections, or the connection was lost. Nothing is known about the
    /// last call: a worker calls again once the database is back; its claims hold as long as its lease.
    #[error("the database cannot be reached: {}", said(.0))]
    Unavailable(#[source] sqlx::Error),
    /// The database takes no writes: a standby, or a session set to read only. Connect to the primary server.
    #[error("the database takes no writes ({}): connect to a primary server, or switch off default_transaction_read_only for this role or database", said(.0))]
    ReadOnly(#[source] sqlx::Error),
    /// The server has no room left on its disk. Make room there; nothing of this call was written.
    #[error("the database's disk is full ({}): make room on the server and go on", said(.0))]
    DiskFull(#[source] sqlx::Error),
    /// The database ended the statement before its time (SQLSTATE 57014): it took longer than `statement_timeout` allows, or
    /// somebody cancelled it. Nothing of it was written.
    #[error("the database ended a statement before its time ({}): try again; if it is its statement_timeout, raise it for this role", said(.0))]
    Cancelled(#[source] sqlx::Error),
    /// The role may not use a table or function. Let the owner grant it.
    #[error("the role lacks a right ({}): let the owner of the database grant it", said(.0))]
    Forbidden(#[source] sqlx::Error),
    /// The database refused a value (SQLSTATE class 22): one of the outcomes or contexts cannot be stored.
    #[error("the database refused a value: {}", said(.0))]
    InvalidValue(#[source] sqlx::Error),
    /// The database gave the call up because others held what it needed (SQLSTATE 40P01 and 40001), or because they have
    /// begun a step that it claimed. Nothing of it was written; the same call succeeds once they are done.
    #[error("others stood in the way again and again ({0}): try again")]
    Contended(#[source] sqlx::Error),
    /// Somebody else held a row for longer than an exchange waits (SQLSTATE 55P03). Nothing was written; a
    /// [careful](super::Exchange::careful) call passes over what is held.
    #[error("others hold what was to be changed ({}): try again when they are done", said(.0))]
    Held(#[source] sqlx::Error),
    /// Somebody else changed these tasks while they were worked on, and their side rows say something else than the
    /// record. Nothing was written; [rebuild](super::Ledger::rebuild_tasks) them and call again.
    #[error("{}: their side rows have to be rebuilt (`tasker db reindex`)", said(source))]
    Changed {
        /// Ids of the tasks.
        tasks: Vec<i64>,
        /// What the database said.
        source: sqlx::Error,
    },
    /// These tasks were worked on by others at every try. Nothing of them was changed; try again.
    #[error("tasks {0:?} are being worked on at every try: try again, or when whoever works on them is done")]
    Busy(Vec<i64>),
    /// Another content stands under this version and tasks were made from it. Raise the version in the template.
    #[error("version {version} of {namespace}/{name} is already in use with another content: raise the version")]
    Redefinition {
        /// Namespace of the task type.
        namespace: String,
        /// Name of the task type.
        name: String,
        /// Version of the task type.
        version: String,
        /// Canonical form of the content that stands there.
        previous: String,
    },
    /// A row of ours is not what it must be: a defect, or somebody changed our tables by hand.
    #[error("the side tables are not as they must be: {0}")]
    Inconsistent(String),
    /// Anything else the database said.
    #[error("the database refused: {}", said(.0))]
    Database(#[source] sqlx::Error),
}

impl LedgerError {
    /// Whether the same call may succeed later without anybody doing anything else.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, LedgerError::Unavailable(_))
    }

    /// Whether the same call may succeed when the database is well again, by itself or because somebody mends it: it is
    /// away, its disk is full, it takes no writes at this moment, or it ended the statement before its time.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            LedgerError::Unavailable(_)
                | LedgerError::DiskFull(_)
                | LedgerError::ReadOnly(_)
                | LedgerError::Cancelled(_)
        )
    }
}

impl From<sqlx::Error> for LedgerError {
    fn from(error: sqlx::Error) -> Self {
        if is_outage(&error) {
            return LedgerError::Unavailable(error);
        }
        let code = error.as_database_error().and_then(|database| database.code()).map(|code| code.into_owned());
        match code.as_deref() {
            Some("40P01" | "40001") => LedgerError::Contended(error),
            Some("55P03") => LedgerError::Held(error),
            Some("TSK01") => LedgerError::Changed { tasks: tasks_of(&error), source: error },
            Some("25006") => LedgerError::ReadOnly(error),
            Some("53100") => LedgerError::DiskFull(error),
            Some("57014") => LedgerError::Cancelled(error),
            Some("42501") => LedgerError::Forbidden(error),
            Some(code) if code.starts_with("22") => LedgerError::InvalidValue(error),
            _ => LedgerError::Database(error),
        }
    }
}

/// The tasks that our functions name in the detail of their refusal.
fn tasks_of(error: &sqlx::Error) -> Vec<i64> {
    error
        .as_database_error()
        .and_then(|database| database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>())
        .and_then(|database| database.detail())
        .map(|detail| detail.split(',').filter_map(|id| id.parse().ok()).collect())
        .unwrap_or_default()
}
