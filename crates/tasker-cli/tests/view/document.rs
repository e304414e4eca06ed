use insta::assert_snapshot;
use serde_json::value::RawValue;
use tasker_cli::view::{RunReport, StepReport, TaskReport};

use super::runs::at;

fn step(name: &str, state: &str, attempts: u32, transitions: &[&str], results: &str) -> StepReport {
    StepReport {
        name: name.to_owned(),
        state: state.to_owned(),
        attempts,
        transitions: transitions.iter().map(|state| (*state).to_owned()).collect(),
        results: RawValue::from_string(results.to_owned()).unwrap(),
    }
}

fn report() -> RunReport {
    let results = r#"{"total":19.90,"big":12345678901234567890123,"tiny":1e-400,"ü":"\u00fc"}"#;
    RunReport {
        task: TaskReport {
            id: Some(17),
            namespace: "shop".to_owned(),
            name: "process_order".to_owned(),
            version: "1.2.0".to_owned(),
            state: "error".to_owned(),
        },
        steps: vec![
            step("validate_order", "complete", 1, &["in_progress", "complete"], results),
            step("ship_order", "pending", 0, &[], "{}"),
        ],
        executions: 1,
        elapsed: at(3_214) + std::time::Duration::from_nanos(1_999),
    }
}

fn written() -> String {
    let mut stream = Vec::new();
    report().write(&mut stream).unwrap();
    String::from_utf8(stream).unwrap()
}

#[test]
fn one_document_and_a_line_break() {
    let written = written();
    assert_eq!(written.matches('\n').count(), 1);
    assert!(written.ends_with("}\n"));
    assert_snapshot!(written);
}

#[test]
fn numbers_keep_all_their_digits() {
    assert!(written().contains(r#""total":19.90,"big":12345678901234567890123,"tiny":1e-400"#));
}

#[test]
fn a_closed_stream_is_an_error() {
    struct Closed;
    impl std::io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    assert_eq!(report().write(Closed).unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
}
