//! What one pass of a task comes to, on the workflows of the original's suite.

use tasker_core::{Because, Handled};
use tasker_domain::state::TaskState;
use tasker_postgres::functions::ExecutionStatus;
use tasker_testing::shapes::WorkflowShape;

use crate::support::Script;
use crate::world::{World, failing};

const COMPLETE: Handled = Handled::AtRest { state: TaskState::Complete };

fn waits(handled: Handled) -> bool {
    matches!(handled, Handled::Again { because: Because::StepWaitsForItsTime, .. })
}

#[tokio::test]
async fn healthy_workflows_complete_in_one_pass() {
    let world = World::new(Script::default()).await;
    for shape in WorkflowShape::patterns() {
        let task_id = world.shaped(&shape).await;
        assert_eq!(world.pass(task_id).await, COMPLETE, "{}", shape.name);
        let steps = world.steps(task_id).await;
        assert_eq!(steps.len(), shape.steps.len());
        for step in steps {
            assert_eq!((step.state.as_str(), step.attempts), ("complete", 1), "{}: {}", shape.name, step.name);
            assert!(world.is_processed(step.step_id).await, "{}: {}", shape.name, step.name);
        }
        let context = world.context(task_id).await;
        assert_eq!(context.execution_status, ExecutionStatus::AllComplete, "{}", shape.name);
        assert!(world.readiness(task_id).await.iter().all(|step| !step.ready_for_execution), "{}", shape.name);
    }
}

#[tokio::test]
async fn a_fresh_linear_workflow_has_done_nothing() {
    let world = World::new(Script::default()).await;
    let task_id = world.shaped(&WorkflowShape::linear()).await;
    let steps = world.steps(task_id).await;
    assert_eq!(steps.len(), 6);
    for step in steps {
        assert_eq!((step.state.as_str(), step.attempts), ("pending", 0));
        assert!(!world.is_processed(step.step_id).await);
    }
    assert_eq!(world.state(task_id).await, "pending");
    assert!(world.script.ran().is_empty());
}

#[tokio::test]
async fn what_is_ready_in_a_fresh_diamond() {
    let world = World::new(Script::default()).await;
    let task_id = world.shaped(&WorkflowShape::diamond()).await;
    let rows = world.readiness(task_id).await;
    let (ready, others): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.ready_for_execution);
    assert_eq!(ready.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["start_workflow"]);
    assert!(ready.iter().all(|row| row.current_state == "pending" && row.attempts == 0));
    assert!(ready.iter().all(|row| row.retry_eligible && row.dependencies_satisfied));
    assert!(others.iter().all(|row| !row.dependencies_satisfied));
    assert_eq!(world.context(task_id).await.execution_status, ExecutionStatus::HasReadySteps);
}

#[tokio::test]
async fn one_failure_leaves_the_task_waiting() {
    let world = World::new(failing(&[("process_data", 1)])).await;
    let task_id = world.shaped(&WorkflowShape::linear()).await;
    assert!(waits(world.pass(task_id).await));
    assert_eq!(world.state(task_id).await, "pending");
    let failed = world.step(task_id, "process_data").await;
    assert_eq!((failed.state.as_str(), failed.attempts, failed.retryable), ("error", 1, true));
    assert!(!world.is_processed(failed.step_id).await);
    let rows = world.readiness(task_id).await;
    let limit = rows.iter().find(|row| row.name == "process_data").unwrap().retry_limit;
    assert_eq!(limit, 3);
    let context = world.context(task_id).await;
    assert_eq!(context.execution_status, ExecutionStatus::WaitingForDependencies);
    assert_eq!((context.completed_steps, context.failed_steps, context.pending_steps), (2, 1, 3));
    assert_eq!(context.in_progress_steps, 0);
    let failed: Vec<String> = world
        .steps(task_id)
        .await
        .into_iter()
        .filter(|step| step.transitions.iter().any(|state| state == "error"))
        .map(|step| step.name)
        .collect();
    assert_eq!(failed, ["process_data"], "exactly this step failed");
    for step in world.steps(task_id).await {
        match step.state.as_str() {
            "complete" => assert!(world.is_processed(step.step_id).await),
            "pending" => assert_eq!(step.attempts, 0),
            other => assert_eq!((other, step.name.as_str()), ("error", "process_data")),
        }
    }
    assert_eq!(world.to_its_end(task_id).await, TaskState::Complete);
}

#[tokio::test]
async fn a_pass_consumes_one_attempt_however_often_the_step_fails() {
    let world = World::new(failing(&[("process_data", 5)])).await;
    let task_id = world.shaped(&WorkflowShape::linear()).await;
    assert!(waits(world.pass(task_id).await));
    assert_eq!(world.state(task_id).await, "pending");
    let failed = world.step(task_id, "process_data").await;
    assert_eq!((failed.state.as_str(), failed.attempts), ("error", 1));
    assert!(waits(world.pass(task_id).await), "a pass before its time does nothing");
    assert_eq!(world.step(task_id, "process_data").await.attempts, 1);
    assert_eq!(world.to_its_end(task_id).await, TaskState::Error);
    assert_eq!(world.step(task_id, "process_data").await.attempts, 3);
}

#[tokio::test]
async fn a_convergence_that_fails_holds_what_comes_after_it() {
    let world = World::new(failing(&[("merge_branches", 1)])).await;
    let task_id = world.shaped(&WorkflowShape::diamond()).await;
    assert!(waits(world.pass(task_id).await));
    assert_eq!(world.state(task_id).await, "pending");
    let merge = world.step(task_id, "merge_branches").await;
    assert_eq!((merge.state.as_str(), merge.attempts), ("error", 1));
    assert_eq!(world.step(task_id, "end_workflow").await.state.as_str(), "pending");
    assert_eq!(world.to_its_end(task_id).await, TaskState::Complete);
}

#[tokio::test]
async fn a_branch_that_always_fails_holds_the_convergence() {
    let world = World::new(failing(&[("branch_one_process", 99)])).await;
    let task_id = world.shaped(&WorkflowShape::diamond()).await;
    for ending in [None, Some(TaskState::Error)] {
        match ending {
            None => assert!(waits(world.pass(task_id).await)),
            Some(state) => assert_eq!(world.to_its_end(task_id).await, state),
        }
        let merge = world.step(task_id, "merge_branches").await;
        assert_eq!((merge.state.as_str(), merge.attempts), ("pending", 0));
        assert!(!world.is_processed(merge.step_id).await);
        assert_eq!(world.step(task_id, "branch_one_process").await.state.as_str(), "error");
        assert_eq!(world.step(task_id, "branch_two_validate").await.state.as_str(), "complete");
    }
}

#[tokio::test]
async fn every_state_counts_once_after_a_pass_with_failures() {
    let shapes = [
        (WorkflowShape::linear(), "process_data"),
        (WorkflowShape::diamond(), "branch_two_process"),
        (WorkflowShape::tree(), "branch_b_setup"),
        (WorkflowShape::parallel_merge(), "fetch_order_data"),
    ];
    for (shape, failed) in shapes {
        let world = World::new(failing(&[(failed, 1)])).await;
        let task_id = world.shaped(&shape).await;
        world.pass(task_id).await;
        let context = world.context(task_id).await;
        let sum = context.pending_steps + context.in_progress_steps + context.completed_steps + context.failed_steps;
        assert_eq!((sum, context.total_steps), (shape.steps.len() as i64, shape.steps.len() as i64), "{}", shape.name);
        assert_eq!((context.failed_steps, context.status.as_str()), (1, "pending"), "{}", shape.name);
        let states: Vec<String> = world.steps(task_id).await.iter().map(|step| step.state.to_string()).collect();
        assert!(states.iter().all(|state| ["complete", "error", "pending"].contains(&state.as_str())), "{states:?}");
        if shape.name.starts_with("tree") {
            assert_eq!(states[0], "complete", "the root");
        }
    }
}
