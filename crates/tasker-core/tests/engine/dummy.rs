//! The original's dummy task: two roots, of which the second has a child and that has another.

use serde_json::json;
use tasker_core::models::{
    AnnotationType, NewTaskAnnotation, StepDagRelationship, Task, TaskAnnotation, WorkflowStep, WorkflowStepEdge,
};
use tasker_core::{Ending, Handlers, Output, StepContext, StepError, StepHandler, Tasker};
use tasker_domain::json::Json;
use tasker_domain::template::Template;

use crate::support::{Bench, Script, step, steps, template};

fn dummy() -> Template {
    let schema = "schema: { type: object, required: [dummy], properties: { dummy: { type: boolean } } }";
    let steps = [
        ("step-one", ""),
        ("step-two", ""),
        ("step-three", "depends_on_step: step-two"),
        ("step-four", "depends_on_step: step-three"),
    ];
    template(schema, &steps)
}

fn context() -> Json {
    Json::parse(r#"{"dummy": true}"#).unwrap()
}

/// Leaves an annotation for each step that it carries out.
struct Annotating(sqlx::PgPool);

impl StepHandler for Annotating {
    async fn process(&self, step: StepContext) -> Result<Output, StepError> {
        let kind = AnnotationType::find_or_create("dummy-annotation", &self.0).await?;
        let said = json!({ "step": step.step_name() });
        TaskAnnotation::create(NewTaskAnnotation::of(step.task_id(), &kind, said), &self.0).await?;
        Ok(Output::from(json!({ "dummy": true })))
    }
}

#[tokio::test]
async fn it_runs_to_its_end_and_leaves_the_originals_rows() {
    // B-MOD-021, B-MOD-022, B-MOD-024…029
    let bench = Bench::new(Script::default()).await;
    let pool = bench.pool();
    let handlers = Handlers::new().with("H", Annotating(pool.clone()));
    assert!(handlers.get("H").is_some() && handlers.get("Unknown").is_none());
    let report = Tasker::new(pool.clone(), handlers).unwrap().run(&dummy(), context()).await.unwrap();
    assert_eq!(report.ending, Ending::Complete);
    let task = Task::scope().first(pool).await.unwrap().unwrap();
    assert_eq!(WorkflowStep::scope().for_task(task.task_id).completed().count(pool).await.unwrap(), 4);
    assert!(task.all_steps_complete(pool).await.unwrap());
    let annotations = Task::TASK_ANNOTATIONS.of(&task, pool).await.unwrap();
    let mut named: Vec<String> = Vec::new();
    for annotation in annotations {
        let said = annotation.annotation.unwrap().parse().unwrap();
        named.push(said.get("step").unwrap().as_str().unwrap().to_owned());
    }
    named.sort_unstable();
    assert_eq!(named, ["step-four", "step-one", "step-three", "step-two"]);

    let mut found = Vec::new();
    for name in ["step-one", "step-two", "step-three", "step-four"] {
        found.push(task.step_by_name(name, pool).await.unwrap().unwrap());
    }
    let neighbours = async |place: usize| {
        let ids = |steps: Vec<WorkflowStep>| steps.iter().map(|step| step.workflow_step_id).collect::<Vec<_>>();
        (ids(found[place].parents(pool).await.unwrap()), ids(found[place].children(pool).await.unwrap()))
    };
    let id = |place: usize| found[place].workflow_step_id;
    assert_eq!(neighbours(0).await, (vec![], vec![]));
    assert_eq!(neighbours(1).await, (vec![], vec![id(2)]));
    assert_eq!(neighbours(2).await, (vec![id(1)], vec![id(3)]));
    assert_eq!(neighbours(3).await, (vec![id(2)], vec![]));
    assert_eq!(WorkflowStepEdge::scope().provides_edges().count(pool).await.unwrap(), 2);
    assert_eq!(StepDagRelationship::scope().for_task(task.task_id).count(pool).await.unwrap(), 4);
}

#[tokio::test]
async fn a_context_that_its_schema_refuses_is_told_by_its_key() {
    // B-MOD-023
    let bench = Bench::new(Script::default()).await;
    let wrong = Json::parse(r#"{"dummy": "yes"}"#).unwrap();
    let error = bench.tasker().run(&dummy(), wrong).await.unwrap_err().to_string();
    assert!(error.contains("dummy"), "{error}");
    assert_eq!(Task::scope().count(bench.pool()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_root_whose_attempts_are_used_up_ends_it_in_error_after_the_other_root() {
    // B-MOD-085
    let script = Script::default().on("step-two", |_| Err(StepError::failure("no")));
    let bench = Bench::new(script).await;
    let report = bench.tasker().run(&dummy(), context()).await.unwrap();
    assert_eq!(report.ending, Ending::Error);
    let failures = "in_progress error pending in_progress error pending in_progress error";
    assert_eq!(
        steps(&report),
        [
            step("step-one", "complete", 1, "in_progress complete"),
            step("step-two", "error", 3, failures),
            step("step-three", "pending", 0, ""),
            step("step-four", "pending", 0, ""),
        ]
    );
}
