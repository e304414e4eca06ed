//! The codes of this crate's own errors.

use crate::analysis::model::WrongTotals;
use crate::analysis::runtime::InvalidTask;
use crate::context::{ContextProblems, SchemaProblems};
use crate::correlation::InvalidCorrelationId;
use crate::decimal::InvalidDecimal;
use crate::graph::{GraphError, WiringProblem, WiringProblems};
use crate::identity::{IdentityError, UnknownStrategy};
use crate::json::{NotStorable, ParseError, PathError};
use crate::problem::Problems;
use crate::readiness::{self, CycleBehindRoot, SnapshotError, TooManyAttempts};
use crate::request::RequestProblems;
use crate::rewind::NotAtRest;
use crate::script::ScriptProblems;
use crate::simulation::SimulationError;
use crate::span::SpanProblem;
use crate::state::{IllegalMove, Refusal, State, UnknownState};
use crate::statistics;
use crate::step_error::UnknownKind;
use crate::template::{InvalidCanonical, InvalidVersion};
use crate::verdict;

use super::{Code, Coded, UnknownCode};

macro_rules! coded {
    ($($error:ty = $code:ident;)*) => {
        $(
            impl Coded for $error {
                fn code(&self) -> Code {
                    Code::$code
                }
            }
        )*
    };
}

coded! {
    Problems = TEMPLATE_REFUSED;
    SchemaProblems = SCHEMA_UNUSABLE;
    ContextProblems = CONTEXT_REFUSED;
    ScriptProblems = SCRIPT_REFUSED;
    NotStorable = VALUE_NOT_STORABLE;
    PathError = ASSIGNMENT_REFUSED;
    InvalidCanonical = STORED_TEMPLATE;
    InvalidVersion = NOT_A_VERSION;
    GraphError = NOT_A_GRAPH;
    UnknownState = UNKNOWN_WORD;
    ParseError = NOT_JSON;
    UnknownCode = INPUT_REFUSED;
    RequestProblems = REQUEST_REFUSED;
    WiringProblem = NOT_A_GRAPH;
    WiringProblems = NOT_A_GRAPH;
    CycleBehindRoot = NOT_A_GRAPH;
    SnapshotError = NO_SNAPSHOT;
    InvalidTask = NO_SNAPSHOT;
    WrongTotals = NO_SNAPSHOT;
    TooManyAttempts = FUNCTION_ATTEMPTS;
    InvalidDecimal = UNKNOWN_WORD;
    readiness::UnknownWord = UNKNOWN_WORD;
    statistics::NegativeLimit = FUNCTION_LIMIT;
    verdict::NegativeLimit = INPUT_REFUSED;
    IdentityError = REQUEST_REFUSED;
    InvalidCorrelationId = INPUT_REFUSED;
    UnknownStrategy = INPUT_REFUSED;
    UnknownKind = UNKNOWN_WORD;
    SimulationError = NOT_A_GRAPH;
    NotAtRest = MOVE_REFUSED;
    SpanProblem = INPUT_REFUSED;
}

impl<S: 'static, O: 'static> Coded for crate::operation::Refused<S, O> {
    fn code(&self) -> Code {
        Code::MOVE_REFUSED
    }
}

impl<S: State> Coded for IllegalMove<S> {
    fn code(&self) -> Code {
        Code::MOVE_REFUSED
    }
}

impl<S: State> Coded for Refusal<S> {
    fn code(&self) -> Code {
        Code::MOVE_REFUSED
    }
}
