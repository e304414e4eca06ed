//! Definitions: registered once per content, named by tasks ever after.

use sqlx::Row;
use tasker_domain::template::Template;

use super::{Ledger, LedgerError};

/// Number of a registered content.
pub type DefinitionId = i64;

/// Whether registering wrote anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistrationOutcome {
    /// The same content stood there.
    Same,
    /// The version was new, or its earlier content was never used.
    New,
    /// Another content stood there and was used; its tasks keep it.
    Redefined {
        /// Canonical form of the content that stood there.
        previous: String,
    },
}

/// What registering a template gives.
#[derive(Debug, Clone)]
pub struct Registered {
    /// Number of the content.
    pub definition_id: DefinitionId,
    /// Ids of the named steps, in the order of the template.
    pub named_step_ids: Vec<i32>,
    /// Lanes of the steps, in the order of the template.
    pub lane_ids: Vec<i64>,
    /// Whether anything was written.
    pub outcome: RegistrationOutcome,
}

/// A registered content as it stands in the database.
#[derive(Debug, Clone)]
pub struct StoredDefinition {
    /// Number of the content.
    pub definition_id: DefinitionId,
    /// Hash of the canonical form.
    pub content_hash: String,
    /// Canonical form.
    pub snapshot: String,
    /// Ids of the named steps, in the order of the template.
    pub named_step_ids: Vec<i32>,
    /// Lanes of the steps, in the order of the template.
    pub lane_ids: Vec<i64>,
}

impl Ledger {
    /// Registers a template's content and every row of the record that its tasks point to, in one round trip.
    ///
    /// # Errors
    /// [`LedgerError::Redefinition`] when tasks were made from another content of this version and `allow_redefine` is
    /// not set.
    pub async fn register(&self, template: &Template, allow_redefine: bool) -> Result<Registered, LedgerError> {
        let steps = &template.steps;
        let column = |text: fn(&tasker_domain::template::StepTemplate) -> &str| -> Vec<&str> {
            steps.iter().map(text).collect()
        };
        let mut edge_children = Vec::new();
        let mut edge_parents = Vec::new();
        for (child, step) in steps.iter().enumerate() {
            for &parent in &step.parents {
                edge_children.push(place(child)?);
                edge_parents.push(place(parent)?);
            }
        }
        let row = sqlx::query(include_str!("../../sql/ledger/register_definition.sql"))
            .bind(&template.namespace)
            .bind(&template.name)
            .bind(template.version.to_string())
            .bind(&template.description)
            .bind(template.fail_fast)
            .bind(template.canonical())
            .bind(template.content_hash())
            .bind(allow_redefine)
            .bind(column(|step| &step.name))
            .bind(column(|step| &step.description))
            .bind(column(|step| &step.dependent_system))
            .bind(column(|step| &step.queue))
            .bind(column(|step| &step.handler_class))
            .bind(steps.iter().map(|step| step.priority).collect::<Vec<_>>())
            .bind(steps.iter().map(|step| capped(step.attempts_allowed())).collect::<Vec<_>>())
            .bind(steps.iter().map(|step| capped(step.retry_limit)).collect::<Vec<_>>())
            .bind(steps.iter().map(|step| step.retryable).collect::<Vec<_>>())
            .bind(steps.iter().map(|step| step.skippable).collect::<Vec<_>>())
            .bind(
                steps
                    .iter()
                    .map(|step| step.deadline_seconds.map(|limit| limit.duration().as_secs_f64()))
                    .collect::<Vec<_>>(),
            )
            .bind(edge_children)
            .bind(edge_parents)
            .fetch_one(&self.pool)
            .await?;
        let previous: Option<String> = row.try_get("previous")?;
        let outcome = match (row.try_get::<&str, _>("outcome")?, previous) {
            ("same", _) => RegistrationOutcome::Same,
            ("new", _) => RegistrationOutcome::New,
            ("redefined", Some(previous)) => RegistrationOutcome::Redefined { previous },
            ("refused", Some(previous)) => {
                return Err(LedgerError::Redefinition {
                    namespace: template.namespace.clone(),
                    name: template.name.clone(),
                    version: template.version.to_string(),
                    previous,
                });
            }
            (other, _) => return Err(LedgerError::Inconsistent(format!("registration answered `{other}`"))),
        };
        Ok(Registered {
            definition_id: row.try_get("definition_id")?,
            named_step_ids: row.try_get("named_step_ids")?,
            lane_ids: row.try_get("lane_ids")?,
            outcome,
        })
    }

    /// Reads a registered content.
    ///
    /// # Errors
    /// [`LedgerError::Inconsistent`] when there is none of this number.
    pub async fn definition(&self, definition_id: DefinitionId) -> Result<StoredDefinition, LedgerError> {
        let row = sqlx::query(include_str!("../../sql/ledger/definition.sql"))
            .bind(definition_id)
            .fetch_optional(&self.pool)
            .await?
            .ok_or_else(|| LedgerError::Inconsistent(format!("there is no definition {definition_id}")))?;
        Ok(StoredDefinition {
            definition_id,
            content_hash: row.try_get("content_hash")?,
            snapshot: row.try_get("snapshot")?,
            named_step_ids: row.try_get("named_step_ids")?,
            lane_ids: row.try_get("lane_ids")?,
        })
    }
}

fn place(index: usize) -> Result<i32, LedgerError> {
    i32::try_from(index).map_err(|_| LedgerError::Inconsistent("a template has more than 2^31 steps".to_owned()))
}

/// The column is a four-byte integer; a limit above its range never comes into play.
fn capped(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
