//! A role with exactly the rights that are granted to a worker carries whole workflows, and may do nothing else.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use std::time::Duration;

use sqlx::{AssertSqlSafe, PgPool};
use tasker_core::postgres::ledger::{LedgerError, Lookout, Operated, Operator, TaskChange};
use tasker_core::postgres::maintenance::{Access, MaintenanceError, grant, plan_grants, status};
use tasker_core::postgres::schema::{Policy, PublicObjects, ensure};
use tasker_core::queue::{Consumer, Due, Enqueued, Job, PostgresQueue, Queue, Sweep};
use tasker_core::{Ending, Handlers, Request, StepContext, StepError, Tasker, handler_fn};
use tasker_domain::json::Json;
use tasker_domain::operation::TaskOperation;
use tasker_domain::template::{Source, Template, parse};
use tasker_testing::{ManualClock, TestDatabase};

/// A role for one test, under a name that only quoting can carry.
struct Role {
    name: String,
    database: TestDatabase,
}

impl Role {
    async fn new() -> Self {
        let database = TestDatabase::with_schema().await;
        let name = format!("Wörker \"a\"; -- {}", database.name());
        let role = Self { name: name.chars().take(55).collect(), database };
        role.as_owner(&format!("CREATE ROLE {} LOGIN", role.quoted())).await;
        role.as_owner("REVOKE CREATE ON SCHEMA public FROM PUBLIC; REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA tasker_engine, public FROM PUBLIC")
            .await;
        role
    }

    fn quoted(&self) -> String {
        format!("\"{}\"", self.name.replace('"', "\"\""))
    }

    async fn as_owner(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(self.database.pool()).await.unwrap();
    }

    async fn pool(&self) -> PgPool {
        PgPool::connect_with(self.database.options().username(&self.name)).await.unwrap()
    }

    async fn end(self) {
        self.as_owner(&format!("DROP OWNED BY {0}; DROP ROLE {0}", self.quoted())).await;
        self.database.drop().await;
    }
}

fn workflow() -> Template {
    let text = "name: rights\ntask_handler_class: Rights\nnamespace_name: tests\nversion: 1.0.0\nstep_templates:
  - { name: a, handler_class: H }
  - { name: b, handler_class: H, depends_on_step: a }
  - { name: c, handler_class: H, depends_on_steps: [a, b] }\n";
    parse(&Source::new("rights.yaml", text.to_owned()), None).unwrap().template
}

async fn refused(pool: &PgPool, sql: &'static str) {
    let error = sqlx::raw_sql(sql).execute(pool).await.unwrap_err();
    let code = error.as_database_error().and_then(|error| error.code()).map(|code| code.into_owned());
    assert_eq!(code.as_deref(), Some("42501"), "{sql}: {error}");
}

/// Everything that a queue of ours does, and a sweep.
async fn jobs_come_and_go(tasker: &Tasker) {
    let queue = PostgresQueue::new(tasker.ledger().pool().clone());
    let queues = ["jobs".to_owned()];
    assert_eq!(queue.take(&queues, 9).await.unwrap(), []);
    let job = || Job::of_task(7).in_queue("jobs");
    queue.enqueue(job(), Due::In(Duration::from_secs(60))).await.unwrap();
    assert_eq!(queue.enqueue(job(), Due::Now).await.unwrap(), Enqueued::BroughtForward);
    let taken = queue.take(&queues, 9).await.unwrap();
    queue.renew(&taken).await.unwrap();
    assert!(queue.put_back(&taken[0], Due::Now).await.unwrap());
    let taken = queue.take(&queues, 9).await.unwrap();
    assert!(queue.acknowledge(&taken[0]).await.unwrap());
    tasker.sweep(&queue, &mut Sweep::new()).await.unwrap();
    assert_eq!(queue.counts().await.unwrap(), []);
}

#[tokio::test]
async fn a_worker_needs_no_more_than_is_granted() {
    let role = Role::new().await;
    let granted = grant(role.database.pool(), &role.name, Access::Worker).await.unwrap();
    assert_eq!(granted.beyond, Vec::<String>::new());
    assert_eq!(plan_grants(role.database.pool(), &role.name, Access::Worker).await.unwrap(), granted);
    grant(role.database.pool(), &role.name, Access::Worker).await.unwrap();

    let pool = role.pool().await;
    assert_eq!(ensure(&pool, Policy::External).await.unwrap().public, PublicObjects::Found);
    let handler = handler_fn(|step: StepContext| async move {
        match (step.step_name(), step.attempt()) {
            ("b", 1) => Err(StepError::retryable("busy").retry_after(Duration::from_secs(5))),
            _ => Ok(serde_json::json!({ "by": step.step_name() })),
        }
    });
    let tasker = Tasker::new(pool.clone(), Handlers::new().with("H", handler))
        .unwrap()
        .with_clock(std::sync::Arc::new(ManualClock::default()));
    let report = tasker.run(&workflow(), Json::parse("{}").unwrap()).await.unwrap();
    assert_eq!((report.ending, report.executions), (Ending::Complete, 4));
    // A task of another program, and one whose deadline has passed.
    role.as_owner(
        "insert into tasker_tasks (named_task_id, requested_at, context, identity_hash, created_at, updated_at)
           select named_task_id, now(), '{}', 'foreign', now(), now() from tasker_named_tasks;
         insert into tasker_workflow_steps (task_id, named_step_id, results, created_at, updated_at)
           select (select max(task_id) from tasker_tasks), named_step_id, '{}', now(), now() from tasker_engine.definition_step;
         insert into tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
           select p.workflow_step_id, c.workflow_step_id, 'provides', now(), now()
           from tasker_engine.definition_edge e
           join tasker_engine.definition_step ps on ps.ix = e.from_ix join tasker_engine.definition_step cs on cs.ix = e.to_ix
           join tasker_workflow_steps p on p.named_step_id = ps.named_step_id and p.task_id = (select max(task_id) from tasker_tasks)
           join tasker_workflow_steps c on c.named_step_id = cs.named_step_id and c.task_id = p.task_id",
    )
    .await;
    let ledger = tasker.ledger();
    let mut lookout = Lookout::default();
    let seen = ledger.look_around(&["*".to_owned()], &mut lookout, None).await.unwrap();
    assert_eq!(ledger.adopt_tasks(&seen.found).await.unwrap().len(), 1);
    ledger.reconcile(&seen.found, "worker", None).await.unwrap();
    let deadline = ledger.now().await.unwrap() + chrono::TimeDelta::hours(1);
    let late = Request::new(Json::parse("{}").unwrap()).until(deadline);
    let late = tasker.submit(&workflow(), late).await.unwrap().task_id;
    assert_eq!(ledger.passed_deadlines(10, Some(deadline)).await.unwrap(), [late]);
    let by = Operator { actor: "tasker", reason: "deadline passed", now: None, dry_run: false };
    let cancel = TaskChange::Operation(TaskOperation::Cancel);
    let called_off = ledger.change_tasks(&[late], cancel, by).await.unwrap();
    assert!(matches!(called_off[0].1, Operated::Done { .. }), "{called_off:?}");
    assert_eq!(ledger.passed_deadlines(10, Some(deadline)).await.unwrap(), Vec::<i64>::new());
    jobs_come_and_go(&tasker).await;
    assert_eq!(ledger.prunable_operations(deadline).await.unwrap(), 0);
    assert!(
        matches!(ledger.prune_operations(deadline).await, Err(LedgerError::Forbidden(_))),
        "the log is the owner's"
    );
    assert!(status(&pool).await.is_err(), "a worker cannot look at what it does not need");

    for sql in [
        "CREATE TABLE public.mine (id int)",
        "CREATE TABLE tasker_engine.mine (id int)",
        "CREATE SCHEMA mine",
        "DELETE FROM public.tasker_tasks",
        "DELETE FROM public.tasker_workflow_step_transitions",
        "UPDATE public.tasker_named_tasks SET name = 'mine'",
        "UPDATE tasker_engine.definition SET snapshot = ''",
        "SELECT * FROM public.tasker_task_annotations",
        "DELETE FROM tasker_engine.operation",
        "UPDATE tasker_engine.operation SET actor = 'somebody else'",
        "TRUNCATE tasker_engine.queue",
        "DROP TABLE tasker_engine.queue",
        "INSERT INTO tasker_engine.migrations (version, name) VALUES (99, 'mine')",
    ] {
        refused(&pool, sql).await;
    }
    pool.close().await;
    role.end().await;
}

#[tokio::test]
async fn a_reader_reads_everything_and_writes_nothing() {
    let role = Role::new().await;
    grant(role.database.pool(), &role.name, Access::Reader).await.unwrap();
    let pool = role.pool().await;
    assert_eq!(status(&pool).await.unwrap().tables.len(), 13 + 16);
    for sql in [
        "SELECT * FROM public.tasker_step_dag_relationships",
        "SELECT * FROM public.get_system_health_counts_v01()",
        "SELECT * FROM public.get_step_readiness_status(1)",
        "SELECT * FROM public.get_slowest_tasks_v01()",
    ] {
        sqlx::raw_sql(sql).execute(&pool).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    for sql in [
        "INSERT INTO public.tasker_task_namespaces (name, created_at, updated_at) VALUES ('x', now(), now())",
        "SELECT nextval('public.tasker_tasks_task_id_seq')",
        "UPDATE tasker_engine.worker SET lost = true",
        "DELETE FROM tasker_engine.operation",
        "CREATE TABLE public.mine (id int)",
    ] {
        refused(&pool, sql).await;
    }
    pool.close().await;
    role.end().await;
}

#[tokio::test]
async fn unknown_roles_and_those_who_may_more_are_named() {
    let role = Role::new().await;
    for unknown in ["nobody of this name", "public", "", "a\0b"] {
        let error = grant(role.database.pool(), unknown, Access::Worker).await.unwrap_err();
        assert!(matches!(error, MaintenanceError::UnknownRole { .. }), "{error}");
    }
    role.as_owner(&format!("GRANT CREATE ON SCHEMA public TO {}", role.quoted())).await;
    let beyond = plan_grants(role.database.pool(), &role.name, Access::Worker).await.unwrap().beyond;
    assert_eq!(beyond.len(), 1);
    assert!(beyond[0].starts_with("it may make tables in schema public"), "{beyond:?}");
    let beyond = plan_grants(role.database.pool(), "postgres", Access::Reader).await.unwrap().beyond;
    assert_eq!(beyond, ["it is a superuser: no right is ever asked for"]);
    role.end().await;
}
