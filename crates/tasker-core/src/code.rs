//! The codes of this crate's errors. The matches name every variant, so that a new one needs a code.

use tasker_domain::code::{Code, Coded};

use crate::database::OpenError;
use crate::entropy::EntropyError;
use crate::error::RunError;
use crate::ops::{FilterProblem, StepNotFound};
use crate::registry::MissingHandlers;
use crate::step_handler::ConfigProblem;
use crate::step_handler::command::StepProblem;
use crate::step_handler::http::ApiClientError;

impl Coded for RunError {
    fn code(&self) -> Code {
        match self {
            Self::Handlers(missing) => missing.code(),
            Self::Schema(problems) => problems.code(),
            Self::Context(problems) => problems.code(),
            Self::Bypass(problems) => problems.code(),
            Self::UnstorableContext(_) => Code::VALUE_NOT_STORABLE,
            Self::ContextTooLarge { .. } => Code::CONTEXT_TOO_LARGE,
            Self::UnknownTask { .. } => Code::UNKNOWN_TASK,
            Self::ForeignTask { .. } => Code::FOREIGN_TASK,
            Self::OtherTemplate { .. } => Code::OTHER_TEMPLATE,
            Self::NotReserved { .. } => Code::RUN_BY_WORKERS,
            Self::BeingRun { .. } => Code::BEING_RUN,
            Self::Duplicate { .. } => Code::DUPLICATE,
            Self::Lost { .. } => Code::LEASE_LOST,
            Self::Stuck { .. } => Code::STUCK,
            Self::WorkerGone => Code::WORKER_GONE,
            Self::StoppedBeforeStart | Self::InterruptedBeforeStart { .. } => Code::STOPPED,
            Self::Heartbeat(_) => Code::SYSTEM_THREADS,
            Self::Entropy(error) => error.code(),
            Self::Database { error, .. } => error.code(),
        }
    }
}

impl Coded for OpenError {
    fn code(&self) -> Code {
        match self {
            Self::Connect(error) => error.code(),
            Self::Cluster(error) => error.code(),
            Self::Schema(error) => error.code(),
        }
    }
}

impl Coded for MissingHandlers {
    fn code(&self) -> Code {
        Code::HANDLER_MISSING
    }
}

impl Coded for EntropyError {
    fn code(&self) -> Code {
        Code::SYSTEM_RANDOMNESS
    }
}

impl Coded for ApiClientError {
    fn code(&self) -> Code {
        match self {
            Self::Tls(_) | Self::Http(_) => Code::HTTP_CLIENT,
        }
    }
}

impl Coded for StepProblem {
    fn code(&self) -> Code {
        Code::HANDLER_SETTINGS
    }
}

impl Coded for ConfigProblem {
    fn code(&self) -> Code {
        Code::HANDLER_SETTINGS
    }
}

impl Coded for StepNotFound {
    fn code(&self) -> Code {
        match self {
            Self::Unreadable(_) => Code::INPUT_REFUSED,
            Self::NoSuchTask(_) => Code::UNKNOWN_TASK,
            Self::NoSuchStep(_) | Self::NotInTask { .. } | Self::Several { .. } => Code::UNKNOWN_STEP,
            Self::Ledger(error) => error.code(),
        }
    }
}

impl Coded for FilterProblem {
    fn code(&self) -> Code {
        Code::INPUT_REFUSED
    }
}
