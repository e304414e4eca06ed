//! `tasker why`: for a task and each of its unfinished steps the reason, and what would change it.

use chrono::NaiveDateTime;
use serde::Serialize;
use tasker_domain::state::{StepState, TaskState};
use tasker_domain::why::{Reason, reason, reason_without_steps};
use tasker_postgres::ledger::{Ledger, LedgerError};

/// Why a task does not go on, or that it does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Why {
    /// Id of the task.
    pub task_id: i64,
    /// `namespace/name version` of its type.
    pub template: String,
    /// Its state.
    pub state: TaskState,
    /// Whether it does nothing more by itself.
    pub at_rest: bool,
    /// It is cancelled if it has not ended by this instant (UTC).
    pub deadline: Option<NaiveDateTime>,
    /// Whether that instant has passed though the task is not at rest: the next worker that looks cancels it.
    pub deadline_passed: bool,
    /// The database's present instant (UTC).
    pub now: NaiveDateTime,
    /// Why it has not ended though none of its steps is open; nothing in any other case.
    pub reason: Option<Reason>,
    /// What would change that.
    pub remedy: Option<String>,
    /// Its steps that have not ended well, in the order in which they were made.
    pub steps: Vec<StepWhy>,
}

/// Why a step does not go on, or that it does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepWhy {
    /// Id of the step.
    pub step_id: i64,
    /// Its name.
    pub step: String,
    /// Its state.
    pub state: StepState,
    /// The reason, with its stable code.
    pub reason: Reason,
    /// The reason in words.
    pub text: String,
    /// What would change it.
    pub remedy: String,
    /// Whether it goes on without a person or another worker.
    pub passes_by_itself: bool,
    /// It is dead if it has not ended by this instant (UTC): its template gives it a deadline.
    pub deadline: Option<NaiveDateTime>,
    /// Whether that instant has passed: the next worker that looks ends the step.
    pub deadline_passed: bool,
}

/// Steps that do not go on for the same kind of reason.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Group<'a> {
    /// The first of them.
    pub first: &'a StepWhy,
    /// How many they are.
    pub steps: usize,
}

/// Judges a task and each of its steps that has not ended well; nothing when there is no such task.
///
/// # Errors
/// What the database says.
pub async fn why(ledger: &Ledger, task_id: i64) -> Result<Option<Why>, LedgerError> {
    let Some(facts) = ledger.why_facts(task_id).await? else {
        return Ok(None);
    };
    let at_rest = facts.task.state.is_at_rest();
    let steps: Vec<StepWhy> = facts
        .steps
        .iter()
        .map(|(step_id, step, about)| {
            let reason = reason(&facts.task, about);
            let deadline = facts.step_deadlines.get(step_id).copied();
            StepWhy {
                step_id: *step_id,
                step: step.clone(),
                state: about.state,
                text: reason.to_string(),
                remedy: reason.remedy(task_id, *step_id),
                passes_by_itself: reason.passes_by_itself(),
                deadline,
                deadline_passed: !at_rest && deadline.is_some_and(|deadline| deadline <= facts.now),
                reason,
            }
        })
        .collect();
    let alone = if steps.is_empty() { reason_without_steps(&facts.task) } else { None };
    Ok(Some(Why {
        task_id,
        template: facts.type_name,
        state: facts.task.state,
        at_rest,
        deadline: facts.deadline,
        deadline_passed: !at_rest && facts.deadline.is_some_and(|deadline| deadline <= facts.now),
        now: facts.now,
        // Remedies for a whole task name no step.
        remedy: alone.as_ref().map(|reason| reason.remedy(task_id, 0)),
        reason: alone,
        steps,
    }))
}

impl Why {
    /// Its steps by kind of reason: first what a person or another worker has to see to, each kind in the order of its
    /// first step.
    pub fn groups(&self) -> Vec<Group<'_>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for step in &self.steps {
            match groups.iter_mut().find(|group| group.first.reason.code() == step.reason.code()) {
                Some(group) => group.steps += 1,
                None => groups.push(Group { first: step, steps: 1 }),
            }
        }
        groups.sort_by_key(|group| group.first.passes_by_itself);
        groups
    }
}
