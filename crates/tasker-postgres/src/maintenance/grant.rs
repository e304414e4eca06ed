//! The least rights that a role needs.

use sqlx::{AssertSqlSafe, FromRow, PgConnection, PgPool};

use super::MaintenanceError;
use crate::schema::{begin_read_committed, check_engine, function_names};
use crate::wording::quoted;

/// Which object needs which right, and why.
const RIGHTS: &str = include_str!("../../sql/maintenance/rights.tsv");

/// What a role is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Create tasks and work them.
    Worker,
    /// Look at everything: dashboards, reports.
    Reader,
}

/// What is granted, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    /// The statements, without a semicolon.
    pub statements: Vec<String>,
    /// What the role may do beyond that, in words.
    pub beyond: Vec<String>,
}

#[derive(FromRow)]
struct Role {
    is_superuser: bool,
    creates_in_public: bool,
    creates_in_engine: bool,
}

/// Says which statements give the role the least rights for this access; changes nothing.
///
/// # Errors
/// [`MaintenanceError::UnknownRole`]; [`MaintenanceError::Schema`] without schema `tasker_engine`.
pub async fn plan_grants(pool: &PgPool, role: &str, access: Access) -> Result<Grants, MaintenanceError> {
    let mut connection = pool.acquire().await?;
    plan(&mut connection, role, access).await
}

/// Gives the role the least rights for this access, all of them or none. Doing it again changes nothing; after an
/// upgrade it adds the rights to what is new.
///
/// # Errors
/// As [`plan_grants`]; [`crate::schema::SchemaError::NotPermitted`] when the tables are not the caller's.
pub async fn grant(pool: &PgPool, role: &str, access: Access) -> Result<Grants, MaintenanceError> {
    let mut connection = pool.acquire().await?;
    let grants = plan(&mut connection, role, access).await?;
    let mut transaction = begin_read_committed(&mut connection).await?;
    for statement in &grants.statements {
        sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(grants)
}

async fn plan(connection: &mut PgConnection, role: &str, access: Access) -> Result<Grants, MaintenanceError> {
    check_engine(connection).await?;
    let unknown = || MaintenanceError::UnknownRole { role: role.to_owned() };
    // The protocol cannot carry this character, and no name has it.
    if role.contains('\0') {
        return Err(unknown());
    }
    let mut transaction = begin_read_committed(connection).await?;
    let found: Role = sqlx::query_as(include_str!("../../sql/maintenance/role.sql"))
        .bind(role)
        .persistent(false)
        .fetch_optional(&mut *transaction)
        .await?
        .ok_or_else(unknown)?;
    // With an empty path every name is printed with its schema.
    sqlx::raw_sql("SET LOCAL search_path = ''").execute(&mut *transaction).await?;
    let functions: Vec<(String, String)> = sqlx::query_as(include_str!("../../sql/maintenance/functions_of_ours.sql"))
        .bind(function_names())
        .persistent(false)
        .fetch_all(&mut *transaction)
        .await?;
    transaction.rollback().await?;
    let mut beyond = Vec::new();
    if found.is_superuser {
        beyond.push("it is a superuser: no right is ever asked for".to_owned());
    } else {
        if found.creates_in_public {
            beyond.push(
                "it may make tables in schema public (REVOKE CREATE ON SCHEMA public FROM PUBLIC ends that for everybody \
                 but the owner)"
                    .to_owned(),
            );
        }
        if found.creates_in_engine {
            beyond.push("it may make tables in schema tasker_engine".to_owned());
        }
    }
    Ok(Grants { statements: statements(&quoted(role), access, &functions), beyond })
}

fn statements(role: &str, access: Access, functions: &[(String, String)]) -> Vec<String> {
    let mut statements = Vec::new();
    for line in RIGHTS.lines().filter(|line| !line.starts_with('#')).skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [kind, object, worker, reader, _reason] = fields[..] else {
            panic!("rights.tsv: five fields are expected in {line:?}");
        };
        let right = match access {
            Access::Worker => worker,
            Access::Reader => reader,
        };
        if right == "-" {
            continue;
        }
        match kind {
            "functions" => statements.extend(
                functions
                    .iter()
                    .filter(|(schema, _)| schema == object)
                    .map(|(_, signature)| format!("GRANT {right} ON FUNCTION {signature} TO {role}")),
            ),
            kind => statements.push(format!("GRANT {right} ON {} {object} TO {role}", kind.to_uppercase())),
        }
    }
    statements
}
