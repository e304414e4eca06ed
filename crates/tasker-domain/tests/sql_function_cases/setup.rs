//! The rows of a case, as facts that the rules take.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use serde_json::{Map, Value};
use tasker_domain::readiness::{Edge, Newest, RecordedStep, RecordedTask, Rows, Snapshot, StepFacts, StepRow, TaskRow};
use tasker_domain::statistics::{Record, StepRecord, TaskRecord};

/// The rows of a case, with ids that ascend in the order in which the case lists them.
pub(crate) struct Database {
    pub(crate) now: NaiveDateTime,
    pub(crate) snapshot: Snapshot,
    pub(crate) record: Record,
    pub(crate) tasks: BTreeMap<String, i64>,
    pub(crate) steps: BTreeMap<String, i64>,
    /// By `namespace.name@version`.
    pub(crate) named_tasks: BTreeMap<String, i64>,
    pub(crate) named_steps: BTreeMap<String, i64>,
}

impl Database {
    pub(crate) fn new(recorded: &Value, setup: &Value) -> Self {
        let now = NaiveDate::from_ymd_opt(2025, 7, 10).unwrap().and_hms_opt(12, 0, 0).unwrap();
        let tasks = with_defaults(&recorded["task_defaults"], &setup["tasks"]);
        let steps = with_defaults(&recorded["step_defaults"], &setup["steps"]);
        let task_ids = numbered(tasks.iter().map(|task| text(&task["ref"])));
        let step_ids = numbered(steps.iter().map(|step| text(&step["ref"])));
        let named_tasks = numbered(tasks.iter().map(full_name));
        let named_steps = step_ids.clone();
        let task_rows = tasks.iter().map(|task| TaskRow {
            task_id: task_ids[&text(&task["ref"])],
            named_task_id: named_tasks[&full_name(task)].try_into().unwrap(),
            newest: newest(task).map(|(state, _)| RecordedTask::read(&state)),
            fail_fast: false,
        });
        let step_rows = steps.iter().map(|step| StepRow {
            workflow_step_id: step_ids[&text(&step["ref"])],
            task_id: task_ids[&text(&step["task"])],
            named_step_id: named_steps[&text(&step["ref"])].try_into().unwrap(),
            name: text(&step["ref"]).into(),
            facts: facts(step, now),
        });
        let edges = setup["edges"].as_array().into_iter().flatten();
        let edges =
            edges.map(|pair| Edge { from_step_id: step_ids[&text(&pair[0])], to_step_id: step_ids[&text(&pair[1])] });
        let rows = Rows { tasks: task_rows.collect(), steps: step_rows.collect(), edges: edges.collect() };
        let snapshot = Snapshot::new(rows).unwrap();
        let record = Record {
            tasks: tasks.iter().map(|task| task_record(task, &task_ids, now)).collect(),
            steps: steps.iter().map(|step| step_record(step, &task_ids, &step_ids, now)).collect(),
        };
        Self { now, snapshot, record, tasks: task_ids, steps: step_ids, named_tasks, named_steps }
    }
}

fn task_record(task: &Value, ids: &BTreeMap<String, i64>, now: NaiveDateTime) -> TaskRecord {
    TaskRecord {
        task_id: ids[&text(&task["ref"])],
        namespace: text(&task["namespace"]).into(),
        name: text(&task["name"]).into(),
        version: text(&task["version"]).into(),
        initiator: task["initiator"].as_str().map(Into::into),
        source_system: task["source_system"].as_str().map(Into::into),
        created_at: after(now, task["created_at"].as_f64().unwrap()),
        newest: newest(task).map(|(state, _)| RecordedTask::read(&state)),
    }
}

fn step_record(
    step: &Value,
    tasks: &BTreeMap<String, i64>,
    steps: &BTreeMap<String, i64>,
    now: NaiveDateTime,
) -> StepRecord {
    StepRecord {
        workflow_step_id: steps[&text(&step["ref"])],
        task_id: tasks[&text(&step["task"])],
        name: text(&step["ref"]).into(),
        created_at: after(now, step["created_at"].as_f64().unwrap()),
        transitions: step["transitions"].as_array().unwrap().len(),
        facts: facts(step, now),
    }
}

fn facts(step: &Value, now: NaiveDateTime) -> StepFacts {
    let integer = |key: &str| step[key].as_i64().map(|number| i32::try_from(number).unwrap());
    StepFacts {
        newest: newest(step).map(|(state, at)| Newest { state: RecordedStep::read(&state), at: after(now, at) }),
        attempts: integer("attempts"),
        retry_limit: integer("retry_limit"),
        retryable: step["retryable"].as_bool(),
        in_process: step["in_process"].as_bool(),
        processed: step["processed"].as_bool(),
        backoff_request_seconds: integer("backoff_request_seconds"),
        last_attempted_at: step["last_attempted_at"].as_f64().map(|offset| after(now, offset)),
        engine: None,
    }
}

/// The state of the newest row of a history and its offset: the last row, unless a row says otherwise of itself.
fn newest(owner: &Value) -> Option<(String, f64)> {
    let listed = owner["transitions"].as_array().unwrap();
    let is_newest = |place: usize, row: &Value| {
        row.get("most_recent").map_or(place + 1 == listed.len(), |given| given.as_bool().unwrap())
    };
    let (_, row) = listed.iter().enumerate().find(|(place, row)| is_newest(*place, row))?;
    Some((text(&row["to_state"]), row["at"].as_f64().unwrap()))
}

/// The instant so many seconds after another.
pub(crate) fn after(now: NaiveDateTime, seconds: f64) -> NaiveDateTime {
    #[allow(clippy::cast_possible_truncation, reason = "rounded, and small")]
    let microseconds = (seconds * 1e6).round() as i64;
    now + TimeDelta::microseconds(microseconds)
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn full_name(task: &Value) -> String {
    format!("{}.{}@{}", text(&task["namespace"]), text(&task["name"]), text(&task["version"]))
}

fn numbered(names: impl Iterator<Item = String>) -> BTreeMap<String, i64> {
    let mut numbers = BTreeMap::new();
    for name in names {
        let next = i64::try_from(numbers.len()).unwrap() + 1;
        numbers.entry(name).or_insert(next);
    }
    numbers
}

fn with_defaults(defaults: &Value, rows: &Value) -> Vec<Value> {
    let rows = rows.as_array().into_iter().flatten();
    rows.map(|row| {
        let mut whole: Map<String, Value> = defaults.as_object().unwrap().clone();
        whole.extend(row.as_object().unwrap().clone());
        Value::Object(whole)
    })
    .collect()
}
