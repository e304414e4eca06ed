//! The codes of this crate's errors. The matches name every variant, so that a new one needs a code.

use tasker_domain::code::{Code, Coded};

use crate::cluster::{ClusterError, FetchError};
use crate::connection::ConnectError;
use crate::functions::FunctionError;
use crate::ledger::LedgerError;
use crate::maintenance::MaintenanceError;
use crate::models::ModelError;
use crate::schema::SchemaError;

impl Coded for LedgerError {
    fn code(&self) -> Code {
        match self {
            Self::Unavailable(_) => Code::DATABASE_UNREACHABLE,
            Self::ReadOnly(_) => Code::DATABASE_READ_ONLY,
            Self::DiskFull(_) => Code::DATABASE_FULL,
            Self::Cancelled(_) => Code::STATEMENT_ENDED,
            Self::Forbidden(_) => Code::DATABASE_FORBIDS,
            Self::InvalidValue(_) => Code::DATABASE_VALUE,
            Self::Contended(_) | Self::Held(_) | Self::Busy(_) => Code::CONTENDED,
            Self::Changed { .. } => Code::SIDE_TABLES,
            Self::Redefinition { .. } => Code::REDEFINITION,
            Self::Inconsistent(_) => Code::SIDE_TABLES,
            Self::Database(_) => Code::DATABASE_ERROR,
        }
    }
}

impl Coded for ConnectError {
    fn code(&self) -> Code {
        match self {
            Self::Url(_) => Code::DATABASE_URL,
            Self::Refused(_) => Code::DATABASE_REFUSES,
            Self::Unreachable(_) => Code::DATABASE_UNREACHABLE,
        }
    }
}

impl Coded for SchemaError {
    fn code(&self) -> Code {
        match self {
            Self::Partial(_) => Code::SCHEMA_PARTIAL,
            Self::WrongSchema { .. } => Code::SCHEMA_ELSEWHERE,
            Self::OtherApplication { .. } => Code::SCHEMA_OTHER_APPLICATION,
            Self::NotAdopted => Code::SCHEMA_NOT_ADOPTED,
            Self::NothingToAdopt => Code::SCHEMA_NOTHING_TO_ADOPT,
            Self::EngineTooNew { .. } => Code::SCHEMA_TOO_NEW,
            Self::EngineTooOld { .. } => Code::SCHEMA_TOO_OLD,
            Self::EngineHistory { .. } => Code::SCHEMA_HISTORY,
            Self::ServerTooOld { .. } => Code::SERVER_TOO_OLD,
            Self::NotUtf8 { .. } => Code::DATABASE_NOT_UTF8,
            Self::ReadOnly { .. } => Code::DATABASE_READ_ONLY,
            Self::NotPermitted { .. } => Code::DATABASE_FORBIDS,
            Self::Database(_) => Code::DATABASE_ERROR,
        }
    }
}

impl Coded for MaintenanceError {
    fn code(&self) -> Code {
        match self {
            Self::Schema(error) => error.code(),
            Self::RailsNeedsEveryIndex { .. } => Code::RAILS_NEEDS_INDEXES,
            Self::BeingReshaped | Self::RailsMigrates => Code::BEING_CHANGED,
            Self::Locked { .. } => Code::INDEX_LOCKED,
            Self::UnknownRole { .. } => Code::UNKNOWN_ROLE,
            Self::NotAVersion { .. } => Code::NOT_A_RAILS_VERSION,
            Self::AtWork { .. } | Self::InUse => Code::WORKERS_AT_WORK,
            Self::Dependents { .. } => Code::VIEWS_DEPEND,
        }
    }
}

impl Coded for ModelError {
    fn code(&self) -> Code {
        match self {
            Self::Invalid(_) => Code::ROW_INVALID,
            Self::NotFound { .. } => Code::ROW_MISSING,
            Self::NotUnique { .. } => Code::ROW_NOT_UNIQUE,
            Self::RestrictedDelete { .. } => Code::ROW_HELD,
            Self::Cycle { .. } => Code::EDGE_CYCLE,
            Self::UnknownState(error) => error.code(),
            Self::TaskMoveRefused { .. } | Self::StepMoveRefused { .. } => Code::MOVE_REFUSED,
            Self::TransitionConflict { .. } => Code::CONTENDED,
            Self::Identity(error) => error.code(),
            Self::Function(error) => error.code(),
            Self::Cursor(_) => Code::CURSOR,
            Self::Unavailable(_) => Code::DATABASE_UNREACHABLE,
            Self::Forbidden(_) => Code::DATABASE_FORBIDS,
            Self::InvalidValue(_) => Code::DATABASE_VALUE,
            Self::Unreadable(_) => Code::ROW_UNREADABLE,
            Self::Database(_) => Code::DATABASE_ERROR,
        }
    }
}

impl Coded for FunctionError {
    fn code(&self) -> Code {
        match self {
            Self::TooManyAttempts(_) => Code::FUNCTION_ATTEMPTS,
            Self::OriginalFails(_) => Code::FUNCTION_ORIGINAL,
            Self::NegativeLimit(_) => Code::FUNCTION_LIMIT,
            Self::Missing(_) => Code::FUNCTION_MISSING,
            Self::Cycle(_) => Code::NOT_A_GRAPH,
            Self::Database(_) => Code::DATABASE_ERROR,
        }
    }
}

impl Coded for ClusterError {
    fn code(&self) -> Code {
        match self {
            Self::Unsupported => Code::CLUSTER_UNSUPPORTED,
            Self::NoBinaries(_) | Self::NamedBinaries { .. } => Code::CLUSTER_BINARIES,
            Self::OtherMajor { .. } => Code::CLUSTER_OTHER_MAJOR,
            Self::DamagedData { .. }
            | Self::NoHome
            | Self::Files { .. }
            | Self::NotOurs { .. }
            | Self::SocketFolder { .. } => Code::CLUSTER_FOLDER,
            Self::NoServerUser => Code::CLUSTER_NO_USER,
            Self::Initdb { .. } | Self::Start { .. } | Self::TookTooLong { .. } | Self::Connect { .. } => {
                Code::CLUSTER_START
            }
            Self::NoSupervisor { .. } => Code::CLUSTER_SUPERVISOR,
            Self::InUse { .. } => Code::CLUSTER_IN_USE,
            Self::NotMade { .. } => Code::CLUSTER_NOT_MADE,
            Self::NoPsql { .. } => Code::PSQL_MISSING,
            Self::Fetch(error) => error.code(),
        }
    }
}

impl Coded for FetchError {
    fn code(&self) -> Code {
        match self {
            Self::HashMismatch { .. } => Code::FETCH_HASH,
            Self::NoPackage { .. }
            | Self::NoTool
            | Self::Tools { .. }
            | Self::Unpack { .. }
            | Self::DoNotRun { .. }
            | Self::Files { .. } => Code::FETCH_FAILED,
        }
    }
}
