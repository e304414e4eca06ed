//! The codes of this crate's errors. The matches name every variant, so that a new one needs a code.

use tasker_domain::code::{Code, Coded};

use crate::db::DbError;
use crate::postgres::PostgresFailure;
use crate::view::{ModelError, ProgressError};

impl Coded for DbError {
    fn code(&self) -> Code {
        match self {
            Self::Schema(error) => error.code(),
            Self::Maintenance(error) => error.code(),
            Self::NotConfirmed => Code::NOT_CONFIRMED,
            Self::Json(_) => Code::DEFECT,
            Self::Output(_) => Code::OUTPUT,
        }
    }
}

impl Coded for PostgresFailure {
    fn code(&self) -> Code {
        match self {
            Self::Cluster(error) => error.code(),
            Self::NotConfirmed => Code::NOT_CONFIRMED,
            Self::Psql(_) | Self::PsqlEnded(_) => Code::PSQL_MISSING,
            Self::Output(_) => Code::OUTPUT,
        }
    }
}

impl Coded for ModelError {
    fn code(&self) -> Code {
        match self {
            Self::ParentNotBefore { .. } | Self::UnknownStep { .. } | Self::StepCount { .. } => Code::DEFECT,
        }
    }
}

impl Coded for ProgressError {
    fn code(&self) -> Code {
        match self {
            Self::Model(error) => error.code(),
            Self::Output(_) => Code::OUTPUT,
        }
    }
}
