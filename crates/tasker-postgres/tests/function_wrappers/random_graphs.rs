//! The pure rules and the live functions on the same random rows.
//!
//! The seed is printed; `TASKER_RANDOM_SEED` gives another one.

use chrono::{NaiveDateTime, TimeDelta};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::{Acquire, PgConnection};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Debug;
use tasker_domain::readiness::{
    self, CycleBehindRoot, Edge, Newest, RecordedStep, RecordedTask, Rows, Snapshot, StepFacts, StepRow, TaskRow,
    TooManyAttempts,
};
use tasker_postgres::factories::insert_snapshot;
use tasker_postgres::functions::{
    DependencyLevels, FunctionError, StepDag, StepReadiness, TaskExecutionContext, task_snapshot,
};
use tasker_testing::database::TestDatabase;

const GRAPHS: usize = 120;
const STATES: [&str; 9] =
    ["pending", "in_progress", "complete", "complete", "complete", "error", "error", "resolved_manually", "skipped"];
const TASK_STATES: [&str; 5] = ["pending", "in_progress", "complete", "error", "odd"];
const ATTEMPTS: [Option<i32>; 10] =
    [None, Some(0), Some(0), Some(1), Some(1), Some(2), Some(3), Some(5), Some(-1), Some(-7)];
/// Beyond counting, or nearly so.
const RARE_ATTEMPTS: [i32; 7] = [43, 44, 1_023, 1_024, -1_074, -1_075, i32::MAX];
const LIMITS: [Option<i32>; 6] = [None, Some(0), Some(1), Some(3), Some(3), Some(2_000)];

struct Dice(StdRng);

impl Dice {
    fn pick<T: Clone>(&mut self, values: &[T]) -> T {
        values[self.0.random_range(0..values.len())].clone()
    }

    fn one_in(&mut self, number: u32) -> bool {
        self.0.random_range(0..number) == 0
    }

    /// An instant around now; one in eight lies on a whole second, where waits end.
    fn instant(&mut self, now: NaiveDateTime) -> NaiveDateTime {
        let offset = self.0.random_range(-40_000_000_i64..5_000_000);
        now + TimeDelta::microseconds(if self.one_in(8) { offset / 1_000_000 * 1_000_000 } else { offset })
    }

    fn facts(&mut self, now: NaiveDateTime) -> StepFacts {
        let newest = (!self.one_in(3)).then(|| {
            let state = RecordedStep::read(self.pick(&STATES));
            Newest { state, at: self.instant(now) }
        });
        let attempts = if self.one_in(8) { Some(self.pick(&RARE_ATTEMPTS)) } else { self.pick(&ATTEMPTS) };
        StepFacts {
            newest,
            attempts,
            retry_limit: self.pick(&LIMITS),
            retryable: Some(!self.one_in(10)),
            in_process: Some(self.one_in(12)),
            processed: Some(self.one_in(12)),
            backoff_request_seconds: self.one_in(4).then(|| self.pick(&[-5, 0, 1, 10, 60])),
            last_attempted_at: self.one_in(3).then(|| self.instant(now)),
            engine: None,
        }
    }

    fn snapshot(&mut self, now: NaiveDateTime) -> Snapshot {
        let tasks: Vec<TaskRow> = (1..=self.0.random_range(1..4))
            .map(|task_id| TaskRow {
                task_id,
                named_task_id: i32::try_from(task_id % 2 + 1).unwrap(),
                newest: (!self.one_in(3)).then(|| RecordedTask::read(self.pick(&TASK_STATES))),
                fail_fast: false,
            })
            .collect();
        let number = self.0.random_range(1..40_i64);
        let steps: Vec<StepRow> = (1..=number)
            .map(|id| StepRow {
                workflow_step_id: id,
                task_id: self.pick(&tasks).task_id,
                named_step_id: i32::try_from(id).unwrap(),
                name: format!("step_{id}").into(),
                facts: self.facts(now),
            })
            .collect();
        let mut edges = Vec::new();
        for _ in 0..self.0.random_range(0..=number * 2) {
            let (from, to) = (self.pick(&steps), self.pick(&steps));
            // Nearly all edges stay within a task and lead on; the others make circles and reach into other tasks.
            let is_usual = from.task_id == to.task_id && from.workflow_step_id < to.workflow_step_id;
            if is_usual || self.one_in(20) {
                edges.push(Edge { from_step_id: from.workflow_step_id, to_step_id: to.workflow_step_id });
            }
        }
        Snapshot::new(Rows { tasks, steps, edges }).unwrap()
    }
}

/// A row of the function in the rules' own type.
fn as_rules_have_it(row: StepReadiness) -> readiness::StepReadiness {
    readiness::StepReadiness {
        workflow_step_id: row.workflow_step_id,
        task_id: row.task_id,
        named_step_id: row.named_step_id,
        name: row.name.into(),
        current_state: RecordedStep::read(&row.current_state),
        dependencies_satisfied: row.dependencies_satisfied,
        retry_eligible: row.retry_eligible,
        ready_for_execution: row.ready_for_execution,
        last_failure_at: row.last_failure_at,
        next_retry_at: row.next_retry_at,
        total_parents: row.total_parents,
        completed_parents: row.completed_parents,
        attempts: row.attempts,
        retry_limit: row.retry_limit,
        backoff_request_seconds: row.backoff_request_seconds,
        last_attempted_at: row.last_attempted_at,
    }
}

fn context_as_rules_have_it(row: TaskExecutionContext) -> readiness::TaskExecutionContext {
    readiness::TaskExecutionContext {
        task_id: row.task_id,
        named_task_id: row.named_task_id,
        status: RecordedTask::read(&row.status),
        total_steps: row.total_steps,
        pending_steps: row.pending_steps,
        in_progress_steps: row.in_progress_steps,
        completed_steps: row.completed_steps,
        failed_steps: row.failed_steps,
        ready_steps: row.ready_steps,
        execution_status: row.execution_status,
        recommended_action: row.recommended_action,
        completion_percentage: row.completion_percentage,
        health_status: row.health_status,
    }
}

/// Rows, or the SQLSTATE.
fn said<T>(answer: Result<T, FunctionError>) -> Result<T, String> {
    answer.map_err(|error| {
        let source = error.source().unwrap().downcast_ref::<sqlx::Error>().unwrap();
        source.as_database_error().unwrap().code().unwrap().into_owned()
    })
}

/// Rows must be the same. Of several steps beyond counting either side may report any: which one the server meets first is
/// left to its plan.
fn assert_alike<T: PartialEq + Debug>(ours: Result<T, TooManyAttempts>, theirs: Result<T, String>, codes: &[&str]) {
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs),
        (Err(_), Err(code)) => assert!(codes.contains(&code.as_str()), "{code} is none of {codes:?}"),
        (ours, theirs) => panic!("{ours:?} and {theirs:?}"),
    }
}

/// The codes of all steps beyond counting, each asked about alone.
fn codes(made: &Snapshot, now: NaiveDateTime) -> Vec<&'static str> {
    let alone =
        |step: &StepRow| readiness::step_readiness(made, step.task_id, Some(&[step.workflow_step_id]), now).err();
    made.steps().iter().filter_map(alone).map(|error| error.sqlstate()).collect()
}

/// A failed call spoils the transaction: each is made in one of its own within it.
macro_rules! ask {
    ($connection:expr, |$inner:ident| $call:expr) => {{
        let mut nested = $connection.begin().await.unwrap();
        let $inner = &mut *nested;
        let answer = $call.await;
        nested.rollback().await.unwrap();
        answer
    }};
}

#[derive(Default)]
struct Tally {
    rows: usize,
    ready: usize,
    beyond_counting: usize,
    cycles: usize,
    foreign_parents: usize,
}

async fn compare(
    connection: &mut PgConnection,
    made: &Snapshot,
    dice: &mut Dice,
    now: NaiveDateTime,
    tally: &mut Tally,
) {
    let codes = codes(made, now);
    for task in made.tasks() {
        let task_id = task.task_id;
        let loaded = task_snapshot(&mut *connection, task_id).await.unwrap().unwrap();
        assert_eq!(loaded.steps_of(task_id), made.steps_of(task_id));
        tally.foreign_parents += loaded.steps().len() - loaded.steps_of(task_id).len();

        let theirs = ask!(connection, |inner| StepReadiness::for_task(inner, task_id));
        let theirs = said(theirs).map(|rows| rows.into_iter().map(as_rules_have_it).collect::<Vec<_>>());
        let ours = readiness::step_readiness(&loaded, task_id, None, now);
        assert_alike(ours.clone(), theirs, &codes);
        tally.beyond_counting += usize::from(ours.is_err());
        for row in ours.into_iter().flatten() {
            tally.rows += 1;
            tally.ready += usize::from(row.ready_for_execution);
        }

        let listed: Vec<i64> = (0..6).map(|_| dice.0.random_range(1..45)).collect();
        let theirs = ask!(connection, |inner| StepReadiness::for_steps(inner, task_id, &listed));
        let theirs = said(theirs).map(|rows| rows.into_iter().map(as_rules_have_it).collect::<Vec<_>>());
        assert_alike(readiness::step_readiness(&loaded, task_id, Some(&listed), now), theirs, &codes);

        let theirs = ask!(connection, |inner| TaskExecutionContext::find(inner, task_id));
        let theirs = said(theirs).map(|row| row.map(context_as_rules_have_it));
        assert_alike(readiness::task_execution_context(&loaded, task_id, now), theirs, &codes);

        let theirs = ask!(connection, |inner| DependencyLevels::for_task(inner, task_id));
        match (readiness::dependency_levels(&loaded, task_id), theirs) {
            (Ok(ours), Ok(theirs)) => {
                let ours: Vec<(i64, usize)> =
                    ours.iter().map(|row| (row.workflow_step_id, row.dependency_level)).collect();
                let level = |level: i32| usize::try_from(level).unwrap();
                let theirs: Vec<(i64, usize)> =
                    theirs.steps.iter().map(|row| (row.workflow_step_id, level(row.dependency_level))).collect();
                assert_eq!(ours, theirs);
            }
            (Err(CycleBehindRoot { .. }), Err(FunctionError::Cycle(_))) => tally.cycles += 1,
            (ours, theirs) => panic!("levels of task {task_id}: {ours:?} and {theirs:?}"),
        }

        let theirs: BTreeMap<i64, StepDag> = StepDag::for_task(&mut *connection, task_id)
            .await
            .unwrap()
            .into_iter()
            .map(|row| (row.workflow_step_id, row))
            .collect();
        let ours = readiness::step_dag(made, task_id);
        assert_eq!(ours.len(), theirs.len());
        for row in ours {
            let other = &theirs[&row.workflow_step_id];
            // the columns are named alike on both sides
            assert_eq!(format!("{row:?}"), format!("{other:?}"));
        }
    }

    let several: Vec<i64> = (0..4).map(|_| dice.0.random_range(1..6)).collect();
    let theirs = ask!(connection, |inner| StepReadiness::for_tasks(inner, &several));
    let theirs = said(theirs).map(|rows| rows.into_iter().map(as_rules_have_it).collect::<Vec<_>>());
    assert_alike(readiness::step_readiness_batch(made, &several, now), theirs, &codes);
    let theirs = ask!(connection, |inner| TaskExecutionContext::for_tasks(inner, &several));
    let theirs = said(theirs).map(|rows| rows.into_iter().map(context_as_rules_have_it).collect::<Vec<_>>());
    assert_alike(readiness::task_execution_contexts(made, &several, now), theirs, &codes);
}

#[tokio::test]
async fn the_rules_say_of_random_rows_what_the_live_functions_say() {
    let seed: u64 = match std::env::var("TASKER_RANDOM_SEED") {
        Ok(text) => text.parse().expect("TASKER_RANDOM_SEED is a whole number"),
        Err(_) => 20_251_121,
    };
    let mut dice = Dice(StdRng::seed_from_u64(seed));
    let database = TestDatabase::with_schema().await;
    let mut connection = database.pool().acquire().await.unwrap();
    let mut tally = Tally::default();
    for graph in 0..GRAPHS {
        // One transaction, so that the instant stands still.
        let mut transaction = connection.begin().await.unwrap();
        let now = sqlx::query_scalar("SELECT now() AT TIME ZONE 'UTC'").fetch_one(&mut *transaction).await.unwrap();
        let made = dice.snapshot(now);
        eprintln!("seed {seed}, graph {graph}");
        insert_snapshot(&mut *transaction, &made).await.unwrap();
        compare(&mut transaction, &made, &mut dice, now, &mut tally).await;
        transaction.rollback().await.unwrap();
    }
    drop(connection);
    database.drop().await;
    let met = [tally.ready, tally.beyond_counting, tally.cycles, tally.foreign_parents];
    assert!(met.iter().all(|number| *number > 0), "some case was never met: {met:?}");
    println!(
        "count: {GRAPHS} random graphs (seed {seed}) alike in rules and live functions: {} rows, {} of them ready, \
         {} tasks beyond counting, {} with a cycle, {} parents in other tasks",
        tally.rows, tally.ready, tally.beyond_counting, tally.cycles, tally.foreign_parents
    );
}
