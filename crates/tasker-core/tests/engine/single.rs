//! A call that carries a single success leaves the same rows and gives the same answer as any other, and goes the general
//! way where it has to.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use serde_json::json;
use serde_json::value::RawValue;
use sqlx::{PgPool, Row};
use tasker_core::entropy::Entropy;
use tasker_core::{Handlers, Output, StepContext, Tasker};
use tasker_domain::json::Json;
use tasker_domain::template::Template;
use tasker_postgres::ledger::{Claim, Exchange, Ledger, LedgerError, Reply, Settled, Settlement, WorkerId};

use crate::support::{Bench, Script, diamond, reserved, template, worker};

const LONG: Duration = Duration::from_secs(3600);

fn raw(value: &serde_json::Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap()
}

fn raw_text(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

fn start() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2100, 1, 1).unwrap().and_hms_opt(0, 0, 0).unwrap()
}

/// What the function for single successes answers: kinds and numbers of its rows, nothing if it leaves the call to the
/// general function.
async fn succeed(
    pool: &PgPool,
    call: &Exchange<'_>,
    claim: &Claim,
    results: &RawValue,
) -> Result<Option<(Vec<Claim>, BTreeSet<String>)>, LedgerError> {
    let rows = sqlx::query("select kind::text as kind, a, b, n, m, k, w, at, doc::text as doc from tasker_engine.succeed_1($1, $2, $3, $4, $5, $6::text::jsonb, $7, $8, $9, $10)")
        .bind(call.worker)
        .bind(call.label)
        .bind(call.call)
        .bind(claim.step_id)
        .bind(claim.token)
        .bind(results.get())
        .bind(call.only_parents)
        .bind(i32::try_from(call.want).unwrap())
        .bind(call.lanes)
        .bind(call.now.map(|now| now.and_utc()))
        .fetch_all(pool)
        .await;
    let rows = match rows {
        Ok(rows) => rows,
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("TSK02") => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let (mut claims, mut others) = (Vec::new(), BTreeSet::new());
    for row in rows {
        let kind: String = row.get("kind");
        let number = |column: &str| row.get::<i64, _>(column);
        match kind.as_str() {
            "g" => return Ok(None),
            "s" => claims.push(Claim {
                step_id: number("a"),
                task_id: number("b"),
                token: row.get("n"),
                place: row.get::<i32, _>("m").unsigned_abs() as usize,
                attempt: row.get::<i32, _>("k").unsigned_abs(),
                attempts_allowed: row.get::<i32, _>("w").unsigned_abs(),
                previous_results: None,
            }),
            "r" => others.extend([format!("r {} {}", number("b"), row.get::<String, _>("doc"))]),
            "c" | "p" => others.extend([format!("{kind} {}", number("a"))]),
            "i" | "w" => {
                let at: chrono::DateTime<chrono::Utc> = row.get("at");
                others.extend([format!("{kind} {}", at.naive_utc())]);
            }
            other => panic!("a row of kind {other}"),
        }
    }
    Ok(Some((claims, others)))
}

/// Everything that an exchange writes, as text.
async fn rows(pool: &PgPool) -> String {
    let mut all = String::new();
    for (table, order) in [
        ("tasker_engine.queue", "step_id"),
        ("tasker_engine.task", "task_id"),
        ("tasker_engine.ready", "step_id"),
        ("tasker_engine.later", "step_id"),
        ("tasker_engine.worker", "worker_id"),
        ("tasker_tasks", "task_id"),
        ("tasker_task_transitions", "task_id, sort_key"),
        ("tasker_workflow_steps", "workflow_step_id"),
        ("tasker_workflow_step_transitions", "workflow_step_id, sort_key"),
    ] {
        let sql = format!(
            "select coalesce(string_agg((to_jsonb(x) - '{{id,started_at,seen_at,identity_hash}}'::text[])::text, e'\\n' order by {order}), '') from {table} x"
        );
        let text: String = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(pool).await.unwrap();
        all.push_str(&format!("{table}\n{text}\n"));
    }
    all
}

/// A graph of 2 to 10 steps; every step may wait for any earlier ones.
fn graph(draw: &Entropy, number: usize) -> Template {
    let pick = |below: usize| (draw.fraction() * below as f64) as usize;
    let steps: Vec<(String, String)> = (0..2 + pick(9))
        .map(|step| {
            let parents: BTreeSet<String> = (0..pick(4).min(step)).map(|_| format!("s{}", pick(step))).collect();
            let parents: Vec<String> = parents.into_iter().collect();
            (format!("s{step}"), format!("depends_on_steps: [{}], default_retry_limit: 2", parents.join(", ")))
        })
        .collect();
    let borrowed: Vec<(&str, &str)> = steps.iter().map(|(name, more)| (name.as_str(), more.as_str())).collect();
    let mut graph = template(if draw.fraction() < 0.3 { "fail_fast: true" } else { "" }, &borrowed);
    graph.name = format!("single{number}");
    graph
}

/// Random tasks, one outcome a call: what stands in the tables after each call and what it answered, and how many successes
/// went the way of single ones.
async fn carry(seed: u64, by_single_calls: bool) -> (Vec<String>, usize) {
    let bench = Bench::new(Script::default()).await;
    let ledger = Ledger::new(bench.pool().clone());
    let draw = Entropy::seeded(seed);
    let chance = |of: f64| draw.fraction() < of;
    let id = ledger.start_worker(&worker("single", LONG)).await.unwrap();
    let mut now = start();
    let (mut trace, mut single, mut lanes, mut held) = (Vec::new(), 0, Vec::new(), Vec::<Claim>::new());
    for number in 0..3 {
        let registered = ledger.register(&graph(&draw, number), false).await.unwrap();
        let task = reserved(registered.definition_id, &format!("key{number}"));
        let call = Exchange { want: 9, handover: 9, tasks: &[task], now: Some(now), ..Exchange::new(id, "single") };
        let reply = ledger.exchange(&call).await.unwrap();
        lanes.push(-reply.created[0].task_id);
        held.extend(reply.claims);
    }
    ledger.lanes(id).await.unwrap();
    for number in 1..400 {
        now += TimeDelta::milliseconds(1 + (draw.fraction() * 3000.0) as i64);
        // A clock that is set back now and then, and lanes that are not served.
        let at = if chance(0.05) { now - TimeDelta::seconds(10) } else { now };
        let served = if chance(0.15) { &lanes[..1] } else { &lanes[..] };
        let want = 1 + (draw.fraction() * 4.0) as usize;
        held.sort_by_key(|claim| claim.step_id);
        let base = Exchange {
            call: number,
            want,
            handover: want,
            lanes: served,
            now: Some(at),
            ..Exchange::new(id, "single")
        };
        if held.is_empty() {
            let call = Exchange { lanes: &lanes, wake: true, now: Some(now + TimeDelta::seconds(60)), ..base };
            let reply = ledger.exchange(&call).await.unwrap();
            now += TimeDelta::seconds(60);
            held.extend(reply.claims);
            if held.is_empty() && reply.next_due.is_none() {
                return (trace, single);
            }
            continue;
        }
        let claim = held.remove((draw.fraction() * held.len() as f64) as usize);
        let results = raw(&json!({ "step": claim.place, "text": "ü \"quoted\"" }));
        let error = || raw(&json!({ "error": "drawn" }));
        let kind = draw.fraction();
        let settlement = if kind < 0.8 {
            Settlement::Success { results: results.clone() }
        } else if kind < 0.95 && claim.attempt < claim.attempts_allowed {
            Settlement::Retry { error: error(), wait: Duration::from_secs(5), asked_seconds: None, note: None }
        } else {
            Settlement::Permanent { error: error() }
        };
        let answer = match &settlement {
            Settlement::Success { results } if by_single_calls => {
                succeed(bench.pool(), &base, &claim, results).await.unwrap()
            }
            _ => None,
        };
        let (claims, others) = match answer {
            Some(answer) => {
                single += 1;
                answer
            }
            None => {
                let outcomes = [Settled { step_id: claim.step_id, token: claim.token, settlement }];
                let reply = ledger.exchange(&Exchange { outcomes: &outcomes, ..base }).await.unwrap();
                let mut others: BTreeSet<String> = reply
                    .ended
                    .iter()
                    .map(|(task, ended)| {
                        format!(
                            "{} {task}",
                            if matches!(ended, tasker_postgres::ledger::Ended::Complete) { "c" } else { "f" }
                        )
                    })
                    .collect();
                others.extend(reply.parked.iter().map(|task| format!("p {task}")));
                others.extend(reply.results.iter().map(|((task, _), doc)| format!("r {task} {doc}")));
                others.extend(reply.next_due.map(|due| format!("w {due}")));
                others.insert(format!("i {}", reply.instant));
                (reply.claims, others)
            }
        };
        let mut told: Vec<_> = claims
            .iter()
            .map(|one| (one.step_id, one.task_id, one.token, one.place, one.attempt, one.attempts_allowed))
            .collect();
        told.sort_unstable();
        trace.push(format!("{told:?} {others:?}\n{}", rows(bench.pool()).await).replace(&id.to_string(), "W"));
        held.extend(claims);
    }
    panic!("seed {seed}: the tasks have not come to their end");
}

#[tokio::test]
async fn a_single_success_leaves_what_any_call_leaves() {
    let mut single = 0;
    for seed in 0..12 {
        let (general, none) = carry(seed, false).await;
        let (by_single_calls, some) = carry(seed, true).await;
        assert_eq!(none, 0);
        single += some;
        for (number, (one, other)) in general.iter().zip(&by_single_calls).enumerate() {
            assert_eq!(one, other, "seed {seed}, outcome {number}");
        }
        assert_eq!(general.len(), by_single_calls.len(), "seed {seed}");
    }
    assert!(single > 60, "{single} successes went the way of single ones");
}

struct Begun {
    bench: Bench,
    ledger: Ledger,
    worker: WorkerId,
    lanes: [i64; 1],
    claims: Vec<Claim>,
}

async fn begin(template: &Template) -> Begun {
    let bench = Bench::new(Script::default()).await;
    let ledger = Ledger::new(bench.pool().clone());
    let worker = ledger.start_worker(&worker("single", LONG)).await.unwrap();
    let registered = ledger.register(template, false).await.unwrap();
    ledger.lanes(worker).await.unwrap();
    let call = Exchange {
        want: 1,
        handover: 1,
        tasks: &[reserved(registered.definition_id, "key")],
        ..Exchange::new(worker, "single")
    };
    let reply = ledger.exchange(&call).await.unwrap();
    Begun { lanes: [-reply.created[0].task_id], claims: reply.claims, bench, ledger, worker }
}

impl Begun {
    fn call(&self) -> Exchange<'_> {
        Exchange { call: 2, want: 9, handover: 9, lanes: &self.lanes, ..Exchange::new(self.worker, "single") }
    }

    async fn succeed(&self) -> Result<Option<(Vec<Claim>, BTreeSet<String>)>, LedgerError> {
        succeed(self.bench.pool(), &self.call(), &self.claims[0], &raw(&json!({}))).await
    }

    /// Hands in the first claim's success, by the general function or by an exchanger, which chooses.
    async fn hand_in(&self, generally: bool) -> Result<Reply, LedgerError> {
        let claim = &self.claims[0];
        let settlement = Settlement::Success { results: raw(&json!({})) };
        let outcomes = [Settled { step_id: claim.step_id, token: claim.token, settlement }];
        let call = Exchange { outcomes: &outcomes, ..self.call() };
        match generally {
            true => self.ledger.exchange(&call).await,
            false => self.ledger.exchanger().exchange(&call).await,
        }
    }
}

/// Each of these leaves the call to the general function and everything as it was.
#[tokio::test]
async fn what_is_no_plain_success_is_left_to_the_general_function() {
    let fan: Vec<(String, &str)> = (0..5).map(|number| (format!("s{number}"), "depends_on_step: a")).collect();
    let mut wide = vec![("a", "")];
    wide.extend(fan.iter().map(|(name, more)| (name.as_str(), *more)));
    let begun = begin(&diamond("")).await;
    assert_eq!(begun.succeed().await.unwrap().unwrap().0.len(), 2, "a plain one");
    for (why, template, change) in [
        (
            "somebody stands in line",
            diamond(""),
            "insert into tasker_engine.ready select -task_id, now(), 1 from tasker_engine.task",
        ),
        ("the worker was declared lost", diamond(""), "update tasker_engine.worker set lost = true"),
        ("lanes were made or paused", diamond(""), "update tasker_engine.worker set stale = true"),
        ("the worker is said to sleep", diamond(""), "update tasker_engine.worker set asleep = true"),
        ("the worker is gone", diamond(""), "delete from tasker_engine.worker"),
        ("somebody else holds the step", diamond(""), "update tasker_engine.queue set token = token + 1"),
        ("many children", template("", &wide), "select"),
        ("a child that was begun before", diamond(""), "update tasker_engine.queue set token = 1 where unmet = 1"),
        ("the task is halted", diamond(""), "update tasker_engine.task set halted = true"),
        ("the task has ended", diamond(""), "update tasker_engine.task set ended = true"),
        (
            "the last step of a task that others hold",
            template("", &[("a", ""), ("b", "")]),
            "update tasker_engine.task set alive = 1",
        ),
        ("the clock was set back", diamond(""), "update tasker_engine.task set last_at = now() + interval '1 hour'"),
    ] {
        let begun = begin(&template).await;
        sqlx::query(sqlx::AssertSqlSafe(change.to_owned())).execute(begun.bench.pool()).await.unwrap();
        let before = rows(begun.bench.pool()).await;
        assert!(begun.succeed().await.unwrap().is_none(), "{why}");
        assert_eq!(rows(begun.bench.pool()).await, before, "{why}");
    }
}

#[tokio::test]
async fn a_step_that_somebody_else_changed_is_refused() {
    for change in [
        "update tasker_workflow_step_transitions set to_state = 'error'",
        "update tasker_workflow_step_transitions set most_recent = false",
        "delete from tasker_workflow_step_transitions",
    ] {
        let begun = begin(&diamond("")).await;
        sqlx::query(change).execute(begun.bench.pool()).await.unwrap();
        let before = rows(begun.bench.pool()).await;
        let refused = begun.succeed().await.unwrap_err();
        assert!(matches!(&refused, LedgerError::Changed { tasks, .. } if *tasks == [-begun.lanes[0]]), "{refused}");
        assert_eq!(rows(begun.bench.pool()).await, before);
    }
}

/// A worker whose calls were left to the general function does not ask again at each call.
#[tokio::test]
async fn an_exchanger_hands_in_single_successes_either_way() {
    let chain: Vec<(String, String)> = (0..40)
        .map(|step: usize| {
            (
                format!("s{step:02}"),
                step.checked_sub(1).map_or_else(String::new, |parent| format!("depends_on_step: s{parent:02}")),
            )
        })
        .collect();
    let borrowed: Vec<(&str, &str)> = chain.iter().map(|(name, more)| (name.as_str(), more.as_str())).collect();
    let begun = begin(&template("", &borrowed)).await;
    let exchanger = begun.ledger.exchanger();
    let mut claims = begun.claims.clone();
    let (mut number, mut ended) = (1, Vec::new());
    while let Some(claim) = claims.pop() {
        // A stranger's row in the line makes some calls go the general way.
        if number == 5 {
            sqlx::query("insert into tasker_engine.ready select -task_id, now(), 1 from tasker_engine.task")
                .execute(begun.bench.pool())
                .await
                .unwrap();
        }
        number += 1;
        let outcomes = [Settled {
            step_id: claim.step_id,
            token: claim.token,
            settlement: Settlement::Success { results: raw(&json!({})) },
        }];
        let reply = exchanger
            .exchange(&Exchange { call: number, outcomes: &outcomes, only_parents: true, ..begun.call() })
            .await
            .unwrap();
        claims.extend(reply.claims);
        ended.extend(reply.ended);
    }
    assert_eq!((number, ended.len()), (41, 1));
    begun.bench.assert_side_tables_empty().await;
    exchanger.close().await;
}

/// What waits since, or until, an instant that only the database knows harms no call.
#[tokio::test]
async fn instants_beyond_all_calendars_are_not_told() {
    for (wake_at, told) in [("-infinity", Some(0)), ("infinity", None), ("290000-01-01", None)] {
        for generally in [false, true] {
            let begun = begin(&template("", &[("a", ""), ("b", "depends_on_step: a")])).await;
            sqlx::query(
                "insert into tasker_engine.later select -task_id, $1::text::timestamptz, 1 from tasker_engine.task",
            )
            .bind(wake_at)
            .execute(begun.bench.pool())
            .await
            .unwrap();
            let reply = begun.hand_in(generally).await;
            assert_eq!(reply.unwrap().next_due.map(|due| due.and_utc().timestamp()), told, "{wake_at} {generally}");
        }
    }
}

/// Who asks which tasks a call began is told of one whose rows are ahead of the clock, too, and of none that it only went on with.
#[tokio::test]
async fn a_start_that_is_written_ahead_of_the_clock_is_told() {
    let bench = Bench::new(Script::default()).await;
    let ledger = Ledger::new(bench.pool().clone());
    let worker = ledger.start_worker(&worker("single", LONG)).await.unwrap();
    let registered = ledger.register(&template("", &[("a", ""), ("b", "")]), false).await.unwrap();
    let call = Exchange { tasks: &[reserved(registered.definition_id, "key")], ..Exchange::new(worker, "single") };
    let task_id = ledger.exchange(&call).await.unwrap().created[0].task_id;
    sqlx::query("update tasker_engine.task set last_at = last_at + interval '1 day'")
        .execute(bench.pool())
        .await
        .unwrap();
    let lanes = [-task_id];
    for (number, told) in [(2, vec![task_id]), (3, vec![])] {
        let call = Exchange { call: number, want: 1, lanes: &lanes, ..Exchange::new(worker, "single") };
        let reply = ledger.exchange(&call).await.unwrap();
        assert_eq!(reply.claims.len(), 1);
        assert_eq!(ledger.told_starts(&[task_id], reply.instant).await.unwrap(), told, "{number}");
    }
}

/// A history that ends with the last of all numbers is somebody else's: what ran is refused, and no value is to blame.
#[tokio::test]
async fn an_attempt_whose_end_has_no_number_any_more_is_refused() {
    for generally in [false, true] {
        let begun = begin(&template("", &[("a", ""), ("b", "depends_on_step: a")])).await;
        sqlx::query("update tasker_workflow_step_transitions set sort_key = 2147483647")
            .execute(begun.bench.pool())
            .await
            .unwrap();
        let reply = begun.hand_in(generally).await;
        assert_eq!(reply.unwrap().refused, [begun.claims[0].step_id], "{generally}");
    }
}

/// What is larger than what travels along is left out, the smallest parents first (R-23).
#[tokio::test]
async fn large_results_of_other_parents_stay_behind() {
    for generally in [false, true] {
        large_results_stay_behind(generally).await;
    }
}

async fn large_results_stay_behind(generally: bool) {
    let middle = ["b", "c", "e", "f"].map(|name| (name, "depends_on_step: a"));
    let mut steps = vec![("a", "")];
    steps.extend(middle);
    steps.push(("d", "depends_on_steps: [b, c, e, f]"));
    let begun = begin(&template("", &steps)).await;
    let (claims, _) = begun.succeed().await.unwrap().unwrap();
    let results = [200_000, 100, 100_000, 300_000].map(|length| raw(&json!({ "x": "x".repeat(length) })));
    let (last, others) = claims.split_last().unwrap();
    for (claim, results) in others.iter().zip(&results) {
        succeed(begun.bench.pool(), &begun.call(), claim, results).await.unwrap().unwrap();
    }
    let settlement = Settlement::Success { results: results[3].clone() };
    let outcomes = [Settled { step_id: last.step_id, token: last.token, settlement }];
    let lengths = |told: Vec<usize>| {
        let mut lengths: Vec<usize> = told.into_iter().map(|length| length / 100 * 100).collect();
        lengths.sort_unstable();
        lengths
    };
    let told: Vec<usize> = if generally {
        let reply = begun.ledger.exchange(&Exchange { outcomes: &outcomes, ..begun.call() }).await.unwrap();
        reply.results.values().map(|results| results.get().len()).collect()
    } else {
        let (_, told) = succeed(begun.bench.pool(), &begun.call(), last, &results[3]).await.unwrap().unwrap();
        told.iter().filter(|row| row.starts_with('r')).map(String::len).collect()
    };
    assert_eq!(
        lengths(told),
        [100, 100_000],
        "c and e travel, b would be too much, f was handed in by the call itself"
    );
}

/// What a worker tells its next step itself reads as what stands in the record does.
#[tokio::test]
async fn a_step_reads_the_same_whoever_claims_it() {
    let text = r#"{"twice": 1, "of": 1e3, "twice": 2.50}"#;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let all = seen.clone();
    let handler = tasker_core::handler_fn(move |step: StepContext| {
        let mut all = all.lock().unwrap();
        all.push(step.raw_context().get().to_owned());
        all.extend(step.parent_results().values().map(|results| results.get().to_owned()));
        async move { Ok(Output::raw(raw_text(text))) }
    });
    let bench = Bench::new(Script::default()).await;
    let tasker = Tasker::new(bench.pool().clone(), Handlers::new().with("H", handler)).unwrap();
    tasker.run(&diamond(""), Json::parse(text).unwrap()).await.unwrap();
    let stored: String =
        sqlx::query_scalar("select ($1::text)::jsonb::text").bind(text).fetch_one(bench.pool()).await.unwrap();
    let seen = seen.lock().unwrap();
    // four contexts, and the results of one parent of b and c each and of two of d
    assert_eq!(*seen, vec![stored; 8]);
}
