//! An ended task done anew from a step on: what the new task takes over, what it does itself, what is refused, and that the
//! same is done once.

use std::collections::{HashMap, HashSet};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tasker_core::clock::Clock;
use tasker_core::entropy::Entropy;
use tasker_core::ops::{self, Rewind};
use tasker_core::{Handled, Request, RunError, StepContext, StepError};
use tasker_domain::json::Json;
use tasker_domain::operation::TaskOperation;
use tasker_domain::state::{StepState, TaskState};
use tasker_domain::template::Template;
use tasker_postgres::ledger::{Operated, Operator, Rewound, StepChange, TaskChange};
use tasker_testing::invariants::{broken_promises, side_rows};
use tokio_util::sync::CancellationToken;

use crate::support::{Bench, Script, diamond, template};

const CANCEL: TaskChange = TaskChange::Operation(TaskOperation::Cancel);

fn by(bench: &Bench) -> Operator<'static> {
    Operator { actor: "ada", reason: "wrong paper", now: bench.clock.record_time(), dry_run: false }
}

fn from(step: &str) -> Rewind {
    Rewind { from: step.to_owned(), context: None, key: None }
}

async fn submitted(bench: &Bench, template: &Template, context: &str) -> i64 {
    bench.tasker().submit(template, Request::new(Json::parse(context).unwrap())).await.unwrap().task_id
}

/// Works a task to its end, however long it waits in between.
async fn finished(bench: &Bench, task_id: i64) -> TaskState {
    for _ in 0..200 {
        match bench.tasker().handle_task(task_id, CancellationToken::new()).await.unwrap() {
            Handled::AtRest { state } => return state,
            Handled::Again { after, .. } => bench.clock.advance(after),
        }
    }
    panic!("task {task_id} comes to no end");
}

async fn rewound(bench: &Bench, task_id: i64, to: &Rewind) -> Rewound {
    ops::rewind(bench.tasker().ledger(), task_id, to, by(bench)).await.unwrap()
}

#[track_caller]
fn new_task(rewound: &Rewound) -> i64 {
    match rewound {
        Rewound::Done { task_id: Some(task_id), .. } => *task_id,
        other => panic!("{other:?}"),
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The moves of the task and of its steps, with the attempts and results of each step.
async fn account(bench: &Bench, task_id: i64) -> Vec<String> {
    sqlx::query_scalar(
        "select line from (
           select 0 as place, 'task ' || coalesce(string_agg(from_state || '>' || to_state, ' ' order by sort_key), '-') as line
           from tasker_task_transitions where task_id = $1
           union all
           select s.workflow_step_id, n.name || ' ' || coalesce(string_agg(t.from_state || '>' || t.to_state, ' ' order by t.sort_key), '-')
             || ', ' || s.attempts || ' attempts: ' || (s.results::text)
           from tasker_workflow_steps s join tasker_named_steps n using (named_step_id)
           left join tasker_workflow_step_transitions t using (workflow_step_id)
           where s.task_id = $1 group by s.workflow_step_id, n.name) x order by place",
    )
    .bind(task_id)
    .fetch_all(bench.pool())
    .await
    .unwrap()
}

#[tokio::test]
async fn what_is_finished_is_taken_over_and_the_rest_done_anew() {
    let script = Script::default()
        .on("a", |step: &StepContext| match step.attempt() {
            1 => Err(StepError::failure("not yet")),
            _ => Ok(json!({"boxes": 2})),
        })
        .on("d", |step: &StepContext| {
            Ok(json!({"from_c": serde_json::from_str::<Value>(step.parent_results()["c"].get()).unwrap(), "context": step.context::<Value>()?}))
        });
    let bench = Bench::new(script).await;
    let old = submitted(&bench, &diamond(""), r#"{"order": 7}"#).await;
    assert_eq!(finished(&bench, old).await, TaskState::Complete);
    let before = account(&bench, old).await;
    let outcome = rewound(&bench, old, &from("b")).await;
    let new = new_task(&outcome);
    assert_eq!(outcome, Rewound::Done { task_id: Some(new), taken_over: words(&["a", "c"]), anew: words(&["b", "d"]) });
    assert_eq!(
        account(&bench, new).await,
        [
            "task pending>in_progress in_progress>pending",
            "a pending>in_progress in_progress>complete, 2 attempts: {\"boxes\": 2}",
            "b -, 0 attempts: {}",
            "c pending>in_progress in_progress>complete, 1 attempts: {\"ok\": true}",
            "d -, 0 attempts: {}",
        ]
    );
    let ran = bench.script.ran().len();
    assert_eq!(finished(&bench, new).await, TaskState::Complete);
    let ran: Vec<String> = bench.script.ran().split_off(ran).into_iter().map(|(step, _)| step).collect();
    assert_eq!(ran, ["b", "d"]);
    let after = account(&bench, new).await;
    assert_eq!(
        after[4],
        r#"d pending>in_progress in_progress>complete, 1 attempts: {"from_c": {"ok": true}, "context": {"order": 7}}"#
    );
    assert_eq!(account(&bench, old).await, before, "the old task stays as it is");
    bench.assert_side_tables_empty().await;
    assert_eq!(broken_promises(bench.pool()).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn the_record_says_where_a_task_comes_from() {
    let bench = Bench::new(Script::default()).await;
    let request =
        Request::new(Json::parse("{}").unwrap()).with_key("k").with_tags(["urgent"]).asked_by("eve", "shop", "sold");
    let old = bench.tasker().submit(&diamond(""), request).await.unwrap().task_id;
    finished(&bench, old).await;
    let new = new_task(&rewound(&bench, old, &from("d")).await);
    let detail = bench.tasker().ledger().task_detail(new).await.unwrap().unwrap();
    assert_eq!(
        detail.rewound_from,
        Some(json!({"task_id": old, "step": "d", "actor": "ada", "reason": "wrong paper"}))
    );
    assert_eq!(
        (detail.initiator.as_deref(), detail.source_system.as_deref(), detail.reason.as_deref(), detail.tags),
        (
            Some("ada"),
            Some("shop"),
            Some(&*format!("rewind of task {old} from d: wrong paper")),
            Some(json!(["urgent"]))
        )
    );
    assert!(
        detail.identity_hash.starts_with("rewind-") && detail.identity_hash.len() <= 128,
        "{}",
        detail.identity_hash
    );
    assert_eq!(bench.tasker().ledger().task_detail(old).await.unwrap().unwrap().rewound_from, None);
    let a: i64 = step_ids(&bench, old).await["a"];
    let metadata: Vec<Value> = sqlx::query_scalar(
        "select t.metadata from tasker_workflow_step_transitions t join tasker_workflow_steps s using (workflow_step_id)
         where s.task_id = $1 order by t.id limit 2",
    )
    .bind(new)
    .fetch_all(bench.pool())
    .await
    .unwrap();
    let taken = json!({"actor": "ada", "reason": "wrong paper", "operation": "rewind", "taken_over_from": {"task_id": old, "step_id": a}});
    assert_eq!(metadata, [taken.clone(), taken]);
}

async fn step_ids(bench: &Bench, task_id: i64) -> HashMap<String, i64> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "select n.name, s.workflow_step_id from tasker_workflow_steps s join tasker_named_steps n using (named_step_id) where s.task_id = $1",
    )
    .bind(task_id)
    .fetch_all(bench.pool())
    .await
    .unwrap();
    rows.into_iter().collect()
}

#[tokio::test]
async fn the_same_rewind_gives_the_same_task() {
    let bench = Bench::new(Script::default()).await;
    let old = submitted(&bench, &diamond(""), "{}").await;
    finished(&bench, old).await;
    let new = new_task(&rewound(&bench, old, &from("b")).await);
    assert_eq!(rewound(&bench, old, &from("b")).await, Rewound::AlreadySo { task_id: new });
    let once_more = Rewind { key: Some("once more".to_owned()), ..from("b") };
    let other = new_task(&rewound(&bench, old, &once_more).await);
    assert_ne!(other, new);
    assert_eq!(rewound(&bench, old, &once_more).await, Rewound::AlreadySo { task_id: other });
    let context = Rewind { context: Some(Json::parse(r#"{"x": 1}"#).unwrap()), ..from("b") };
    let third = new_task(&rewound(&bench, old, &context).await);
    assert_eq!(rewound(&bench, old, &context).await, Rewound::AlreadySo { task_id: third });
    finished(&bench, new).await;
    assert_eq!(rewound(&bench, old, &from("b")).await, Rewound::AlreadySo { task_id: new }, "whatever became of it");
    let of_new = new_task(&rewound(&bench, new, &from("b")).await);
    assert!(of_new > third, "a rewound task can be rewound");
}

#[tokio::test]
async fn many_who_rewind_at_once_make_one_task() {
    let bench = Bench::new(Script::default()).await;
    let old = submitted(&bench, &diamond(""), "{}").await;
    finished(&bench, old).await;
    let to = from("c");
    let all = futures_util::future::join_all((0..12).map(|_| rewound(&bench, old, &to))).await;
    let made: Vec<i64> = all.iter().filter(|one| matches!(one, Rewound::Done { .. })).map(new_task).collect();
    let [made] = made[..] else { panic!("{all:?}") };
    assert!(
        all.iter().all(|one| matches!(one, Rewound::Done { .. }) || *one == Rewound::AlreadySo { task_id: made }),
        "{all:?}"
    );
}

#[tokio::test]
async fn a_changed_context_is_checked_and_given_to_what_is_done_anew() {
    let schema = "schema: {type: object, properties: {paper: {type: string, default: white}, order: {type: integer}}}";
    let script = Script::default().on("d", |step: &StepContext| Ok(json!({"saw": step.context::<Value>()?})));
    let bench = Bench::new(script).await;
    let old = submitted(&bench, &diamond(schema), r#"{"order": 7}"#).await;
    finished(&bench, old).await;
    let wrong = Rewind { context: Some(Json::parse(r#"{"order": "seven"}"#).unwrap()), ..from("d") };
    let refused = ops::rewind(bench.tasker().ledger(), old, &wrong, by(&bench)).await.unwrap_err();
    assert!(matches!(refused, RunError::Context(_)), "{refused}");
    let right = Rewind { context: Some(Json::parse(r#"{"order": 8.0}"#).unwrap()), ..from("d") };
    let new = new_task(&rewound(&bench, old, &right).await);
    finished(&bench, new).await;
    let saw: Value = sqlx::query_scalar(
        "select results from tasker_workflow_steps where task_id = $1 order by workflow_step_id desc limit 1",
    )
    .bind(new)
    .fetch_one(bench.pool())
    .await
    .unwrap();
    let saw = saw["saw"].clone();
    assert_eq!(saw, json!({"order": 8.0, "paper": "white"}));
    let inputs: Vec<Value> =
        sqlx::query_scalar("select inputs from tasker_workflow_steps where task_id = $1 order by workflow_step_id")
            .bind(new)
            .fetch_all(bench.pool())
            .await
            .unwrap();
    let (then, now) = (json!({"order": 7, "paper": "white"}), json!({"order": 8.0, "paper": "white"}));
    assert_eq!(inputs, [then.clone(), then.clone(), then, now], "what was taken over was done with the old context");
}

/// A worker that comes after the answer would pass over rows that are still locked, and leave the task to nobody.
#[tokio::test]
async fn what_is_refused_holds_nothing_once_it_is_answered() {
    let bench = Bench::new(Script::default()).await;
    let task_id = submitted(&bench, &diamond(""), "{}").await;
    let mut other = bench.pool().acquire().await.unwrap();
    for turn in 0..20 {
        let answer = rewound(&bench, task_id, &from("a")).await;
        assert!(matches!(answer, Rewound::Refused(_)), "{answer:?}");
        let free: i64 = sqlx::query_scalar(
            "select count(*) from (select from tasker_engine.task where task_id = $1 for update skip locked) free",
        )
        .bind(task_id)
        .fetch_one(&mut *other)
        .await
        .unwrap();
        assert_eq!(free, 1, "try {turn}");
    }
}

#[tokio::test]
async fn only_a_task_at_rest_is_rewound() {
    let bench = Bench::new(Script::default().on("b", |_| Err(StepError::failure("no")))).await;
    let ledger = bench.tasker().ledger().clone();
    let old = submitted(&bench, &diamond(""), "{}").await;
    let legal = "legal would be: cancel, and then rewind";
    assert_eq!(
        rewound(&bench, old, &from("b")).await,
        Rewound::Refused(format!("cannot rewind what is pending; {legal}"))
    );
    let claimed = bench.tasker().handle_task(old, CancellationToken::new()).await.unwrap();
    assert!(matches!(claimed, Handled::Again { .. }), "b waits for its retry");
    assert_eq!(
        rewound(&bench, old, &from("b")).await,
        Rewound::Refused(format!("cannot rewind what is pending; {legal}"))
    );
    ledger.change_tasks(&[old], CANCEL, by(&bench)).await.unwrap();
    assert_eq!(rewound(&bench, 999, &from("b")).await, Rewound::Unknown);
    let refused = rewound(&bench, old, &from("bb")).await;
    assert_eq!(refused, Rewound::Refused(format!("task {old} has no step `bb`; did you mean `b`?")));
    let tasks = "select count(*) from tasker_tasks";
    let asked = Operator { dry_run: true, ..by(&bench) };
    let outcome = ops::rewind(&ledger, old, &from("d"), asked).await.unwrap();
    assert_eq!(outcome, Rewound::Done { task_id: None, taken_over: words(&["a", "c"]), anew: words(&["b", "d"]) });
    assert_eq!(sqlx::query_scalar::<_, i64>(tasks).fetch_one(bench.pool()).await.unwrap(), 1, "nothing was made");
    // What had not ended is done anew, too: b was called off, and d comes after it.
    let new = new_task(&rewound(&bench, old, &from("d")).await);
    assert_eq!(finished(&bench, new).await, TaskState::Error, "b fails again");
    bench.assert_side_tables_empty().await;
    let limits: Vec<(bool, i32)> = sqlx::query_as(
        "select retryable, attempts from tasker_workflow_steps where task_id = $1 order by workflow_step_id",
    )
    .bind(new)
    .fetch_all(bench.pool())
    .await
    .unwrap();
    assert_eq!(limits, [(true, 1), (true, 3), (true, 1), (true, 0)], "b had all its attempts again");
}

#[tokio::test]
async fn what_was_settled_by_hand_stays_settled() {
    let bench = Bench::new(Script::default().on("b", |_| Err(StepError::permanent("broken")))).await;
    let ledger = bench.tasker().ledger().clone();
    let old = submitted(&bench, &diamond(""), "{}").await;
    assert_eq!(finished(&bench, old).await, TaskState::Error);
    let b = step_ids(&bench, old).await["b"];
    assert!(matches!(ledger.change_step(b, &StepChange::Resolve, by(&bench)).await.unwrap(), Operated::Done { .. }));
    assert_eq!(finished(&bench, old).await, TaskState::Complete);
    let new = new_task(&rewound(&bench, old, &from("c")).await);
    let then = account(&bench, new).await;
    assert!(then[2].starts_with("b pending>resolved_manually, 1 attempts: "), "{then:?}");
    assert_eq!(finished(&bench, new).await, TaskState::Complete);
    assert_eq!(broken_promises(bench.pool()).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_task_goes_on_by_the_content_it_was_made_from() {
    let bench = Bench::new(Script::default()).await;
    let old = submitted(&bench, &template("", &[("a", ""), ("b", "depends_on_step: a")]), "{}").await;
    finished(&bench, old).await;
    let changed = template("", &[("a", ""), ("x", "depends_on_step: a"), ("b", "depends_on_step: x")]);
    bench.tasker().allowing_redefinition().submit(&changed, Request::new(Json::parse("{}").unwrap())).await.unwrap();
    let new = new_task(&rewound(&bench, old, &from("b")).await);
    assert_eq!(finished(&bench, new).await, TaskState::Complete);
    assert_eq!(account(&bench, new).await.len(), 3, "the task and two steps");
}

#[tokio::test]
async fn a_task_of_another_program_is_rewound_if_it_fits_a_definition() {
    let bench = Bench::new(Script::default()).await;
    let old = submitted(&bench, &diamond(""), "{}").await;
    finished(&bench, old).await;
    sqlx::query("delete from tasker_engine.task").execute(bench.pool()).await.unwrap();
    let new = new_task(&rewound(&bench, old, &from("d")).await);
    assert_eq!(finished(&bench, new).await, TaskState::Complete);
    sqlx::query("delete from tasker_workflow_step_edges where to_step_id = (select max(workflow_step_id) from tasker_workflow_steps where task_id = $1)")
        .bind(old).execute(bench.pool()).await.unwrap();
    assert_eq!(
        rewound(&bench, old, &from("c")).await,
        Rewound::Refused(format!(
            "the steps of task {old} are not those of any definition that is registered for its type"
        ))
    );
}

fn random_template(chance: &mut StdRng, number: usize) -> Template {
    let steps: Vec<(String, String)> = (0..chance.random_range(1..=12))
        .map(|step: usize| {
            let mut parents: Vec<String> = (0..chance.random_range(0..=3))
                .filter(|_| step > 0)
                .map(|_| format!("s{}", chance.random_range(0..step)))
                .collect();
            parents.sort();
            parents.dedup();
            (
                format!("s{step}"),
                format!(
                    "default_retry_limit: {}, depends_on_steps: [{}]",
                    chance.random_range(1..=3),
                    parents.join(", ")
                ),
            )
        })
        .collect();
    let steps: Vec<(&str, &str)> = steps.iter().map(|(name, more)| (name.as_str(), more.as_str())).collect();
    let head = format!("fail_fast: {}", chance.random_bool(0.3));
    crate::foreign::renamed(&template(&head, &steps), &format!("random_{number}"))
}

struct OldStep {
    state: StepState,
    parents: Vec<usize>,
    results: Value,
    attempts: i32,
}

async fn steps_of(bench: &Bench, task_id: i64) -> Vec<OldStep> {
    let rows: Vec<(i64, String, Vec<i64>, Value, i32)> = sqlx::query_as(
        "select s.workflow_step_id, coalesce(t.to_state, 'pending'), array(select from_step_id from tasker_workflow_step_edges where to_step_id = s.workflow_step_id order by id),
           s.results, s.attempts
         from tasker_workflow_steps s left join tasker_workflow_step_transitions t on t.workflow_step_id = s.workflow_step_id and t.most_recent
         where s.task_id = $1 order by s.workflow_step_id",
    )
    .bind(task_id)
    .fetch_all(bench.pool())
    .await
    .unwrap();
    let places: HashMap<i64, usize> = rows.iter().enumerate().map(|(place, row)| (row.0, place)).collect();
    rows.into_iter()
        .map(|(_, state, parents, results, attempts)| OldStep {
            state: state.parse().unwrap(),
            parents: parents.iter().map(|id| places[id]).collect(),
            results,
            attempts,
        })
        .collect()
}

/// Whether the step comes after the other, or is it.
fn comes_after(steps: &[OldStep], step: usize, other: usize) -> bool {
    step == other || steps[step].parents.iter().any(|&parent| comes_after(steps, parent, other))
}

fn is_taken_over(steps: &[OldStep], step: usize, from: usize) -> bool {
    !comes_after(steps, step, from)
        && match steps[step].state {
            StepState::ResolvedManually => true,
            StepState::Complete => steps[step].parents.iter().all(|&parent| is_taken_over(steps, parent, from)),
            _ => false,
        }
}

#[tokio::test]
async fn random_graphs_are_rewound_from_random_steps() {
    let seed = match std::env::var("TASKER_RANDOM_SEED") {
        Ok(text) => text.parse().expect("TASKER_RANDOM_SEED is a number"),
        Err(_) => Entropy::from_system().unwrap().uuid().as_u64_pair().0 >> 12,
    };
    println!("count: TASKER_RANDOM_SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let mut script = Script::default();
    for step in 0..12 {
        let (dies_in, flutters) = (chance.random_range(0..6), chance.random_bool(0.2));
        script = script.on(&format!("s{step}"), move |step: &StepContext| match step.attempt() {
            _ if step.task_id() % 6 == dies_in => Err(StepError::permanent("broken")),
            1 if flutters => Err(StepError::failure("again")),
            _ => Ok(json!({"by": step.step_id()})),
        });
    }
    let bench = Bench::new(script).await;
    let ledger = bench.tasker().ledger().clone();
    let mut taken = 0;
    for number in 0..25 {
        let template = random_template(&mut chance, number);
        let mut old = submitted(&bench, &template, "{}").await;
        for _ in 0..3 {
            if chance.random_bool(0.3) {
                // Some are called off half way, or have a step settled by hand.
                bench.tasker().handle_task(old, CancellationToken::new()).await.unwrap();
                let ids: Vec<i64> = step_ids(&bench, old).await.into_values().collect();
                let settled = ids[chance.random_range(0..ids.len())];
                ledger.change_step(settled, &StepChange::Resolve, by(&bench)).await.unwrap();
                if chance.random_bool(0.5) {
                    ledger.change_tasks(&[old], CANCEL, by(&bench)).await.unwrap();
                }
            }
            finished(&bench, old).await;
            let steps = steps_of(&bench, old).await;
            let start = chance.random_range(0..steps.len());
            let outcome = rewound(&bench, old, &from(&format!("s{start}"))).await;
            let new = new_task(&outcome);
            let expected: HashSet<usize> =
                (0..steps.len()).filter(|&step| is_taken_over(&steps, step, start)).collect();
            for (place, (step, before)) in steps_of(&bench, new).await.into_iter().zip(&steps).enumerate() {
                let about = format!("step s{place} of task {new}, rewound from s{start} of {old} (seed {seed})");
                if expected.contains(&place) {
                    assert_eq!(
                        (step.state, &step.results, step.attempts),
                        (before.state, &before.results, before.attempts),
                        "{about}"
                    );
                } else {
                    assert_eq!(
                        (step.state, step.results, step.attempts),
                        (StepState::Pending, json!({}), 0),
                        "{about}"
                    );
                }
                assert_eq!(step.parents, before.parents, "{about}");
            }
            taken += expected.len();
            let written = side_rows(bench.pool()).await.unwrap();
            ledger.rebuild_tasks(&[new]).await.unwrap();
            assert_eq!(side_rows(bench.pool()).await.unwrap(), written, "task {new} (seed {seed})");
            old = new;
        }
        finished(&bench, old).await;
    }
    assert!(taken > 0, "something was taken over");
    let broken = broken_promises(bench.pool()).await.unwrap();
    assert!(broken.is_empty(), "{broken:#?} (seed {seed})");
    bench.assert_side_tables_empty().await;
}
