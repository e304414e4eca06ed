//! The shapes of the original's suite and examples.

use super::WorkflowShape;

impl WorkflowShape {
    /// Steps one after the other: `step_1` → … → `step_N`.
    ///
    /// # Panics
    /// When `steps` is 0; so do the others that take a number.
    pub fn simple_linear(steps: usize) -> Self {
        assert!(steps > 0, "a workflow needs a step");
        let edges: Vec<_> = (1..steps).map(|place| (place - 1, place)).collect();
        Self::new(format!("simple_linear_{steps}"), numbered("step", steps), edges)
    }

    /// One step, then N side by side, then one: `initialize_batch`, `process_chunk_1` …, `aggregate_results`.
    ///
    /// # Panics
    /// When `chunks` is 0.
    pub fn parallel(chunks: usize) -> Self {
        assert!(chunks > 0, "a workflow of chunks needs a chunk");
        let mut steps = vec!["initialize_batch".to_owned()];
        steps.extend(numbered("process_chunk", chunks));
        steps.push("aggregate_results".to_owned());
        let fan_out = (1..=chunks).map(|chunk| (0, chunk));
        let fan_in = (1..=chunks).map(|chunk| (chunk, chunks + 1));
        Self::new(format!("parallel_{chunks}"), steps, fan_out.chain(fan_in).collect::<Vec<_>>())
    }

    /// Steps side by side: `step_1` … `step_N`.
    ///
    /// # Panics
    /// When `steps` is 0.
    pub fn independent(steps: usize) -> Self {
        assert!(steps > 0, "a workflow needs a step");
        Self::new(format!("independent_{steps}"), numbered("step", steps), [])
    }

    /// One step by itself and three in a row.
    pub fn dummy_task() -> Self {
        Self::new("dummy_task", ["step-one", "step-two", "step-three", "step-four"], [(1, 2), (2, 3)])
    }

    /// Two steps that meet in a third, then two more: a shopping cart.
    pub fn api_integration() -> Self {
        let steps = ["fetch_cart", "fetch_products", "validate_products", "create_order", "publish_event"];
        Self::new("api_integration", steps, [(0, 2), (1, 2), (2, 3), (3, 4)])
    }

    /// Six steps in a row; the third fails once.
    pub fn linear() -> Self {
        let steps = [
            "initialize_data",
            "validate_input",
            "process_data",
            "transform_results",
            "validate_output",
            "finalize_workflow",
        ];
        Self::new("linear_workflow_task", steps, [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]).failing("process_data", 1)
    }

    /// Two branches of two steps between a first and a last pair; the first step of each branch fails once.
    pub fn diamond() -> Self {
        let steps = [
            "start_workflow",
            "branch_one_process",
            "branch_two_process",
            "branch_one_validate",
            "branch_two_validate",
            "merge_branches",
            "end_workflow",
        ];
        let edges = [(0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 5), (5, 6)];
        Self::new("diamond_workflow_task", steps, edges)
            .failing("branch_one_process", 1)
            .failing("branch_two_process", 1)
    }

    /// Four roots that meet in one step, two of them by way of another; three steps fail once.
    pub fn parallel_merge() -> Self {
        let steps = [
            "fetch_user_data",
            "fetch_order_data",
            "fetch_inventory_data",
            "fetch_pricing_data",
            "process_user_data",
            "process_order_data",
            "merge_all_data",
        ];
        let edges = [(0, 4), (1, 5), (4, 6), (5, 6), (2, 6), (3, 6)];
        Self::new("parallel_merge_workflow_task", steps, edges)
            .failing("fetch_order_data", 1)
            .failing("fetch_inventory_data", 1)
            .failing("merge_all_data", 1)
    }

    /// A root, two branches of two leaves each, and a step that gathers them; three steps fail once.
    pub fn tree() -> Self {
        let steps = [
            "root_initialization",
            "branch_a_setup",
            "branch_b_setup",
            "branch_a_task_one",
            "branch_a_task_two",
            "branch_b_task_one",
            "branch_b_task_two",
            "aggregate_results",
        ];
        let edges = [(0, 1), (0, 2), (1, 3), (1, 4), (2, 5), (2, 6), (3, 7), (4, 7), (5, 7), (6, 7)];
        Self::new("tree_workflow_task", steps, edges)
            .failing("branch_b_setup", 1)
            .failing("branch_a_task_two", 1)
            .failing("branch_b_task_two", 1)
    }

    /// Two roots, a merge, a fork and a leaf of its own; two steps fail once and one twice.
    pub fn mixed() -> Self {
        let steps = [
            "init_auth",
            "init_config",
            "validate_permissions",
            "setup_environment",
            "begin_processing",
            "process_critical_data",
            "process_optional_data",
            "cleanup_temp_files",
            "finalize_and_report",
        ];
        let edges = [(0, 2), (1, 3), (2, 4), (3, 4), (4, 5), (4, 6), (3, 7), (5, 8), (7, 8)];
        Self::new("mixed_workflow_task", steps, edges)
            .failing("validate_permissions", 1)
            .failing("setup_environment", 1)
            .failing("process_critical_data", 2)
    }

    /// Four steps in a row; the second fails twice and the third once.
    pub fn configurable_failure() -> Self {
        let steps = ["reliable_step", "flaky_step", "timeout_step", "idempotent_step"];
        Self::new("configurable_failure_task", steps, [(0, 1), (1, 2), (2, 3)])
            .failing("flaky_step", 2)
            .failing("timeout_step", 1)
    }

    /// Two roots that should run at the same time, and a step after both.
    pub fn concurrent_test() -> Self {
        Self::new("concurrent_test_task", ["step-one", "step-two", "step-three"], [(0, 2), (1, 2)])
    }

    /// Two steps side by side.
    pub fn sequential_test() -> Self {
        Self::new("sequential_test_task", ["step-one", "step-two"], [])
    }

    /// A single step.
    pub fn dummy_api() -> Self {
        Self::new("dummy_api_task", ["step-one"], [])
    }

    /// What the original's generator writes: three steps in a row.
    pub fn generated_default() -> Self {
        Self::new("generated_default", ["fetch_data", "process_data", "complete_task"], [(0, 1), (1, 2)])
    }

    /// The five patterns that the original's suite mixes.
    pub fn patterns() -> [Self; 5] {
        [Self::linear(), Self::diamond(), Self::parallel_merge(), Self::tree(), Self::mixed()]
    }

    /// All shapes of the original's suite, the ones that take a number in the sizes that it uses.
    pub fn of_the_suite() -> Vec<Self> {
        let mut shapes = vec![
            Self::dummy_task(),
            Self::api_integration(),
            Self::simple_linear(3),
            Self::simple_linear(5),
            Self::parallel(3),
            Self::parallel(6),
            Self::independent(3),
            Self::configurable_failure(),
            Self::concurrent_test(),
            Self::sequential_test(),
            Self::dummy_api(),
            Self::generated_default(),
        ];
        shapes.extend(Self::patterns());
        shapes
    }
}

fn numbered(word: &str, number: usize) -> impl Iterator<Item = String> {
    (1..=number).map(move |place| format!("{word}_{place}"))
}
