//! The side tables after a rebuild say what the rows that Rails wrote say.

use std::collections::BTreeMap;

use sqlx::PgPool;
use tasker_domain::template::{Source, parse};
use tasker_postgres::ledger::Ledger;
use tasker_postgres::maintenance::{Reindex, ReindexProgress, Reindexed, reindex};
use tasker_postgres::schema::{adopt, compare};
use tasker_testing::rails::{FunctionMigration, Recording, StepRow};

use crate::support::{Rails, public, run};

/// Makes the tasks known here: registers what they are of and gives each its counters, all of them wrong.
async fn make_known(rails: &Rails) {
    let ledger = Ledger::new(rails.pool().clone());
    let mut definitions = BTreeMap::new();
    for (task_id, recording) in &rails.tasks {
        let definition_id = match definitions.get(&recording.template) {
            Some(definition_id) => *definition_id,
            None => {
                let definition_id = register(&ledger, recording).await;
                definitions.insert(recording.template.clone(), definition_id);
                definition_id
            }
        };
        sqlx::query(
            "INSERT INTO tasker_engine.task (task_id, definition_id, remaining, alive, ended, last_at)
             VALUES ($1, $2, 99, 99, false, now() + interval '1 year')",
        )
        .bind(task_id)
        .bind(definition_id)
        .execute(rails.pool())
        .await
        .unwrap();
    }
}

async fn register(ledger: &Ledger, recording: &Recording) -> i64 {
    let mut text = format!(
        "name: {}\ntask_handler_class: Peer\nnamespace_name: peer\nversion: 1.0.0\nstep_templates:\n",
        recording.template
    );
    for step in &recording.steps {
        let parents: Vec<&str> =
            recording.edges.iter().filter(|(_, to)| *to == step.name).map(|(from, _)| from.as_str()).collect();
        text.push_str(&format!(
            "  - {{ name: {}, dependent_system: peer-system, handler_class: Peer, default_retryable: {}, \
             default_retry_limit: {}, depends_on_steps: [{}] }}\n",
            step.name,
            step.retryable,
            step.retry_limit,
            parents.join(", ")
        ));
    }
    let template = parse(&Source::new("peer.yaml", text.clone()), None)
        .unwrap_or_else(|problems| panic!("{problems:?}: {text}"))
        .template;
    ledger.register(&template, false).await.unwrap().definition_id
}

/// A step in the side tables.
#[derive(Debug, PartialEq)]
struct Queued {
    unmet: i64,
    attempts: i64,
    dead: bool,
    claimed: bool,
    /// `line`, `waits` or nothing.
    place: Option<&'static str>,
}

/// What the recorded rows say of a step, worked out from what the engine itself said of it at that moment.
fn expected(recording: &Recording, step: &StepRow, said: &serde_json::Value) -> Option<Queued> {
    let state = recording.step_state(&step.name);
    if !["pending", "in_progress"].contains(&recording.task_state())
        || ["complete", "resolved_manually"].contains(&state)
    {
        return None;
    }
    let histories = &recording.step_transitions[&step.name];
    let attempts = histories.iter().filter(|row| row.to_state == "in_progress").count() as i64;
    let allowed = if step.retryable { i64::from(step.retry_limit) } else { 1 };
    let dead = state == "error" && (!step.retryable || attempts >= allowed);
    let unmet = said["total_parents"].as_i64().unwrap() - said["completed_parents"].as_i64().unwrap();
    let place = match state {
        _ if unmet > 0 || dead => None,
        "pending" => Some("line"),
        "error" => Some("waits"),
        other => panic!("{}: no recording leaves a step {other}", recording.case),
    };
    Some(Queued { unmet, attempts, dead, claimed: false, place })
}

async fn found(pool: &PgPool, task_id: i64, step: &str) -> Option<Queued> {
    let row: Option<(i32, i32, bool, bool, i64, i64, bool)> = sqlx::query_as(
        "SELECT q.unmet, q.attempts, q.dead, q.owner IS NOT NULL,
            (SELECT count(*) FROM tasker_engine.ready r WHERE r.step_id = q.step_id AND r.lane = q.lane AND r.rank = q.rank),
            (SELECT count(*) FROM tasker_engine.later l WHERE l.step_id = q.step_id AND l.lane = q.lane AND l.wake_at = q.rank),
            q.task_id = s.task_id
         FROM tasker_workflow_steps s JOIN tasker_named_steps n USING (named_step_id)
         JOIN tasker_engine.queue q ON q.step_id = s.workflow_step_id WHERE s.task_id = $1 AND n.name = $2",
    )
    .bind(task_id)
    .bind(step)
    .fetch_optional(pool)
    .await
    .unwrap();
    let (unmet, attempts, dead, claimed, ready, later, own) = row?;
    assert!(own && ready + later <= 1, "task {task_id}, {step}: {ready} in the line, {later} waiting");
    let place = if ready == 1 { Some("line") } else { (later == 1).then_some("waits") };
    Some(Queued { unmet: unmet.into(), attempts: attempts.into(), dead, claimed, place })
}

async fn rebuilt(pool: &PgPool) -> Reindexed {
    reindex(pool, Reindex::default(), |_| {}).await.unwrap()
}

#[tokio::test]
async fn queue_line_and_counters_say_what_the_recorded_rows_say() {
    let rails = Rails::new(FunctionMigration::Second).await;
    let pool = rails.pool();
    adopt(pool).await.unwrap();
    make_known(&rails).await;
    let before = public(pool).await;
    let done = rebuilt(pool).await;
    assert_eq!(done.looked_at, rails.tasks.len() as u64);
    assert_eq!((done.abandoned, done.elsewhere, &done.unfit, &done.busy), (0, 0, &vec![], &vec![]));
    let mut compared = 0;
    for (task_id, recording) in &rails.tasks {
        let place = format!("{}, phase {} ({})", recording.case, recording.phase, recording.happened);
        let (mut remaining, mut alive, mut waiting) = (0, 0, 0);
        for (step, said) in recording.steps.iter().zip(&recording.readiness) {
            assert_eq!(said["name"], step.name.as_str(), "{place}");
            let queued = found(pool, *task_id, &step.name).await;
            assert_eq!(queued, expected(recording, step, said), "{place}, step {}", step.name);
            let state = recording.step_state(&step.name);
            remaining += i32::from(!["complete", "resolved_manually"].contains(&state));
            let step_waits = queued.as_ref().is_some_and(|queued| queued.place == Some("waits"));
            alive += i32::from(step_waits || queued.is_some_and(|queued| queued.place == Some("line")));
            waiting += i32::from(step_waits);
            compared += 1;
        }
        let ended = !["pending", "in_progress"].contains(&recording.task_state());
        let counters: (i32, i32, i32, bool, bool) = sqlx::query_as(
            "SELECT remaining, alive, waiting, running, ended FROM tasker_engine.task WHERE task_id = $1",
        )
        .bind(task_id)
        .fetch_one(pool)
        .await
        .unwrap();
        assert_eq!(counters, (remaining, alive, waiting, recording.task_state() == "in_progress", ended), "{place}");
    }
    println!("count: {} tasks, {compared} steps as Rails wrote them", rails.tasks.len());
    // Nothing starts earlier than Rails' own rule allows: the same instants, from its own function.
    let early: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM tasker_engine.later l JOIN tasker_workflow_steps s ON s.workflow_step_id = l.step_id
         JOIN get_step_readiness_status(s.task_id) r USING (workflow_step_id)
         WHERE l.wake_at < r.next_retry_at AT TIME ZONE 'UTC'",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    assert_eq!(early, 0);
    assert_eq!(public(pool).await, before, "a rebuild changes nothing of the record");
    assert!(compare(&mut pool.acquire().await.unwrap()).await.unwrap().is_strictly_equal());
    rails.database.drop().await;
}

const SIDE: &str = "SELECT coalesce(jsonb_agg(line ORDER BY line), '[]') FROM (
    SELECT to_jsonb(q) - 'token' AS line FROM tasker_engine.queue q UNION ALL SELECT to_jsonb(r) FROM tasker_engine.ready r
    UNION ALL SELECT to_jsonb(l) FROM tasker_engine.later l UNION ALL SELECT to_jsonb(t) FROM tasker_engine.task t) x";

async fn side(pool: &PgPool) -> serde_json::Value {
    sqlx::query_scalar(SIDE).fetch_one(pool).await.unwrap()
}

/// Copies of the tasks until there are more than one look at the list brings.
async fn many(rails: &Rails) {
    run(
        rails.pool(),
        "CREATE TEMP TABLE made AS
         SELECT t.task_id AS old, nextval('tasker_tasks_task_id_seq') AS new, n FROM tasker_tasks t, generate_series(1, 50) n;
         INSERT INTO tasker_tasks SELECT m.new, t.named_task_id, t.complete, t.requested_at, t.initiator, t.source_system, t.reason,
            t.bypass_steps, t.tags, t.context, gen_random_uuid()::text, t.created_at, t.updated_at
         FROM made m JOIN tasker_tasks t ON t.task_id = m.old;
         INSERT INTO tasker_engine.task (task_id, definition_id, remaining, alive, last_at)
         SELECT m.new, t.definition_id, 99, 99, now()
         FROM made m JOIN tasker_engine.task t ON t.task_id = m.old;
         CREATE TEMP TABLE steps_made AS
         SELECT s.workflow_step_id AS old, nextval('tasker_workflow_steps_workflow_step_id_seq') AS new, m.new AS task_id, m.n
         FROM made m JOIN tasker_workflow_steps s ON s.task_id = m.old;
         INSERT INTO tasker_workflow_steps SELECT m.new, m.task_id, s.named_step_id, s.retryable, s.retry_limit, s.in_process,
            s.processed, s.processed_at, s.attempts, s.last_attempted_at, s.backoff_request_seconds, s.inputs, s.results,
            s.created_at, s.updated_at, s.skippable FROM steps_made m JOIN tasker_workflow_steps s ON s.workflow_step_id = m.old;
         INSERT INTO tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
         SELECT a.new, b.new, e.name, e.created_at, e.updated_at FROM tasker_workflow_step_edges e
         JOIN steps_made a ON a.old = e.from_step_id JOIN steps_made b ON b.old = e.to_step_id AND b.n = a.n;
         INSERT INTO tasker_workflow_step_transitions (to_state, from_state, metadata, sort_key, most_recent, workflow_step_id, created_at, updated_at)
         SELECT x.to_state, x.from_state, x.metadata, x.sort_key, x.most_recent, m.new, x.created_at, x.updated_at
         FROM steps_made m JOIN tasker_workflow_step_transitions x ON x.workflow_step_id = m.old;
         INSERT INTO tasker_task_transitions (to_state, from_state, metadata, sort_key, most_recent, task_id, created_at, updated_at)
         SELECT x.to_state, x.from_state, x.metadata, x.sort_key, x.most_recent, m.new, x.created_at, x.updated_at
         FROM made m JOIN tasker_task_transitions x ON x.task_id = m.old;
         DROP TABLE made, steps_made",
    )
    .await;
}

#[tokio::test]
async fn a_fill_that_was_killed_goes_on_and_ends_as_if_it_had_not_been() {
    let rails = Rails::new(FunctionMigration::First).await;
    let pool = rails.pool();
    adopt(pool).await.unwrap();
    make_known(&rails).await;
    many(&rails).await;

    // Killed by the server's own word, after its first message and in the middle of the rest.
    let killed = PgPool::connect_with(rails.database.options()).await.unwrap();
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let filling = tokio::spawn({
        let pool = killed.clone();
        async move { reindex(&pool, Reindex::default(), |progress| told.send(progress).unwrap()).await }
    });
    let reached = loop {
        if let ReindexProgress::Reached { task_id, looked_at, .. } = heard.recv().await.unwrap() {
            assert_eq!(looked_at, 2_000);
            break task_id;
        }
    };
    run(pool, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        .await;
    assert!(filling.await.unwrap().is_err(), "it was cut off");
    let open: i64 = sqlx::query_scalar("SELECT count(*) FROM tasker_engine.task WHERE remaining = 99")
        .fetch_one(pool)
        .await
        .unwrap();
    assert!(open > 0, "something is left to do");
    assert_ne!(side(pool).await, serde_json::json!([]));
    // From where it was, and adopting once more is the same as nothing at all.
    adopt(pool).await.unwrap();
    reindex(pool, Reindex { after: reached }, |_| {}).await.unwrap();
    let continued = side(pool).await;
    assert_eq!(
        sqlx::query_scalar::<_, i64>("SELECT count(*) FROM tasker_engine.task WHERE remaining = 99")
            .fetch_one(pool)
            .await
            .unwrap(),
        0
    );
    rebuilt(pool).await;
    assert_eq!(side(pool).await, continued);
    run(pool, "TRUNCATE tasker_engine.queue, tasker_engine.ready, tasker_engine.later").await;
    rebuilt(pool).await;
    assert_eq!(side(pool).await, continued, "and from nothing");
    killed.close().await;
    rails.database.drop().await;
}
