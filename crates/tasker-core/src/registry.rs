//! Which handler carries out which handler name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use tasker_domain::template::Template;

use crate::annotator::{Annotator, SharedAnnotator};
use crate::step_handler::{SharedHandler, StepHandler};

/// Handlers by the name that templates give them. Built once, shared by everything that runs.
#[derive(Clone, Default)]
pub struct Handlers {
    by_name: BTreeMap<String, SharedHandler>,
    fallback: Option<SharedHandler>,
    annotators: BTreeMap<String, SharedAnnotator>,
}

impl Handlers {
    /// No handlers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a handler; one of the same name is replaced.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, handler: impl StepHandler) -> Self {
        self.by_name.insert(name.into(), Arc::new(handler));
        self
    }

    /// Registers a handler that is shared already; one of the same name is replaced.
    #[must_use]
    pub fn with_shared(mut self, name: impl Into<String>, handler: SharedHandler) -> Self {
        self.by_name.insert(name.into(), handler);
        self
    }

    /// A handler for every name that has none of its own.
    #[must_use]
    pub fn with_fallback(mut self, handler: SharedHandler) -> Self {
        self.fallback = Some(handler);
        self
    }

    /// Registers who makes notes on tasks of this type, `namespace/name`, when it is decided what becomes of them; one of
    /// the same type is replaced.
    #[must_use]
    pub fn with_annotator(mut self, task_type: impl Into<String>, annotator: impl Annotator) -> Self {
        self.annotators.insert(task_type.into(), Arc::new(annotator));
        self
    }

    /// Who makes notes on tasks of this type.
    pub fn annotator(&self, namespace: &str, name: &str) -> Option<&SharedAnnotator> {
        if self.annotators.is_empty() {
            return None;
        }
        self.annotators.get(&format!("{namespace}/{name}"))
    }

    /// Whether anybody makes notes on tasks.
    pub(crate) fn has_annotators(&self) -> bool {
        !self.annotators.is_empty()
    }

    /// The handler of this name.
    pub fn get(&self, name: &str) -> Option<&SharedHandler> {
        self.by_name.get(name).or(self.fallback.as_ref())
    }

    /// Whether some handler stands in for every name that has none of its own.
    pub fn has_fallback(&self) -> bool {
        self.fallback.is_some()
    }

    /// The names that are registered, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// Finds every step of a template whose handler nobody registered.
    ///
    /// # Errors
    /// All of them at once, each with the registered names that come nearest.
    pub fn check(&self, template: &Template) -> Result<(), MissingHandlers> {
        let missing: Vec<MissingHandler> = template
            .steps
            .iter()
            .filter(|step| self.get(&step.handler_class).is_none())
            .map(|step| MissingHandler {
                step: step.name.clone(),
                handler: step.handler_class.clone(),
                nearest: nearest(&step.handler_class, self.names()),
            })
            .collect();
        if missing.is_empty() { Ok(()) } else { Err(MissingHandlers { missing }) }
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.by_name.keys()).finish()
    }
}

/// A step whose handler nobody registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingHandler {
    /// Name of the step.
    pub step: String,
    /// Name of the handler that the template gives it.
    pub handler: String,
    /// Registered names that look like it, nearest first.
    pub nearest: Vec<String>,
}

/// The steps of a template that no handler can carry out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingHandlers {
    /// Each of them.
    pub missing: Vec<MissingHandler>,
}

impl fmt::Display for MissingHandlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, missing) in self.missing.iter().enumerate() {
            if place > 0 {
                writeln!(f)?;
            }
            write!(f, "no handler `{}` is registered, which step `{}` needs", missing.handler, missing.step)?;
            match missing.nearest.as_slice() {
                [] => {}
                names => write!(
                    f,
                    "; did you mean {}?",
                    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
                )?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for MissingHandlers {}

/// At most three names that differ from `wanted` in few enough letters to be meant.
fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let lower = wanted.to_lowercase();
    let mut near: Vec<(f64, &str)> = names
        .map(|name| (strsim::jaro_winkler(&lower, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .collect();
    near.sort_by(|left, right| right.0.total_cmp(&left.0));
    near.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}
