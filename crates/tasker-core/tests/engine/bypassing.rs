//! Steps that a request passes over (R-18): complete without their handler, in their turn, however often they are claimed.

use std::time::Duration;

use serde_json::{Value, json};
use tasker_core::{Handled, Request, RunError, StepContext};
use tasker_domain::json::Json;
use tasker_domain::state::TaskState;
use tasker_domain::template::Template;
use tasker_postgres::ledger::{Exchange, Operator, Rewind, Rewound, Settled, Settlement};
use tasker_testing::invariants::broken_promises;
use tokio_util::sync::CancellationToken;

use crate::foreign::{Running, until};
use crate::support::{Bench, Script, template, worker};

/// a → b, c → d → e; b, d and e can be passed over
fn skippable() -> Template {
    template(
        "",
        &[
            ("a", ""),
            ("b", "depends_on_step: a, skippable: true"),
            ("c", "depends_on_step: a"),
            ("d", "depends_on_steps: [b, c], skippable: true"),
            ("e", "depends_on_step: d, skippable: true"),
        ],
    )
}

fn request(bypass: &[&str]) -> Request {
    Request::new(Json::parse("{}").unwrap()).bypassing(bypass.iter().copied())
}

async fn submitted(bench: &Bench, bypass: &[&str]) -> i64 {
    bench.tasker().submit(&skippable(), request(bypass)).await.unwrap().task_id
}

async fn complete(bench: &Bench, task_id: i64) {
    let handled = bench.tasker().handle_task(task_id, CancellationToken::new()).await.unwrap();
    assert_eq!(handled, Handled::AtRest { state: TaskState::Complete });
}

/// Name, state, attempts and results of each step.
async fn steps(bench: &Bench, task_id: i64) -> Vec<(String, String, i32, Value)> {
    sqlx::query_as(
        "select n.name::text, coalesce(t.to_state, 'pending')::text, s.attempts, s.results from tasker_workflow_steps s join tasker_named_steps n using (named_step_id)
         left join tasker_workflow_step_transitions t on t.workflow_step_id = s.workflow_step_id and t.most_recent
         where s.task_id = $1 order by s.workflow_step_id",
    )
    .bind(task_id)
    .fetch_all(bench.pool())
    .await
    .unwrap()
}

fn names(ran: Vec<(String, u32)>) -> Vec<String> {
    ran.into_iter().map(|(step, _)| step).collect()
}

#[tokio::test]
async fn steps_are_passed_over_in_their_turn() {
    let script = Script::default().on("d", |step: &StepContext| {
        Ok(json!({"saw": serde_json::from_str::<Value>(step.parent_results()["b"].get()).unwrap()}))
    });
    let bench = Bench::new(script).await;
    let task_id = submitted(&bench, &["b", "e", "b"]).await;
    let written: String =
        sqlx::query_scalar("select bypass_steps::text from tasker_tasks").fetch_one(bench.pool()).await.unwrap();
    assert_eq!(written, r#"["b","e","b"]"#, "as it was asked for, and as Rails writes it");
    complete(&bench, task_id).await;
    let mut ran = names(bench.script.ran());
    ran.sort();
    assert_eq!(ran, ["a", "c", "d"]);
    let done = |name: &str, attempts: i32, results: Value| (name.to_owned(), "complete".to_owned(), attempts, results);
    let bypassed = json!({"bypassed": true});
    assert_eq!(
        steps(&bench, task_id).await,
        [
            done("a", 1, json!({"ok": true})),
            done("b", 0, bypassed.clone()),
            done("c", 1, json!({"ok": true})),
            done("d", 1, json!({"saw": bypassed})),
            done("e", 0, bypassed.clone()),
        ]
    );
    assert_eq!(broken_promises(bench.pool()).await.unwrap(), Vec::<String>::new());
    bench.assert_side_tables_empty().await;
    let detail = bench.tasker().ledger().task_detail(task_id).await.unwrap().unwrap();
    assert_eq!(detail.bypass_steps, Some(json!(["b", "e", "b"])));
}

#[tokio::test]
async fn what_cannot_be_passed_over_refuses_the_request() {
    let bench = Bench::new(Script::default()).await;
    let refused = bench.tasker().submit(&skippable(), request(&["b", "f", "c", "bb"])).await.unwrap_err();
    assert!(matches!(refused, RunError::Bypass(_)), "{refused}");
    let text = refused.to_string();
    for words in [
        "`f` is no step of the template",
        "step `c` cannot be bypassed: its template does not say `skippable: true`",
        "`bb` is no step of the template; did you mean `b`?",
    ] {
        assert!(text.contains(words), "{text}");
    }
    let tasks: i64 = sqlx::query_scalar("select count(*) from tasker_tasks").fetch_one(bench.pool()).await.unwrap();
    assert_eq!(tasks, 0);
}

#[tokio::test]
async fn a_claim_that_is_lost_or_handed_back_is_no_attempt() {
    let bench = Bench::new(Script::default()).await;
    let only = template("", &[("only", "skippable: true")]);
    let task_id = bench.tasker().submit(&only, request(&["only"])).await.unwrap().task_id;
    let ledger = bench.tasker().ledger().clone();
    ledger.rebuild_tasks(&[task_id]).await.unwrap();
    let silent = ledger.start_worker(&worker("silent", Duration::ZERO)).await.unwrap();
    let call = Exchange { task: Some(task_id), want: 1, ..Exchange::new(silent, "silent") };
    let claimed = ledger.exchange(&Exchange { call: 1, ..call.clone() }).await.unwrap().claims.remove(0);
    assert_eq!(claimed.attempt, 0);
    let back = [Settled {
        step_id: claimed.step_id,
        token: claimed.token,
        settlement: Settlement::HandBack { note: "handed_back" },
    }];
    let again = ledger.exchange(&Exchange { call: 2, outcomes: &back, ..call }).await.unwrap().claims.remove(0);
    assert_eq!((again.attempt, again.token), (0, claimed.token + 1));
    // The worker is gone; another takes over what it held.
    let mut other = Running::start(bench.tasker(), &[]);
    assert_eq!(other.next_end().await, task_id);
    other.stop().await;
    assert_eq!(
        steps(&bench, task_id).await,
        [("only".to_owned(), "complete".to_owned(), 0, json!({"bypassed": true}))]
    );
    assert_eq!(bench.script.ran(), []);
    until(bench.pool(), "select not exists (select from tasker_engine.queue)").await;
    assert_eq!(broken_promises(bench.pool()).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn tasks_of_other_programs_have_their_steps_passed_over_too() {
    let bench = Bench::new(Script::default()).await;
    let task_id = submitted(&bench, &[]).await;
    // As another program leaves it: no side rows, names that are no steps or not skippable, and escapes.
    for sql in [
        "delete from tasker_engine.queue",
        "delete from tasker_engine.ready",
        "delete from tasker_engine.task",
        r#"update tasker_tasks set bypass_steps = '["b", "c", "nothing"]'"#,
    ] {
        sqlx::query(sql).execute(bench.pool()).await.unwrap();
    }
    let ledger = bench.tasker().ledger().clone();
    assert_eq!(ledger.adopt_tasks(&[task_id]).await.unwrap(), [task_id]);
    complete(&bench, task_id).await;
    let mut ran = names(bench.script.ran());
    ran.sort();
    assert_eq!(ran, ["a", "c", "d", "e"], "c is not skippable");
    for odd in [r#"["\ud800"]"#, r#""b""#, r#"{"b": 1}"#, "null", r#"["b\u0000"]"#] {
        let task_id = submitted(&bench, &[]).await;
        sqlx::query("update tasker_tasks set bypass_steps = $1::text::json where task_id = $2")
            .bind(odd)
            .bind(task_id)
            .execute(bench.pool())
            .await
            .unwrap();
        ledger.rebuild_tasks(&[task_id]).await.unwrap();
        complete(&bench, task_id).await;
        assert!(steps(&bench, task_id).await.iter().all(|step| step.2 == 1), "{odd}");
    }
    assert_eq!(broken_promises(bench.pool()).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_rewind_passes_over_the_same_steps_but_the_named_one() {
    use tasker_core::clock::Clock;
    let bench = Bench::new(Script::default()).await;
    let old = submitted(&bench, &["b", "d", "e"]).await;
    complete(&bench, old).await;
    let by = Operator { actor: "ada", reason: "a test", now: bench.clock.record_time(), dry_run: false };
    let to = Rewind { from: "d", context: None, key: None };
    let rewound = bench.tasker().ledger().rewind(old, to, by).await.unwrap();
    let Rewound::Done { task_id: Some(new), .. } = rewound else { panic!("{rewound:?}") };
    let before = bench.script.ran().len();
    complete(&bench, new).await;
    assert_eq!(names(bench.script.ran().split_off(before)), ["d"]);
    let attempts: Vec<i32> = steps(&bench, new).await.into_iter().map(|step| step.2).collect();
    assert_eq!(attempts, [1, 0, 1, 1, 0]);
}

/// Steps that were to be passed over must not be done because nobody could read so.
#[tokio::test]
async fn a_rewind_is_refused_where_nobody_can_read_what_is_passed_over() {
    use tasker_core::clock::Clock;
    let bench = Bench::new(Script::default()).await;
    let old = submitted(&bench, &[]).await;
    complete(&bench, old).await;
    let ledger = bench.tasker().ledger().clone();
    let rewound = async |list: &str| {
        sqlx::query("update tasker_tasks set bypass_steps = $2::json where task_id = $1")
            .bind(old)
            .bind(list)
            .execute(bench.pool())
            .await
            .unwrap();
        let by = Operator { actor: "ada", reason: "a test", now: bench.clock.record_time(), dry_run: false };
        ledger.rewind(old, Rewind { from: "d", context: None, key: Some(list) }, by).await.unwrap()
    };
    for list in [r#"{"b": true}"#, r#"["b", 7]"#, r#""b""#, r#"["\ud800"]"#] {
        let Rewound::Refused(why) = rewound(list).await else { panic!("{list}") };
        let begin =
            format!("cannot tell which steps task {old} passes over: its bypass_steps are no list of step names (");
        assert!(why.starts_with(&begin) && why.ends_with("); correct them first"), "{list}: {why}");
    }
    for (list, copied) in [("null", json!([])), (r#"["d", "e"]"#, json!(["e"]))] {
        let Rewound::Done { task_id: Some(new), .. } = rewound(list).await else { panic!("{list}") };
        assert_eq!(ledger.task_detail(new).await.unwrap().unwrap().bypass_steps, Some(copied));
    }
}
