//! What a scope can be asked for.

use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use sea_query::{Expr, Func, PostgresQueryBuilder, Query};
use sea_query_sqlx::SqlxBinder;
use sqlx::{AssertSqlSafe, Row};

use super::Scope;
use crate::models::column::{Column, Field, Ordered};
use crate::models::{Model, ModelError, Session, statement};

impl<M: Model> Scope<M> {
    /// All rows.
    ///
    /// # Errors
    /// What the database says.
    pub async fn fetch<'c>(&self, session: impl Into<Session<'c>>) -> Result<Vec<M>, ModelError> {
        let mut connection = session.into().acquire().await?;
        self.rows(&mut connection).await
    }

    pub(in crate::models) async fn rows(&self, connection: &mut sqlx::PgConnection) -> Result<Vec<M>, ModelError> {
        let rows = statement::all(connection, statement::built(&self.select_rows())).await?;
        rows.iter().map(|row| M::read(row).map_err(ModelError::from)).collect()
    }

    /// The first row; without an order, that of the least primary key.
    ///
    /// # Errors
    /// What the database says.
    pub async fn first<'c>(&self, session: impl Into<Session<'c>>) -> Result<Option<M>, ModelError> {
        let mut connection = session.into().acquire().await?;
        self.first_row(&mut connection).await
    }

    pub(in crate::models) async fn first_row(
        &self,
        connection: &mut sqlx::PgConnection,
    ) -> Result<Option<M>, ModelError> {
        let limit = self.limit.map_or(1, |rows| rows.min(1));
        let one = self.clone().ordered_by_key_if_unordered().limit(limit);
        let row = statement::optional(connection, statement::built(&one.select_rows())).await?;
        row.map(|row| M::read(&row).map_err(ModelError::from)).transpose()
    }

    /// The last row; without an order, that of the greatest primary key. Limits are not regarded.
    ///
    /// # Errors
    /// What the database says.
    pub async fn last<'c>(&self, session: impl Into<Session<'c>>) -> Result<Option<M>, ModelError> {
        let mut reversed = self.clone().ordered_by_key_if_unordered();
        for by in &mut reversed.order {
            by.descending = !by.descending;
        }
        (reversed.limit, reversed.offset) = (None, None);
        reversed.first(session).await
    }

    /// How many rows there are, within the scope's limits.
    ///
    /// # Errors
    /// What the database says.
    pub async fn count<'c>(&self, session: impl Into<Session<'c>>) -> Result<i64, ModelError> {
        let mut counted = Query::select();
        counted.expr(Expr::cust("count(*)"));
        counted.from_subquery(self.clone().unordered().select_only(Expr::cust("1 AS one")), "counted");
        let mut connection = session.into().acquire().await?;
        let row = statement::one(&mut connection, statement::built(&counted)).await?;
        Ok(row.try_get(0)?)
    }

    /// Whether there is any row.
    ///
    /// # Errors
    /// What the database says.
    pub async fn exists<'c>(&self, session: impl Into<Session<'c>>) -> Result<bool, ModelError> {
        let mut connection = session.into().acquire().await?;
        let [exists] = statement::ask(&mut connection, [self.existence()]).await?;
        Ok(exists)
    }

    /// `EXISTS` over this scope.
    pub(in crate::models) fn existence(&self) -> Expr {
        Expr::exists(self.clone().unordered().select_only(Expr::cust("1")))
    }

    /// The values of one column.
    ///
    /// # Errors
    /// What the database says.
    pub async fn pluck<'c, T: Field>(
        &self,
        column: Column<M, T>,
        session: impl Into<Session<'c>>,
    ) -> Result<Vec<T>, ModelError> {
        let mut connection = session.into().acquire().await?;
        let rows = statement::all(&mut connection, statement::built(&self.select_only(column.expr()))).await?;
        rows.iter().map(|row| T::read(row, column.name()).map_err(ModelError::from)).collect()
    }

    /// The different values of one column, smallest first. Limits count rows, not values.
    ///
    /// # Errors
    /// What the database says.
    pub async fn pluck_distinct<'c, T: Ordered>(
        &self,
        column: Column<M, T>,
        session: impl Into<Session<'c>>,
    ) -> Result<Vec<T>, ModelError> {
        let mut distinct = Query::select();
        distinct.distinct().column(("plucked", column.name()));
        distinct.from_subquery(self.select_only(column.expr()), "plucked");
        distinct.order_by(("plucked", column.name()), sea_query::Order::Asc);
        let mut connection = session.into().acquire().await?;
        let rows = statement::all(&mut connection, statement::built(&distinct)).await?;
        rows.iter().map(|row| T::read(row, column.name()).map_err(ModelError::from)).collect()
    }

    /// The different values of an expression, counted. Missing values are not.
    pub(in crate::models) async fn count_distinct(
        &self,
        connection: &mut sqlx::PgConnection,
        expr: Expr,
    ) -> Result<i64, ModelError> {
        let mut counted = Query::select();
        counted.expr(Func::count_distinct(Expr::col(("counted", "value"))));
        let mut values = self.clone().unordered().statement();
        values.expr_as(expr, "value");
        counted.from_subquery(values, "counted");
        let row = statement::one(connection, statement::built(&counted)).await?;
        Ok(row.try_get(0)?)
    }

    /// The primary keys.
    ///
    /// # Errors
    /// What the database says.
    pub async fn keys<'c>(&self, session: impl Into<Session<'c>>) -> Result<Vec<i64>, ModelError> {
        let key = Expr::col((M::TABLE, M::key_column().name));
        let select = self.select_only(sea_query::ExprTrait::cast_as(key, "bigint"));
        let mut connection = session.into().acquire().await?;
        let rows = statement::all(&mut connection, statement::built(&select)).await?;
        rows.iter().map(|row| row.try_get(0).map_err(ModelError::from)).collect()
    }

    /// Row after row as they arrive, without holding all of them. The connection is in use until the stream ends or is
    /// dropped.
    pub fn stream<'c>(&self, session: impl Into<Session<'c>>) -> BoxStream<'c, Result<M, ModelError>> {
        let (sql, values) = statement::built(&self.select_rows());
        session
            .into()
            .rows(sql, values)
            .map(|row| row.map_err(ModelError::from).and_then(|row| M::read(&row).map_err(ModelError::from)))
            .boxed()
    }

    /// How the server would go about reading the rows, in its own words.
    ///
    /// # Errors
    /// What the database says.
    pub async fn explain<'c>(&self, session: impl Into<Session<'c>>) -> Result<String, ModelError> {
        self.explained("EXPLAIN ", session.into()).await
    }

    /// How the server goes about reading the rows, with the times it took. The statement is run.
    ///
    /// # Errors
    /// What the database says.
    pub async fn explain_analyze<'c>(&self, session: impl Into<Session<'c>>) -> Result<String, ModelError> {
        self.explained("EXPLAIN (ANALYZE, BUFFERS) ", session.into()).await
    }

    async fn explained(&self, before: &str, session: Session<'_>) -> Result<String, ModelError> {
        let (sql, values) = statement::built(&self.select_rows());
        let mut connection = session.acquire().await?;
        let lines: Vec<String> = sqlx::query_with(AssertSqlSafe(format!("{before}{sql}")), values)
            .fetch(&mut *connection)
            .and_then(async |row| row.try_get::<String, _>(0))
            .try_collect()
            .await?;
        Ok(lines.join("\n"))
    }

    /// The statement that [`Scope::fetch`] sends, with `$1`, `$2`, … where values are bound.
    #[must_use]
    pub fn to_sql(&self) -> String {
        self.select_rows().build_sqlx(PostgresQueryBuilder).0
    }
}
