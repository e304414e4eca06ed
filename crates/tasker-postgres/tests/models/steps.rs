//! Steps, edges and the view.

use serde_json::json;
use tasker_domain::state::StepState;
use tasker_postgres::models::*;
use tasker_testing::database::TestDatabase;

use crate::support::{messages, minute, step, task};

async fn edge(from: &WorkflowStep, to: &WorkflowStep, pool: &tasker_postgres::PgPool) -> WorkflowStepEdge {
    from.add_provides_edge(to, pool).await.unwrap()
}

#[tokio::test]
async fn step_rules() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let task = task(pool).await;
    let first = step(&task, "one", pool).await;
    // B-MOD-087
    assert_eq!((first.attempts, first.processed, first.in_process), (Some(0), false, false));
    assert_eq!((&first.inputs, first.results.as_ref().unwrap().get()), (&task.context, "{}"));
    // B-MOD-086
    let same = NamedStep::find_or_create("default-system", "one", pool).await.unwrap();
    assert_eq!(
        messages(WorkflowStep::create(NewWorkflowStep::of(&task, &same), pool).await),
        ["Named step must be unique within the same task", "Step name 'one' must be unique within the same task"]
    );
    let namesake = NamedStep::find_or_create("another-system", "one", pool).await.unwrap();
    assert_eq!(
        messages(WorkflowStep::create(NewWorkflowStep::of(&task, &namesake), pool).await),
        ["Step name 'one' must be unique within the same task"]
    );
    let stray = NewWorkflowStep { task_id: 4711, named_step_id: 4712, ..NewWorkflowStep::of(&task, &same) };
    assert_eq!(messages(WorkflowStep::create(stray, pool).await), ["Task must exist", "Named step must exist"]);
    let mut changed = first.clone();
    changed.update(pool, |step| step.results = Some(json!({"sum": 1.5}).into())).await.unwrap();
    assert_eq!(changed.results.unwrap().parse().unwrap().get("sum").unwrap().as_number(), Some("1.5"));
}

#[tokio::test]
async fn edges_that_close_a_cycle_are_refused() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let task = task(pool).await;
    let [a, b, c] = [step(&task, "a", pool).await, step(&task, "b", pool).await, step(&task, "c", pool).await];
    // B-MOD-094…097, B-MOD-100, B-MOD-106, B-MOD-107
    let ab = edge(&a, &b, pool).await;
    assert_eq!(
        (ab.from_step_id, ab.to_step_id, ab.name.as_str()),
        (a.workflow_step_id, b.workflow_step_id, "provides")
    );
    let named = WorkflowStepEdge::create(NewWorkflowStepEdge::named("needs", &b, &c), pool).await.unwrap();
    assert_eq!(named.name, "needs");
    let blank = WorkflowStepEdge::create(NewWorkflowStepEdge::named(" ", &a, &c), pool).await;
    assert_eq!(messages(blank), ["Name can't be blank"]);
    // B-MOD-098, B-MOD-099, B-MOD-108…110
    for (from, to) in [(&b, &a), (&c, &a), (&a, &a), (&c, &b)] {
        let refused = from.add_provides_edge(to, pool).await.unwrap_err();
        assert!(matches!(refused, ModelError::Cycle { .. }), "{refused:?}");
        assert_eq!(refused.to_string(), "Validation failed: Adding this edge would create a cycle in the workflow");
    }
    let other = step(&crate::support::task(pool).await, "a", pool).await;
    edge(&c, &other, pool).await;
    assert!(matches!(other.add_provides_edge(&a, pool).await, Err(ModelError::Cycle { .. })), "through two tasks");
    // The same edge twice is allowed.
    edge(&a, &b, pool).await;
    let ids = |steps: Vec<WorkflowStep>| steps.iter().map(|step| step.workflow_step_id).collect::<Vec<_>>();
    assert_eq!(ids(b.parents(pool).await.unwrap()), [a.workflow_step_id; 2]);
    assert_eq!(ids(b.children(pool).await.unwrap()), [c.workflow_step_id]);
}

#[tokio::test]
async fn two_that_would_close_a_cycle_together_do_not() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let task = task(pool).await;
    let (a, b) = (step(&task, "a", pool).await, step(&task, "b", pool).await);
    let adding = [(a.clone(), b.clone()), (b, a)].map(|(from, to)| {
        let pool = pool.clone();
        tokio::spawn(async move { from.add_provides_edge(&to, &pool).await.is_ok() })
    });
    let mut stored = 0;
    for adding in adding {
        stored += usize::from(adding.await.unwrap());
    }
    assert_eq!(stored, 1);
}

#[tokio::test]
async fn the_search_for_cycles_does_not_count_paths() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let task = task(pool).await;
    // 40 diamonds in a row: 2^40 paths.
    let (mut top, mut first) = (step(&task, "top", pool).await, None);
    for rung in 0..40 {
        let left = step(&task, &format!("left{rung}"), pool).await;
        let right = step(&task, &format!("right{rung}"), pool).await;
        let bottom = step(&task, &format!("bottom{rung}"), pool).await;
        sqlx::query(
            "INSERT INTO tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
             SELECT e.f, e.t, 'provides', now(), now()
             FROM unnest(ARRAY[$1, $1, $2, $3], ARRAY[$2, $3, $4, $4]) AS e(f, t)",
        )
        .bind(top.workflow_step_id)
        .bind(left.workflow_step_id)
        .bind(right.workflow_step_id)
        .bind(bottom.workflow_step_id)
        .execute(pool)
        .await
        .unwrap();
        first.get_or_insert_with(|| top.clone());
        top = bottom;
    }
    let first = first.unwrap();
    assert!(matches!(top.add_provides_edge(&first, pool).await, Err(ModelError::Cycle { .. })));
    let above = step(&task, "above", pool).await;
    edge(&above, &first, pool).await;
}

#[tokio::test]
async fn siblings_have_the_same_parents() {
    // B-MOD-101…105, B-SCP-019, B-SCP-020
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let task = task(pool).await;
    let mut steps = Vec::new();
    for name in ["p", "q", "a", "b", "c"] {
        steps.push(step(&task, name, pool).await);
    }
    let [p, q, a, b, c] = &steps[..] else { unreachable!() };
    for (from, to) in [(p, a), (q, a), (p, b), (q, b), (p, c)] {
        edge(from, to, pool).await;
    }
    let of = async |step: &WorkflowStep| {
        let edges = WorkflowStepEdge::siblings_of(step.workflow_step_id, pool).await.unwrap();
        edges.iter().map(|edge| (edge.from_step_id, edge.to_step_id)).collect::<Vec<_>>()
    };
    let id = |step: &WorkflowStep| step.workflow_step_id;
    assert_eq!(of(a).await, [(id(p), id(b)), (id(q), id(b))]);
    assert_eq!(of(c).await, []);
    assert_eq!(of(p).await, [], "a step without parents has no siblings");
    edge(p, b, pool).await;
    assert_eq!(of(a).await, [], "the number of edges counts");
    edge(p, a, pool).await;
    assert_eq!(of(a).await.len(), 3);
    assert_eq!(WorkflowStepEdge::scope().children_of(id(q)).count(pool).await.unwrap(), 2);
    assert_eq!(WorkflowStepEdge::scope().parents_of(id(c)).count(pool).await.unwrap(), 1);
    WorkflowStepEdge::create(NewWorkflowStepEdge::named("other", q, c), pool).await.unwrap();
    assert_eq!(WorkflowStepEdge::scope().provides_edges().count(pool).await.unwrap(), 7);
    assert_eq!(WorkflowStepEdge::scope().provides_to_children(id(q)).count(pool).await.unwrap(), 7);
    let view = StepDagRelationship::scope().siblings_of(id(a), pool).await.unwrap();
    assert_eq!(view.keys(pool).await.unwrap(), [id(b)]);
    let unknown = StepDagRelationship::scope().siblings_of(4711, pool).await;
    assert!(matches!(unknown, Err(ModelError::NotFound { .. })));
}

#[tokio::test]
async fn the_view_shows_neighbours() {
    // B-MOD-111…117, B-SCP-019
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let task = task(pool).await;
    let [a, b, c] = [step(&task, "a", pool).await, step(&task, "b", pool).await, step(&task, "c", pool).await];
    edge(&a, &c, pool).await;
    edge(&b, &c, pool).await;
    let view =
        || StepDagRelationship::scope().for_task(task.task_id).order(StepDagRelationship::WORKFLOW_STEP_ID.asc());
    let last = StepDagRelationship::find(c.workflow_step_id, pool).await.unwrap();
    assert_eq!(last.parent_ids(), [a.workflow_step_id, b.workflow_step_id]);
    assert_eq!(last.child_ids(), Vec::<i64>::new());
    assert_eq!((last.parent_count, last.child_count, last.min_depth_from_root), (Some(2), Some(0), Some(1)));
    assert!(last.is_leaf() && !last.is_root() && last.has_parents() && !last.has_children());
    let roots = [a.workflow_step_id, b.workflow_step_id];
    assert_eq!(view().root_steps().keys(pool).await.unwrap(), roots);
    assert_eq!(view().with_children().keys(pool).await.unwrap(), roots);
    assert_eq!(view().leaf_steps().keys(pool).await.unwrap(), [c.workflow_step_id]);
    assert_eq!(view().with_parents().keys(pool).await.unwrap(), [c.workflow_step_id]);
    assert_eq!(view().for_task(task.task_id + 1).count(pool).await.unwrap(), 0);
}

#[tokio::test]
async fn completion_is_counted_and_steps_are_found_by_name() {
    // B-MOD-090, B-MOD-093
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let task = task(pool).await;
    let stats = async || WorkflowStep::task_completion_stats(task.task_id, pool).await.unwrap();
    assert!(!stats().await.all_complete);
    let mut steps = Vec::new();
    for (place, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let mut step = step(&task, name, pool).await;
        step.update(pool, |step| step.processed_at = Some(minute(i64::try_from(place).unwrap()))).await.unwrap();
        steps.push(step);
    }
    let states = [StepState::Complete, StepState::ResolvedManually, StepState::Error, StepState::Cancelled];
    for (step, state) in steps.iter().zip(states) {
        let transition = NewWorkflowStepTransition::to(state, step.workflow_step_id, 10);
        WorkflowStepTransition::create(transition, pool).await.unwrap();
    }
    assert_eq!(
        stats().await,
        CompletionStats {
            total_steps: 4,
            completed_steps: 2,
            failed_steps: 1,
            pending_steps: 1,
            latest_completion_time: Some(minute(1)),
            all_complete: false,
        }
    );
    let found = async |list: &[WorkflowStep], name| {
        WorkflowStep::find_step_by_name(list, name, pool).await.unwrap().map(|step| step.workflow_step_id)
    };
    assert_eq!(found(&steps[..2], "b").await, Some(steps[1].workflow_step_id));
    assert_eq!(found(&steps[..2], "d").await, Some(steps[3].workflow_step_id));
    assert_eq!(found(&steps, "none").await, None);
    assert_eq!(found(&[], "a").await, None);
}

/// A template whose four steps form a diamond.
fn diamond() -> tasker_domain::template::Template {
    let text = "name: order\ntask_handler_class: Order\nstep_templates:
  - {name: one, handler_class: H, dependent_system: crm, default_retry_limit: 5, skippable: true}
  - {name: left, handler_class: H, depends_on_step: one, depends_on_steps: [one]}
  - {name: right, handler_class: H, depends_on_step: one}
  - {name: last, handler_class: H, depends_on_steps: [left, right]}
";
    let source = tasker_domain::template::Source::new("order.yaml", text);
    tasker_domain::template::parse(&source, None).unwrap().template
}

#[tokio::test]
async fn steps_are_made_from_a_template_once() {
    // B-MOD-076, B-MOD-077, B-MOD-086…089
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let task = task(pool).await;
    let template = diamond();
    let making: Vec<_> = (0..4)
        .map(|_| {
            let (pool, task, template) = (pool.clone(), task.clone(), template.clone());
            tokio::spawn(async move { WorkflowStep::for_template(&task, &template, &pool).await.unwrap() })
        })
        .collect();
    let mut made = Vec::new();
    for making in making {
        made.push(making.await.unwrap());
    }
    made.dedup();
    assert_eq!(made.len(), 1, "all get the same rows");
    let steps = &made[0];
    assert_eq!(WorkflowStep::scope().count(pool).await.unwrap(), 4);
    assert_eq!(NamedTasksNamedStep::scope().count(pool).await.unwrap(), 4);
    let types = WorkflowStep::NAMED_STEP.load(steps, pool).await.unwrap();
    let names: Vec<_> = steps.iter().map(|step| types[&i64::from(step.named_step_id)].name.as_str()).collect();
    assert_eq!(names, ["one", "left", "right", "last"]);
    let [one, left, right, last] = &steps[..] else { panic!("{steps:?}") };
    assert_eq!((one.retry_limit, one.skippable, one.attempts), (Some(5), true, Some(0)));
    assert_eq!((left.retry_limit, left.skippable, &left.inputs), (Some(3), false, &task.context));
    let mut edges: Vec<(i64, i64)> = Vec::new();
    for edge in WorkflowStepEdge::scope().provides_edges().fetch(pool).await.unwrap() {
        edges.push((edge.from_step_id, edge.to_step_id));
    }
    edges.sort_unstable();
    let id = |step: &WorkflowStep| step.workflow_step_id;
    let mut expected = [(id(one), id(left)), (id(one), id(right)), (id(left), id(last)), (id(right), id(last))];
    expected.sort_unstable();
    assert_eq!(edges, expected);
    for state in WorkflowStep::states(steps, pool).await.unwrap().into_values() {
        assert_eq!(state, StepState::Pending);
    }
    task.clone().delete(pool).await.unwrap();
    let gone = WorkflowStep::for_template(&task, &template, pool).await;
    assert!(matches!(gone, Err(ModelError::NotFound { model: "Task", .. })));
}

/// A template of so many steps in a chain.
fn chain(length: usize) -> tasker_domain::template::Template {
    let mut text = "name: order\ntask_handler_class: Order\nstep_templates:\n".to_owned();
    for place in 0..length {
        text.push_str(&format!("  - {{name: s{place}, handler_class: H, dependent_system: d{}", place % 3));
        if place > 0 {
            text.push_str(&format!(", depends_on_step: s{}", place - 1));
        }
        text.push_str("}\n");
    }
    let source = tasker_domain::template::Source::new("order.yaml", text);
    tasker_domain::template::parse(&source, None).unwrap().template
}

#[tokio::test]
async fn the_steps_of_a_template_cost_a_fixed_number_of_statements() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let mut needed = Vec::new();
    for length in [2, 200] {
        let task = task(pool).await;
        let template = chain(length);
        let counted = crate::support::Statements::counted();
        let steps = WorkflowStep::for_template(&task, &template, pool).await.unwrap();
        needed.push(counted.taken());
        assert_eq!((steps.len(), WorkflowStep::for_template(&task, &template, pool).await.unwrap()), (length, steps));
    }
    assert_eq!(needed[0], needed[1], "{needed:?}");
    assert_eq!(WorkflowStepEdge::scope().count(pool).await.unwrap(), 200);
    assert_eq!(NamedStep::scope().count(pool).await.unwrap(), 200);
    assert_eq!(NamedTasksNamedStep::scope().count(pool).await.unwrap(), 200);
    assert_eq!(DependentSystem::scope().count(pool).await.unwrap(), 3);
}

#[tokio::test]
async fn a_template_that_does_not_go_with_what_is_there_stores_nothing() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let task = task(pool).await;
    let namesake = step(&task, "s1", pool).await;
    let refused = WorkflowStep::for_template(&task, &chain(3), pool).await;
    assert_eq!(messages(refused), ["Step name 's1' must be unique within the same task"]);
    namesake.delete(pool).await.unwrap();
    assert_eq!(NamedStep::scope().count(pool).await.unwrap(), 1);
    // Steps that are there already, and an edge that leads back.
    let types = NamedStep::find_or_create_all([("d0", "s0"), ("d2", "s2")], pool).await.unwrap();
    let mut there = Vec::new();
    for kind in &types {
        there.push(WorkflowStep::create(NewWorkflowStep::of(&task, kind), pool).await.unwrap());
    }
    let back = edge(&there[1], &there[0], pool).await;
    let refused = WorkflowStep::for_template(&task, &chain(3), pool).await.unwrap_err();
    assert!(matches!(refused, ModelError::Cycle { .. }), "{refused:?}");
    assert_eq!(WorkflowStep::scope().count(pool).await.unwrap(), 2);
    back.delete(pool).await.unwrap();
    let steps = WorkflowStep::for_template(&task, &chain(3), pool).await.unwrap();
    assert_eq!((&steps[0], &steps[2]), (&there[0], &there[1]));
}
