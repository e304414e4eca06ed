//! The run itself: what an exchange does, round after round.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use indexmap::IndexMap;

use crate::graph::Graph;
use crate::json::Json;
use crate::state::{StepState, TaskState};
use crate::template::Template;
use crate::verdict::{self, FailedAttempt, TaskCounts, TaskReason, TaskVerdict, Verdict};

use super::chance::Chance;
use super::outcome::{Event, EventKind, Execution, ExecutionEnd, Move, SimulatedStep, Simulation, Transition};
use super::{Attempt, Attempts, CutShort, Ending, Failed, Settings, SimulationError};

/// A point of priority is worth this much earlier in the line.
const PRIORITY_STEP: Duration = Duration::from_secs(60);

pub(super) struct Rounds<'a> {
    template: &'a Template,
    attempts: &'a mut dyn Attempts,
    settings: Settings,
    graph: Graph,
    now: Duration,
    /// What happens at which instant; of one instant in the order in which it was put in.
    ahead: BinaryHeap<Reverse<(Duration, u64, Due)>>,
    put_in: u64,
    line: BinaryHeap<Reverse<Place>>,
    unmet: Vec<usize>,
    /// When each step joined the line last.
    ready: Vec<Duration>,
    under_way: Vec<Option<UnderWay>>,
    running: usize,
    finished: usize,
    /// Steps that wait for an instant.
    waiting: usize,
    dead: Vec<usize>,
    task_state: TaskState,
    /// Why the task stands as it does.
    task_reason: TaskReason,
    steps: Vec<SimulatedStep>,
    executions: Vec<Execution>,
    events: Vec<Event>,
    transitions: Vec<Transition>,
}

/// A place in the line: the earlier the rank, the sooner; of one rank the step that stands first in the template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    rank: i128,
    step: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// The attempt of this step ends.
    End(usize),
    /// The wait of this step is over.
    Wake(usize),
}

/// An attempt that runs.
struct UnderWay {
    /// Its place among the executions.
    execution: usize,
    ending: Ending,
}

/// What became of the attempts of a round.
struct Settled {
    place: usize,
    execution: usize,
    what: What,
}

enum What {
    Succeeded(Json),
    Failed(Failed, Verdict),
}

impl<'a> Rounds<'a> {
    pub(super) fn new(
        template: &'a Template,
        attempts: &'a mut dyn Attempts,
        settings: Settings,
    ) -> Result<Self, SimulationError> {
        let steps = template.steps.len();
        if steps == 0 {
            return Err(SimulationError::NoSteps);
        }
        let graph = Graph::of_template(template)?;
        let unmet = (0..steps).map(|step| graph.parents(step).len()).collect();
        let fresh = |step: &crate::template::StepTemplate| SimulatedStep {
            state: StepState::Pending,
            attempts: 0,
            retryable: step.retryable,
            results: Json::empty_object(),
            asked_seconds: None,
        };
        Ok(Rounds {
            attempts,
            settings,
            graph,
            now: Duration::ZERO,
            ahead: BinaryHeap::new(),
            put_in: 0,
            line: BinaryHeap::new(),
            unmet,
            ready: vec![Duration::ZERO; steps],
            under_way: std::iter::repeat_with(|| None).take(steps).collect(),
            running: 0,
            finished: 0,
            waiting: 0,
            dead: Vec::new(),
            task_state: TaskState::Pending,
            task_reason: TaskReason::StepsRun { running: 0, ready: 0 },
            steps: template.steps.iter().map(fresh).collect(),
            executions: Vec::new(),
            events: Vec::new(),
            transitions: Vec::new(),
            template,
        })
    }

    /// Round after round until nothing lies ahead.
    pub(super) fn run(mut self) -> Simulation {
        let roots: Vec<usize> = self.graph.roots().collect();
        roots.into_iter().for_each(|root| self.join_line(root));
        self.claim();
        while let Some(&Reverse((instant, ..))) = self.ahead.peek() {
            self.now = instant;
            self.round();
        }
        self.dead.sort_unstable();
        Simulation {
            state: self.task_state,
            reason: self.task_reason,
            held_by: self.dead,
            steps: self.steps,
            executions: self.executions,
            events: self.events,
            transitions: self.transitions,
        }
    }

    /// Takes in what ends and what is due at this instant, then lets begin what may.
    fn round(&mut self) {
        let mut ended = Vec::new();
        while let Some(&Reverse((instant, _, due))) = self.ahead.peek()
            && instant == self.now
        {
            self.ahead.pop();
            match due {
                Due::End(place) => ended.extend(self.ends(place, None)),
                Due::Wake(place) => {
                    self.waiting -= 1;
                    self.join_line(place);
                }
            }
        }
        let is_halted = self.template.fail_fast && ended.iter().any(Settled::is_death);
        ended.into_iter().for_each(|settled| self.record(settled, is_halted));
        if is_halted {
            self.halt();
        }
        self.judge_task();
        self.claim();
    }

    /// The attempt of a step is over.
    fn ends(&mut self, place: usize, cut: Option<CutShort>) -> Option<Settled> {
        let UnderWay { execution, ending } = self.under_way[place].take()?;
        self.running -= 1;
        let attempt = self.executions[execution].attempt;
        let ending = match cut {
            None => ending,
            Some(cause) => Ending::Fails(self.attempts.cut_short(place, attempt, cause)),
        };
        let what = match ending {
            Ending::Succeeds(results) => What::Succeeded(results),
            Ending::Fails(failed) => {
                let verdict = self.verdict(place, attempt, &failed);
                What::Failed(failed, verdict)
            }
        };
        Some(Settled { place, execution, what })
    }

    fn verdict(&self, place: usize, attempt: u32, failed: &Failed) -> Verdict {
        let step = &self.template.steps[place];
        let facts = FailedAttempt {
            attempt,
            attempts_allowed: step.attempts_allowed(),
            failure: failed.failure,
            asked: failed.asked,
        };
        let mut chance = Chance::of(self.settings.seed, place, attempt);
        let mut draw = || chance.fraction();
        verdict::after_failure(facts, step.jitter.then_some(&mut draw))
    }

    fn record(&mut self, settled: Settled, is_halted: bool) {
        let Settled { place, execution, what } = settled;
        let attempt = self.executions[execution].attempt;
        self.executions[execution].ended = self.now;
        self.steps[place].attempts = attempt;
        match what {
            What::Succeeded(results) => {
                self.tell(place, attempt, EventKind::Succeeded);
                self.move_step(place, StepState::Complete, attempt);
                self.steps[place].results = results;
                self.steps[place].asked_seconds = None;
                self.finished += 1;
                self.unlock_children(place);
            }
            What::Failed(failed, verdict) => {
                self.tell(place, attempt, EventKind::Failed);
                self.move_step(place, StepState::Error, attempt);
                let error = failed.message().to_owned();
                let end = self.judge_step(place, attempt, error, verdict, is_halted);
                self.executions[execution].end = end;
                merge(&mut self.steps[place].results, failed.error);
            }
        }
    }

    /// What a failure leaves of the step's row and the task's counters.
    fn judge_step(
        &mut self,
        place: usize,
        attempt: u32,
        error: String,
        verdict: Verdict,
        is_halted: bool,
    ) -> ExecutionEnd {
        let step = &mut self.steps[place];
        match verdict {
            Verdict::Retry(wait) => {
                step.asked_seconds = wait.asked_seconds;
                self.waiting += 1;
                if is_halted {
                    return ExecutionEnd::Failed { error };
                }
                let until = self.now.saturating_add(wait.wait);
                self.put(until, Due::Wake(place));
                self.tell(place, attempt, EventKind::Waiting { until });
                ExecutionEnd::WillRetry { error, until }
            }
            Verdict::Exhausted { asked_seconds } => {
                step.asked_seconds = asked_seconds;
                self.dead.push(place);
                ExecutionEnd::Failed { error }
            }
            Verdict::Permanent => {
                step.asked_seconds = None;
                step.retryable = false;
                self.dead.push(place);
                ExecutionEnd::FailedForGood { error }
            }
        }
    }

    fn unlock_children(&mut self, place: usize) {
        for index in 0..self.graph.children(place).len() {
            let child = self.graph.children(place)[index];
            self.unmet[child] -= 1;
            if self.unmet[child] == 0 {
                self.join_line(child);
            }
        }
    }

    /// nothing that stands in line or waits begins any more, and what runs is told to stop.
    fn halt(&mut self) {
        self.ahead.clear();
        for place in 0..self.steps.len() {
            if let Some(settled) = self.ends(place, Some(CutShort::ToldToStop)) {
                self.record(settled, true);
            }
        }
    }

    /// Ends the task, parks it, or lets it go on.
    fn judge_task(&mut self) {
        let count = |steps: usize| u64::try_from(steps).unwrap_or(u64::MAX);
        let counts = TaskCounts {
            finished: count(self.finished),
            running: count(self.running),
            ready: count(self.line.len()),
            waiting: count(self.waiting),
            held: count(
                self.steps.len() - self.finished - self.running - self.line.len() - self.waiting - self.dead.len(),
            ),
            dead: count(self.dead.len()),
        };
        let decision = verdict::after_step(&counts, self.template.fail_fast);
        self.task_reason = decision.reason;
        if let Some(state) = decision.verdict.moves_to() {
            self.move_task(state);
        }
        if matches!(decision.verdict, TaskVerdict::Complete | TaskVerdict::Fail) {
            self.line.clear();
        }
    }

    /// Lets begin what stands first in line, as far as there are workers.
    fn claim(&mut self) {
        while self.settings.workers.is_none_or(|workers| self.running < workers.get())
            && let Some(Reverse(Place { step, .. })) = self.line.pop()
        {
            if self.task_state == TaskState::Pending {
                self.move_task(TaskState::InProgress);
            }
            self.start(step);
        }
    }

    fn start(&mut self, place: usize) {
        let attempt = self.steps[place].attempts + 1;
        if self.steps[place].state == StepState::Error {
            // From error by way of pending.
            self.move_step(place, StepState::Pending, attempt);
        }
        self.move_step(place, StepState::InProgress, attempt);
        self.tell(place, attempt, EventKind::Started);
        let Attempt { mut takes, mut ending } = self.attempts.attempt(place, attempt);
        if let Some(limit) = self.template.steps[place].timeout_seconds.map(crate::template::Seconds::duration)
            && takes > limit
        {
            takes = limit;
            ending = Ending::Fails(self.attempts.cut_short(place, attempt, CutShort::TimeLimit(limit)));
        }
        let ended = self.now.saturating_add(takes);
        self.under_way[place] = Some(UnderWay { execution: self.executions.len(), ending });
        self.running += 1;
        self.executions.push(Execution {
            place,
            attempt,
            ready: self.ready[place],
            started: self.now,
            ended,
            end: ExecutionEnd::Succeeded,
        });
        self.put(ended, Due::End(place));
    }

    fn join_line(&mut self, step: usize) {
        self.ready[step] = self.now;
        let instant = i128::try_from(self.now.as_nanos()).unwrap_or(i128::MAX);
        let earlier = i128::from(self.template.steps[step].priority) * PRIORITY_STEP.as_nanos().cast_signed();
        self.line.push(Reverse(Place { rank: instant.saturating_sub(earlier), step }));
    }

    fn put(&mut self, at: Duration, due: Due) {
        self.ahead.push(Reverse((at, self.put_in, due)));
        self.put_in += 1;
    }

    fn tell(&mut self, place: usize, attempt: u32, kind: EventKind) {
        self.events.push(Event { at: self.now, place, attempt, kind });
    }

    fn move_step(&mut self, place: usize, to: StepState, attempt: u32) {
        let from = std::mem::replace(&mut self.steps[place].state, to);
        self.transitions.push(Transition { at: self.now, moved: Move::Step { place, from, to, attempt } });
    }

    fn move_task(&mut self, to: TaskState) {
        let from = std::mem::replace(&mut self.task_state, to);
        self.transitions.push(Transition { at: self.now, moved: Move::Task { from, to } });
    }
}

impl Settled {
    fn is_death(&self) -> bool {
        matches!(self.what, What::Failed(_, Verdict::Exhausted { .. } | Verdict::Permanent))
    }
}

/// As the record does it: the keys of an error are laid over those of the results before.
fn merge(results: &mut Json, error: IndexMap<String, Json>) {
    match results.as_object_mut() {
        Some(members) => members.extend(error),
        None => *results = Json::Object(error),
    }
}
