//! The state of any task and step at any instant follows from the transitions alone.

use std::collections::BTreeMap;

use chrono::{NaiveDateTime, TimeDelta};

use crate::journey::{Round, Witness, seeds, travel};

/// The states of a task and its steps.
#[derive(Debug, Clone, PartialEq, Eq)]
struct States {
    task: String,
    steps: BTreeMap<i64, String>,
}

/// What was seen after a round.
struct Seen {
    instant: NaiveDateTime,
    /// The newest transitions of tasks and of steps that stood then.
    last_rows: (i64, i64),
    states: BTreeMap<i64, States>,
}

#[derive(Default)]
struct Observations(Vec<Seen>);

impl Witness for Observations {
    async fn see(&mut self, round: Round<'_>) {
        let mut states = BTreeMap::new();
        for &task_id in round.tasks.keys() {
            let record = round.record(task_id).await;
            let steps = record.steps.iter().map(|step| (step.step_id, step.state.to_string())).collect();
            states.insert(task_id, States { task: record.task.state.to_string(), steps });
        }
        let last_rows: (i64, i64) = sqlx::query_as(
            "select coalesce((select max(id) from tasker_task_transitions), 0), coalesce((select max(id) from tasker_workflow_step_transitions), 0)",
        )
        .fetch_one(round.pool)
        .await
        .unwrap();
        self.0.push(Seen { instant: round.instant, last_rows, states });
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    owner: i64,
    id: i64,
    to_state: String,
    from_state: String,
    created_at: NaiveDateTime,
}

/// The history of everything in one table, each owner's in the order of its sort keys.
struct Histories(BTreeMap<i64, Vec<Row>>);

impl Histories {
    async fn read(pool: &sqlx::PgPool, sql: &'static str) -> Self {
        let rows: Vec<Row> = sqlx::query_as(sql).fetch_all(pool).await.unwrap();
        let mut all: BTreeMap<i64, Vec<Row>> = BTreeMap::new();
        for row in rows {
            all.entry(row.owner).or_default().push(row);
        }
        Self(all)
    }

    /// The state in which something was when only those rows stood that `stood` admits: by the last of them, or by the
    /// first that did not.
    fn state(&self, owner: i64, stood: impl Fn(&Row) -> bool) -> String {
        let rows = self.0.get(&owner).map(Vec::as_slice).unwrap_or_default();
        let count = rows.iter().take_while(|row| stood(row)).count();
        assert!(!rows[count..].iter().any(&stood), "rows of {owner} do not stand in the order of their sort keys");
        let before = rows[..count].last().map_or("pending", |row| &row.to_state);
        assert!(
            rows.get(count).is_none_or(|next| next.from_state == before),
            "{owner}: the next row comes from elsewhere"
        );
        before.to_owned()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_state_at_any_instant_follows_from_the_transitions() {
    let mut rebuilt = 0;
    for seed in seeds(2) {
        let mut observations = Observations::default();
        let bench = travel(seed, &mut observations).await;
        let tasks = Histories::read(
            bench.pool(),
            "select task_id as owner, id, to_state, from_state, created_at from tasker_task_transitions order by task_id, sort_key",
        )
        .await;
        let steps = Histories::read(
            bench.pool(),
            "select workflow_step_id as owner, id, to_state, from_state, created_at from tasker_workflow_step_transitions order by 1, sort_key",
        )
        .await;
        let seen = observations.0;
        for (place, now) in seen.iter().enumerate() {
            // The moment of the round itself, and the last one before the next round.
            let until = seen.get(place + 1).map_or(now.instant, |next| next.instant - TimeDelta::microseconds(1));
            for (task_id, observed) in &now.states {
                let rebuild = |of_task: &dyn Fn(&Row) -> bool, of_step: &dyn Fn(&Row) -> bool| States {
                    task: tasks.state(*task_id, of_task),
                    steps: observed.steps.keys().map(|step| (*step, steps.state(*step, of_step))).collect(),
                };
                for instant in [now.instant, until] {
                    let stood = |row: &Row| row.created_at <= instant;
                    assert_eq!(rebuild(&stood, &stood), *observed, "seed {seed}, task {task_id} at {instant}");
                }
                let by_id = rebuild(&|row| row.id <= now.last_rows.0, &|row| row.id <= now.last_rows.1);
                assert_eq!(by_id, *observed, "seed {seed}, task {task_id}, rows up to {:?}", now.last_rows);
                rebuilt += 1 + observed.steps.len();
            }
        }
    }
    println!("count: {rebuilt} states rebuilt, each at two instants and by its rows");
}
