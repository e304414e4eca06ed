//! Names that stand in rows, files and answers.

use tasker_domain::state::{Edge, StepState, TaskState, task};

#[test]
fn the_words_of_states_read_back() {
    for state in TaskState::ALL {
        assert_eq!(state.as_str().parse::<TaskState>().unwrap(), state);
        assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        assert_eq!(serde_json::from_value::<TaskState>(state.as_str().into()).unwrap(), state);
    }
    for state in StepState::ALL {
        assert_eq!(state.as_str().parse::<StepState>().unwrap(), state);
        assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        assert_eq!(serde_json::from_value::<StepState>(state.as_str().into()).unwrap(), state);
    }
    assert!("failed".parse::<StepState>().unwrap_err().to_string().contains("`failed` is not a state of a step"));
}

#[test]
fn no_row_and_an_empty_word_mean_pending() {
    for word in [None, Some(""), Some(" ")] {
        assert_eq!(StepState::of_newest_row(word), Ok(StepState::Pending));
        assert_eq!(TaskState::of_newest_row(word), Ok(TaskState::Pending));
    }
    assert_eq!(StepState::of_newest_row(Some("error")), Ok(StepState::Error));
    assert!(StepState::of_newest_row(Some("started")).is_err());
}

#[test]
fn an_edge_is_written_with_stable_names() {
    let edge: &Edge<TaskState> = task::transition(TaskState::InProgress, TaskState::Complete).unwrap();
    assert_eq!(
        serde_json::to_string(edge).unwrap(),
        r#"{"from":"in_progress","to":"complete","event":"task.completed","guard":"all_steps_complete"}"#
    );
}

#[test]
fn states_say_what_follows() {
    assert_eq!(TaskState::Error.targets().collect::<Vec<_>>(), [TaskState::Pending, TaskState::ResolvedManually]);
    let terminal: Vec<StepState> = StepState::ALL.into_iter().filter(|state| state.is_terminal()).collect();
    assert_eq!(terminal, [StepState::Complete, StepState::Cancelled, StepState::ResolvedManually]);
}
