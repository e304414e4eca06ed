//! What is said of a task, by the tables of the reference.

use serde_json::json;
use tasker_postgres::functions::{Decimal, ExecutionStatus, HealthStatus, RecommendedAction, TaskExecutionContext};

fn context(status: ExecutionStatus, action: RecommendedAction, health: HealthStatus) -> TaskExecutionContext {
    TaskExecutionContext {
        task_id: 3,
        named_task_id: 1,
        status: "in_progress".to_owned(),
        total_steps: 6,
        pending_steps: 1,
        in_progress_steps: 2,
        completed_steps: 1,
        failed_steps: 1,
        ready_steps: 1,
        execution_status: status,
        recommended_action: action,
        completion_percentage: "16.67".parse().unwrap(),
        health_status: health,
    }
}

#[test]
fn the_words_are_the_published_lists() {
    let words = |words: Vec<&'static str>| words.join(" ");
    assert_eq!(
        words(ExecutionStatus::ALL.iter().map(|word| word.as_str()).collect()),
        "has_ready_steps processing blocked_by_failures all_complete waiting_for_dependencies"
    );
    assert_eq!(
        words(RecommendedAction::ALL.iter().map(|word| word.as_str()).collect()),
        "execute_ready_steps wait_for_completion handle_failures finalize_task wait_for_dependencies"
    );
    assert_eq!(
        words(HealthStatus::ALL.iter().map(|word| word.as_str()).collect()),
        "healthy recovering blocked unknown"
    );
    assert_eq!(
        "fine".parse::<HealthStatus>().unwrap_err().to_string(),
        "`fine` is no health status: the function was replaced by one that is not the original's"
    );
}

#[test]
fn each_status_answers_what_to_do_with_the_task() {
    use {ExecutionStatus as Status, RecommendedAction as Action};
    // has_work, is_blocked, is_complete, should_reenqueue, needs_immediate_action
    for (status, action, expected) in [
        (Status::HasReadySteps, Action::ExecuteReadySteps, [true, false, false, false, true]),
        (Status::Processing, Action::WaitForCompletion, [true, false, false, true, false]),
        (Status::BlockedByFailures, Action::HandleFailures, [false, true, false, false, false]),
        (Status::AllComplete, Action::FinalizeTask, [false, false, true, false, false]),
        (Status::WaitingForDependencies, Action::WaitForDependencies, [false, false, false, true, false]),
    ] {
        let task = context(status, action, HealthStatus::Healthy);
        let found = [
            task.has_work_to_do(),
            task.is_blocked(),
            task.is_complete(),
            task.should_reenqueue(),
            task.needs_immediate_action(),
        ];
        assert_eq!(found, expected, "{status}");
    }
}

#[test]
fn the_health_answers_who_has_to_act() {
    use HealthStatus as Health;
    for (health, healthy, intervention) in [
        (Health::Healthy, true, false),
        (Health::Recovering, false, false),
        (Health::Blocked, false, true),
        (Health::Unknown, false, false),
    ] {
        let task = context(ExecutionStatus::Processing, RecommendedAction::WaitForCompletion, health);
        assert_eq!((task.is_healthy(), task.needs_intervention()), (healthy, intervention), "{health}");
    }
    let mut task = context(ExecutionStatus::Processing, RecommendedAction::WaitForCompletion, Health::Healthy);
    assert!(task.can_make_progress());
    task.ready_steps = 0;
    assert!(!task.can_make_progress());
}

#[test]
fn the_summary_carries_the_counts_and_the_progress() {
    let task = context(ExecutionStatus::HasReadySteps, RecommendedAction::ExecuteReadySteps, HealthStatus::Recovering);
    let expected = json!({
        "total_steps": 6, "completed": 1, "pending": 1, "in_progress": 2, "failed": 1, "ready": 1,
        "completion_percentage": "16.67", "status": "has_ready_steps", "health": "recovering",
        "recommended_action": "execute_ready_steps",
        "progress_details": {
            "completed_ratio": "1/6", "completion_percentage": "16.67%", "remaining_steps": 5, "failed_steps": 1,
            "ready_steps": 1,
        },
    });
    assert_eq!(serde_json::to_value(task.workflow_summary()).unwrap(), expected);
}

#[test]
fn the_next_action_has_an_urgency_and_says_whether_a_program_can_do_it() {
    use RecommendedAction as Action;
    for (action, description, urgency, can_proceed) in [
        (Action::ExecuteReadySteps, "1 steps ready for execution", "high", true),
        (Action::WaitForCompletion, "2 steps currently processing", "low", false),
        (Action::HandleFailures, "1 failed steps blocking progress", "critical", false),
        (Action::FinalizeTask, "All steps completed successfully", "medium", true),
        (Action::WaitForDependencies, "Waiting for dependencies to be satisfied", "low", false),
    ] {
        let task = context(ExecutionStatus::Processing, action, HealthStatus::Healthy);
        let expected = json!({
            "action": action.as_str(), "description": description, "urgency": urgency, "can_proceed": can_proceed,
        });
        assert_eq!(serde_json::to_value(task.next_action()).unwrap(), expected);
    }
}

#[test]
fn a_decimal_keeps_its_scale() {
    let percentage = |text: &str| text.parse::<Decimal>().unwrap();
    assert_ne!(percentage("0.0"), percentage("0.00"));
    assert_eq!((percentage("0.00").scale(), percentage("12").scale()), (2, 0));
    assert!((percentage("-83.33").as_f64() + 83.33).abs() < f64::EPSILON);
    assert_eq!(serde_json::to_string(&percentage("100.00")).unwrap(), "\"100.00\"");
    for text in ["", "-", "1.", ".5", "1.2.3", "1e3", "NaN", "+1", " 1", "Infinity"] {
        assert!(text.parse::<Decimal>().is_err(), "{text:?}");
    }
}
