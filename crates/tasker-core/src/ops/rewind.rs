//! `tasker task rewind`: an ended task done anew from a step on, as a new task that takes over the finished part.

use serde_json::value::RawValue;
use tasker_domain::json::Json;
use tasker_domain::template::Template;
use tasker_postgres::ledger::{self, Ledger, LedgerError, Operator, Rewound};

use crate::error::RunError;
use crate::tasker::checked_context;

/// From where an ended task is done anew.
#[derive(Debug, Clone, PartialEq)]
pub struct Rewind {
    /// Name of the step: it and everything after it is done anew.
    pub from: String,
    /// The context of the new task; that of the old one where none is given.
    pub context: Option<Json>,
    /// Tells apart what is otherwise the same: the same task, step, context and key always lead to the same new task.
    pub key: Option<String>,
}

/// Makes a new task that takes over what of this one has ended well, and does it anew from a step on. A changed context is
/// checked against the schema of the content that the task was made from, and its defaults are filled in.
///
/// # Errors
/// [`RunError::Schema`], [`RunError::Context`] and their kin before anything was written; [`RunError::Database`].
pub async fn rewind(ledger: &Ledger, task_id: i64, to: &Rewind, by: Operator<'_>) -> Result<Rewound, RunError> {
    let context = match (&to.context, ledger.rewind_definition(task_id).await?) {
        (Some(context), Some(definition_id)) => {
            let stored = ledger.definition(definition_id).await?;
            let template = Template::from_canonical(&stored.snapshot).map_err(|error| {
                LedgerError::Inconsistent(format!("the snapshot of definition {definition_id} cannot be read: {error}"))
            })?;
            let text = checked_context(&template, context)?.to_string();
            Some(RawValue::from_string(text).map_err(|error| RunError::UnstorableContext(error.to_string()))?)
        }
        // Without a definition it is refused whatever the context.
        _ => None,
    };
    let to = ledger::Rewind { from: &to.from, context: context.as_deref(), key: to.key.as_deref() };
    Ok(ledger.rewind(task_id, to, by).await?)
}
