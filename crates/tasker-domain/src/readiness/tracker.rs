//! Readiness that is kept up to date while steps change and time goes by.

use std::collections::BTreeSet;
use std::ops::{Bound, Range};

use chrono::NaiveDateTime;

use super::backoff::TooManyAttempts;
use super::context::{ContextCounts, TaskExecutionContext};
use super::outlook::{self, Outlook};
use super::rails::{Rails, StepReadiness};
use super::recorded::RecordedTask;
use super::rows::{StepFacts, TaskRow};
use super::semantics::{Parents, Semantics};
use super::snapshot::{Snapshot, SnapshotError};
use super::tasker::{Standing, StandingCounts, Tasker};

/// The readiness of one task, kept up to date.
///
/// A change of a step costs its children, not the task; an advance in time costs the steps that come due. At every moment
/// the answers are those that a judgement of the whole snapshot would give.
///
/// ```
/// use chrono::NaiveDate;
/// use tasker_domain::readiness::{Edge, Newest, Rows, Snapshot, Standing, StepFacts, StepRow, TaskRow, TaskTracker};
/// use tasker_domain::state::StepState;
///
/// let task = TaskRow { task_id: 1, named_task_id: 1, newest: None, fail_fast: false };
/// let step = |id| StepRow {
///     workflow_step_id: id,
///     task_id: 1,
///     named_step_id: 1,
///     name: "step".into(),
///     facts: StepFacts::default(),
/// };
/// let edges = vec![Edge { from_step_id: 10, to_step_id: 11 }];
/// let snapshot = Snapshot::new(Rows { tasks: vec![task], steps: vec![step(10), step(11)], edges })?;
/// let noon = NaiveDate::from_ymd_opt(2025, 7, 10).unwrap().and_hms_opt(12, 0, 0).unwrap();
///
/// let mut tracker = TaskTracker::new(snapshot, 1, noon)?;
/// assert_eq!(tracker.answer(11), Some(&Standing::Held { unmet: 1 }));
/// let complete = Newest { state: StepState::Complete.into(), at: noon };
/// let changed = tracker.change(10, StepFacts { newest: Some(complete), ..StepFacts::default() })?;
/// assert_eq!(changed, [10, 11]);
/// assert_eq!(tracker.answer(11), Some(&Standing::Ready));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Tracker<S: Semantics> {
    snapshot: Snapshot,
    task_id: i64,
    /// Places of the task's steps in the snapshot; the lists below begin at the first of them.
    places: Range<usize>,
    now: NaiveDateTime,
    finished_parents: Vec<usize>,
    answers: Vec<S::Answer>,
    turns_at: Vec<Option<NaiveDateTime>>,
    /// The instants in `turns_at` with the places, in the order of time.
    turns: BTreeSet<(NaiveDateTime, usize)>,
    counts: S::Counts,
}

/// A task in the semantics of the original.
pub type RailsTracker = Tracker<Rails>;

/// A task in the semantics that our engine runs by.
pub type TaskTracker = Tracker<Tasker>;

impl<S: Semantics> Tracker<S> {
    /// Judges all steps of a task at an instant (UTC).
    ///
    /// # Errors
    /// [`SnapshotError::UnknownTask`].
    pub fn new(snapshot: Snapshot, task_id: i64, now: NaiveDateTime) -> Result<Self, SnapshotError> {
        if snapshot.task(task_id).is_none() {
            return Err(SnapshotError::UnknownTask(task_id));
        }
        let places = snapshot.places_of(task_id);
        let mut finished_parents = Vec::with_capacity(places.len());
        let mut answers = Vec::with_capacity(places.len());
        let mut turns_at = Vec::with_capacity(places.len());
        let mut turns = BTreeSet::new();
        let mut counts = S::Counts::default();
        for place in places.clone() {
            let parents = Parents { total: snapshot.parents(place).len(), finished: snapshot.finished_parents(place) };
            let judged = S::judge(snapshot.step_at(place), parents, now);
            S::count(&mut counts, &judged.answer);
            turns.extend(judged.turns_at.map(|turn| (turn, place)));
            finished_parents.push(parents.finished);
            answers.push(judged.answer);
            turns_at.push(judged.turns_at);
        }
        Ok(Self { snapshot, task_id, places, now, finished_parents, answers, turns_at, turns, counts })
    }

    /// The rows as they are now.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The instant of the answers, UTC.
    pub fn now(&self) -> NaiveDateTime {
        self.now
    }

    /// The answers for the task's steps, by id of the step.
    pub fn answers(&self) -> &[S::Answer] {
        &self.answers
    }

    /// The answer for one of the task's steps; none for others.
    pub fn answer(&self, step_id: i64) -> Option<&S::Answer> {
        let place = self.snapshot.place(step_id).filter(|place| self.places.contains(place))?;
        Some(&self.answers[place - self.places.start])
    }

    /// The counts over the task's steps.
    pub fn counts(&self) -> &S::Counts {
        &self.counts
    }

    /// The next instant at which an answer becomes another one by itself; none when only changes can bring that about.
    pub fn next_turn(&self) -> Option<NaiveDateTime> {
        self.turns.range((after(self.now), Bound::Unbounded)).next().map(|(turn, _)| *turn)
    }

    /// Puts new facts in the place of a step's old ones. The step may be of another task: a parent of one of this task's.
    /// Answers with the ids of the steps whose answer is another one now: the step first, then children in the order of
    /// the edges.
    ///
    /// # Errors
    /// [`SnapshotError::UnknownStep`]; nothing has changed then.
    pub fn change(&mut self, step_id: i64, facts: StepFacts) -> Result<Vec<i64>, SnapshotError> {
        let place = self.snapshot.place(step_id).ok_or(SnapshotError::UnknownStep(step_id))?;
        let was_finished = self.snapshot.is_finished(place);
        self.snapshot.set_facts(place, facts);
        let is_finished = self.snapshot.is_finished(place);
        let children = if was_finished == is_finished { 0..0 } else { self.snapshot.children_range(place) };
        // Every count first: an edge may be there twice, and may lead back to the step itself.
        for entry in children.clone() {
            let child = self.snapshot.child_entry(entry);
            if self.places.contains(&child) {
                let finished = &mut self.finished_parents[child - self.places.start];
                *finished = if is_finished { *finished + 1 } else { *finished - 1 };
            }
        }
        let mut changed = Vec::new();
        self.judge_again(place, &mut changed);
        for entry in children {
            self.judge_again(self.snapshot.child_entry(entry), &mut changed);
        }
        Ok(changed)
    }

    /// Moves the instant of the answers, forward or back. Answers with the ids of the steps whose answer is another one
    /// now, in the order of the instants at which they turn.
    pub fn advance(&mut self, now: NaiveDateTime) -> Vec<i64> {
        if now == self.now {
            return Vec::new();
        }
        let (earlier, later) = (self.now.min(now), self.now.max(now));
        // A turn at the earlier instant has happened at both of them.
        let turned: Vec<usize> =
            self.turns.range((after(earlier), Bound::Excluded((later, usize::MAX)))).map(|(_, place)| *place).collect();
        self.now = now;
        let mut changed = Vec::new();
        for place in turned {
            self.judge_again(place, &mut changed);
        }
        changed
    }

    /// Puts a new state of the task in the place of the old one.
    pub fn change_task(&mut self, newest: Option<RecordedTask>) {
        if let Some(task) = self.snapshot.task_mut(self.task_id) {
            task.newest = newest;
        }
    }

    /// The task's row.
    pub fn task(&self) -> &TaskRow {
        self.snapshot.task(self.task_id).expect("the task was there when the tracker was made, and rows never leave it")
    }

    fn judge_again(&mut self, place: usize, changed: &mut Vec<i64>) {
        if !self.places.contains(&place) {
            return;
        }
        let own = place - self.places.start;
        let parents = Parents { total: self.snapshot.parents(place).len(), finished: self.finished_parents[own] };
        let judged = S::judge(self.snapshot.step_at(place), parents, self.now);
        if judged.turns_at != self.turns_at[own] {
            if let Some(turn) = self.turns_at[own] {
                self.turns.remove(&(turn, place));
            }
            self.turns.extend(judged.turns_at.map(|turn| (turn, place)));
            self.turns_at[own] = judged.turns_at;
        }
        if judged.answer != self.answers[own] {
            S::discount(&mut self.counts, &self.answers[own]);
            S::count(&mut self.counts, &judged.answer);
            self.answers[own] = judged.answer;
            changed.push(self.snapshot.step_at(place).workflow_step_id);
        }
    }
}

impl Tracker<Rails> {
    /// The execution context of the task.
    ///
    /// # Errors
    /// [`TooManyAttempts`] of the first such step.
    pub fn context(&self) -> Result<TaskExecutionContext, TooManyAttempts> {
        let counts: &ContextCounts = &self.counts;
        if counts.beyond_counting > 0
            && let Some(Err(error)) = self.answers.iter().find(|answer| answer.is_err())
        {
            return Err(error.clone());
        }
        Ok(counts.context(self.task()))
    }

    /// The answers as rows, by id.
    ///
    /// # Errors
    /// [`TooManyAttempts`] of the first such step.
    pub fn rows(&self) -> Result<Vec<StepReadiness>, TooManyAttempts> {
        self.answers.iter().cloned().collect()
    }
}

impl Tracker<Tasker> {
    /// What comes next of the task.
    pub fn outlook(&self) -> Outlook {
        let counts: &StandingCounts = &self.counts;
        // All that turns later waits; what has turned is ready.
        Outlook::of(self.task(), counts, self.next_turn())
    }

    /// Ids of the steps that can never run as things are, because a dead one stands before them (R-16), ascending. Looks
    /// at the whole task.
    pub fn blocked(&self) -> Vec<i64> {
        outlook::blocked(&self.snapshot, self.task_id, self.answers.iter())
    }

    /// Ids of the steps that can be carried out now, ascending. Looks at the whole task.
    pub fn ready(&self) -> impl Iterator<Item = i64> + '_ {
        self.places
            .clone()
            .zip(&self.answers)
            .filter(|(_, standing)| **standing == Standing::Ready)
            .map(|(place, _)| self.snapshot.step_at(place).workflow_step_id)
    }
}

/// Everything that turns after an instant.
fn after(instant: NaiveDateTime) -> Bound<(NaiveDateTime, usize)> {
    Bound::Excluded((instant, usize::MAX))
}
