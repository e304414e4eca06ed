//! The exchange reads what it was called for, whatever the statistics say.

use std::time::Duration;

use sqlx::PgConnection;
use tasker_domain::template::Template;
use tasker_postgres::ledger::{Claim, Exchange, Ledger};

use crate::support::{Bench, Script, diamond, reserved, template};

const STRANGERS: i64 = 20_000;

/// Far more than a diamond's steps and rows of history, far less than the strangers.
const FEW: i64 = 500;

/// A worker, a task of this template, and tables that were
/// analysed while they were empty, full of strangers' rows.
async fn among_strangers(bench: &Bench, template: &Template, want: usize) -> (i32, i64, Vec<Claim>) {
    let ledger = Ledger::new(bench.pool().clone());
    let definition_id = ledger.register(template, false).await.unwrap().definition_id;
    let worker = ledger.start_worker(&crate::support::worker("worker", Duration::from_secs(60))).await.unwrap();
    let strangers = format!(
        "insert into tasker_engine.queue (step_id, task_id, ix, lane, priority, unmet, rank, attempts_allowed)
           select 1000000 + i, 1000000, 0, 1, 0, 1, now(), 3 from generate_series(1, {STRANGERS}) i;
         insert into tasker_engine.task (task_id, definition_id, remaining, alive, last_at)
           select 1000000 + i, 1, 1, 1, now() from generate_series(1, {STRANGERS}) i;
         insert into tasker_engine.ready (lane, rank, step_id)
           select 1000000, now(), 1000000 + i from generate_series(1, {STRANGERS}) i;
         insert into tasker_engine.later (lane, wake_at, step_id)
           select 1000000, now(), 1000000 + i from generate_series(1, {STRANGERS}) i"
    );
    let forget = "delete from tasker_engine.queue; delete from tasker_engine.task; delete from tasker_engine.ready;
        delete from tasker_engine.later";
    for sql in [&strangers, forget, "analyze", &strangers] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(bench.pool()).await.unwrap();
    }
    let task = reserved(definition_id, "key");
    let create = Exchange { want, handover: want, tasks: &[task], ..Exchange::new(worker, "worker") };
    let created = ledger.exchange(&create).await.unwrap();
    (worker, created.created[0].task_id, created.claims)
}

async fn rows_read(connection: &mut PgConnection) -> i64 {
    let read = "select coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::bigint from pg_stat_xact_all_tables
                where schemaname in ('public', 'tasker_engine')";
    sqlx::query_scalar(read).fetch_one(connection).await.unwrap()
}

/// A table that was analysed while it was empty counts as one row; the queue often is, between two tasks.
#[tokio::test]
async fn statistics_of_empty_tables_do_not_make_a_call_read_whole_tables() {
    let bench = Bench::new(Script::default()).await;
    let (worker, task_id, mut claims) = among_strangers(&bench, &diamond(""), 1).await;
    let lane = -task_id;
    let mut transaction = bench.pool().begin().await.unwrap();
    let before = rows_read(&mut transaction).await;
    let mut calls = 0;
    while let Some(claim) = claims.pop() {
        // a, then b and c, then d, one by one; the third call hands one back, which makes the line be used
        let kind = if calls == 2 { "b" } else { "s" };
        let rows: Vec<(i64, i32)> = sqlx::query_as(
            "select a, n from tasker_engine.exchange_1($1, 'worker', 1, false, false, array[$2], array[$3], array[$4::text::\"char\"],
               array['{}'::jsonb], array[0::float8], array[null::int], array[null::text], 2, 2, array[$5], false, null, true, false,
               '{}', '{}', '{}', '{}', '{}', '{}', '{}', null) where kind = 's'",
        )
        .bind(worker)
        .bind(claim.step_id)
        .bind(claim.token)
        .bind(kind)
        .bind(lane)
        .fetch_all(&mut *transaction)
        .await
        .unwrap();
        claims.extend(rows.into_iter().map(|(step_id, token)| {
            let mut next = claim.clone();
            (next.step_id, next.token) = (step_id, token);
            next
        }));
        calls += 1;
    }
    let after = rows_read(&mut transaction).await;
    let state: String = sqlx::query_scalar("select to_state from tasker_task_transitions where most_recent")
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    assert_eq!((state.as_str(), calls), ("complete", 5));
    assert!(after - before < FEW, "{} rows were read by {calls} calls", after - before);
}

/// Calls of a single success, too.
#[tokio::test]
async fn nor_does_a_single_success() {
    let bench = Bench::new(Script::default()).await;
    let (worker, task_id, mut claims) = among_strangers(&bench, &diamond(""), 1).await;
    // Lanes were made since the worker began.
    Ledger::new(bench.pool().clone()).lanes(worker).await.unwrap();
    let mut transaction = bench.pool().begin().await.unwrap();
    let before = rows_read(&mut transaction).await;
    let mut kinds = Vec::new();
    while let Some(claim) = claims.pop() {
        let rows: Vec<(String, Option<i64>, Option<i32>)> = sqlx::query_as(
            "select kind::text, a, n from tasker_engine.succeed_1($1, 'worker', 1, $2, $3, '{}', false, 2, array[$4], null)",
        )
        .bind(worker)
        .bind(claim.step_id)
        .bind(claim.token)
        .bind(-task_id)
        .fetch_all(&mut *transaction)
        .await
        .unwrap();
        for (kind, step, token) in rows {
            if kind == "s" {
                claims.push(Claim { step_id: step.unwrap(), token: token.unwrap(), ..claim.clone() });
            }
            kinds.push(kind);
        }
    }
    let after = rows_read(&mut transaction).await;
    // a with its two children, then c, then b, which sends c's results along, then d
    assert_eq!(kinds.concat(), "issiirsic");
    assert!(after - before < FEW, "{} rows were read", after - before);
}

/// The rare ways through a call: a death that halts a task, whose other steps stand in the line and wait for an instant, and a
/// call that names its task.
#[tokio::test]
async fn nor_does_a_call_that_halts_a_task_or_names_one() {
    for named in [false, true] {
        let bench = Bench::new(Script::default()).await;
        let steps = [("a", ""), ("b", ""), ("c", "depends_on_step: a")];
        let (worker, task_id, claims) = among_strangers(&bench, &template("fail_fast: true", &steps), 1).await;
        let task = named.then_some(task_id);
        let mut transaction = bench.pool().begin().await.unwrap();
        let before = rows_read(&mut transaction).await;
        let claimed: Vec<(i64, i32)> = sqlx::query_as(
            "select a, n from tasker_engine.exchange_1($1, 'worker', 2, false, false, '{}', '{}', '{}', '{}', '{}', '{}', '{}', 2, 2,
               case when $2 is null then array[-$3] else '{}' end, false, $2, true, false, '{}', '{}', '{}', '{}', '{}', '{}', '{}', null)
             where kind = 's'",
        )
        .bind(worker)
        .bind(task)
        .bind(task_id)
        .fetch_all(&mut *transaction)
        .await
        .unwrap();
        let &[(b, _)] = claimed.as_slice() else { panic!("b stands in the line: {claimed:?}") };
        // b waits for a second attempt, then a dies
        for (step, token, kind) in [(b, 1, "r"), (claims[0].step_id, claims[0].token, "p")] {
            sqlx::query(
                "select from tasker_engine.exchange_1($1, 'worker', 3, false, false, array[$2], array[$3], array[$4::text::\"char\"],
                   array['{}'::jsonb], array[60::float8], array[null::int], array[null::text], 2, 2, '{}', false, $5, true, false,
                   '{}', '{}', '{}', '{}', '{}', '{}', '{}', null)",
            )
            .bind(worker)
            .bind(step)
            .bind(token)
            .bind(kind)
            .bind(task)
            .execute(&mut *transaction)
            .await
            .unwrap();
        }
        let after = rows_read(&mut transaction).await;
        let state: String = sqlx::query_scalar("select to_state from tasker_task_transitions where most_recent")
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
        assert_eq!(state, "error", "b was taken out of what waits");
        assert!(after - before < FEW, "{} rows were read, named: {named}", after - before);
    }
}
