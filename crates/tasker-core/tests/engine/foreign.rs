//! Rows and moves as another program writes them, and a worker beside it.

use std::time::Duration;

use sqlx::PgPool;
use tasker_core::orchestration::Progress;
use tasker_core::{Handlers, Tasker, Work};
use tasker_domain::template::Template;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::Bench;

pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A task as a program of another house leaves it: its row, steps and edges, and no history. The type must be registered.
pub(crate) async fn foreign_task(pool: &PgPool, of: &Template) -> (i64, Vec<i64>) {
    let mut transaction = pool.begin().await.unwrap();
    let made = insert_foreign(&mut transaction, of).await;
    transaction.commit().await.unwrap();
    made
}

pub(crate) async fn insert_foreign(transaction: &mut sqlx::PgConnection, of: &Template) -> (i64, Vec<i64>) {
    let task_id: i64 = sqlx::query_scalar(
        "insert into tasker_tasks (named_task_id, complete, requested_at, initiator, source_system, reason, bypass_steps,
           tags, context, identity_hash, created_at, updated_at)
         select named_task_id, false, now() at time zone 'UTC', 'rails', 'rails', 'test', '[]', '[]', '{\"amount\": 1}',
           gen_random_uuid()::text, now() at time zone 'UTC', now() at time zone 'UTC'
         from tasker_named_tasks where name = $1 order by named_task_id desc limit 1 returning task_id",
    )
    .bind(&of.name)
    .fetch_one(&mut *transaction)
    .await
    .unwrap();
    let steps: Vec<i64> = sqlx::query_scalar(
        "insert into tasker_workflow_steps (task_id, named_step_id, retryable, retry_limit, in_process, processed, attempts,
           inputs, results, created_at, updated_at)
         select t.task_id, s.named_step_id, s.retryable, s.retry_limit, false, false, 0, t.context, '{}', t.created_at, t.created_at
         from tasker_tasks t
         join tasker_engine.definition d on d.named_task_id = t.named_task_id
         join tasker_engine.definition_step s on s.definition_id = d.definition_id
         where t.task_id = $1 and d.definition_id = (select max(definition_id) from tasker_engine.definition x where x.named_task_id = t.named_task_id)
         order by s.ix returning workflow_step_id",
    )
    .bind(task_id)
    .fetch_all(&mut *transaction)
    .await
    .unwrap();
    for (child, step) in of.steps.iter().enumerate() {
        for &parent in &step.parents {
            sqlx::query(
                "insert into tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
                 values ($1, $2, 'provides', now() at time zone 'UTC', now() at time zone 'UTC')",
            )
            .bind(steps[parent])
            .bind(steps[child])
            .execute(&mut *transaction)
            .await
            .unwrap();
        }
    }
    (task_id, steps)
}

/// A move that another program writes, as Rails does.
pub(crate) async fn foreign_move(connection: &mut sqlx::PgConnection, step_id: i64, to: &str) {
    sqlx::query(
        "update tasker_workflow_step_transitions set most_recent = false where workflow_step_id = $1 and most_recent",
    )
    .bind(step_id)
    .execute(&mut *connection)
    .await
    .unwrap();
    sqlx::query(
        "insert into tasker_workflow_step_transitions (to_state, metadata, sort_key, most_recent, workflow_step_id, created_at, updated_at)
         select $2, '{}', coalesce(max(sort_key), 0) + 10, true, $1, clock_timestamp() at time zone 'UTC', clock_timestamp() at time zone 'UTC'
         from tasker_workflow_step_transitions where workflow_step_id = $1",
    )
    .bind(step_id)
    .bind(to)
    .execute(&mut *connection)
    .await
    .unwrap();
    let done = matches!(to, "complete" | "resolved_manually");
    sqlx::query(
        "update tasker_workflow_steps set processed = $2, attempts = coalesce(attempts, 0) + $3,
           results = case when $2 then '{\"by\": \"rails\"}' else results end where workflow_step_id = $1",
    )
    .bind(step_id)
    .bind(done)
    .bind(i32::from(to == "complete"))
    .execute(connection)
    .await
    .unwrap();
}

pub(crate) async fn task_state(pool: &PgPool, task_id: i64) -> String {
    sqlx::query_scalar(
        "select coalesce((select to_state from tasker_task_transitions where task_id = $1 and most_recent), 'pending')",
    )
    .bind(task_id)
    .fetch_one(pool)
    .await
    .unwrap()
}

pub(crate) fn tasker(bench: &Bench) -> Tasker {
    Tasker::new(bench.pool().clone(), Handlers::new().with("H", bench.script.clone())).unwrap()
}

/// A worker in the background, and what it tells of the ends of tasks.
pub(crate) struct Running {
    stop: CancellationToken,
    pub(crate) ended: mpsc::UnboundedReceiver<i64>,
    worker: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(tasker: Tasker, adopts: &'static [&'static str]) -> Self {
        let stop = CancellationToken::new();
        let (tell, ended) = mpsc::unbounded_channel();
        let token = stop.clone();
        let worker = tokio::spawn(async move {
            let observer = move |progress: Progress| {
                if let Progress::TaskEnded { task_id, .. } = progress {
                    let _nobody_listens = tell.send(task_id).is_err();
                }
            };
            let work = Work::new().adopting(adopts.iter().copied()).observed_by(&observer).drained_by(token);
            tasker.work(work).await.unwrap();
        });
        Self { stop, ended, worker }
    }

    pub(crate) async fn next_end(&mut self) -> i64 {
        tokio::time::timeout(LONG, self.ended.recv()).await.expect("a task ends").unwrap()
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(LONG, self.worker).await.expect("the worker ends").unwrap();
    }
}

/// Waits until the statement gives true, by asking again and again.
pub(crate) async fn until(pool: &PgPool, question: &'static str) {
    let asked = async {
        loop {
            if sqlx::query_scalar::<_, bool>(question).fetch_one(pool).await.unwrap() {
                return;
            }
            sqlx::query("select pg_sleep(0.02)").execute(pool).await.unwrap();
        }
    };
    tokio::time::timeout(LONG, asked).await.unwrap_or_else(|_| panic!("never true: {question}"));
}

pub(crate) fn renamed(template: &Template, name: &str) -> Template {
    let mut other = template.clone();
    other.name = name.to_owned();
    other
}
