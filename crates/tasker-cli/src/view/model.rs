//! What the views know of a run: a plain model that changes are applied to.
//!
//! No clock, no terminal. Every instant is the time since the run began, handed in by the caller.

use std::time::Duration;

use thiserror::Error;

/// Longer messages are cut when they enter the model; the whole text stands in the database.
const MESSAGE_LIMIT: usize = 8_000;

/// A step as the graph describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepSpec {
    /// The step's name, as the template writes it.
    pub name: String,
    /// The steps it waits for, as positions in the same list; each stands before the step itself.
    pub parents: Vec<usize>,
    /// The attempts it has in all, at least 1.
    pub attempt_limit: u32,
}

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepState {
    /// Waits for parents.
    Waiting,
    /// All parents are complete; waits to be claimed.
    Ready,
    /// An attempt is going on.
    Running {
        /// Number of the attempt, from 1.
        attempt: u32,
        /// When it started.
        since: Duration,
    },
    /// An attempt failed; another follows.
    Retrying {
        /// Number of the attempt that failed.
        attempt: u32,
        /// When the next one may start.
        due: Duration,
        /// Why it failed.
        error: String,
    },
    /// Done.
    Complete {
        /// The attempts it took.
        attempts: u32,
        /// How long the last attempt took; nothing where it ran before this run.
        took: Option<Duration>,
    },
    /// Failed, and no attempt follows.
    Failed {
        /// The attempts it took.
        attempts: u32,
        /// Why the last one failed.
        error: String,
        /// The error says that trying again cannot help.
        permanent: bool,
    },
    /// Cancelled.
    Cancelled,
    /// Marked as done by a person.
    ResolvedManually,
    /// The task ended before the step could run.
    NeverRan,
}

impl StepState {
    /// Whether steps that wait for this one may run.
    pub(crate) fn satisfies_children(&self) -> bool {
        matches!(self, Self::Complete { .. } | Self::ResolvedManually)
    }
}

/// How a task can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskEnd {
    /// All steps are complete.
    Complete,
    /// Steps that failed hold it.
    Error,
    /// Cancelled.
    Cancelled,
    /// Marked as done by a person.
    ResolvedManually,
}

/// Why a run stopped although its task has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// The run's time limit was reached.
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// Somebody interrupted the run.
    Interrupted,
    /// The connection to the database was lost and did not come back.
    DatabaseLost {
        /// What the last try said.
        error: String,
    },
}

/// What the run as a whole does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// The task is not in the database yet.
    Creating,
    /// Steps are running or about to.
    Running,
    /// Nothing runs; the next attempt is due at this time.
    Parked {
        /// When the next attempt may start.
        until: Duration,
    },
    /// The task has ended.
    Ended {
        /// How.
        state: TaskEnd,
        /// When.
        at: Duration,
    },
    /// The run has stopped, the task has not ended.
    Stopped {
        /// Why.
        reason: StopReason,
        /// When.
        at: Duration,
    },
}

/// Something that happened.
///
/// In all of them `step` is a position in the model's list of steps, `attempt` the number of an attempt from 1, and
/// `at`, `due` and `until` are times since the run began.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of all changes mean the same and are described once, at the type")]
pub enum Change {
    /// The task was written to the database.
    TaskCreated { id: i64, at: Duration },
    /// A task of an earlier run was taken up: where each of its steps stands, in the order of the model. Whether a step
    /// is waiting or ready follows from its parents; either word will do.
    TaskResumed { id: i64, states: Vec<StepState>, at: Duration },
    /// An attempt began.
    StepStarted { step: usize, attempt: u32, at: Duration },
    /// An attempt succeeded.
    StepCompleted { step: usize, attempt: u32, at: Duration },
    /// An attempt failed; the next may start at `due`.
    StepRetrying { step: usize, attempt: u32, error: String, at: Duration, due: Duration },
    /// An attempt failed and none follows.
    StepFailed { step: usize, attempt: u32, error: String, permanent: bool, at: Duration },
    /// The step was cancelled.
    StepCancelled { step: usize, at: Duration },
    /// Somebody marked the step as done.
    StepResolved { step: usize, at: Duration },
    /// An attempt was given up without a verdict: the step can be claimed again.
    StepHandedBack { step: usize, at: Duration },
    /// Nothing runs until `until`.
    TaskParked { until: Duration, at: Duration },
    /// The task ended.
    TaskEnded { state: TaskEnd, at: Duration },
    /// The run stops, the task has not ended.
    RunStopped { reason: StopReason, at: Duration },
    /// Something a person should know, on one line.
    Notice { text: String, at: Duration },
}

impl Change {
    /// When it happened, since the run began.
    pub fn at(&self) -> Duration {
        match self {
            Self::TaskCreated { at, .. }
            | Self::TaskResumed { at, .. }
            | Self::StepStarted { at, .. }
            | Self::StepCompleted { at, .. }
            | Self::StepRetrying { at, .. }
            | Self::StepFailed { at, .. }
            | Self::StepCancelled { at, .. }
            | Self::StepResolved { at, .. }
            | Self::StepHandedBack { at, .. }
            | Self::TaskParked { at, .. }
            | Self::TaskEnded { at, .. }
            | Self::RunStopped { at, .. }
            | Self::Notice { at, .. } => *at,
        }
    }
}

/// A model or a change that does not fit; a mistake of the program, not of its user.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ModelError {
    /// A step names a parent that does not stand before it.
    #[error("step {step} of the list names {parent} as a parent, which does not stand before it; report this as a bug")]
    ParentNotBefore {
        /// Position of the step.
        step: usize,
        /// The position it names.
        parent: usize,
    },
    /// A change speaks of a step that the model does not have.
    #[error("a change speaks of step {step}, but the run has {steps} steps; report this as a bug")]
    UnknownStep {
        /// The position that the change names.
        step: usize,
        /// How many steps there are.
        steps: usize,
    },
    /// A resumed task has another number of steps than the model.
    #[error("the resumed task has {given} steps, but the run has {steps}; report this as a bug")]
    StepCount {
        /// How many states were given.
        given: usize,
        /// How many steps there are.
        steps: usize,
    },
}

/// A step of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The step's name, as the template writes it.
    pub name: String,
    /// The attempts it has in all.
    pub attempt_limit: u32,
    /// Steps before it on the longest way from a step without parents.
    pub level: usize,
    /// The steps it waits for.
    pub parents: Vec<usize>,
    /// Where it stands.
    pub state: StepState,
    children: Vec<usize>,
    unmet_parents: usize,
}

/// What the views know of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunModel {
    namespace: String,
    name: String,
    version: String,
    task_id: Option<i64>,
    phase: Phase,
    executions: u64,
    steps: Vec<Step>,
    by_level: Vec<Vec<usize>>,
}

impl RunModel {
    /// A run that has not created its task yet. The steps stand in topological order.
    ///
    /// # Errors
    /// [`ModelError::ParentNotBefore`] where the order is not topological.
    pub fn new(
        namespace: impl Into<String>,
        name: impl Into<String>,
        version: impl Into<String>,
        specs: Vec<StepSpec>,
    ) -> Result<Self, ModelError> {
        let mut steps: Vec<Step> = Vec::with_capacity(specs.len());
        let mut by_level: Vec<Vec<usize>> = Vec::new();
        for (position, spec) in specs.into_iter().enumerate() {
            let mut level = 0;
            for &parent in &spec.parents {
                if parent >= position {
                    return Err(ModelError::ParentNotBefore { step: position, parent });
                }
                level = level.max(steps[parent].level + 1);
                steps[parent].children.push(position);
            }
            if by_level.len() <= level {
                by_level.resize_with(level + 1, Vec::new);
            }
            by_level[level].push(position);
            let unmet_parents = spec.parents.len();
            steps.push(Step {
                name: spec.name,
                attempt_limit: spec.attempt_limit,
                level,
                parents: spec.parents,
                state: if unmet_parents == 0 { StepState::Ready } else { StepState::Waiting },
                children: Vec::new(),
                unmet_parents,
            });
        }
        Ok(Self {
            namespace: namespace.into(),
            name: name.into(),
            version: version.into(),
            task_id: None,
            phase: Phase::Creating,
            executions: 0,
            steps,
            by_level,
        })
    }

    /// Applies a change.
    ///
    /// # Errors
    /// [`ModelError::UnknownStep`] and [`ModelError::StepCount`] where the change does not fit this run; the model is
    /// then as it was.
    pub fn apply(&mut self, change: &Change) -> Result<(), ModelError> {
        match change {
            Change::TaskCreated { id, .. } => {
                self.task_id = Some(*id);
                self.phase = Phase::Running;
            }
            Change::TaskResumed { id, states, .. } => self.take_up(*id, states)?,
            Change::StepStarted { step, attempt, at } => {
                self.set(*step, StepState::Running { attempt: *attempt, since: *at })?;
                self.executions += 1;
                self.phase = Phase::Running;
            }
            Change::StepCompleted { step, attempt, at } => {
                let took = match self.step(*step)?.state {
                    StepState::Running { since, .. } => Some(at.saturating_sub(since)),
                    _ => None,
                };
                self.set(*step, StepState::Complete { attempts: *attempt, took })?;
            }
            Change::StepRetrying { step, attempt, error, due, .. } => {
                self.set(*step, StepState::Retrying { attempt: *attempt, due: *due, error: shortened(error) })?;
            }
            Change::StepFailed { step, attempt, error, permanent, .. } => {
                let failed = StepState::Failed { attempts: *attempt, error: shortened(error), permanent: *permanent };
                self.set(*step, failed)?;
            }
            Change::StepCancelled { step, .. } => self.set(*step, StepState::Cancelled)?,
            Change::StepResolved { step, .. } => self.set(*step, StepState::ResolvedManually)?,
            Change::StepHandedBack { step, .. } => self.set(*step, StepState::Ready)?,
            Change::TaskParked { until, .. } => self.phase = Phase::Parked { until: *until },
            Change::TaskEnded { state, at } => self.end(*state, *at),
            Change::RunStopped { reason, at } => self.phase = Phase::Stopped { reason: reason.clone(), at: *at },
            Change::Notice { .. } => {}
        }
        Ok(())
    }

    fn take_up(&mut self, id: i64, states: &[StepState]) -> Result<(), ModelError> {
        if states.len() != self.steps.len() {
            return Err(ModelError::StepCount { given: states.len(), steps: self.steps.len() });
        }
        for (position, state) in states.iter().enumerate() {
            self.set(position, state.clone())?;
        }
        for step in &mut self.steps {
            if matches!(step.state, StepState::Waiting | StepState::Ready) {
                step.state = if step.unmet_parents == 0 { StepState::Ready } else { StepState::Waiting };
            }
        }
        self.task_id = Some(id);
        self.phase = Phase::Running;
        Ok(())
    }

    fn end(&mut self, state: TaskEnd, at: Duration) {
        self.phase = Phase::Ended { state, at };
        for step in &mut self.steps {
            if matches!(step.state, StepState::Waiting | StepState::Ready) {
                step.state = StepState::NeverRan;
            }
        }
    }

    /// Puts a step into a state and keeps the count of unmet parents of its children.
    fn set(&mut self, position: usize, state: StepState) -> Result<(), ModelError> {
        let before = self.step(position)?.state.satisfies_children();
        let after = state.satisfies_children();
        self.steps[position].state = state;
        if before == after {
            return Ok(());
        }
        for child in self.steps[position].children.clone() {
            let child = &mut self.steps[child];
            child.unmet_parents = if after { child.unmet_parents - 1 } else { child.unmet_parents + 1 };
            match child.state {
                StepState::Waiting if child.unmet_parents == 0 => child.state = StepState::Ready,
                StepState::Ready if child.unmet_parents > 0 => child.state = StepState::Waiting,
                _ => {}
            }
        }
        Ok(())
    }

    fn step(&self, position: usize) -> Result<&Step, ModelError> {
        self.steps.get(position).ok_or(ModelError::UnknownStep { step: position, steps: self.steps.len() })
    }

    /// Namespace of the template.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Name of the template.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Version of the template.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The task's id, once it is in the database.
    pub fn task_id(&self) -> Option<i64> {
        self.task_id
    }

    /// What the run does.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// The attempts that this run started.
    pub fn executions(&self) -> u64 {
        self.executions
    }

    /// The steps, in the order they were handed in.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The positions of the steps of each level, in the order they were handed in.
    pub fn levels(&self) -> &[Vec<usize>] {
        &self.by_level
    }
}

/// The message, cut where it is longer than a view can use.
fn shortened(message: &str) -> String {
    match message.char_indices().nth(MESSAGE_LIMIT) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}
