//! A hundred people who act on running tasks at the same moment.

use tasker_domain::operation::TaskOperation;
use tasker_postgres::ledger::{LedgerError, Operated, Operator, StepChange, TaskChange};
use tasker_testing::TestDatabase;

use crate::support::{Here, LONG, Logged, judge, make_log, seed, submit_random, tasker, until_all_ended};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_concurrent_acts_on_running_tasks_leave_legal_histories() {
    let seed = seed();
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    make_log(pool).await;
    let tasker = tasker(pool, Logged::new(database.options(), seed, 30));
    let tasks = submit_random(&tasker, seed, 5, 4).await;
    let steps: Vec<i64> = sqlx::query_scalar("select workflow_step_id from tasker_workflow_steps order by 1")
        .fetch_all(pool)
        .await
        .unwrap();
    let workers = [tasker.clone(), tasker.clone()].map(Here::start);
    let mut done = 0;
    let mut legal = 0;
    for round in 0..3_usize {
        let acts = (0..100_usize).map(|number| {
            let (ledger, tasks, steps) = (tasker.ledger().clone(), tasks.clone(), steps.clone());
            tokio::spawn(async move {
                let by = Operator { actor: "one of many", reason: "at once", now: None, dry_run: false };
                let task = tasks[(number * 7 + round) % tasks.len()];
                let step = steps[(number * 13 + round) % steps.len()];
                let answered = match number % 5 {
                    0 if round == 2 => ledger
                        .change_tasks(&[task], TaskChange::Operation(TaskOperation::Cancel), by)
                        .await
                        .map(|answers| answers[0].1.clone()),
                    0 | 1 => ledger
                        .change_tasks(&[task], TaskChange::Operation(TaskOperation::Retry), by)
                        .await
                        .map(|answers| answers[0].1.clone()),
                    2 => ledger.change_step(step, &StepChange::Cancel, by).await,
                    3 => ledger.change_step(step, &StepChange::Retry { attempts: 4 }, by).await,
                    _ => ledger.change_step(step, &StepChange::Resolve, by).await,
                };
                match answered {
                    Ok(answer) => Some(answer),
                    Err(LedgerError::Busy(_)) => None,
                    Err(error) => panic!("{error}"),
                }
            })
        });
        for act in acts.collect::<Vec<_>>() {
            match tokio::time::timeout(LONG, act).await.expect("an act is answered").unwrap() {
                Some(Operated::Done { .. }) => (done, legal) = (done + 1, legal + 1),
                Some(_) => legal += 1,
                None => {}
            }
        }
    }
    println!("count: {legal} of 300 acts were answered, {done} changed something");
    assert!(done > 20);
    until_all_ended(pool, LONG).await;
    for worker in workers {
        worker.end().await;
    }
    judge(pool).await;
}
