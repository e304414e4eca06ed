//! Large definitions: nothing grows faster than the number of steps.

use std::fmt::Write as _;

use super::support::{Database, Ended, Folder, tasker, template};

const STEPS: usize = 5_000;

/// Runs a definition to its end and prints how long that took.
async fn run(name: &str, steps: &str, count: usize) {
    let database = Database::new().await;
    let folder = Folder::new().with("large.yaml", template(steps)).with("script.json", "{}");
    let mut command = tasker(&["run", "large.yaml", "--outcomes", "script.json", "--json"]);
    command.args(["--database-url", &database.url()]).current_dir(folder.path());
    let document = Ended::of(command).expect(0, &[]).document();
    assert_eq!(document["executions"], count);
    let steps = document["steps"].as_array().unwrap();
    assert_eq!(steps.len(), count);
    assert!(steps.iter().all(|step| step["state"] == "complete" && step["attempts"] == 1));
    let seconds = document["elapsed_seconds"].as_f64().unwrap();
    println!("count: {name} of {count} steps: {seconds:.1} s");
}

#[tokio::test]
async fn a_chain_of_five_thousand_steps() {
    let mut steps = String::new();
    for step in 0..STEPS {
        writeln!(steps, "  - name: step_{step}\n    handler_class: S").unwrap();
        if step > 0 {
            writeln!(steps, "    depends_on_step: step_{}", step - 1).unwrap();
        }
    }
    run("a chain", &steps, STEPS).await;
}

#[tokio::test]
async fn five_thousand_steps_side_by_side() {
    let mut steps = "  - {name: first, handler_class: S}\n".to_owned();
    let names: Vec<String> = (0..STEPS).map(|step| format!("side_{step}")).collect();
    for name in &names {
        writeln!(steps, "  - {{name: {name}, handler_class: S, depends_on_step: first}}").unwrap();
    }
    writeln!(steps, "  - {{name: last, handler_class: S, depends_on_steps: [{}]}}", names.join(", ")).unwrap();
    run("a fan-out", &steps, STEPS + 2).await;
}
