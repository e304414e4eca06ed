//! Rows of recorded runs of the Rails engine.

use std::collections::BTreeMap;

use chrono::{NaiveDateTime, TimeDelta};
use serde::Deserialize;
use serde_json::Value;
use sqlx::PgConnection;

macro_rules! file {
    ($name:literal) => {
        include_str!(concat!("../../golden/rails-runs/", $name, ".json"))
    };
}

const FILES: [&str; 17] = [
    file!("cancel-pending-task"),
    file!("context-extra-key"),
    file!("context-missing-key"),
    file!("diamond-success"),
    file!("fail-once-retried"),
    file!("fail-once-unattended"),
    file!("fan5-success"),
    file!("limit-one-failure"),
    file!("linear-success"),
    file!("not-retryable-failure"),
    file!("permanent-error"),
    file!("requested-backoff"),
    file!("resolved-manually"),
    file!("retries-exhausted"),
    file!("retryable-error"),
    file!("single-success"),
    file!("tree-success"),
];

/// What stood in the tables after one phase of a recorded run: one task with all that belongs to it.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The case.
    pub case: String,
    /// Number of the phase in its case, from 0.
    pub phase: usize,
    /// What happened in the phase.
    pub happened: String,
    /// Name of the task's type; its namespace is `peer`, its version `1.0.0`.
    pub template: String,
    /// The task's row, by column.
    pub task: Value,
    /// The rows of its steps, in the order of their ids.
    pub steps: Vec<StepRow>,
    /// Names of the steps that each edge leads from and to.
    pub edges: Vec<(String, String)>,
    /// The task's history, oldest first.
    pub task_transitions: Vec<TransitionRow>,
    /// The history of each step, oldest first.
    pub step_transitions: BTreeMap<String, Vec<TransitionRow>>,
    /// What the engine said of the steps, as `get_step_readiness_status` has it.
    pub readiness: Vec<Value>,
    /// Transitions of steps in the order of their ids, as `step>state`.
    pub order: Vec<String>,
}

/// A step's row.
#[derive(Debug, Clone, Deserialize)]
pub struct StepRow {
    /// Name of its named step.
    pub name: String,
    /// Whether it may be tried again.
    pub retryable: bool,
    /// Attempts in all.
    pub retry_limit: i32,
    /// Never true in what Rails writes.
    pub in_process: bool,
    /// Whether it ended well.
    pub processed: bool,
    /// Attempts that came to their end.
    pub attempts: i32,
    /// Wait that was asked for.
    pub backoff_request_seconds: Option<i32>,
    /// Whether it may be passed over.
    pub skippable: bool,
    /// Present when there is an instant.
    pub processed_at: Option<String>,
    /// Present when there is an instant.
    pub last_attempted_at: Option<String>,
    /// A copy of the task's context.
    pub inputs: Value,
    /// What came out.
    pub results: Value,
}

/// A row of a history.
#[derive(Debug, Clone, Deserialize)]
pub struct TransitionRow {
    /// Its place.
    pub sort_key: i32,
    /// Always null in what Rails writes.
    pub from_state: Option<String>,
    /// The state that it leads to.
    pub to_state: String,
    /// Whether it is the last.
    pub most_recent: bool,
    /// What is noted beside.
    pub metadata: Value,
}

#[derive(Deserialize)]
struct Case {
    case: String,
    template: String,
    phases: Vec<Phase>,
}

#[derive(Deserialize)]
struct Phase {
    phase: String,
    rows: Option<Rows>,
}

#[derive(Deserialize)]
struct Rows {
    task: Value,
    steps: Vec<StepRow>,
    edges: Vec<EdgeRow>,
    step_transitions: BTreeMap<String, Vec<TransitionRow>>,
    task_transitions: Vec<TransitionRow>,
    transition_order: Vec<String>,
    readiness: Vec<Value>,
}

#[derive(Deserialize)]
struct EdgeRow {
    from: String,
    to: String,
}

impl Recording {
    /// The state of the task: that of the last row of its history.
    #[must_use]
    pub fn task_state(&self) -> &str {
        self.task_transitions.last().map_or("pending", |row| &row.to_state)
    }

    /// The state of a step.
    #[must_use]
    pub fn step_state(&self, step: &str) -> &str {
        self.step_transitions.get(step).and_then(|rows| rows.last()).map_or("pending", |row| &row.to_state)
    }
}

/// Every phase of every recorded run that left rows.
///
/// # Panics
/// When a file, which is compiled in, is not as expected.
#[must_use]
pub fn recordings() -> Vec<Recording> {
    FILES.into_iter().flat_map(of_case).collect()
}

fn of_case(text: &str) -> Vec<Recording> {
    let case: Case = serde_json::from_str(text).unwrap_or_else(|error| panic!("a recording cannot be read: {error}"));
    let recording = |(number, phase): (usize, Phase)| {
        let rows = phase.rows?;
        Some(Recording {
            case: case.case.clone(),
            phase: number,
            happened: phase.phase,
            template: case.template.clone(),
            task: rows.task,
            steps: rows.steps,
            edges: rows.edges.into_iter().map(|edge| (edge.from, edge.to)).collect(),
            task_transitions: rows.task_transitions,
            step_transitions: rows.step_transitions,
            readiness: rows.readiness,
            order: rows.transition_order,
        })
    };
    case.phases.into_iter().enumerate().filter_map(recording).collect()
}

/// Writes the rows of a recording as Rails does, a task of its own under a new id, which is returned. The instants that
/// a recording does not tell follow each other from `begun` (UTC), a second apart.
///
/// # Errors
/// When the database refuses.
pub async fn write(
    connection: &mut PgConnection,
    recording: &Recording,
    begun: NaiveDateTime,
) -> Result<i64, sqlx::Error> {
    let named_task_id: i32 = definition(connection, recording, begun).await?;
    let text = |column: &str| recording.task[column].as_str().map(str::to_owned);
    let task_id: i64 = sqlx::query_scalar(
        "INSERT INTO public.tasker_tasks (named_task_id, complete, requested_at, initiator, source_system, reason, bypass_steps,
            tags, context, identity_hash, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, gen_random_uuid(), $3, $3) RETURNING task_id",
    )
    .bind(named_task_id)
    .bind(recording.task["complete"].as_bool())
    .bind(begun)
    .bind(text("initiator"))
    .bind(text("source_system"))
    .bind(text("reason"))
    .bind(&recording.task["bypass_steps"])
    .bind(&recording.task["tags"])
    .bind(&recording.task["context"])
    .fetch_one(&mut *connection)
    .await?;
    let step_ids = steps(connection, recording, task_id, begun).await?;
    for row in &recording.task_transitions {
        sqlx::query(
            "INSERT INTO public.tasker_task_transitions
                (to_state, from_state, metadata, sort_key, most_recent, task_id, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
        )
        .bind(&row.to_state)
        .bind(&row.from_state)
        .bind(&row.metadata)
        .bind(row.sort_key)
        .bind(row.most_recent)
        .bind(task_id)
        .bind(begun + TimeDelta::seconds(i64::from(row.sort_key)))
        .execute(&mut *connection)
        .await?;
    }
    let mut next: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, entry) in recording.order.iter().enumerate() {
        let step = entry.split('>').next().unwrap_or_default();
        let number = next.entry(step).or_default();
        let row = recording
            .step_transitions
            .get(step)
            .and_then(|rows| rows.get(*number))
            .unwrap_or_else(|| panic!("{}: {entry} is in the order and not in a history", recording.case));
        *number += 1;
        sqlx::query(
            "INSERT INTO public.tasker_workflow_step_transitions
                (to_state, from_state, metadata, sort_key, most_recent, workflow_step_id, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
        )
        .bind(&row.to_state)
        .bind(&row.from_state)
        .bind(&row.metadata)
        .bind(row.sort_key)
        .bind(row.most_recent)
        .bind(step_ids.get(step))
        .bind(begun + TimeDelta::seconds(2 + place as i64))
        .execute(&mut *connection)
        .await?;
    }
    Ok(task_id)
}

/// Finds or makes what the task is of, as Rails does at a request.
async fn definition(
    connection: &mut PgConnection,
    recording: &Recording,
    begun: NaiveDateTime,
) -> Result<i32, sqlx::Error> {
    for (statement, name) in [
        (
            "INSERT INTO public.tasker_task_namespaces (name, created_at, updated_at) VALUES ($1, $2, $2)
             ON CONFLICT (name) DO NOTHING",
            "peer",
        ),
        (
            "INSERT INTO public.tasker_dependent_systems (name, created_at, updated_at) VALUES ($1, $2, $2)
             ON CONFLICT (name) DO NOTHING",
            "peer-system",
        ),
        (
            r#"INSERT INTO public.tasker_named_tasks (name, task_namespace_id, version, configuration, created_at, updated_at)
             SELECT $1, task_namespace_id, '1.0.0', '"{}"', $2, $2 FROM public.tasker_task_namespaces WHERE name = 'peer'
             ON CONFLICT (task_namespace_id, name, version) DO NOTHING"#,
            recording.template.as_str(),
        ),
    ] {
        sqlx::query(statement).bind(name).bind(begun).execute(&mut *connection).await?;
    }
    let named_task_id: i32 =
        sqlx::query_scalar("SELECT named_task_id FROM public.tasker_named_tasks WHERE name = $1 AND version = '1.0.0'")
            .bind(&recording.template)
            .fetch_one(&mut *connection)
            .await?;
    for step in &recording.steps {
        sqlx::query(
            "INSERT INTO public.tasker_named_steps (dependent_system_id, name, created_at, updated_at)
             SELECT dependent_system_id, $1, $2, $2 FROM public.tasker_dependent_systems WHERE name = 'peer-system'
             ON CONFLICT (dependent_system_id, name) DO NOTHING",
        )
        .bind(&step.name)
        .bind(begun)
        .execute(&mut *connection)
        .await?;
        sqlx::query(
            "INSERT INTO public.tasker_named_tasks_named_steps
                (named_task_id, named_step_id, default_retryable, default_retry_limit, created_at, updated_at)
             SELECT $1, named_step_id, $3, $4, $5, $5 FROM public.tasker_named_steps WHERE name = $2
             ON CONFLICT (named_task_id, named_step_id) DO NOTHING",
        )
        .bind(named_task_id)
        .bind(&step.name)
        .bind(step.retryable)
        .bind(step.retry_limit)
        .bind(begun)
        .execute(&mut *connection)
        .await?;
    }
    Ok(named_task_id)
}

/// Writes steps and edges; answers with the ids of the steps.
async fn steps<'a>(
    connection: &mut PgConnection,
    recording: &'a Recording,
    task_id: i64,
    begun: NaiveDateTime,
) -> Result<BTreeMap<&'a str, i64>, sqlx::Error> {
    let ended = begun + TimeDelta::seconds(2 + recording.order.len() as i64);
    let mut ids = BTreeMap::new();
    for step in &recording.steps {
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO public.tasker_workflow_steps (task_id, named_step_id, retryable, retry_limit, in_process, processed,
                processed_at, attempts, last_attempted_at, backoff_request_seconds, inputs, results, skippable, created_at, updated_at)
             SELECT $1, named_step_id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14
             FROM public.tasker_named_steps WHERE name = $2 RETURNING workflow_step_id",
        )
        .bind(task_id)
        .bind(&step.name)
        .bind(step.retryable)
        .bind(step.retry_limit)
        .bind(step.in_process)
        .bind(step.processed)
        .bind(step.processed_at.as_ref().map(|_| ended))
        .bind(step.attempts)
        .bind(step.last_attempted_at.as_ref().map(|_| ended))
        .bind(step.backoff_request_seconds)
        .bind(&step.inputs)
        .bind(&step.results)
        .bind(step.skippable)
        .bind(begun)
        .fetch_one(&mut *connection)
        .await?;
        ids.insert(step.name.as_str(), id);
    }
    for (from, to) in &recording.edges {
        sqlx::query(
            "INSERT INTO public.tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
             VALUES ($1, $2, 'provides', $3, $3)",
        )
        .bind(ids.get(from.as_str()))
        .bind(ids.get(to.as_str()))
        .bind(begun)
        .execute(&mut *connection)
        .await?;
    }
    Ok(ids)
}
