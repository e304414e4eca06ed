//! The codes of this crate's errors. The matches name every variant, so that a new one needs a code.

use tasker_domain::code::{Code, Coded};

use crate::annotator::AnnotateError;
use crate::database::OpenError;
use crate::entropy::EntropyError;
use crate::error::RunError;
use crate::events::{PublishError, SubscribeError, UnknownEvent};
use crate::ops::{FilterProblem, StepNotFound};
use crate::queue::{JobProblem, QueueError};
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
            Self::DeadlinePassed { .. } | Self::DeadlineBeforeStart { .. } => Code::DEADLINE_REFUSED,
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

impl Coded for QueueError {
    fn code(&self) -> Code {
        match self {
            Self::Job(problem) => problem.code(),
            Self::KeyOfAnotherTask { .. } => Code::INPUT_REFUSED,
            Self::Closed | Self::Backend(_) => Code::QUEUE_FAILED,
            Self::Database(error) => error.code(),
        }
    }
}

impl Coded for JobProblem {
    fn code(&self) -> Code {
        Code::INPUT_REFUSED
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

impl Coded for UnknownEvent {
    fn code(&self) -> Code {
        Code::INPUT_REFUSED
    }
}

impl Coded for SubscribeError {
    fn code(&self) -> Code {
        match self {
            Self::Unknown(error) => error.code(),
            Self::Thread(_) => Code::SYSTEM_THREADS,
        }
    }
}

impl Coded for PublishError {
    fn code(&self) -> Code {
        match self {
            Self::Unknown(error) => error.code(),
            Self::NoObject(_) => Code::INPUT_REFUSED,
        }
    }
}

impl Coded for AnnotateError {
    fn code(&self) -> Code {
        match self {
            Self::UnknownTask(_) => Code::UNKNOWN_TASK,
            Self::NoAnnotator(_) => Code::HANDLER_MISSING,
            Self::Failed(_) | Self::Panicked | Self::TookTooLong => Code::ANNOTATOR_FAILED,
            Self::Unread(error) => error.code(),
            Self::Unstored(error) => error.code(),
        }
    }
}
