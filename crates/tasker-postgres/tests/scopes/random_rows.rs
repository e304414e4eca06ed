//! Scopes of the other models, put together at random, find what a plain filter over the same rows finds.

use std::collections::HashMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use tasker_postgres::PgPool;
use tasker_postgres::models::*;
use tasker_testing::database::TestDatabase;
use tokio::runtime::Runtime;

use crate::every::populate;

const STATES: [&str; 6] = ["pending", "in_progress", "complete", "error", "cancelled", "resolved_manually"];

/// A way to narrow the rows of a model, and whether a row is among them.
struct Way<M> {
    name: String,
    narrowed: Box<dyn Fn(Scope<M>) -> Scope<M>>,
    holds: Box<dyn Fn(&M) -> bool>,
}

fn way<M>(
    name: impl Into<String>,
    narrowed: impl Fn(Scope<M>) -> Scope<M> + 'static,
    holds: impl Fn(&M) -> bool + 'static,
) -> Way<M> {
    Way { name: name.into(), narrowed: Box::new(narrowed), holds: Box::new(holds) }
}

/// Takes up to three ways at a time, the last two as alternatives where there are three.
fn check<M: Model>(runtime: &Runtime, pool: &PgPool, ways: &[Way<M>]) {
    let mut rows = runtime.block_on(M::all().fetch(pool)).unwrap();
    rows.sort_by_key(Model::key);
    for way in ways {
        let found = rows.iter().filter(|row| (way.holds)(row)).count();
        assert!(found > 0 || way.name.starts_with("none"), "{}: no row shows what {} does", M::MODEL, way.name);
    }
    let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    let checked = runner.run(&proptest::collection::vec(0..ways.len(), 1..4), |picked| {
        let picked: Vec<&Way<M>> = picked.iter().map(|place| &ways[*place]).collect();
        let (scope, expected): (Scope<M>, Vec<i64>) = if let [first, one, other] = picked[..] {
            let either = (one.narrowed)(M::all()).or((other.narrowed)(M::all()));
            let holds = |row: &&M| (first.holds)(row) && ((one.holds)(row) || (other.holds)(row));
            ((first.narrowed)(M::all()).and(either), rows.iter().filter(holds).map(Model::key).collect())
        } else {
            let scope = picked.iter().fold(M::all(), |scope, way| (way.narrowed)(scope));
            let holds = |row: &&M| picked.iter().all(|way| (way.holds)(row));
            (scope, rows.iter().filter(holds).map(Model::key).collect())
        };
        let names: Vec<_> = picked.iter().map(|way| &way.name).collect();
        runtime.block_on(async {
            let mut found = scope.keys(pool).await.unwrap();
            found.sort_unstable();
            prop_assert_eq!(&found, &expected, "{:?}: {}", names, scope.to_sql());
            prop_assert_eq!(scope.count(pool).await.unwrap(), i64::try_from(expected.len()).unwrap());
            prop_assert_eq!(scope.exists(pool).await.unwrap(), !expected.is_empty());
            Ok(())
        })
    });
    if let Err(error) = checked {
        panic!("{}: {error}", M::MODEL);
    }
}

fn with_rows(test: impl FnOnce(&Runtime, &PgPool)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let database = runtime.block_on(TestDatabase::with_schema());
    runtime.block_on(populate(database.pool(), 60));
    // States that the population has only in later tasks.
    let sql = "update public.tasker_task_transitions set to_state = (array['error', 'cancelled', 'pending'])[1 + id % 3]
          where most_recent and task_id % 4 = 0;
        update public.tasker_workflow_step_transitions set to_state = (array['error', 'pending', 'cancelled'])[1 + id % 3]
          where workflow_step_id % 4 = 0;
        update public.tasker_workflow_step_transitions set metadata = '{\"attempt_number\": 2, \"why\": \"late\"}'
          where id % 5 = 0;
        update public.tasker_task_transitions set metadata = '{\"triggered_by\": \"operator\"}' where id % 5 = 0;
        update public.tasker_workflow_step_edges set name = 'other' where id % 4 = 0;
        insert into public.tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
          select min(workflow_step_id), max(workflow_step_id), 'provides', now(), now()
          from public.tasker_workflow_steps group by task_id having task_id % 2 = 0;
        update public.tasker_workflow_step_edges set from_step_id = from_step_id - 1 where id % 6 = 2;
        insert into public.tasker_task_namespaces (name, created_at, updated_at) values ('default', now(), now());
        insert into public.tasker_named_tasks (name, version, task_namespace_id, configuration, created_at, updated_at)
          select 'type_1', v, min(task_namespace_id), '{}', now(), now()
          from public.tasker_task_namespaces, unnest(array['0.9.0', '0.10.0', '9.0.0']) v group by v;
        insert into public.tasker_named_tasks_named_steps (named_task_id, named_step_id, created_at, updated_at)
          select named_task_id, named_step_id, now(), now() from public.tasker_named_tasks, public.tasker_named_steps
          where named_task_id % 7 = named_step_id % 11";
    runtime.block_on(sqlx::raw_sql(sql).execute(database.pool())).unwrap();
    test(&runtime, database.pool());
    runtime.block_on(database.drop());
}

/// The ways that both histories have.
macro_rules! history_ways {
    ($model:ident, $middle:expr, $key:literal, $value:expr) => {{
        let middle = $middle;
        let mut ways: Vec<Way<$model>> = STATES
            .into_iter()
            .filter(|state| *state != "resolved_manually")
            .map(|state| {
                way(
                    format!("to_state {state}"),
                    move |scope: Scope<$model>| scope.to_state(state),
                    move |row| row.to_state == state,
                )
            })
            .collect();
        let later = middle + chrono::TimeDelta::minutes(5);
        ways.push(way("recent", |scope: Scope<$model>| scope.recent(), |_| true));
        ways.push(way("key", |scope: Scope<$model>| scope.with_metadata_key($key), |row| row.has_metadata($key)));
        ways.push(way("none: key", |scope: Scope<$model>| scope.with_metadata_key("?'"), |_| false));
        ways.push(way(
            "value",
            |scope: Scope<$model>| scope.with_metadata_value($key, &$value.into()),
            |row| row.get_metadata($key) == Some($value.into()),
        ));
        ways.push(way(
            "time",
            move |scope: Scope<$model>| scope.in_time_range(middle, later),
            move |row| row.created_at >= middle && row.created_at <= later,
        ));
        ways
    }};
}

#[test]
fn transitions_that_random_scopes_find() {
    with_rows(|runtime, pool| {
        let some = runtime.block_on(WorkflowStepTransition::scope().offset(70).first(pool)).unwrap().unwrap();
        let mut ways = history_ways!(WorkflowStepTransition, some.created_at, "why", json!("late"));
        let steps = runtime.block_on(WorkflowStep::scope().fetch(pool)).unwrap();
        let tasks: HashMap<i64, i64> = steps.iter().map(|step| (step.workflow_step_id, step.task_id)).collect();
        let task = tasks[&some.workflow_step_id];
        let all = runtime.block_on(WorkflowStepTransition::scope().fetch(pool)).unwrap();
        ways.push(way(
            "for_task",
            move |scope: Scope<WorkflowStepTransition>| scope.for_task(task),
            move |row| tasks[&row.workflow_step_id] == task,
        ));
        ways.push(way(
            "for_attempt",
            |scope: Scope<WorkflowStepTransition>| scope.for_attempt(2),
            |row| row.get_metadata("attempt_number") == Some(2.into()),
        ));
        ways.push(way(
            "retry_transitions",
            |scope: Scope<WorkflowStepTransition>| scope.retry_transitions(),
            move |row| {
                let failed_before = |other: &WorkflowStepTransition| {
                    other.workflow_step_id == row.workflow_step_id
                        && other.sort_key < row.sort_key
                        && other.to_state == "error"
                };
                row.to_state == "pending" && all.iter().any(failed_before)
            },
        ));
        check(runtime, pool, &ways);
        let some = runtime.block_on(TaskTransition::scope().offset(50).first(pool)).unwrap().unwrap();
        check(runtime, pool, &history_ways!(TaskTransition, some.created_at, "triggered_by", json!("operator")));
    });
}

/// The parents of each step, each as often as there are edges from it, in order.
fn parents(edges: &[WorkflowStepEdge]) -> HashMap<i64, Vec<i64>> {
    let mut parents: HashMap<i64, Vec<i64>> = HashMap::new();
    for edge in edges {
        parents.entry(edge.to_step_id).or_default().push(edge.from_step_id);
    }
    parents.values_mut().for_each(|list| list.sort_unstable());
    parents
}

#[test]
fn edges_and_rows_of_the_view_that_random_scopes_find() {
    // B-SCP-019, B-SCP-020
    with_rows(|runtime, pool| {
        let edges = runtime.block_on(WorkflowStepEdge::scope().fetch(pool)).unwrap();
        let parents = parents(&edges);
        let sibling = |one: i64, other: i64| {
            one != other && parents.get(&one).is_some_and(|own| parents.get(&other) == Some(own))
        };
        let with_sibling = edges
            .iter()
            .map(|edge| edge.to_step_id)
            .find(|step| parents.keys().any(|other| sibling(*step, *other)))
            .expect("the rows have siblings");
        let siblings: Vec<i64> = parents.keys().copied().filter(|other| sibling(with_sibling, *other)).collect();
        let root = edges.iter().map(|edge| edge.from_step_id).find(|step| !parents.contains_key(step)).unwrap();
        let children: Vec<i64> =
            edges.iter().filter(|edge| edge.from_step_id == root).map(|edge| edge.to_step_id).collect();
        let sought = siblings.clone();
        check::<WorkflowStepEdge>(
            runtime,
            pool,
            &[
                way(
                    "children_of",
                    move |scope: Scope<WorkflowStepEdge>| scope.children_of(root),
                    move |row| row.from_step_id == root,
                ),
                way(
                    "parents_of",
                    move |scope: Scope<WorkflowStepEdge>| scope.parents_of(with_sibling),
                    move |row| row.to_step_id == with_sibling,
                ),
                way(
                    "provides_edges",
                    |scope: Scope<WorkflowStepEdge>| scope.provides_edges(),
                    |row| row.name == "provides",
                ),
                way(
                    "provides_to_children",
                    move |scope: Scope<WorkflowStepEdge>| scope.provides_to_children(root),
                    move |row| row.name == "provides" && children.contains(&row.to_step_id),
                ),
                way(
                    "to_siblings_of",
                    move |scope: Scope<WorkflowStepEdge>| scope.to_siblings_of(with_sibling),
                    move |row| sought.contains(&row.to_step_id),
                ),
            ],
        );
        let task = runtime.block_on(WorkflowStep::find(root, pool)).unwrap().task_id;
        let steps = runtime.block_on(WorkflowStep::scope().keys(pool)).unwrap();
        assert_eq!(runtime.block_on(StepDagRelationship::scope().count(pool)).unwrap(), steps.len() as i64);
        let (of_view, begins, ends) = (
            runtime.block_on(StepDagRelationship::scope().siblings_of(with_sibling, pool)).unwrap(),
            parents.keys().copied().collect::<Vec<_>>(),
            edges.iter().map(|edge| edge.from_step_id).collect::<Vec<_>>(),
        );
        let (begins_too, ends_too) = (begins.clone(), ends.clone());
        check::<StepDagRelationship>(
            runtime,
            pool,
            &[
                way(
                    "for_task",
                    move |scope: Scope<StepDagRelationship>| scope.for_task(task),
                    move |row| row.task_id == task,
                ),
                way(
                    "root_steps",
                    |scope: Scope<StepDagRelationship>| scope.root_steps(),
                    move |row| !begins.contains(&row.workflow_step_id),
                ),
                way(
                    "leaf_steps",
                    |scope: Scope<StepDagRelationship>| scope.leaf_steps(),
                    move |row| !ends.contains(&row.workflow_step_id),
                ),
                way(
                    "with_parents",
                    |scope: Scope<StepDagRelationship>| scope.with_parents(),
                    move |row| begins_too.contains(&row.workflow_step_id),
                ),
                way(
                    "with_children",
                    |scope: Scope<StepDagRelationship>| scope.with_children(),
                    move |row| ends_too.contains(&row.workflow_step_id),
                ),
                way(
                    "siblings_of",
                    move |scope: Scope<StepDagRelationship>| scope.and(of_view.clone()),
                    move |row| siblings.contains(&row.workflow_step_id),
                ),
            ],
        );
    });
}

#[test]
fn definitions_that_random_scopes_find() {
    // B-SCP-017, B-SCP-018
    with_rows(|runtime, pool| {
        let namespaces: HashMap<i32, String> = runtime
            .block_on(TaskNamespace::scope().fetch(pool))
            .unwrap()
            .into_iter()
            .map(|space| (space.task_namespace_id, space.name))
            .collect();
        let all = runtime.block_on(NamedTask::scope().fetch(pool)).unwrap();
        check::<NamedTask>(
            runtime,
            pool,
            &[
                way(
                    "in_namespace",
                    |scope: Scope<NamedTask>| scope.in_namespace("space_1"),
                    move |row| namespaces[&i32::try_from(row.task_namespace_id).unwrap()] == "space_1",
                ),
                way(
                    "with_version",
                    |scope: Scope<NamedTask>| scope.with_version("2.0.0"),
                    |row| row.version == "2.0.0",
                ),
                way(
                    "latest_versions",
                    |scope: Scope<NamedTask>| scope.latest_versions(),
                    move |row| {
                        let kin = |other: &&NamedTask| {
                            other.task_namespace_id == row.task_namespace_id && other.name == row.name
                        };
                        all.iter().filter(kin).all(|other| other.version <= row.version)
                    },
                ),
                way(
                    "order_by_namespace",
                    |scope: Scope<NamedTask>| scope.order_by_namespace(TaskNamespace::NAME.desc()),
                    |_| true,
                ),
            ],
        );
        check::<TaskNamespace>(
            runtime,
            pool,
            &[
                way("custom", |scope: Scope<TaskNamespace>| scope.custom(), |row| row.name != "default"),
                way(
                    "name",
                    |scope: Scope<TaskNamespace>| scope.filter(TaskNamespace::NAME.eq("default")),
                    |row| row.name == "default",
                ),
            ],
        );
        let steps: HashMap<i32, String> = runtime
            .block_on(NamedStep::scope().fetch(pool))
            .unwrap()
            .into_iter()
            .map(|step| (step.named_step_id, step.name))
            .collect();
        check::<NamedTasksNamedStep>(
            runtime,
            pool,
            &[
                way(
                    "named_steps_for_named_task",
                    |scope: Scope<NamedTasksNamedStep>| scope.named_steps_for_named_task(7),
                    |row| row.named_task_id == 7,
                ),
                way(
                    "with_step_name",
                    |scope: Scope<NamedTasksNamedStep>| scope.with_step_name("step_10"),
                    move |row| steps[&row.named_step_id] == "step_10",
                ),
                way(
                    "order_by_step",
                    |scope: Scope<NamedTasksNamedStep>| scope.order_by_step(NamedStep::NAME.asc()),
                    |_| true,
                ),
            ],
        );
    });
}
