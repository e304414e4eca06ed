//! Carries what the engine tells to the view on the terminal.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tasker_core::clock::Clock;
use tasker_core::orchestration::{Observer, Progress};
use tasker_domain::code::Code;
use tasker_domain::graph::Graph;
use tasker_domain::state::StepState as RecordedState;
use tasker_domain::template::Template;
use tasker_postgres::ledger::{Ended, TaskRecord};

use crate::failure::{ExitStatus, Failure};
use crate::view::{self, Change, RunModel, StepSpec, StepState, TaskEnd};

/// The steps of a template in the order in which they are shown and reported: topological, ties in the template's order.
pub(crate) struct Order {
    /// Place in the template of each position.
    pub(crate) places: Vec<usize>,
    /// Position of each place in the template.
    positions: Vec<usize>,
}

impl Order {
    pub(crate) fn of(template: &Template) -> Result<Self, Failure> {
        let graph = Graph::of_template(template).map_err(|cycles| {
            Failure::bad(Code::NOT_A_GRAPH, format!("the template's steps wait for each other: {cycles}"))
        })?;
        let places = graph.topological_order().to_vec();
        let mut positions = vec![0; places.len()];
        for (position, &place) in places.iter().enumerate() {
            positions[place] = position;
        }
        Ok(Self { places, positions })
    }

    /// The picture before anything has happened.
    pub(crate) fn model(&self, template: &Template) -> Result<RunModel, Failure> {
        let specs = self
            .places
            .iter()
            .map(|&place| {
                let step = &template.steps[place];
                StepSpec {
                    name: step.name.clone(),
                    parents: step.parents.iter().map(|&parent| self.positions[parent]).collect(),
                    attempt_limit: step.attempts_allowed(),
                }
            })
            .collect();
        RunModel::new(&template.namespace, &template.name, template.version.to_string(), specs)
            .map_err(|error| Failure::coded(ExitStatus::Data, &error))
    }

    /// Where a step of the template stands.
    pub(crate) fn position(&self, place: usize) -> usize {
        self.positions[place]
    }
}

/// The view of one run, shared between the engine's observer and the ticking that lets times move.
pub(crate) struct Feed {
    view: Mutex<view::Progress>,
    order: Order,
    clock: Arc<dyn Clock>,
}

impl Feed {
    pub(crate) fn new(view: view::Progress, order: Order, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { view: Mutex::new(view), order, clock })
    }

    pub(crate) fn order(&self) -> &Order {
        &self.order
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    pub(crate) fn with_view<T>(&self, look: impl FnOnce(&mut view::Progress) -> T) -> T {
        // A panic while drawing leaves at worst a half-drawn picture.
        look(&mut self.view.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn apply(&self, change: &Change) {
        let now = self.elapsed();
        // A picture that cannot be drawn (a closed terminal) must not end the task.
        if let Err(error) = self.with_view(|view| view.apply(change, now)) {
            tracing::debug!(%error, "the picture could not be drawn");
        }
    }

    /// Says where each step of a resumed task stands.
    pub(crate) fn resumed(&self, record: &TaskRecord) {
        let by_name: HashMap<&str, &tasker_postgres::ledger::StepRecord> =
            record.steps.iter().map(|step| (step.name.as_str(), step)).collect();
        let names: Vec<String> =
            self.with_view(|view| view.model().steps().iter().map(|step| step.name.clone()).collect());
        let states = names
            .iter()
            .map(|name| {
                by_name.get(name.as_str()).map_or(StepState::Waiting, |step| resumed_state(step, self.elapsed()))
            })
            .collect();
        self.apply(&Change::TaskResumed { id: record.task.task_id, states, at: self.elapsed() });
    }

    /// Tells what befell steps while no attempt of this run told it: a deadline that passed, a change by hand. To be
    /// called when the task has ended, so no step in error is tried again.
    pub(crate) fn caught_up(&self, record: &TaskRecord) {
        let at = self.elapsed();
        let shown: HashMap<String, (usize, StepState)> = self.with_view(|view| {
            let steps = view.model().steps().iter().enumerate();
            steps.map(|(place, step)| (step.name.clone(), (place, step.state.clone()))).collect()
        });
        for step in &record.steps {
            let Some((place, shown)) = shown.get(&step.name).cloned() else { continue };
            let change = match (step.state, shown) {
                (RecordedState::Error, StepState::Failed { .. })
                | (RecordedState::Cancelled, StepState::Cancelled)
                | (RecordedState::ResolvedManually, StepState::ResolvedManually) => continue,
                (RecordedState::Error, _) => Change::StepFailed {
                    step: place,
                    attempt: step.attempts,
                    error: error_of(step),
                    permanent: false,
                    at,
                },
                (RecordedState::Cancelled, _) => Change::StepCancelled { step: place, at },
                (RecordedState::ResolvedManually, _) => Change::StepResolved { step: place, at },
                _ => continue,
            };
            self.apply(&change);
        }
    }

    /// Lets times move until the returned task is aborted.
    pub(crate) fn tick(self: &Arc<Self>) -> Option<tokio::task::JoinHandle<()>> {
        let interval = self.with_view(|view| view.tick_interval())?;
        let feed = self.clone();
        Some(tokio::spawn(async move {
            loop {
                feed.clock.sleep(interval).await;
                let now = feed.elapsed();
                if feed.with_view(|view| view.tick(now)).is_err() {
                    return;
                }
            }
        }))
    }
}

fn resumed_state(step: &tasker_postgres::ledger::StepRecord, now: Duration) -> StepState {
    let attempts = step.attempts;
    match step.state {
        RecordedState::Complete => StepState::Complete { attempts, took: None },
        RecordedState::Cancelled => StepState::Cancelled,
        RecordedState::ResolvedManually => StepState::ResolvedManually,
        RecordedState::InProgress => StepState::Running { attempt: attempts + 1, since: now },
        RecordedState::Error if !step.retryable => {
            StepState::Failed { attempts, error: error_of(step), permanent: true }
        }
        RecordedState::Error => StepState::Retrying { attempt: attempts.max(1), due: now, error: error_of(step) },
        RecordedState::Pending => StepState::Waiting,
    }
}

fn error_of(step: &tasker_postgres::ledger::StepRecord) -> String {
    #[derive(serde::Deserialize)]
    struct Stored {
        error: Option<String>,
    }
    serde_json::from_str::<Stored>(step.results.get()).ok().and_then(|stored| stored.error).unwrap_or_default()
}

impl Observer for Feed {
    fn observe(&self, progress: Progress) {
        let at = self.elapsed();
        let step = |place: usize| self.order.position(place);
        let change = match progress {
            Progress::TaskCreated { task_id } => Change::TaskCreated { id: task_id, at },
            Progress::StepStarted { place, attempt, .. } => Change::StepStarted { step: step(place), attempt, at },
            Progress::StepSucceeded { place, attempt, .. } => Change::StepCompleted { step: step(place), attempt, at },
            Progress::StepBypassed { place, .. } => Change::StepCompleted { step: step(place), attempt: 0, at },
            Progress::StepWillRetry { place, attempt, wait, error, .. } => {
                Change::StepRetrying { step: step(place), attempt, error, at, due: at + wait }
            }
            Progress::StepDied { place, attempt, permanent, error, .. } => {
                Change::StepFailed { step: step(place), attempt, error, permanent, at }
            }
            Progress::StepHandedBack { place, .. } | Progress::OutcomeRefused { place, .. } => {
                Change::StepHandedBack { step: step(place), at }
            }
            Progress::TaskParked { wait: Some(wait), .. } => Change::TaskParked { until: at + wait, at },
            Progress::TaskParked { wait: None, .. } => return,
            Progress::TaskEnded { ended, .. } => Change::TaskEnded {
                state: match ended {
                    Ended::Complete => TaskEnd::Complete,
                    Ended::Error => TaskEnd::Error,
                },
                at,
            },
        };
        self.apply(&change);
    }
}
