//! What a sweep finds, and what it leaves alone.

use std::sync::Arc;
use std::time::Duration;

use tasker_core::queue::{Consumer, DEFAULT_QUEUE, Due, InProcessQueue, Job, Queue, Sweep, Swept};
use tasker_core::{Handled, Work};
use tasker_domain::operation::TaskOperation;
use tasker_postgres::ledger::{Operator, Paused, TaskChange};
use tokio_util::sync::CancellationToken;

use crate::support::{Stumbling, World, empty, one_step};

async fn in_queue(queue: &InProcessQueue, name: &str) -> Vec<i64> {
    let taken = queue.take(&[name.to_owned()], 10_000).await.unwrap();
    let mut tasks: Vec<i64> = taken.iter().map(|delivery| delivery.job.task_id).collect();
    tasks.sort_unstable();
    tasks
}

async fn sweep(world: &World, queue: &InProcessQueue, sweep: Sweep) -> Swept {
    let (mut sweep, mut all) = (sweep, Swept::default());
    while !all.through {
        let swept = world.tasker.sweep(queue, &mut sweep).await.unwrap();
        all = Swept { tasks: all.tasks + swept.tasks, enqueued: all.enqueued + swept.enqueued, through: swept.through };
    }
    all
}

#[tokio::test]
async fn a_sweep_wakes_what_could_go_on_and_nothing_else() {
    let world = World::new(Stumbling::default()).await;
    let queue = InProcessQueue::new(Arc::new(world.clock.clone()), 1000);
    let ledger = world.tasker.ledger();
    let (ready, waits, due) = (world.submit().await, world.submit().await, world.submit().await);
    let (paused, cancelled, waited_for) = (world.submit().await, world.submit().await, world.submit().await);
    for task_id in [waits, due] {
        world.tasker.handle_task(task_id, CancellationToken::new()).await.unwrap();
    }
    let by = Operator { actor: "somebody", reason: "test", now: None, dry_run: false };
    ledger.change_tasks(&[paused], TaskChange::Pause, by).await.unwrap();
    ledger.change_tasks(&[cancelled], TaskChange::Operation(TaskOperation::Cancel), by).await.unwrap();
    ledger.change_tasks(&[ready], TaskChange::Priority(3), by).await.unwrap();
    queue.enqueue(Job::of_task(waited_for), Due::Now).await.unwrap();

    assert_eq!(sweep(&world, &queue, Sweep::new()).await.tasks, 0, "jobs have a while to come");
    world.clock.advance(Duration::from_secs(19));
    let swept = sweep(&world, &queue, Sweep::new().idle_for(Duration::ZERO)).await;
    assert_eq!((swept.tasks, swept.enqueued), (2, 1), "one of both has its wake-up");
    let taken = queue.take(&[DEFAULT_QUEUE.to_owned()], 9).await.unwrap();
    let found: Vec<(i64, i32)> = taken.iter().map(|delivery| (delivery.job.task_id, delivery.job.priority)).collect();
    assert_eq!(found, [(ready, 3), (waited_for, 0)]);
    world.clock.advance(Duration::from_secs(60));
    sweep(&world, &queue, Sweep::new().into_queue("swept")).await;
    assert_eq!(in_queue(&queue, "swept").await, [ready, waits, due, waited_for], "their times have come");
    let none = sweep(&world, &queue, Sweep::new().of_steps_in(["elsewhere"]).into_queue("more")).await;
    assert_eq!(none.tasks, 0);
    let of_queue = sweep(&world, &queue, Sweep::new().of_steps_in(["queues"]).into_queue("more")).await;
    assert_eq!(of_queue.tasks, 4);
    world.database.drop().await;
}

/// Who works a task by its name asks nobody about pauses: no wake-up may lead to what is paused.
#[tokio::test]
async fn a_sweep_leaves_what_is_paused_alone() {
    let world = World::new(Stumbling::default()).await;
    let queue = InProcessQueue::new(Arc::new(world.clock.clone()), 100);
    let ledger = world.tasker.ledger();
    let (ready, waits) = (world.submit().await, world.submit().await);
    let other = world.tasker.submit(&one_step("queue: other"), empty()).await.unwrap().task_id;
    world.tasker.handle_task(waits, CancellationToken::new()).await.unwrap();
    world.clock.advance(Duration::from_secs(60));
    let by = Operator { actor: "somebody", reason: "test", now: None, dry_run: false };
    for (round, what) in [Paused::Queue("queues"), Paused::Type("queues/diamond")].into_iter().enumerate() {
        let name = |part: &str| format!("{part} {round}");
        assert!(ledger.pause(what, by).await.unwrap());
        sweep(&world, &queue, Sweep::new().into_queue(name("paused"))).await;
        assert_eq!(in_queue(&queue, &name("paused")).await, [other], "{what:?}");
        assert!(ledger.resume(what, by).await.unwrap());
        sweep(&world, &queue, Sweep::new().into_queue(name("resumed"))).await;
        assert_eq!(in_queue(&queue, &name("resumed")).await, [ready, waits, other], "{what:?}");
    }
    world.database.drop().await;
}

/// Where frameworks have the consumers, nobody else looks: the next job of a task may come long after.
#[tokio::test]
async fn a_sweep_ends_steps_whose_deadline_has_passed() {
    let world = World::new(Stumbling::default()).await;
    let queue = InProcessQueue::new(Arc::new(world.clock.clone()), 100);
    let template = one_step("deadline_seconds: 5");
    let task_id = world.tasker.submit(&template, empty()).await.unwrap().task_id;
    world.clock.advance(Duration::from_secs(4));
    sweep(&world, &queue, Sweep::new()).await;
    assert_eq!(world.state(task_id).await, "pending");
    world.clock.advance(Duration::from_secs(2));
    assert_eq!(sweep(&world, &queue, Sweep::new().idle_for(Duration::ZERO)).await.tasks, 0);
    assert_eq!(world.state(task_id).await, "error");
    world.database.drop().await;
}

/// Twenty-five hundred tasks, some hundred with each call, each once in a round.
#[tokio::test]
async fn a_sweep_goes_through_all_tasks_part_by_part() {
    let world = World::new(Stumbling::default()).await;
    let queue = InProcessQueue::new(Arc::new(world.clock.clone()), 10_000);
    let requests = (0..2500).map(|_| empty()).collect();
    let mut created: Vec<i64> =
        world.tasker.submit_all(&world.template, requests).await.unwrap().iter().map(|task| task.task_id).collect();
    created.sort_unstable();
    world.clock.advance(Duration::from_secs(60));
    let mut parts = Sweep::new().at_most(700);
    let mut calls = 0;
    loop {
        calls += 1;
        let swept = world.tasker.sweep(&queue, &mut parts).await.unwrap();
        assert_eq!(swept.tasks, swept.enqueued, "nothing is found twice in a round");
        assert!(swept.tasks <= 1700, "{swept:?}");
        if swept.through {
            break;
        }
    }
    assert!(calls >= 2, "{calls}");
    assert_eq!(in_queue(&queue, DEFAULT_QUEUE).await, created);
    let again = sweep(&world, &queue, Sweep::new()).await;
    assert_eq!(again.tasks, 2500, "a job that was taken and never worked is swept again");
    world.database.drop().await;
}

/// What a silent worker holds is taken over by the sweep, and the task is woken when its time has come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_takes_over_what_silent_workers_hold() {
    let world = World::new(Stumbling::default()).await;
    let queue = InProcessQueue::new(Arc::new(world.clock.clone()), 100);
    let task_id = world.submit().await;
    let hung = tasker_core::Tasker::new(
        world.pool().clone(),
        tasker_core::Handlers::new().with(
            "H",
            tasker_core::handler_fn(|_: tasker_core::StepContext| async {
                std::future::pending::<()>().await;
                Ok(serde_json::json!({}))
            }),
        ),
    )
    .unwrap()
    .with_clock(Arc::new(world.clock.clone()));
    let working = tokio::spawn(async move { hung.work(Work::new()).await });
    crate::support::until(async || world.state(task_id).await == "in_progress").await;
    working.abort();
    assert!(working.await.unwrap_err().is_cancelled());
    world.silence().await;
    world.clock.advance(Duration::from_secs(60));
    sweep(&world, &queue, Sweep::new()).await;
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(sweep(&world, &queue, Sweep::new()).await.enqueued, 1);
    assert!(matches!(
        world.tasker.handle_task(task_id, CancellationToken::new()).await.unwrap(),
        Handled::Again { .. }
    ));
    world.database.drop().await;
}

/// A job alone does so for its own task: nothing else has to run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_takes_over_what_a_silent_worker_holds_of_its_task() {
    use tasker_core::Because;
    let world = World::new(Stumbling::default()).await;
    let task_id = world.submit().await;
    let began = Arc::new(tokio::sync::Notify::new());
    let tells = began.clone();
    let hung = tasker_core::handler_fn(move |_: tasker_core::StepContext| {
        let began = tells.clone();
        async move {
            began.notify_one();
            std::future::pending::<()>().await;
            Ok(serde_json::json!({}))
        }
    });
    let dies = tasker_core::Tasker::new(world.pool().clone(), tasker_core::Handlers::new().with("H", hung))
        .unwrap()
        .with_clock(Arc::new(world.clock.clone()));
    let working = tokio::spawn(async move { dies.handle_task(task_id, CancellationToken::new()).await });
    began.notified().await;
    working.abort();
    assert!(working.await.unwrap_err().is_cancelled());
    let answer = async || world.tasker.handle_task(task_id, CancellationToken::new()).await.unwrap();
    let others = answer().await;
    assert!(matches!(others, Handled::Again { because: Because::OthersCarryItOut, .. }), "{others:?}");
    world.silence().await;
    let taken = answer().await;
    assert_eq!(taken, Handled::Again { after: Duration::ZERO, because: Because::TakenOver });
    let waits = answer().await;
    assert!(matches!(waits, Handled::Again { because: Because::StepWaitsForItsTime, .. }), "{waits:?}");
    world.database.drop().await;
}
