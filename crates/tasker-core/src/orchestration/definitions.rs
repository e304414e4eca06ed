//! Definitions that a worker has met, each read once.

use std::collections::HashMap;
use std::sync::Arc;

use tasker_domain::template::Template;
use tasker_postgres::ledger::{DefinitionId, Ledger, LedgerError};

/// A definition as a worker needs it.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) template: Template,
    /// Place of each step in the template, by its named step's id.
    places: HashMap<i32, usize>,
}

impl Definition {
    pub(crate) fn new(template: Template, named_step_ids: &[i32]) -> Self {
        let places = named_step_ids.iter().enumerate().map(|(place, &id)| (id, place)).collect();
        Self { template, places }
    }

    /// Name of the step that this named step is.
    pub(crate) fn step_name(&self, named_step_id: i32) -> Option<&str> {
        self.places.get(&named_step_id).map(|&place| self.template.steps[place].name.as_str())
    }
}

/// The definitions met so far.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    known: HashMap<DefinitionId, Arc<Definition>>,
}

impl From<HashMap<DefinitionId, Arc<Definition>>> for Definitions {
    fn from(known: HashMap<DefinitionId, Arc<Definition>>) -> Self {
        Self { known }
    }
}

impl Definitions {
    /// The definition of this number, read from the database the first time.
    pub(crate) async fn get(&mut self, ledger: &Ledger, id: DefinitionId) -> Result<Arc<Definition>, LedgerError> {
        if let Some(definition) = self.known.get(&id) {
            return Ok(definition.clone());
        }
        let stored = ledger.definition(id).await?;
        let template = Template::from_canonical(&stored.snapshot).map_err(|error| {
            LedgerError::Inconsistent(format!("the snapshot of definition {id} cannot be read: {error}"))
        })?;
        let definition = Arc::new(Definition::new(template, &stored.named_step_ids));
        self.known.insert(id, definition.clone());
        Ok(definition)
    }
}
