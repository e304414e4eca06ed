//! Running what the builder made. Every statement of the models passes through here.

use sea_query::{Expr, PostgresQueryBuilder};
use sea_query_sqlx::{SqlxBinder, SqlxValues};
use sqlx::postgres::{PgQueryResult, PgRow};
use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::ModelError;

/// Text and values of a statement. The text holds no value: each is bound.
pub(super) fn built(statement: &impl SqlxBinder) -> (String, SqlxValues) {
    statement.build_sqlx(PostgresQueryBuilder)
}

pub(super) async fn all(connection: &mut PgConnection, built: (String, SqlxValues)) -> Result<Vec<PgRow>, sqlx::Error> {
    sqlx::query_with(AssertSqlSafe(built.0), built.1).fetch_all(connection).await
}

pub(super) async fn one(connection: &mut PgConnection, built: (String, SqlxValues)) -> Result<PgRow, sqlx::Error> {
    sqlx::query_with(AssertSqlSafe(built.0), built.1).fetch_one(connection).await
}

pub(super) async fn optional(
    connection: &mut PgConnection,
    built: (String, SqlxValues),
) -> Result<Option<PgRow>, sqlx::Error> {
    sqlx::query_with(AssertSqlSafe(built.0), built.1).fetch_optional(connection).await
}

pub(super) async fn execute(
    connection: &mut PgConnection,
    built: (String, SqlxValues),
) -> Result<PgQueryResult, sqlx::Error> {
    sqlx::query_with(AssertSqlSafe(built.0), built.1).execute(connection).await
}

/// Asks several yes-or-no questions in one statement.
pub(super) async fn ask<const N: usize>(
    connection: &mut PgConnection,
    questions: [Expr; N],
) -> Result<[bool; N], ModelError> {
    let mut select = sea_query::Query::select();
    for question in questions {
        select.expr(question);
    }
    let row = one(connection, built(&select)).await?;
    let mut answers = [false; N];
    for (place, answer) in answers.iter_mut().enumerate() {
        *answer = row.try_get(place)?;
    }
    Ok(answers)
}

/// The database's instant, in UTC whatever the session's time zone: the same throughout a statement.
pub(super) fn instant() -> Expr {
    Expr::cust("(pg_catalog.statement_timestamp() AT TIME ZONE 'UTC')")
}

/// The database's instant now, in UTC.
pub(super) async fn now(connection: &mut PgConnection) -> Result<chrono::NaiveDateTime, sqlx::Error> {
    let mut select = sea_query::Query::select();
    select.expr(Expr::cust("(pg_catalog.clock_timestamp() AT TIME ZONE 'UTC')"));
    one(connection, built(&select)).await?.try_get(0)
}

/// A word of a state as it stands in the text of a statement. There are six of them, none is given by a caller, and the
/// original's partial indexes serve only statements whose text has the state.
pub(super) fn word(state: &'static str) -> Expr {
    Expr::Constant(state.into())
}
