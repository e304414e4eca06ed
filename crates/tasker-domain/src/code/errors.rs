//! The codes of this crate's own errors.

use crate::context::{ContextProblems, SchemaProblems};
use crate::graph::GraphError;
use crate::json::{NotStorable, ParseError, PathError};
use crate::problem::Problems;
use crate::script::ScriptProblems;
use crate::state::UnknownState;
use crate::template::{InvalidCanonical, InvalidVersion};

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
}
