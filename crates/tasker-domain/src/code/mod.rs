//! Codes of errors: stable, each with a page that says what it means and what to do.
//!
//! A code is never given another meaning and never used again; the page of one that nothing reports any more stays.

mod errors;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::problem::quoted;

/// A code such as `TSK-0012`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Code(u16);

/// What is known of a code.
struct Entry {
    code: Code,
    title: &'static str,
    page: &'static str,
}

/// An error that has a code. Errors of one kind share one: it says what to do, the message what happened.
pub trait Coded {
    /// The code.
    fn code(&self) -> Code;
}

macro_rules! codes {
    ($($name:ident = $digits:literal, $title:literal;)*) => {
        impl Code {
            $(
                #[doc = concat!("`TSK-", $digits, "`: ", $title, ".")]
                pub const $name: Code = Code(number($digits));
            )*
        }

        static TABLE: &[Entry] = &[$(
            Entry {
                code: Code::$name,
                title: $title,
                page: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors/TSK-", $digits, ".md")),
            },
        )*];
    };
}

codes! {
    TEMPLATE_UNREADABLE = "0001", "the template cannot be read";
    TEMPLATE_REFUSED = "0002", "the template has errors";
    SCHEMA_UNUSABLE = "0003", "the context schema cannot be used";
    CONTEXT_UNREADABLE = "0004", "the context cannot be read";
    CONTEXT_REFUSED = "0005", "the context does not satisfy the schema";
    VALUE_NOT_STORABLE = "0006", "a value cannot be stored";
    CONTEXT_TOO_LARGE = "0007", "the context is too large";
    ASSIGNMENT_REFUSED = "0008", "a value cannot be set in the context";
    SCRIPT_REFUSED = "0009", "the script of outcomes cannot be used";
    HANDLER_MISSING = "0010", "a handler is not registered";
    HANDLER_SETTINGS = "0011", "the settings of a handler cannot be used";
    REDEFINITION = "0012", "the version stands with another content";
    REQUEST_REFUSED = "0013", "the request for a task is refused";
    STORED_TEMPLATE = "0014", "a stored template cannot be read";
    NOT_A_GRAPH = "0015", "the steps are no graph";
    UNKNOWN_WORD = "0016", "a row holds an unknown word";
    NOT_JSON = "0017", "the text is not JSON";
    NOT_A_VERSION = "0018", "the text is not a version";
    INPUT_REFUSED = "0019", "the input cannot be used";
    UNKNOWN_TASK = "0020", "there is no such task";
    FOREIGN_TASK = "0021", "the task was created by another program";
    OTHER_TEMPLATE = "0022", "the task was made from another content";
    RUN_BY_WORKERS = "0023", "workers run the task";
    BEING_RUN = "0024", "somebody else runs the task";
    DUPLICATE = "0025", "a task of this identity exists";
    LEASE_LOST = "0026", "the worker was taken for dead";
    STUCK = "0027", "the task cannot go on";
    STOPPED = "0028", "stopped before anything was done";
    ROW_INVALID = "0029", "a row breaks rules of its model";
    DATABASE_UNREACHABLE = "0030", "the database cannot be reached";
    DATABASE_REFUSES = "0031", "the database refuses the connection";
    DATABASE_URL = "0032", "the database URL cannot be read";
    DATABASE_READ_ONLY = "0033", "the database takes no writes";
    DATABASE_FULL = "0034", "the disk of the database is full";
    DATABASE_FORBIDS = "0035", "the role lacks a right";
    DATABASE_VALUE = "0036", "the database refused a value";
    CONTENDED = "0037", "others stood in the way";
    SIDE_TABLES = "0038", "the side tables are not as they must be";
    DATABASE_ERROR = "0039", "the database reported an error";
    ROW_MISSING = "0040", "there is no such row";
    ROW_NOT_UNIQUE = "0041", "somebody wrote the same at the same time";
    ROW_HELD = "0042", "other rows refer to the row";
    EDGE_CYCLE = "0043", "the edge would close a circle";
    CURSOR = "0044", "the cursor does not fit";
    ROW_UNREADABLE = "0045", "a row cannot be read";
    FUNCTION_ATTEMPTS = "0046", "the readiness function cannot count that far";
    FUNCTION_ORIGINAL = "0047", "the original of the function fails";
    FUNCTION_LIMIT = "0048", "the limit is negative";
    FUNCTION_MISSING = "0049", "a function or view is missing";
    SCHEMA_PARTIAL = "0050", "the schema is there in part, or different";
    SCHEMA_ELSEWHERE = "0051", "the tables are in another schema than public";
    SCHEMA_OTHER_APPLICATION = "0052", "the database belongs to another application";
    SCHEMA_NOT_ADOPTED = "0053", "the side tables are missing";
    SCHEMA_NOTHING_TO_ADOPT = "0054", "there is nothing to adopt";
    SCHEMA_TOO_NEW = "0055", "the database was used by a newer release";
    SCHEMA_TOO_OLD = "0056", "the database was used by an older release";
    SCHEMA_HISTORY = "0057", "the database has another history";
    SERVER_TOO_OLD = "0058", "the server is too old";
    DATABASE_NOT_UTF8 = "0059", "the database is not in UTF8";
    RAILS_NEEDS_INDEXES = "0060", "Rails needs every index";
    BEING_CHANGED = "0061", "another program is changing the database";
    INDEX_LOCKED = "0062", "an index could not be changed in time";
    UNKNOWN_ROLE = "0063", "there is no such role";
    NOT_A_RAILS_VERSION = "0064", "the text is not the version of a Rails migration";
    WORKERS_AT_WORK = "0065", "workers are at work";
    VIEWS_DEPEND = "0066", "views of others depend on the side tables";
    MOVE_REFUSED = "0067", "the move is not legal";
    NO_SNAPSHOT = "0068", "the rows are no snapshot";
    WORKER_GONE = "0069", "the worker ended before it could answer";
    CLUSTER_UNSUPPORTED = "0070", "no private PostgreSQL on this system";
    CLUSTER_BINARIES = "0071", "no PostgreSQL to run was found";
    CLUSTER_OTHER_MAJOR = "0072", "the data is of another PostgreSQL";
    CLUSTER_FOLDER = "0073", "the folder of the private PostgreSQL cannot be used";
    CLUSTER_NO_USER = "0074", "there is no user to run PostgreSQL as";
    CLUSTER_START = "0075", "the private PostgreSQL did not start";
    CLUSTER_SUPERVISOR = "0076", "the program did not become the supervisor";
    CLUSTER_IN_USE = "0077", "the private PostgreSQL is in use";
    CLUSTER_NOT_MADE = "0078", "there is no private PostgreSQL yet";
    PSQL_MISSING = "0079", "psql cannot be run";
    FETCH_FAILED = "0080", "PostgreSQL could not be fetched";
    FETCH_HASH = "0081", "what was fetched is not what was expected";
    DEADLINE_REFUSED = "0082", "a deadline that cannot be kept";
    STATEMENT_ENDED = "0083", "the database ended a statement before its time";
    QUEUE_FAILED = "0087", "a queue did not take or give a job";
    UNKNOWN_STEP = "0088", "there is no such step";
    ANNOTATOR_FAILED = "0089", "the hook for notes on a task failed";
    SYSTEM_THREADS = "0090", "the system gives no threads";
    SYSTEM_RANDOMNESS = "0091", "the system gives no random numbers";
    OUTPUT = "0092", "the output cannot be written";
    NOT_CONFIRMED = "0093", "nobody agreed";
    HTTP_CLIENT = "0094", "the client for API calls cannot be set up";
    DEFECT = "0095", "a defect of the program";
    FAILED = "0098", "the command failed";
    USAGE = "0099", "the arguments are wrong";
}

const fn number(digits: &str) -> u16 {
    let bytes = digits.as_bytes();
    let mut value = 0;
    let mut at = 0;
    while at < bytes.len() {
        value = value * 10 + (bytes[at] - b'0') as u16;
        at += 1;
    }
    value
}

impl Code {
    /// All codes, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Code> {
        TABLE.iter().map(|entry| entry.code)
    }

    /// What went wrong, in a few words.
    pub fn title(self) -> &'static str {
        self.entry().title
    }

    /// The page about it, in Markdown.
    pub fn page(self) -> &'static str {
        self.entry().page
    }

    fn entry(self) -> &'static Entry {
        TABLE.iter().find(|entry| entry.code == self).expect("codes are made from the table or checked against it")
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("TSK-{:04}", self.0))
    }
}

/// A text that is no code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is not a code: codes look like TSK-0012", quoted(.0))]
pub struct UnknownCode(pub String);

/// Reads `TSK-0012`; also `tsk-12` and `12`, as people type.
impl FromStr for Code {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownCode(text.to_owned());
        let has_prefix = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("TSK-"));
        let digits = if has_prefix { &text[4..] } else { text };
        if digits.is_empty() || digits.len() > 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(unknown());
        }
        let code = digits.parse().map(Code).map_err(|_| unknown())?;
        if TABLE.iter().any(|entry| entry.code == code) { Ok(code) } else { Err(unknown()) }
    }
}

impl TryFrom<String> for Code {
    type Error = UnknownCode;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Code> for String {
    fn from(code: Code) -> Self {
        code.to_string()
    }
}
