//! Where a task stands as a whole in our engine's semantics.

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use super::rails::judge_at;
use super::recorded::Recorded;
use super::rows::TaskRow;
use super::semantics::Semantics;
use super::snapshot::{Snapshot, SnapshotError};
use super::tasker::{Standing, StandingCounts, Tasker};

/// A step and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepStanding {
    /// Id of the step.
    pub workflow_step_id: i64,
    /// Where it stands.
    #[serde(flatten)]
    pub standing: Standing,
}

/// Where a task and its steps stand at an instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskStanding {
    /// Id of the task.
    pub task_id: i64,
    /// Its steps, by id.
    pub steps: Vec<StepStanding>,
    /// How many stand where.
    pub counts: StandingCounts,
    /// What comes next.
    #[serde(flatten)]
    pub outlook: Outlook,
    /// Steps that can never run as things are, because a dead one stands somewhere before them; ids, ascending.
    pub blocked: Vec<i64>,
}

/// What comes next of a task. The first that applies, in this order. As JSON an object with the key `outlook`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outlook", rename_all = "snake_case")]
pub enum Outlook {
    /// Its history has an end: nothing comes of itself.
    AtRest,
    /// A history ends with a word that is no state: the task is left alone.
    Unreadable,
    /// Nothing remains: it is complete (R-19: so without any step).
    Complete,
    /// Something remains, but nothing can come any more: it is in error.
    Failed,
    /// A step died and `fail_fast` is set: it fails as soon as what runs has ended.
    Halting,
    /// A step can be carried out now.
    Ready,
    /// Steps run, and nothing else can be done now.
    Running,
    /// All that is alive waits for an instant.
    Waiting {
        /// The earliest of them, UTC.
        until: NaiveDateTime,
    },
}

impl Outlook {
    /// From the task's row, the counts of its steps and the earliest instant that one of them waits for.
    pub(super) fn of(task: &TaskRow, counts: &StandingCounts, earliest: Option<NaiveDateTime>) -> Self {
        match &task.newest {
            Some(Recorded::Other(_)) => return Self::Unreadable,
            Some(Recorded::Known(state)) if state.is_at_rest() => return Self::AtRest,
            Some(Recorded::Known(_)) | None => {}
        }
        let is_halted = task.fail_fast && counts.dead > 0;
        if counts.unreadable > 0 {
            Self::Unreadable
        } else if counts.remaining() == 0 {
            Self::Complete
        } else if counts.alive(is_halted) == 0 {
            Self::Failed
        } else if is_halted {
            Self::Halting
        } else if counts.ready > 0 {
            Self::Ready
        } else if counts.running > 0 {
            Self::Running
        } else {
            // what is alive and neither ready nor running waits
            earliest.map_or(Self::Failed, |until| Self::Waiting { until })
        }
    }
}

/// Where a task and its steps stand at an instant (UTC).
///
/// # Errors
/// [`SnapshotError::UnknownTask`].
pub fn task_standing(snapshot: &Snapshot, task_id: i64, now: NaiveDateTime) -> Result<TaskStanding, SnapshotError> {
    let task = snapshot.task(task_id).ok_or(SnapshotError::UnknownTask(task_id))?;
    let places = snapshot.places_of(task_id);
    let mut counts = StandingCounts::default();
    let mut earliest: Option<NaiveDateTime> = None;
    let mut steps = Vec::with_capacity(places.len());
    for place in places {
        let standing = judge_at::<Tasker>(snapshot, place, now).answer;
        Tasker::count(&mut counts, &standing);
        if let Standing::Waiting { until } = standing {
            earliest = Some(earliest.map_or(until, |known| known.min(until)));
        }
        steps.push(StepStanding { workflow_step_id: snapshot.step_at(place).workflow_step_id, standing });
    }
    let outlook = Outlook::of(task, &counts, earliest);
    let blocked = blocked(snapshot, task_id, steps.iter().map(|step| &step.standing));
    Ok(TaskStanding { task_id, steps, counts, outlook, blocked })
}

/// The unfinished steps behind dead ones; looks at every step and edge of the task at most once.
pub(super) fn blocked<'s>(
    snapshot: &Snapshot,
    task_id: i64,
    standings: impl Iterator<Item = &'s Standing>,
) -> Vec<i64> {
    let places = snapshot.places_of(task_id);
    let first = places.start;
    let mut waiting = Vec::new();
    let mut is_open = Vec::with_capacity(places.len());
    for (place, standing) in places.clone().zip(standings) {
        if matches!(standing, Standing::Dead { .. }) {
            waiting.push(place);
        }
        is_open.push(matches!(standing, Standing::Held { .. }));
    }
    let mut found = Vec::new();
    while let Some(place) = waiting.pop() {
        for &child in snapshot.children(place) {
            if places.contains(&child) && std::mem::take(&mut is_open[child - first]) {
                found.push(snapshot.step_at(child).workflow_step_id);
                waiting.push(child);
            }
        }
    }
    found.sort_unstable();
    found
}
