//! What the catalogues of a database say, in the fields of the reference.

use super::reference::{Row, reference};
use sqlx::{Connection, PgConnection, Postgres, Transaction};

/// The objects of a database that bear names of the original's.
pub(super) struct Catalogue {
    pub(super) columns: Vec<Row>,
    pub(super) constraints: Vec<Row>,
    pub(super) indexes: Vec<Row>,
    pub(super) views: Vec<Row>,
    pub(super) sequences: Vec<Row>,
    /// The first field tells functions of one name apart.
    pub(super) functions: Vec<Row>,
    /// Name and body.
    pub(super) function_bodies: Vec<Row>,
    /// Table and trigger.
    pub(super) triggers: Vec<Row>,
}

impl Catalogue {
    /// Reads the catalogues. The transaction must have been begun by [`begin`].
    pub(super) async fn read(transaction: &mut Transaction<'_, Postgres>) -> Result<Self, sqlx::Error> {
        let expected = reference();
        let tables = expected.columns.names();
        let functions = expected.functions.names();
        Ok(Self {
            columns: rows(transaction, include_str!("../../sql/catalogue/columns.sql"), &tables).await?,
            constraints: rows(transaction, include_str!("../../sql/catalogue/constraints.sql"), &tables).await?,
            indexes: rows(transaction, include_str!("../../sql/catalogue/indexes.sql"), &tables).await?,
            views: rows(transaction, include_str!("../../sql/catalogue/views.sql"), &expected.views.names()).await?,
            sequences: rows(
                transaction,
                include_str!("../../sql/catalogue/sequences.sql"),
                &expected.sequences.names(),
            )
            .await?,
            functions: rows(transaction, include_str!("../../sql/catalogue/functions.sql"), &functions).await?,
            function_bodies: rows(transaction, include_str!("../../sql/catalogue/function_bodies.sql"), &functions)
                .await?,
            triggers: rows(transaction, include_str!("../../sql/catalogue/triggers.sql"), &tables).await?,
        })
    }
}

async fn rows(
    transaction: &mut Transaction<'_, Postgres>,
    sql: &'static str,
    names: &[String],
) -> Result<Vec<Row>, sqlx::Error> {
    // Not kept as a named statement: a pooler may give the next one to another session.
    sqlx::query_scalar::<_, Row>(sql).bind(names).persistent(false).fetch_all(&mut **transaction).await
}

/// Begins a transaction whose answers depend on no setting of the session: expressions are printed with names as
/// seen from `public`, and nothing cuts a statement short.
pub(super) async fn begin(connection: &mut PgConnection) -> Result<Transaction<'_, Postgres>, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    use_known_settings(&mut transaction).await?;
    Ok(transaction)
}

/// As [`begin`], and each statement sees what others committed before it, whatever the session's default: what is read
/// after waiting for a lock must not be what stood there before. Not possible inside another transaction.
pub(crate) async fn begin_read_committed(
    connection: &mut PgConnection,
) -> Result<Transaction<'_, Postgres>, sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
    use_known_settings(&mut transaction).await?;
    Ok(transaction)
}

async fn use_known_settings(transaction: &mut Transaction<'_, Postgres>) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(
        "SET LOCAL search_path = public; SET LOCAL TimeZone = 'UTC'; \
         SET LOCAL standard_conforming_strings = on; SET LOCAL quote_all_identifiers = off; \
         SET LOCAL client_min_messages = warning",
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
