//! The floor: the least that a durable engine of step graphs must do on the same server. `tasker bench --floor` puts our
//! speed in relation to it. It has tables of its own, no retries, no leases, no queues, and is used by nothing else.

use serde_json::value::RawValue;
pub use sqlx::PgConnection;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgPool, Row};

/// A step that ended and what it left.
#[derive(Debug)]
pub struct Done {
    /// Id of the step.
    pub step_id: i64,
    /// Its results.
    pub results: Box<RawValue>,
}

/// What a call brings back.
#[derive(Debug, Default)]
pub struct Answer {
    /// Tasks created, in the order of the call.
    pub created: Vec<i64>,
    /// Steps to carry out.
    pub steps: Vec<i64>,
    /// Tasks that are complete.
    pub complete: Vec<i64>,
}

/// A connection for one exchange after the other.
///
/// # Errors
/// What the database says.
pub async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    PgConnection::connect_with(options).await
}

/// Ends a connection.
///
/// # Errors
/// What the database says.
pub async fn close(connection: PgConnection) -> Result<(), sqlx::Error> {
    connection.close().await
}

/// Makes the tables anew.
///
/// # Errors
/// What the database says, such as a missing right to make a schema.
pub async fn create(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(include_str!("../sql/floor/create.sql")).execute(pool).await.map(drop)
}

/// Drops the tables.
///
/// # Errors
/// What the database says.
pub async fn forget(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(include_str!("../sql/floor/drop.sql")).execute(pool).await.map(drop)
}

/// Stores a template: the number of parents of each step and the edges between places.
///
/// # Errors
/// What the database says.
pub async fn store_template(
    pool: &PgPool,
    template: i32,
    parents: &[i32],
    edges: &[(i32, i32)],
) -> Result<(), sqlx::Error> {
    let places: Vec<i32> = (0..).take(parents.len()).collect();
    sqlx::query(include_str!("../sql/floor/template_steps.sql"))
        .bind(template)
        .bind(places)
        .bind(parents)
        .execute(pool)
        .await?;
    let (from, to): (Vec<i32>, Vec<i32>) = edges.iter().copied().unzip();
    sqlx::query(include_str!("../sql/floor/template_edges.sql"))
        .bind(template)
        .bind(from)
        .bind(to)
        .execute(pool)
        .await
        .map(drop)
}

/// Hands in what ended and asks for new tasks: one statement, one commit.
///
/// # Errors
/// What the database says.
pub async fn exchange(
    connection: &mut PgConnection,
    done: &[Done],
    create: &[(i32, &RawValue)],
) -> Result<Answer, sqlx::Error> {
    let rows = sqlx::query(include_str!("../sql/floor/exchange.sql"))
        .bind(done.iter().map(|done| done.step_id).collect::<Vec<_>>())
        .bind(done.iter().map(|done| done.results.get()).collect::<Vec<_>>())
        .bind(create.iter().map(|(template, _)| *template).collect::<Vec<_>>())
        .bind(create.iter().map(|(_, context)| context.get()).collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
    let mut answer = Answer::default();
    for row in rows {
        let id = row.try_get("id")?;
        match row.try_get::<&str, _>("kind")? {
            "n" => answer.created.push(id),
            "s" => answer.steps.push(id),
            "c" => answer.complete.push(id),
            other => return Err(sqlx::Error::Decode(format!("the floor answered a row of kind `{other}`").into())),
        }
    }
    Ok(answer)
}
