//! What two versions of a template differ in, and whether a task that runs by one could go on by the other.

use std::collections::HashSet;
use std::fmt;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::json::Json;
use crate::problem::quoted;

use super::written::{step_keys, task_keys};
use super::{StepTemplate, Template};

/// One key whose value differs. Keys are called as in the file, values are those after defaults and overlay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The key, such as `default_retry_limit`.
    pub field: String,
    /// Its value in the old version; absent if it has none there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Json>,
    /// Its value in the new version; absent if it has none there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Json>,
}

/// A step of both versions with other values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepChange {
    /// Name of the step.
    pub step: String,
    /// What differs, never empty. The order of its dependencies counts here (as `depends_on_steps`), the dependencies
    /// themselves in [`Rewiring`].
    pub fields: Vec<FieldChange>,
}

/// A step of both versions that waits for others than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewiring {
    /// Name of the step.
    pub step: String,
    /// Names of the steps that it waited for.
    pub before: Vec<String>,
    /// Names of the steps that it waits for now.
    pub after: Vec<String>,
}

/// All that two versions of a template differ in. Steps are told apart by their names, so a renamed step is one
/// removed and one added.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Difference {
    /// Keys of the template itself.
    pub template: Vec<FieldChange>,
    /// Steps that only the new version has, in its order.
    pub added: Vec<String>,
    /// Steps that only the old version has, in its order.
    pub removed: Vec<String>,
    /// Steps of both with other values, in the order of the new version.
    pub changed: Vec<StepChange>,
    /// Steps of both that wait for others than before, in the order of the new version.
    pub rewired: Vec<Rewiring>,
    /// Whether the steps of both stand in another order. Rows are made in that order; nothing else depends on it.
    pub reordered: bool,
}

/// Why a task that runs by the old version cannot go on by the new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Obstacle {
    /// Name or namespace differ: this is another task type.
    OtherTaskType {
        /// `name` or `namespace_name`.
        field: String,
    },
    /// The context of the task was checked, and its defaults filled in, by another schema or strictness.
    OtherContext {
        /// `schema` or `strict`.
        field: String,
    },
    /// The task has no row for the step.
    StepAdded {
        /// Name of the step.
        step: String,
    },
    /// The task has a row, and perhaps results, of a step that would be unknown.
    StepRemoved {
        /// Name of the step.
        step: String,
    },
    /// The step may have begun, or ended, without what it would have to wait for now.
    StepRewired {
        /// Name of the step.
        step: String,
    },
    /// The row of a step names its system together with it, and is written once.
    OtherSystem {
        /// Name of the step.
        step: String,
    },
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherTaskType { field } => write!(f, "`{field}` differs, so it is another task type"),
            Self::OtherContext { field } => {
                write!(f, "`{field}` differs: the context was checked and its defaults filled in by the old one")
            }
            Self::StepAdded { step } => write!(f, "step {} is new: the task has no row for it", quoted(step)),
            Self::StepRemoved { step } => {
                write!(f, "step {} is gone: the task has a row for it, and perhaps results", quoted(step))
            }
            Self::StepRewired { step } => {
                write!(f, "step {} waits for others now: it may have begun without them", quoted(step))
            }
            Self::OtherSystem { step } => {
                write!(f, "step {} has another `dependent_system`, which its row is bound to", quoted(step))
            }
        }
    }
}

impl Difference {
    /// Compares two templates. Nothing differs exactly when their canonical forms are equal.
    pub fn between(old: &Template, new: &Template) -> Self {
        let old_steps = by_name(old);
        let new_steps = by_name(new);
        let is_common = |name: &&str| old_steps.contains_key(name) && new_steps.contains_key(name);
        let mut difference = Difference {
            template: changes(&task_keys(old), &task_keys(new)),
            added: only_in(&new_steps, &old_steps),
            removed: only_in(&old_steps, &new_steps),
            reordered: !old_steps.keys().copied().filter(is_common).eq(new_steps.keys().copied().filter(is_common)),
            ..Difference::default()
        };
        for (name, after) in &new_steps {
            let Some(before) = old_steps.get(name) else { continue };
            difference.compare_step(name, (old, before), (new, after));
        }
        difference
    }

    fn compare_step(
        &mut self,
        name: &str,
        (old, before): (&Template, &StepTemplate),
        (new, after): (&Template, &StepTemplate),
    ) {
        let mut fields = changes(&step_keys(before), &step_keys(after));
        let parents_before = parent_names(old, before);
        let parents_after = parent_names(new, after);
        let set_before: HashSet<&str> = parents_before.iter().copied().collect();
        if set_before != parents_after.iter().copied().collect() {
            self.rewired.push(Rewiring {
                step: name.to_owned(),
                before: owned(&parents_before),
                after: owned(&parents_after),
            });
        } else if parents_before != parents_after {
            fields.push(FieldChange {
                field: "depends_on_steps".to_owned(),
                before: Some(list(&parents_before)),
                after: Some(list(&parents_after)),
            });
        }
        if !fields.is_empty() {
            self.changed.push(StepChange { step: name.to_owned(), fields });
        }
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Difference::default()
    }

    /// Why a task that was made from the old version, and has not ended, cannot go on by the new one; empty if it can.
    ///
    /// It can when only changes what is looked at anew for each attempt: handlers and their settings, attempts, waits,
    /// limits, queues, texts, events. The verdict knows nothing of a single task, so it asks for what suits all of them.
    pub fn obstacles(&self) -> Vec<Obstacle> {
        let mut obstacles = Vec::new();
        for change in &self.template {
            let field = change.field.clone();
            match change.field.as_str() {
                "name" | "namespace_name" => obstacles.push(Obstacle::OtherTaskType { field }),
                "schema" => obstacles.push(Obstacle::OtherContext { field }),
                "strict" if change.after == Some(Json::Bool(true)) => obstacles.push(Obstacle::OtherContext { field }),
                _ => {}
            }
        }
        obstacles.extend(self.added.iter().map(|step| Obstacle::StepAdded { step: step.clone() }));
        obstacles.extend(self.removed.iter().map(|step| Obstacle::StepRemoved { step: step.clone() }));
        obstacles.extend(self.rewired.iter().map(|rewiring| Obstacle::StepRewired { step: rewiring.step.clone() }));
        let moved = self.changed.iter().filter(|change| change.fields.iter().any(|f| f.field == "dependent_system"));
        obstacles.extend(moved.map(|change| Obstacle::OtherSystem { step: change.step.clone() }));
        obstacles
    }
}

fn by_name(template: &Template) -> IndexMap<&str, &StepTemplate> {
    template.steps.iter().map(|step| (step.name.as_str(), step)).collect()
}

fn only_in(these: &IndexMap<&str, &StepTemplate>, those: &IndexMap<&str, &StepTemplate>) -> Vec<String> {
    these.keys().filter(|name| !those.contains_key(*name)).map(|name| (*name).to_owned()).collect()
}

fn parent_names<'t>(template: &'t Template, step: &StepTemplate) -> Vec<&'t str> {
    step.parents.iter().map(|parent| template.steps[*parent].name.as_str()).collect()
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn list(names: &[&str]) -> Json {
    Json::Array(names.iter().map(|name| Json::String((*name).to_owned())).collect())
}

/// Values are compared by their text, as in the canonical form: the spelling of a number and the order of keys count.
fn changes(before: &IndexMap<&'static str, Json>, after: &IndexMap<&'static str, Json>) -> Vec<FieldChange> {
    let of_before = before.iter().filter_map(|(key, value)| {
        let other = after.get(key);
        let is_same = other.is_some_and(|other| other.to_string() == value.to_string());
        (!is_same).then(|| (*key, Some(value.clone()), other.cloned()))
    });
    let new_ones = after
        .iter()
        .filter(|(key, _)| !before.contains_key(*key))
        .map(|(key, value)| (*key, None, Some(value.clone())));
    of_before.chain(new_ones).map(|(key, before, after)| FieldChange { field: key.to_owned(), before, after }).collect()
}
