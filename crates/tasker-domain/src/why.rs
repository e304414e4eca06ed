//! Why a task or step does not go on, and what would change it: a pure judgement of facts.

use std::fmt;

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use crate::state::{StepState, TaskState};

/// Someone paused something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PausedBy {
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// A parent that has not ended well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenParent {
    /// Name of the step.
    pub step: String,
    /// Its state.
    pub state: StepState,
}

/// Facts about the task of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFacts {
    /// Its state.
    pub state: TaskState,
    /// Whether the engine has side rows for it.
    pub ours: bool,
    /// Whether only who names the task works it.
    pub reserved: bool,
    /// Whether a live worker adopts tasks of its type.
    pub adopted: bool,
    /// Whether a definition is registered for its type that its steps and edges fit.
    pub fits: bool,
    /// Whether a step died and the definition says fail fast.
    pub halted: bool,
    /// Who paused it.
    pub paused: Option<PausedBy>,
    /// `namespace/name version` of its type.
    pub template: String,
}

/// Facts about a step that has not ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepFacts {
    /// Its state.
    pub state: StepState,
    /// What went wrong last.
    pub error: Option<String>,
    /// Attempts so far.
    pub attempts: u32,
    /// Attempts in all.
    pub attempts_allowed: u32,
    /// Whether it may be tried again at all.
    pub retryable: bool,
    /// Whether it has a row in the queue.
    pub queued: bool,
    /// Whether the queue calls it dead.
    pub dead: bool,
    /// Whether its deadline passed while it was open.
    pub expired: bool,
    /// Parents that have not ended well.
    pub parents: Vec<OpenParent>,
    /// The worker that holds its claim.
    pub holder: Option<HolderFacts>,
    /// The instant (UTC) it waits for.
    pub wakes_at: Option<NaiveDateTime>,
    /// Whether that instant has passed by the database's clock.
    pub is_due: bool,
    /// Whether it stands in the line, and how many stand before it.
    pub in_line: Option<u64>,
    /// Its queue.
    pub queue: Option<String>,
    /// Its handler.
    pub handler: Option<String>,
    /// Whether a live worker serves its queue.
    pub queue_served: bool,
    /// Whether a live worker serves its queue and has its handler.
    pub handler_served: bool,
    /// Whether a live worker carries it out: it serves its queue, has its handler and carries out tasks of its template.
    pub lane_served: bool,
    /// Its queue or task type that is paused: `queue` or `type`, its name, and by whom.
    pub paused: Option<(String, String, PausedBy)>,
}

/// The worker that holds a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolderFacts {
    /// Its name.
    pub worker: String,
    /// Whether it has been heard of within its lease.
    pub lives: bool,
    /// Until when (UTC) it counts as alive without being heard of.
    pub lease_until: Option<NaiveDateTime>,
}

/// Why a step does not go on at this moment, or that it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Reason {
    /// Its handler runs.
    Running {
        /// The worker.
        worker: String,
        /// Until when (UTC) the worker counts as alive without being heard of.
        lease_until: Option<NaiveDateTime>,
    },
    /// The worker that held it is silent.
    Abandoned {
        /// The worker.
        worker: String,
    },
    /// Parents have not ended well.
    WaitsForParents {
        /// Which.
        parents: Vec<OpenParent>,
    },
    /// A parent is dead, so it can never start by itself.
    BehindDeadParent {
        /// Which.
        parents: Vec<OpenParent>,
    },
    /// It waits for its next attempt.
    WaitsForRetry {
        /// Until when (UTC).
        until: NaiveDateTime,
        /// What went wrong.
        error: Option<String>,
        /// Attempts so far.
        attempts: u32,
        /// Attempts in all.
        attempts_allowed: u32,
    },
    /// The task was asked for a later instant.
    WaitsForStart {
        /// Which (UTC).
        until: NaiveDateTime,
    },
    /// It stands in the line and a worker will take it.
    InLine {
        /// How many stand before it.
        before: u64,
    },
    /// No live worker serves its queue.
    NoWorkerForQueue {
        /// The queue.
        queue: String,
    },
    /// Live workers serve its queue, but none has its handler.
    NoWorkerWithHandler {
        /// The queue.
        queue: String,
        /// The handler.
        handler: String,
    },
    /// Live workers have its handler, but were started with other templates.
    NoWorkerWithTemplate {
        /// `namespace/name version` of the task's type.
        template: String,
    },
    /// Its task is paused.
    TaskPaused {
        /// By whom.
        by: PausedBy,
    },
    /// Its queue or task type is paused.
    Paused {
        /// `queue` or `type`.
        scope: String,
        /// Which.
        name: String,
        /// By whom.
        by: PausedBy,
    },
    /// Its task is worked only by who names it.
    Reserved,
    /// A step died and the task fails fast.
    Halted,
    /// It failed for good.
    DeadPermanent {
        /// What went wrong.
        error: Option<String>,
    },
    /// Its attempts are used up.
    DeadExhausted {
        /// What went wrong.
        error: Option<String>,
        /// How many there were.
        attempts: u32,
    },
    /// It was not done within its deadline.
    DeadDeadline {
        /// What went wrong.
        error: Option<String>,
    },
    /// It was called off.
    Cancelled,
    /// Its task is at rest.
    TaskAtRest {
        /// In which state.
        state: TaskState,
    },
    /// Another program made the task and no live worker adopts its type.
    NotAdopted,
    /// Another program made the task; a live worker adopts its type and will find it.
    ToBeAdopted,
    /// Another program made the task; a live worker adopts its type, but there is no definition that it fits.
    FitsNoDefinition,
    /// Another program has it in progress.
    RunsElsewhere,
    /// Record and side rows say different things.
    SideRowsDiffer,
}

/// Judges a step that has not ended well.
pub fn reason(task: &TaskFacts, step: &StepFacts) -> Reason {
    if step.state == StepState::Cancelled {
        return Reason::Cancelled;
    }
    if let Some(holder) = &step.holder {
        return match holder.lives {
            true => Reason::Running { worker: holder.worker.clone(), lease_until: holder.lease_until },
            false => Reason::Abandoned { worker: holder.worker.clone() },
        };
    }
    if step.state == StepState::InProgress {
        return if task.ours && !step.queued && !task.state.is_at_rest() {
            Reason::SideRowsDiffer
        } else {
            Reason::RunsElsewhere
        };
    }
    if step.state == StepState::Error {
        if step.expired {
            return Reason::DeadDeadline { error: step.error.clone() };
        }
        if !step.retryable {
            return Reason::DeadPermanent { error: step.error.clone() };
        }
        if step.dead || step.attempts >= step.attempts_allowed {
            return Reason::DeadExhausted { error: step.error.clone(), attempts: step.attempts };
        }
    }
    if task.state.is_at_rest() {
        return Reason::TaskAtRest { state: task.state };
    }
    if !task.ours {
        return adoption(task);
    }
    if !step.parents.is_empty() {
        let parents = step.parents.clone();
        return match parents.iter().any(|parent| parent.state == StepState::Cancelled) {
            true => Reason::BehindDeadParent { parents },
            false => Reason::WaitsForParents { parents },
        };
    }
    if task.halted {
        return Reason::Halted;
    }
    if let Some(by) = &task.paused {
        return Reason::TaskPaused { by: by.clone() };
    }
    if let Some((scope, name, by)) = &step.paused
        && !task.reserved
    {
        return Reason::Paused { scope: scope.clone(), name: name.clone(), by: by.clone() };
    }
    // Who is due and is looked for by nobody waits for a worker, not for the time.
    let waits_in_vain = step.is_due && !step.lane_served;
    if let Some(until) = step.wakes_at.filter(|_| !waits_in_vain) {
        return match step.state {
            StepState::Error => Reason::WaitsForRetry {
                until,
                error: step.error.clone(),
                attempts: step.attempts,
                attempts_allowed: step.attempts_allowed,
            },
            _ => Reason::WaitsForStart { until },
        };
    }
    if step.in_line.is_none() && step.wakes_at.is_none() {
        return Reason::SideRowsDiffer;
    }
    if task.reserved {
        return Reason::Reserved;
    }
    match (&step.queue, &step.handler) {
        (Some(queue), _) if !step.queue_served => Reason::NoWorkerForQueue { queue: queue.clone() },
        (Some(queue), Some(handler)) if !step.handler_served => {
            Reason::NoWorkerWithHandler { queue: queue.clone(), handler: handler.clone() }
        }
        (Some(_), Some(_)) if !step.lane_served => Reason::NoWorkerWithTemplate { template: task.template.clone() },
        _ => Reason::InLine { before: step.in_line.unwrap_or(0) },
    }
}

/// Judges a task all of whose steps have ended well, or that has none: why it is not at rest. Nothing where it is.
pub fn reason_without_steps(task: &TaskFacts) -> Option<Reason> {
    if task.state.is_at_rest() {
        return None;
    }
    Some(if task.ours { Reason::SideRowsDiffer } else { adoption(task) })
}

/// Whether somebody will carry out a task that another program made.
fn adoption(task: &TaskFacts) -> Reason {
    match (task.adopted, task.fits) {
        (true, true) => Reason::ToBeAdopted,
        (true, false) => Reason::FitsNoDefinition,
        (false, _) => Reason::NotAdopted,
    }
}

impl Reason {
    /// The stable word for it.
    pub fn code(&self) -> &'static str {
        match self {
            Reason::Running { .. } => "running",
            Reason::Abandoned { .. } => "abandoned",
            Reason::WaitsForParents { .. } => "waits_for_parents",
            Reason::BehindDeadParent { .. } => "behind_dead_parent",
            Reason::WaitsForRetry { .. } => "waits_for_retry",
            Reason::WaitsForStart { .. } => "waits_for_start",
            Reason::InLine { .. } => "in_line",
            Reason::NoWorkerForQueue { .. } => "no_worker_for_queue",
            Reason::NoWorkerWithHandler { .. } => "no_worker_with_handler",
            Reason::NoWorkerWithTemplate { .. } => "no_worker_with_template",
            Reason::TaskPaused { .. } => "task_paused",
            Reason::Paused { .. } => "paused",
            Reason::Reserved => "reserved",
            Reason::Halted => "halted",
            Reason::DeadPermanent { .. } => "dead_permanent",
            Reason::DeadExhausted { .. } => "dead_exhausted",
            Reason::DeadDeadline { .. } => "dead_deadline",
            Reason::Cancelled => "cancelled",
            Reason::TaskAtRest { .. } => "task_at_rest",
            Reason::NotAdopted => "not_adopted",
            Reason::ToBeAdopted => "to_be_adopted",
            Reason::FitsNoDefinition => "fits_no_definition",
            Reason::RunsElsewhere => "runs_elsewhere",
            Reason::SideRowsDiffer => "side_rows_differ",
        }
    }

    /// Whether it goes on by itself, sooner or later, without a person or another worker.
    pub fn passes_by_itself(&self) -> bool {
        matches!(
            self,
            Reason::Running { .. }
                | Reason::Abandoned { .. }
                | Reason::WaitsForParents { .. }
                | Reason::WaitsForRetry { .. }
                | Reason::WaitsForStart { .. }
                | Reason::InLine { .. }
                | Reason::ToBeAdopted
        )
    }

    /// What would change it, in one sentence. `task` and `step` are ids for the commands named.
    pub fn remedy(&self, task: i64, step: i64) -> String {
        match self {
            Reason::Running { .. } => "it ends by itself, or at its time limit".to_owned(),
            Reason::Abandoned { .. } => "a live worker takes it over and it is tried again".to_owned(),
            Reason::WaitsForParents { .. } => "it starts when they have ended well".to_owned(),
            Reason::BehindDeadParent { .. } => format!(
                "to go on without it: `tasker step resolve {step} --reason WHY`; to give up: `tasker task cancel {task} --reason WHY`"
            ),
            Reason::WaitsForRetry { .. } => {
                format!("it is tried again by itself; at once with `tasker step retry {step} --reason WHY`")
            }
            Reason::WaitsForStart { .. } => "it starts by itself at that instant".to_owned(),
            Reason::InLine { .. } => format!(
                "a worker takes it when it has room; sooner with `tasker task priority {task} --points 10 --reason WHY`"
            ),
            Reason::NoWorkerForQueue { queue } => {
                format!("start a worker that serves it: `tasker worker --templates FOLDER --queues {queue}`")
            }
            Reason::NoWorkerWithHandler { handler, .. } => {
                format!(
                    "start a program in which the handler `{handler}` is registered; `tasker worker` has `command` and `http`"
                )
            }
            Reason::NoWorkerWithTemplate { .. } => {
                "start a worker with the folder that holds this template: `tasker worker --templates FOLDER`".to_owned()
            }
            Reason::TaskPaused { .. } => format!("`tasker task resume {task} --reason WHY`"),
            Reason::Paused { scope, name, .. } => format!("`tasker {scope} resume {name} --reason WHY`"),
            Reason::Reserved => {
                format!("take it up again: `tasker run TEMPLATE --resume {task}`, or `tasker task run {task}`")
            }
            Reason::Halted => "nothing new is started; the task ends when what runs has ended".to_owned(),
            Reason::DeadPermanent { .. } | Reason::DeadExhausted { .. } | Reason::DeadDeadline { .. } => format!(
                "`tasker step retry {step}`, `tasker step resolve {step}` or `tasker step complete {step} --results JSON`, each with `--reason WHY`"
            ),
            Reason::Cancelled => "nothing: it was called off".to_owned(),
            Reason::TaskAtRest { state: TaskState::Error } => format!("`tasker task retry {task} --reason WHY`"),
            Reason::TaskAtRest { .. } => "nothing: the task has ended".to_owned(),
            Reason::NotAdopted => {
                "start a worker that adopts its type: `tasker worker --templates FOLDER --adopt NAMESPACE/NAME`"
                    .to_owned()
            }
            Reason::ToBeAdopted => "a worker that adopts its type finds it within seconds".to_owned(),
            Reason::FitsNoDefinition => {
                "give a worker a template of its type and version whose steps and dependencies are those of the task: `tasker worker --templates FOLDER`"
                    .to_owned()
            }
            Reason::RunsElsewhere => format!(
                "another program runs it; if that program is gone: `tasker step cancel {step}` or `tasker step complete {step} --results JSON`, each with `--reason WHY`"
            ),
            Reason::SideRowsDiffer => "`tasker db reindex` writes the side rows anew from the record".to_owned(),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = |error: &Option<String>| error.as_deref().map_or_else(String::new, |text| format!(": {text}"));
        let to_the_second = |instant: &NaiveDateTime| instant.format("%Y-%m-%d %H:%M:%S").to_string();
        let parents = |parents: &[OpenParent]| {
            parents.iter().map(|parent| format!("{} ({})", parent.step, parent.state)).collect::<Vec<_>>().join(", ")
        };
        match self {
            Reason::Running { worker, lease_until } => {
                write!(f, "runs at {worker}")?;
                match lease_until {
                    Some(until) => write!(f, ", whose lease holds until {} UTC", to_the_second(until)),
                    None => Ok(()),
                }
            }
            Reason::Abandoned { worker } => write!(f, "was held by {worker}, which has been silent for its lease"),
            Reason::WaitsForParents { parents: open } => write!(f, "waits for {}", parents(open)),
            Reason::BehindDeadParent { parents: open } => {
                write!(f, "can never start: {} stands before it", parents(open))
            }
            Reason::WaitsForRetry { until, error: last, attempts, attempts_allowed } => {
                let (until, next) = (to_the_second(until), attempts + 1);
                write!(f, "waits until {until} UTC for attempt {next} of {attempts_allowed}{}", error(last))
            }
            Reason::WaitsForStart { until } => write!(f, "was asked for {} UTC", to_the_second(until)),
            Reason::InLine { before: 0 } => write!(f, "is next in its line"),
            Reason::InLine { before } => write!(f, "stands in line behind {before} others"),
            Reason::NoWorkerForQueue { queue } => write!(f, "no live worker serves queue `{queue}`"),
            Reason::NoWorkerWithHandler { queue, handler } => {
                write!(f, "no live worker of queue `{queue}` has the handler `{handler}`")
            }
            Reason::NoWorkerWithTemplate { template } => {
                write!(f, "no live worker that has its handler carries out tasks of {template}")
            }
            Reason::TaskPaused { by } => write!(f, "the task was paused by {}: {}", by.actor, by.reason),
            Reason::Paused { scope, name, by } => {
                write!(f, "the {scope} `{name}` was paused by {}: {}", by.actor, by.reason)
            }
            Reason::Reserved => write!(f, "the task is worked only by `tasker run`, which is not at it"),
            Reason::Halted => write!(f, "a step died and the task fails fast"),
            Reason::DeadPermanent { error: last } => write!(f, "failed for good{}", error(last)),
            Reason::DeadExhausted { error: last, attempts } => {
                write!(f, "failed {attempts} times, which is all{}", error(last))
            }
            Reason::DeadDeadline { error: last } => write!(f, "took longer than it may{}", error(last)),
            Reason::Cancelled => write!(f, "was called off"),
            Reason::TaskAtRest { state: TaskState::Error } => write!(f, "the task has ended in error"),
            Reason::TaskAtRest { state } => write!(f, "the task is {state}"),
            Reason::NotAdopted => write!(f, "another program made the task and no live worker adopts its type"),
            Reason::ToBeAdopted => write!(f, "another program made the task; a worker adopts its type"),
            Reason::FitsNoDefinition => write!(
                f,
                "another program made the task; a worker adopts its type, but no definition is registered that it fits"
            ),
            Reason::RunsElsewhere => write!(f, "is in progress in another program"),
            Reason::SideRowsDiffer => write!(f, "the side rows say something else than the record"),
        }
    }
}
