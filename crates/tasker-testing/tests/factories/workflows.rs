//! Whole workflows: their rows, their states, sets of them.

use serde_json::json;
use std::collections::BTreeMap;
use tasker_core::entropy::Entropy;
use tasker_postgres::functions::{
    DependencyLevels, ExecutionStatus, HealthStatus, Selection, StepReadiness, TaskExecutionContext,
};
use tasker_testing::factories::{Progress, Situation, Workflow};
use tasker_testing::shapes::{Mixture, Pattern, WorkflowShape};
use tasker_testing::{Factory, TestDatabase};

use super::{factory, rows};

async fn ready(database: &TestDatabase, workflow: &Workflow) -> Vec<String> {
    let rows = StepReadiness::selected(database.pool(), workflow.task.id, Selection::Ready).await.unwrap();
    rows.into_iter().map(|row| row.name).collect()
}

/// The rows have the shape's graph: the database's levels are the shape's, and its roots are ready.
async fn check(database: &TestDatabase, workflow: &Workflow) {
    let graph = workflow.shape.graph();
    let levels = DependencyLevels::for_task(database.pool(), workflow.task.id).await.unwrap();
    let expected: BTreeMap<i64, i32> = workflow
        .steps
        .iter()
        .zip(graph.levels())
        .map(|(step, level)| (step.id, i32::try_from(*level).unwrap()))
        .collect();
    assert_eq!(levels.by_step(), expected, "{}", workflow.shape.name);
    assert_eq!(workflow.edges.len(), graph.edge_count());
    let roots: Vec<&str> = graph.roots().map(|place| workflow.shape.steps[place].name.as_str()).collect();
    assert_eq!(ready(database, workflow).await, roots, "{}", workflow.shape.name);
}

#[tokio::test]
async fn every_shape_of_the_suite_stands_as_rows() {
    let database = TestDatabase::with_schema().await;
    let factory = factory(&database).await;
    for shape in WorkflowShape::of_the_suite() {
        let workflow = factory.workflow(shape).create().await.unwrap();
        check(&database, &workflow).await;
    }
    database.drop().await;
}

#[tokio::test]
async fn the_workflows_of_the_suite_have_the_recorded_numbers() {
    let database = TestDatabase::with_schema().await;
    let factory = factory(&database).await;
    let cart = factory.api_integration_workflow().create().await.unwrap();
    assert_eq!(cart.task.row.context, Some(json!({"cart_id": 123, "user_id": 456})));
    assert_eq!((rows(&database, "tasker_named_steps").await.len(), cart.edges.len()), (5, 4));
    let chain = factory.workflow(WorkflowShape::simple_linear(3)).create().await.unwrap();
    assert_eq!(chain.edges.len(), 2);
    let parallel = factory.workflow(WorkflowShape::parallel(3)).create().await.unwrap();
    assert_eq!((parallel.steps.len(), parallel.edges.len()), (5, 6));
    let dummy = factory.dummy_task_workflow().in_namespace("suite").create().await.unwrap();
    assert_eq!(dummy.task.row.initiator.as_deref(), Some("pete@test"));
    assert_eq!(dummy.task.row.tags, Some(json!(["dummy", "testing"])));
    let history = rows(&database, "tasker_task_transitions").await;
    assert_eq!((history.len(), &history[0]["to_state"]), (1, &json!("pending")));
    let context = TaskExecutionContext::find(database.pool(), dummy.task.id).await.unwrap().unwrap();
    assert_eq!((context.total_steps, context.pending_steps, context.ready_steps), (4, 4, 2));
    assert_eq!(context.in_progress_steps + context.completed_steps + context.failed_steps, 0);
    assert_eq!(
        (context.execution_status, context.health_status),
        (ExecutionStatus::HasReadySteps, HealthStatus::Healthy)
    );
    assert_eq!(context.recommended_action.as_str(), "execute_ready_steps");
    assert!(context.completion_percentage.as_f64().abs() < f64::EPSILON);
    database.drop().await;
}

#[tokio::test]
async fn every_progress_gives_the_state_that_it_names() {
    use {ExecutionStatus as Status, HealthStatus as Health};
    let database = TestDatabase::with_schema().await;
    let factory = factory(&database).await;
    let mut shapes = WorkflowShape::of_the_suite();
    shapes.push(WorkflowShape::random(30, &Entropy::seeded(5)));
    for progress in Progress::ALL {
        let (state, status, health) = match progress {
            Progress::Untouched => ("pending", Status::HasReadySteps, Health::Healthy),
            Progress::HalfDone => ("in_progress", Status::HasReadySteps, Health::Healthy),
            Progress::Running => ("in_progress", Status::Processing, Health::Healthy),
            Progress::Failed => ("in_progress", Status::HasReadySteps, Health::Recovering),
            Progress::Waiting => ("pending", Status::WaitingForDependencies, Health::Recovering),
            Progress::Exhausted => ("error", Status::BlockedByFailures, Health::Blocked),
            Progress::Complete => ("complete", Status::AllComplete, Health::Healthy),
            Progress::Cancelled => ("cancelled", Status::WaitingForDependencies, Health::Healthy),
        };
        for shape in &shapes {
            let workflow = factory.workflow(shape.clone()).progress(progress).create().await.unwrap();
            let context = TaskExecutionContext::find(database.pool(), workflow.task.id).await.unwrap().unwrap();
            let found = (context.status.as_str(), context.execution_status, context.health_status);
            assert_eq!(found, (state, status, health), "{progress:?} of {}", shape.name);
            assert_eq!(workflow.task.row.complete, progress == Progress::Complete);
            let half = i64::try_from(shape.steps.len() / 2).unwrap();
            match progress {
                Progress::Untouched => assert_eq!(context.completed_steps, 0),
                Progress::Complete => assert_eq!(context.completed_steps, context.total_steps),
                _ => assert_eq!(context.completed_steps, half, "{progress:?} of {}", shape.name),
            }
        }
    }
    database.drop().await;
}

/// Nobody completes, runs or fails before its parents have completed.
#[tokio::test]
async fn no_step_is_touched_before_its_parents() {
    for seed in 0..20 {
        let graph = WorkflowShape::random(25, &Entropy::seeded(seed)).graph();
        for progress in Progress::ALL {
            let situations = progress.situations(&graph);
            for place in 0..graph.len() {
                if !matches!(situations[place], Situation::Untouched | Situation::Cancelled) {
                    let parents = graph.parents(place);
                    assert!(parents.iter().all(|&parent| situations[parent] == Situation::Complete), "{progress:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_step_can_be_put_into_any_situation() {
    let database = TestDatabase::with_schema().await;
    let factory: Factory = factory(&database).await;
    let shape = WorkflowShape::independent(9);
    let mut builder = factory.workflow(shape);
    let situations = [
        (Situation::Untouched, "pending", true),
        (Situation::Running, "in_progress", false),
        (Situation::Complete, "complete", false),
        (Situation::Failed, "error", true),
        (Situation::Waiting, "error", false),
        (Situation::Exhausted, "error", false),
        (Situation::Cancelled, "cancelled", false),
        (Situation::ResolvedManually, "resolved_manually", false),
        (Situation::Pending, "pending", true),
    ];
    for (place, (situation, _, _)) in situations.iter().enumerate() {
        builder = builder.step(&format!("step_{}", place + 1), *situation);
    }
    let workflow = builder.create().await.unwrap();
    let found = StepReadiness::for_task(database.pool(), workflow.task.id).await.unwrap();
    for (row, (situation, state, ready)) in found.iter().zip(situations) {
        assert_eq!((row.current_state.as_str(), row.ready_for_execution), (state, ready), "{situation:?}");
    }
    assert_eq!(found[5].attempts, found[5].retry_limit);
    assert_eq!(workflow.step("step_6").id, found[5].workflow_step_id);
    database.drop().await;
}

#[tokio::test]
async fn the_linear_workflow_is_stored_with_its_type_and_six_steps() {
    let database = TestDatabase::with_schema().await;
    let batch = factory(&database).await.workflow_batch(1, Mixture::new([100, 0, 0, 0, 0]).unwrap()).await.unwrap();
    let (pattern, linear) = &batch.workflows[0];
    assert_eq!((*pattern, linear.steps.len()), (Pattern::Linear, 6));
    let stored = rows(&database, "tasker_tasks").await.remove(0);
    assert_eq!(
        (&stored["context"]["workflow_type"], &stored["context"]["batch_id"]),
        (&json!("linear"), &json!(batch.batch_id))
    );
    assert_eq!(ready(&database, linear).await, ["initialize_data"]);
    let second = StepReadiness::for_steps(database.pool(), linear.task.id, &[linear.steps[1].id]).await.unwrap();
    assert!(!second[0].ready_for_execution);
    database.drop().await;
}

#[tokio::test]
async fn a_batch_has_one_id_and_counts_that_add_up() {
    let database = TestDatabase::with_schema().await;
    let factory = factory(&database).await;
    let batch = factory.workflow_batch(10, Mixture::ORIGINAL).await.unwrap();
    assert_eq!(batch.workflows.len(), 10);
    assert_eq!(Pattern::ALL.map(|pattern| batch.count(pattern)), [2, 3, 2, 2, 1]);
    for (index, task) in rows(&database, "tasker_tasks").await.iter().enumerate() {
        assert_eq!(task["context"]["batch_id"], json!(batch.batch_id));
        assert_eq!(task["context"]["batch_index"], json!(index));
        assert_eq!(task["context"]["workflow_type"], batch.workflows[index].0.as_str());
    }
    let types = rows(&database, "tasker_named_tasks").await;
    assert_eq!(types.len(), 5);
    let halves = factory.workflow_batch(20, Mixture::new([50, 50, 0, 0, 0]).unwrap()).await.unwrap();
    assert_eq!(Pattern::ALL.map(|pattern| halves.count(pattern)), [10, 10, 0, 0, 0]);
    database.drop().await;
}

#[tokio::test]
async fn a_generated_workflow_of_two_thousand_steps_stands_as_rows() {
    let database = TestDatabase::with_schema().await;
    let factory = factory(&database).await;
    let shape = WorkflowShape::random(2_000, &Entropy::seeded(11));
    let workflow = factory.workflow(shape).create().await.unwrap();
    check(&database, &workflow).await;
    database.drop().await;
}
