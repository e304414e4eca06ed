//! A workflow of two steps, defined and run by a program of its own: `cargo run -p tasker-examples --bin hello`.

use serde_json::{Value, json};
use tasker_core::domain::template::{Source, parse};
use tasker_core::{Database, Handlers, StepContext, handler_fn};

const TEMPLATE: &str = "{ name: hello, task_handler_class: Hello, step_templates: [
    { name: greet, handler_class: Greet },
    { name: shout, handler_class: Shout, depends_on_step: greet } ] }";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tasker_core::postgres::cluster::become_supervisor_if_asked();
    let greet = handler_fn(async |step: StepContext| {
        let context: Value = step.context()?;
        Ok(json!({ "greeting": format!("Hello, {}", context["name"].as_str().unwrap_or("you")) }))
    });
    let shout = handler_fn(async |step: StepContext| {
        let greet: Value = step.results_of("greet").await?;
        Ok(json!({ "greeting": greet["greeting"].as_str().map(str::to_uppercase) }))
    });
    let handlers = Handlers::new().with("Greet", greet).with("Shout", shout);
    let template = parse(&Source::new("hello", TEMPLATE), None)?.template;
    tokio::runtime::Runtime::new()?.block_on(async {
        let database = Database::open().await?;
        let report = database.tasker(handlers)?.run(&template, json!({ "name": "Ada" })).await?;
        report.record.steps.iter().for_each(|step| println!("{}: {} {}", step.name, step.state, step.results.get()));
        Ok(())
    })
}
