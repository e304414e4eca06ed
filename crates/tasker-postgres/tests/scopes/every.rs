//! Every scope of every model with arguments that fit the population in `population/tasks.sql`. Tests and benches go
//! through this list; `listed` shows that it is whole.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;
use tasker_domain::state::{StepState, TaskState};
use tasker_postgres::PgPool;
use tasker_postgres::models::*;

/// What an index can do for a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Served {
    /// All its rows are found without reading a whole table that grows with history.
    Whole,
    /// A page by primary key is; for all rows none of the original's indexes begins with what is asked for.
    Paged,
    /// None of the original's indexes serves it, for the reason given.
    Not(&'static str),
}

/// A scope of whatever model.
pub(crate) trait Asked {
    fn sql(&self) -> String;
    /// The columns that it reads.
    fn columns(&self) -> Vec<ReadColumn>;
    fn explain<'a>(&'a self, pool: &'a PgPool) -> BoxFuture<'a, String>;
    fn count<'a>(&'a self, pool: &'a PgPool) -> BoxFuture<'a, i64>;
    /// The plan of the first twenty rows by primary key, or in the scope's own order.
    fn explain_page<'a>(&'a self, pool: &'a PgPool) -> BoxFuture<'a, String>;
    /// Reads these twenty rows and says how many there were.
    fn fetch_page<'a>(&'a self, pool: &'a PgPool) -> BoxFuture<'a, usize>;
}

/// A column as its model declares it.
#[derive(Debug)]
pub(crate) struct ReadColumn {
    pub(crate) name: &'static str,
    pub(crate) types: &'static [&'static str],
    pub(crate) nullable: bool,
}

impl<M: Model> Asked for Scope<M> {
    fn sql(&self) -> String {
        self.to_sql()
    }

    fn columns(&self) -> Vec<ReadColumn> {
        let read = |column: &AnyColumn<M>| ReadColumn {
            name: column.name(),
            types: column.database_types(),
            nullable: column.is_nullable(),
        };
        M::columns().iter().map(read).collect()
    }

    fn explain<'a>(&'a self, pool: &'a PgPool) -> BoxFuture<'a, String> {
        async move { Scope::explain(self, pool).await.unwrap() }.boxed()
    }

    fn count<'a>(&'a self, pool: &'a PgPool) -> BoxFuture<'a, i64> {
        async move { Scope::count(self, pool).await.unwrap() }.boxed()
    }

    fn explain_page<'a>(&'a self, pool: &'a PgPool) -> BoxFuture<'a, String> {
        async move { Scope::explain(&self.clone().page(1, 20), pool).await.unwrap() }.boxed()
    }

    fn fetch_page<'a>(&'a self, pool: &'a PgPool) -> BoxFuture<'a, usize> {
        async move { self.clone().page(1, 20).fetch(pool).await.unwrap().len() }.boxed()
    }
}

/// A scope by name.
pub(crate) struct Case {
    pub(crate) model: &'static str,
    pub(crate) scope: &'static str,
    pub(crate) served: Served,
    pub(crate) asked: Box<dyn Asked>,
}

fn case<M: Model>(scope: &'static str, served: Served, asked: Scope<M>) -> Case {
    Case { model: M::MODEL, scope, served, asked: Box::new(asked) }
}

const BY_JOINED: Served = Served::Not("ordered by a column of another table");
const BY_STATE: Served = Served::Not("states that rows went into are in no index of their own");
const BY_INSTANT: Served = Served::Not("no index begins with the instant of a transition");
const VIEW: Served = Served::Not("the view computes the depths of all steps");
const SMALL: Served = Served::Not("the table does not grow with history");

/// All of them. The population has to be there.
pub(crate) async fn every(pool: &PgPool) -> Vec<Case> {
    let task = Task::scope().order(Task::TASK_ID.desc()).first(pool).await.unwrap().unwrap();
    let steps = Task::WORKFLOW_STEPS.of(&task, pool).await.unwrap();
    let (id, step, since) = (task.task_id, steps[1].workflow_step_id, task.created_at - chrono::TimeDelta::minutes(30));
    let mut cases = tasks(since);
    cases.extend(workflow_steps(id, since));
    cases.extend(transitions(id, since));
    cases.extend(edges(step));
    cases.extend(rows_of_the_view(id, step, pool).await);
    cases.extend(definitions(task.named_task_id));
    cases
}

fn tasks(since: chrono::NaiveDateTime) -> Vec<Case> {
    use Served::{Paged, Whole};
    let all = Task::scope;
    let number = JsonText::from(json!(77));
    vec![
        case("by_annotation", Whole, all().by_annotation("kind_1", "ticket", "T-77")),
        case("by_current_state", Paged, all().by_current_state(TaskState::Error)),
        case("by_current_state", Paged, all().by_current_state(None)),
        case("in_state", Paged, all().in_state(TaskState::Error)),
        case("in_state", Paged, all().in_state(TaskState::Pending)),
        case("created_since", Whole, all().created_since(since)),
        case("completed_since", BY_INSTANT, all().completed_since(since)),
        case("failed_since", Paged, all().failed_since(since)),
        case("active", Paged, all().active()),
        case("in_namespace", Paged, all().in_namespace("space_2")),
        case("with_task_name", Paged, all().with_task_name("type_3")),
        case("with_version", Paged, all().with_version("2.0.0")),
        case("with_tag", Whole, all().with_tag("tag_77")),
        case("with_context", Whole, all().with_context(&json!({"customer": {"id": 77}}).into())),
        case("with_context_path", Whole, all().with_context_path(&["customer", "id"], &number)),
        case("with_annotation", Whole, all().with_annotation("kind_1", &json!({"ticket": "T-77"}).into())),
        case("waiting_for_retry", Paged, all().waiting_for_retry(since)),
        case("held_by_step", Paged, all().held_by_step("step_3")),
        case("stuck", Paged, all().stuck()),
        case("order_by_type", BY_JOINED, all().order_by_type(NamedTask::NAME.asc())),
        case("order_by_namespace", BY_JOINED, all().order_by_namespace(TaskNamespace::NAME.desc())),
    ]
}

fn workflow_steps(task: i64, since: chrono::NaiveDateTime) -> Vec<Case> {
    use Served::{Paged, Whole};
    let all = WorkflowStep::scope;
    vec![
        case("completed", Paged, all().completed()),
        case("not_completed", Paged, all().not_completed()),
        case("failed", Whole, all().failed()),
        case("pending", Paged, all().pending()),
        case("for_task", Whole, all().for_task(task)),
        case("by_current_state", Paged, all().by_current_state(StepState::Cancelled)),
        case("by_current_state", Paged, all().by_current_state(None)),
        case("in_state", Whole, all().in_state(StepState::Error)),
        case("in_state", Paged, all().in_state(StepState::Pending)),
        case("completed_since", BY_INSTANT, all().completed_since(since)),
        case("failed_since", Whole, all().failed_since(since)),
        case("for_tasks_since", Whole, all().for_tasks_since(since)),
        case("with_step_name", Whole, all().with_step_name("step_3")),
        case("dead", Whole, all().dead()),
        case("waiting_for_retry", Whole, all().waiting_for_retry(since)),
        case("order_by_type", BY_JOINED, all().order_by_type(NamedStep::NAME.asc())),
        case("order_by_task", BY_JOINED, all().order_by_task(Task::CREATED_AT.desc())),
    ]
}

fn transitions(task: i64, since: chrono::NaiveDateTime) -> Vec<Case> {
    use Served::{Paged, Whole};
    let (tasks, steps) = (TaskTransition::scope, WorkflowStepTransition::scope);
    let until = since + chrono::TimeDelta::hours(1);
    let (operator, seconds) = (&json!("operator").into(), &json!(7).into());
    vec![
        case("recent", Paged, tasks().recent()),
        case("to_state", Paged, tasks().to_state("error")),
        case("with_metadata_key", Paged, tasks().with_metadata_key("triggered_by")),
        case("with_metadata_value", Paged, tasks().with_metadata_value("triggered_by", operator)),
        case("in_time_range", BY_INSTANT, tasks().in_time_range(since, until)),
        case("recent", Paged, steps().recent()),
        case("to_state", Paged, steps().to_state("error")),
        case("with_metadata_key", Paged, steps().with_metadata_key("execution_duration")),
        case("with_metadata_value", Paged, steps().with_metadata_value("execution_duration", seconds)),
        case("in_time_range", BY_INSTANT, steps().in_time_range(since, until)),
        case("for_task", Whole, steps().for_task(task)),
        case("for_attempt", Paged, steps().for_attempt(2)),
        case("retry_transitions", BY_STATE, steps().retry_transitions()),
    ]
}

fn edges(step: i64) -> Vec<Case> {
    use Served::{Paged, Whole};
    let all = WorkflowStepEdge::scope;
    vec![
        case("children_of", Whole, all().children_of(step)),
        case("parents_of", Whole, all().parents_of(step)),
        case("provides_edges", Paged, all().provides_edges()),
        case("provides_to_children", Whole, all().provides_to_children(step)),
        case("to_siblings_of", Whole, all().to_siblings_of(step)),
    ]
}

async fn rows_of_the_view(task: i64, step: i64, pool: &PgPool) -> Vec<Case> {
    let all = StepDagRelationship::scope;
    vec![
        case("for_task", VIEW, all().for_task(task)),
        case("root_steps", VIEW, all().root_steps()),
        case("leaf_steps", VIEW, all().leaf_steps()),
        case("with_parents", VIEW, all().with_parents()),
        case("with_children", VIEW, all().with_children()),
        case("siblings_of", VIEW, all().siblings_of(step, pool).await.unwrap()),
    ]
}

fn definitions(named_task: i32) -> Vec<Case> {
    vec![
        case("in_namespace", SMALL, NamedTask::scope().in_namespace("space_2")),
        case("with_version", SMALL, NamedTask::scope().with_version("2.0.0")),
        case("latest_versions", SMALL, NamedTask::scope().latest_versions()),
        case("order_by_namespace", SMALL, NamedTask::scope().order_by_namespace(TaskNamespace::NAME.asc())),
        case("custom", SMALL, TaskNamespace::scope().custom()),
        case("named_steps_for_named_task", SMALL, NamedTasksNamedStep::scope().named_steps_for_named_task(named_task)),
        case("with_step_name", SMALL, NamedTasksNamedStep::scope().with_step_name("step_3")),
        case("order_by_step", SMALL, NamedTasksNamedStep::scope().order_by_step(NamedStep::NAME.asc())),
    ]
}

/// Fills a database and makes its statistics.
pub(crate) async fn populate(pool: &PgPool, tasks: u32) {
    let mut connection = pool.acquire().await.unwrap();
    sqlx::query("select set_config('population.tasks', $1, false)")
        .bind(tasks.to_string())
        .execute(&mut *connection)
        .await
        .unwrap();
    sqlx::raw_sql(include_str!("population/tasks.sql")).execute(&mut *connection).await.unwrap();
}

/// Tables that grow with history.
const GROWING: [&str; 6] = [
    "tasker_tasks",
    "tasker_task_annotations",
    "tasker_task_transitions",
    "tasker_workflow_steps",
    "tasker_workflow_step_edges",
    "tasker_workflow_step_transitions",
];

/// Those of them that the plan reads from end to end.
pub(crate) fn scanned(plan: &str) -> Vec<&'static str> {
    let scan = |table: &&&str| plan.lines().any(|line| line.contains(&format!("Seq Scan on {table} ")));
    GROWING.iter().filter(scan).copied().collect()
}
