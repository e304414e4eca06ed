//! Why a function gave no answer.

/// Why a function of the shared schema gave no answer. An unknown id is no error: it has no rows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FunctionError {
    /// A failed step has so many attempts that its wait is beyond what PostgreSQL can count: the original's readiness
    /// function then fails for the whole task, or for all tasks of the call (B-SQL-031). `attempts` of 43 or less work.
    #[error(
        "a failed step of a task has 44 attempts or more, which the readiness function cannot count with: lower `attempts` in its row"
    )]
    TooManyAttempts(#[source] sqlx::Error),
    /// The database has the original's slowest-steps or slowest-tasks function, which fails at every call.
    #[error(
        "the database has the function as Rails made it, which fails at every call: ask `tasker_postgres::analytics` instead"
    )]
    OriginalFails(#[source] sqlx::Error),
    /// Fewer than no rows were asked for.
    #[error("the limit is negative: give the number of rows, or none for all of them")]
    NegativeLimit(#[source] sqlx::Error),
    /// The function or view is not there, or one of Rails' making does not find its tables: unlike ours it looks for them
    /// along the session's `search_path`.
    #[error(
        "the database lacks a function or view of the schema (`tasker db check` lists what is missing), or its functions are \
         Rails' and this role's search_path leaves out public (ALTER ROLE … SET search_path = public ends that)"
    )]
    Missing(#[source] sqlx::Error),
    /// Levels were asked of a task whose steps wait for each other in a circle.
    #[error("the steps of a task form a cycle behind a root: remove an edge of it")]
    Cycle(#[source] sqlx::Error),
    /// Anything else the database said, a broken connection included.
    #[error("the function could not be asked: {0}")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for FunctionError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|reported| reported.code()).map(|code| code.into_owned());
        match code.as_deref() {
            Some("22003" | "22008") => Self::TooManyAttempts(error),
            Some("42804") => Self::OriginalFails(error),
            Some("2201W") => Self::NegativeLimit(error),
            Some("42883" | "42P01") => Self::Missing(error),
            Some("22000") => Self::Cycle(error),
            _ => Self::Database(error),
        }
    }
}
