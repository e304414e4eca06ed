//! Definitions that a worker has met, each read once.

use std::collections::HashMap;
use std::sync::Arc;

use tasker_domain::template::Template;
use tasker_postgres::ledger::{DefinitionId, Ledger, LedgerError};

/// A definition as a worker needs it.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) template: Template,
    /// The named step of each step of the template.
    named_step_ids: Vec<i32>,
    /// Of each step whether none of its children has another parent.
    only_parents: Vec<bool>,
}

impl Definition {
    /// A template and the named steps that were registered for its steps, one each.
    pub(crate) fn new(template: Template, named_step_ids: Vec<i32>) -> Result<Self, LedgerError> {
        if named_step_ids.len() != template.steps.len() {
            let (steps, named) = (template.steps.len(), named_step_ids.len());
            return Err(LedgerError::Inconsistent(format!("a definition of {steps} steps has {named} named steps")));
        }
        let mut only_parents = vec![true; template.steps.len()];
        for joined in template.steps.iter().filter(|step| step.parents.len() > 1) {
            joined.parents.iter().for_each(|&parent| only_parents[parent] = false);
        }
        Ok(Self { template, named_step_ids, only_parents })
    }

    /// The named step of the step at this place, which the template has.
    pub(crate) fn named_step(&self, place: usize) -> i32 {
        self.named_step_ids[place]
    }

    /// Whether none of the children of the step at this place, which the template has, has another parent.
    pub(crate) fn is_only_parent(&self, place: usize) -> bool {
        self.only_parents[place]
    }

    /// The parents of the step at this place, which the template has: names and named steps.
    pub(crate) fn parents(&self, place: usize) -> impl Iterator<Item = (&str, i32)> {
        let parents = self.template.steps[place].parents.iter();
        parents.map(|&parent| (self.template.steps[parent].name.as_str(), self.named_step_ids[parent]))
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
        let definition = Arc::new(Definition::new(template, stored.named_step_ids)?);
        self.known.insert(id, definition.clone());
        Ok(definition)
    }
}
