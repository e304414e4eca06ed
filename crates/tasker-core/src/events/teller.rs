//! Makes events of what workers hand over, one commit after the other, away from the workers.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::NaiveDateTime;
use tasker_domain::code::Coded;
use tasker_domain::json::Json;
use tasker_postgres::functions::{FunctionError, TaskExecutionContext};
use tasker_postgres::ledger::{Ended, Ledger, LedgerError, ToldTask};
use tokio::sync::mpsc;

use super::audience::Audience;
use super::facts::{Commit, Fact, How, SettledStep, TakenSteps, Then, ToldStep};
use super::mark_all;
use super::moment::{Moment, Moments};
use super::payload::{MODE, Payload, document, instant, seconds_between, text};
use crate::clock::{Clock, SystemClock};

/// How often what a payload needs is asked for, and the time between.
const TRIES: u32 = 5;
const BETWEEN_TRIES: Duration = Duration::from_millis(200);

/// How many tasks are read at a time for their payloads, and after how many bytes of contexts no more are.
const TASKS_AT_A_TIME: usize = 64;
const CONTEXT_BYTES: i64 = 256 * 1024;

/// What comes along the line.
#[derive(Debug)]
pub(super) enum Item {
    Commit(Commit),
    /// Everything before it is to be told.
    Flush(mpsc::Sender<()>),
}

pub(super) struct Teller {
    ledger: Ledger,
    audience: Arc<Audience>,
}

/// What had to be read for a commit.
#[derive(Default)]
struct Known {
    tasks: HashMap<i64, ToldTask>,
    standing: HashMap<i64, TaskExecutionContext>,
    started: Vec<i64>,
    retried: Vec<i64>,
}

/// What all events of a commit have in common.
struct Voice<'a> {
    audience: &'a Audience,
    wanted: Moments,
    at: NaiveDateTime,
    word: Option<String>,
}

impl Voice<'_> {
    fn tell(&self, moment: Moment, payload: impl FnOnce() -> Payload) {
        if self.wanted.has(moment) {
            self.audience.publish(moment.name(), self.word.as_deref(), payload().done());
        }
    }

    fn lose(&self, moments: &[Moment]) {
        let lost = moments.iter().filter(|&&moment| self.wanted.has(moment)).count();
        if lost > 0 {
            self.audience.lose(lost as u64, "the database did not say how a task stands");
        }
    }
}

impl Teller {
    pub(super) fn new(ledger: Ledger, audience: Arc<Audience>) -> Self {
        Self { ledger, audience }
    }

    /// Tells everything, until nobody hands over anything any more.
    pub(super) async fn tell_all(self, mut line: mpsc::Receiver<Item>) {
        while let Some(item) = line.recv().await {
            match item {
                Item::Commit(commit) => {
                    let bytes = commit.bytes;
                    self.tell(commit).await;
                    self.audience.waiting.fetch_sub(bytes, Ordering::Relaxed);
                }
                Item::Flush(mark) => mark_all(&self.audience, &mark),
            }
        }
    }

    async fn tell(&self, commit: Commit) {
        let wanted = self.audience.wanted();
        let voice = Voice {
            audience: &self.audience,
            wanted,
            at: commit.instant,
            word: commit.correlation_id.map(|id| id.as_str().to_owned()),
        };
        let mut known = self.read(&commit.facts, wanted, commit.instant).await;
        let asked: Vec<Option<i64>> =
            commit.facts.iter().map(|fact| task_to_read(fact, wanted, &known.started)).collect();
        let mut told = 0;
        while told < commit.facts.len() {
            let covered;
            (known.tasks, covered) = self.piece(&asked[told..]).await;
            for fact in &commit.facts[told..told + covered] {
                tell_fact(&voice, &known, fact);
            }
            told += covered;
        }
    }

    /// Reads how tasks of the first facts stand, as much as is held at a time; and how many of the facts that covers, at
    /// least one. For each fact the task is given that its payload tells of, if it does.
    async fn piece(&self, asked: &[Option<i64>]) -> (HashMap<i64, ToldTask>, usize) {
        let mut tasks: Vec<i64> = Vec::new();
        let mut covered = asked.len();
        for (place, task_id) in asked.iter().enumerate() {
            let Some(task_id) = task_id.filter(|task_id| !tasks.contains(task_id)) else { continue };
            if tasks.len() == TASKS_AT_A_TIME {
                covered = place;
                break;
            }
            tasks.push(task_id);
        }
        if tasks.is_empty() {
            return (HashMap::new(), covered);
        }
        let read = self.ask(|| self.ledger.told_tasks(&tasks, CONTEXT_BYTES)).await;
        // Those after the last had no room any more; where nothing was read, there is nothing to be read of any.
        if let Some(last) = read.last() {
            let left: Vec<i64> = tasks.iter().copied().skip_while(|&task_id| task_id != last.task_id).skip(1).collect();
            let is_left = |task_id: &Option<i64>| task_id.is_some_and(|task_id| left.contains(&task_id));
            covered = asked[..covered].iter().position(is_left).unwrap_or(covered);
        }
        (read.into_iter().map(|task| (task.task_id, task)).collect(), covered)
    }

    /// Reads what the payloads that somebody wants need, and nothing else, but for how the tasks themselves stand.
    async fn read(&self, facts: &[Fact], wanted: Moments, at: NaiveDateTime) -> Known {
        let mut known = Known::default();
        let taken = || facts.iter().filter_map(|fact| if let Fact::Taken(taken) = fact { Some(taken) } else { None });
        if wanted.has_any(&[Moment::StartRequested, Moment::BeforeTransition]) {
            // Where a worker had something of a task already, the task had begun.
            let tasks: Vec<i64> = taken().filter(|taken| taken.begins).map(|taken| taken.task_id).collect();
            if !tasks.is_empty() {
                known.started = self.ask(|| self.ledger.told_starts(&tasks, at)).await;
            }
        }
        if wanted.has(Moment::StepRetryRequested) {
            let steps = || taken().flat_map(|taken| &taken.steps).filter(|step| step.attempt > 1);
            let (ids, attempts): (Vec<i64>, Vec<i32>) =
                steps().map(|step| (step.step_id, step.attempt.cast_signed())).unzip();
            if !ids.is_empty() {
                known.retried = self.ask(|| self.ledger.told_retries(&ids, &attempts)).await;
            }
        }
        if wanted.has_any(&[Moment::FinalizationStarted, Moment::FinalizationCompleted]) {
            let tasks: Vec<i64> = facts
                .iter()
                .filter_map(|fact| match fact {
                    Fact::Ended { task_id, .. } | Fact::Parked { task_id } => Some(*task_id),
                    _ => None,
                })
                .collect();
            let read = self.ask(|| self.standing(&tasks)).await;
            known.standing = read.into_iter().map(|context| (context.task_id, context)).collect();
        }
        known
    }

    async fn standing(&self, tasks: &[i64]) -> Result<Vec<TaskExecutionContext>, LedgerError> {
        TaskExecutionContext::for_tasks(self.ledger.pool(), tasks).await.map_err(|error| match error {
            FunctionError::Database(error) => LedgerError::from(error),
            other => LedgerError::Inconsistent(other.to_string()),
        })
    }

    /// Reads, and again where the database is away for a moment. Nothing where it stays away: what needs it is lost.
    async fn ask<T, F>(&self, read: impl Fn() -> F + Send) -> Vec<T>
    where
        F: Future<Output = Result<Vec<T>, LedgerError>> + Send,
    {
        // Outages pass in real time, whatever clock the rest works by.
        let real = SystemClock::new();
        let mut tries = 1;
        loop {
            match read().await {
                Ok(read) => return read,
                Err(error) if error.may_pass() && tries < TRIES => {
                    tries += 1;
                    real.sleep(BETWEEN_TRIES).await;
                }
                Err(error) => {
                    tracing::warn!(%error, code = %error.code(), "what events need could not be read");
                    return Vec::new();
                }
            }
        }
    }
}

/// The task of whose standing somebody wants to be told with a fact.
fn task_to_read(fact: &Fact, wanted: Moments, started: &[i64]) -> Option<i64> {
    match fact {
        Fact::Created { task_id } => wanted.has(Moment::Enqueued).then_some(*task_id),
        Fact::Ended { task_id, ended: Ended::Complete } => wanted.has(Moment::Completed).then_some(*task_id),
        Fact::Ended { task_id, ended: Ended::Error } => wanted.has(Moment::Failed).then_some(*task_id),
        Fact::Parked { task_id } => wanted.has(Moment::InitializeRequested).then_some(*task_id),
        Fact::Taken(taken) => {
            (wanted.has(Moment::StartRequested) && started.contains(&taken.task_id)).then_some(taken.task_id)
        }
        Fact::Settled(_) | Fact::GroupEnded { .. } => None,
    }
}

fn tell_fact(voice: &Voice<'_>, known: &Known, fact: &Fact) {
    match fact {
        Fact::Created { task_id } => created(voice, known, *task_id),
        Fact::Settled(step) => settled(voice, step),
        Fact::GroupEnded { group } => voice.tell(Moment::ExecutionCompleted, || {
            Payload::of_work("steps_execution_completed", group.task_id, voice.at)
                .with("task_name", group.task_name.as_str())
                .whole("processed_count", group.steps)
                .whole("successful_count", group.succeeded())
        }),
        Fact::Ended { task_id, ended } => finalized(voice, known, *task_id, Some(*ended)),
        Fact::Parked { task_id } => finalized(voice, known, *task_id, None),
        Fact::Taken(steps) => taken(voice, known, steps),
    }
}

fn created(voice: &Voice<'_>, known: &Known, task_id: i64) {
    if !voice.wanted.has(Moment::Enqueued) {
        return;
    }
    let Some(task) = known.tasks.get(&task_id) else { return voice.lose(&[Moment::Enqueued]) };
    // It may have gone on since; this tells of its beginning.
    let fresh = ToldTask { completed_steps: 0, failed_steps: 0, last_end: None, failed: Vec::new(), ..task.clone() };
    voice.tell(Moment::Enqueued, || {
        Payload::of_task("enqueue", &fresh, voice.at).with("task_context", context_of(&fresh))
    });
}

fn context_of(task: &ToldTask) -> Json {
    task.context.as_deref().map_or_else(Json::empty_object, document)
}

fn settled(voice: &Voice<'_>, SettledStep { step, begun, how }: &SettledStep) {
    let at = voice.at;
    let moved = |kind: &str, to: &str| Payload::of_step(kind, step, at, *begun, Some(at)).moved("in_progress", to, at);
    match how {
        How::Succeeded { results } => voice.tell(Moment::StepCompleted, || {
            moved("completed", "complete")
                .with("execution_duration", seconds_between(*begun, at))
                .with("step_results", document(results))
        }),
        How::Failed { error, then } => {
            let error = document(error);
            let word = |key: &str| error.get(key).and_then(Json::as_str).map(str::to_owned);
            voice.tell(Moment::StepFailed, || {
                let class = word("error_class").unwrap_or_else(|| "StandardError".to_owned());
                let trace = error.get("backtrace").map(|trace| match trace {
                    Json::String(text) => text.lines().collect(),
                    other => other.clone(),
                });
                let payload = moved("failed", "error")
                    .with("error_message", word("error").unwrap_or_else(|| "Unknown error".to_owned()))
                    .with("exception_class", class.as_str())
                    .with("error_class", class)
                    .with("step_results", error.clone());
                match trace {
                    Some(trace) => payload.with("backtrace", trace),
                    None => payload,
                }
            });
            what_follows(voice, step, *begun, *then);
        }
        How::HandedBack { note } => {
            voice.tell(Moment::StepFailed, || {
                moved("failed", "error")
                    .with("error_message", format!("the attempt was not finished and does not count: {note}"))
                    .with("exception_class", "Tasker::HandedBack")
            });
            voice.tell(Moment::StepRetryRequested, || retry(voice, step, *begun, note));
        }
    }
}

fn what_follows(voice: &Voice<'_>, step: &ToldStep, begun: NaiveDateTime, then: Then) {
    let of_step = |kind: &str| Payload::of_step(kind, step, voice.at, begun, Some(voice.at));
    match then {
        Then::Retry { seconds, asked } => voice.tell(Moment::Backoff, || {
            of_step("backoff")
                .with("backoff_seconds", Json::from_f64(seconds))
                .with("backoff_type", if asked { "server_requested" } else { "exponential" })
                .whole("attempt", step.attempt)
        }),
        Then::Exhausted => voice.tell(Moment::MaxRetries, || of_step("max_retries_reached")),
        Then::Nothing => {}
    }
}

fn retry(voice: &Voice<'_>, step: &ToldStep, begun: NaiveDateTime, reason: &str) -> Payload {
    Payload::of_step("retry", step, voice.at, begun, None)
        .whole("previous_attempts", step.attempt.saturating_sub(1))
        .with("retry_reason", reason)
        .with("backoff_strategy", "exponential")
        .moved("error", "pending", voice.at)
}

/// A task came to its end, or waits for an instant. What it is decided by stands in its steps, which the decision does
/// not change: before and after say the same of them.
fn finalized(voice: &Voice<'_>, known: &Known, task_id: i64, ended: Option<Ended>) {
    let (moment, to) = match ended {
        Some(Ended::Complete) => (Moment::Completed, "complete"),
        Some(Ended::Error) => (Moment::Failed, "error"),
        None => (Moment::InitializeRequested, "pending"),
    };
    if ended.is_none() {
        voice.tell(Moment::NoViableSteps, || {
            Payload::of_work("no_viable_steps", task_id, voice.at)
                .with("reason", "every step that could go on waits for its time")
        });
    }
    let standing = known.standing.get(&task_id);
    match standing {
        Some(context) => voice.tell(Moment::FinalizationStarted, || {
            Payload::of_work("task_finalization_started", task_id, voice.at).standing(context)
        }),
        None => voice.lose(&[Moment::FinalizationStarted]),
    }
    before_move(voice, task_id, "in_progress", to, moment);
    match known.tasks.get(&task_id) {
        Some(task) => voice.tell(moment, || end_of(voice, task, to)),
        None => voice.lose(&[moment]),
    }
    match standing {
        Some(context) => voice.tell(Moment::FinalizationCompleted, || {
            Payload::of_work("task_finalization_completed", task_id, voice.at)
                .standing(context)
                .with("final_status", to)
        }),
        None => voice.lose(&[Moment::FinalizationCompleted]),
    }
}

fn end_of(voice: &Voice<'_>, task: &ToldTask, to: &str) -> Payload {
    let kind = match to {
        "complete" => "completed",
        "error" => "failed",
        _ => "pending_transition",
    };
    let payload = Payload::of_task(kind, task, voice.at).with("task_context", context_of(task)).moved(
        "in_progress",
        to,
        voice.at,
    );
    match to {
        "error" => payload
            .with("error_message", task.error.as_deref().unwrap_or("Task execution failed"))
            .with("error_steps", task.failed.clone())
            .whole("failed_steps_count", task.failed_steps),
        "pending" => payload.with("reason", "every step that could go on waits for its time"),
        _ => payload,
    }
}

fn before_move(voice: &Voice<'_>, task_id: i64, from: &str, to: &str, follows: Moment) {
    voice.tell(Moment::BeforeTransition, || {
        Payload::default()
            .whole("task_id", task_id)
            .with("from_state", from)
            .with("to_state", to)
            .with("transition_event", follows.name())
            .with("timestamp", instant(voice.at))
    });
}

fn taken(voice: &Voice<'_>, known: &Known, TakenSteps { task_id, begins, context, steps }: &TakenSteps) {
    let (task_id, at) = (*task_id, voice.at);
    let Some(first) = steps.first() else { return };
    let template = &first.definition.template;
    if known.started.contains(&task_id) {
        before_move(voice, task_id, "pending", "in_progress", Moment::StartRequested);
        match known.tasks.get(&task_id) {
            Some(task) => voice.tell(Moment::StartRequested, || {
                Payload::of_task("started", task, at)
                    .with("task_context", text(context.get()))
                    .whole("step_count", task.total_steps)
                    .moved("pending", "in_progress", at)
            }),
            None => voice.lose(&[Moment::StartRequested]),
        }
    }
    if *begins {
        voice.tell(Moment::TaskStarted, || {
            Payload::of_work("task_started", task_id, at).with("correlation_id", voice.word.as_deref())
        });
    }
    voice.tell(Moment::ViableSteps, || {
        let names: Json = steps.iter().map(|step| template.steps[step.place].name.as_str()).collect();
        let ids: Json = steps.iter().map(|step| Json::from(serde_json::Value::from(step.step_id))).collect();
        Payload::of_work("viable_steps_discovered", task_id, at)
            .with("step_ids", ids)
            .with("step_names", names)
            .with("processing_mode", MODE)
            .whole("step_count", steps.len())
            .whole("viable_count", steps.len())
    });
    voice.tell(Moment::ExecutionStarted, || {
        Payload::of_work("steps_execution_started", task_id, at)
            .with("task_name", template.name.as_str())
            .whole("step_count", steps.len())
            .with("processing_mode", MODE)
    });
    for step in steps {
        if known.retried.contains(&step.step_id) {
            voice.tell(Moment::StepRetryRequested, || retry(voice, step, at, "Step execution failed"));
        }
        voice.tell(Moment::StepExecutionRequested, || {
            let parents: Json =
                template.steps[step.place].parents.iter().map(|&parent| template.steps[parent].name.as_str()).collect();
            Payload::of_step("started", step, at, at, None)
                .with("step_inputs", text(context.get()))
                .with("step_dependencies", parents)
                .moved("pending", "in_progress", at)
        });
        // The handler of a step that is passed over is not called.
        if step.attempt > 0 {
            voice.tell(Moment::StepBeforeHandle, || Payload::of_step("before_handle", step, at, at, None));
        }
    }
}
