//! A workflow of two steps, defined and run by a program of its own: `cargo run -p tasker-examples --bin hello`.

use std::error::Error;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tasker_core::domain::template::{Source, parse};
use tasker_core::postgres::cluster::{self, ClusterOptions};
use tasker_core::postgres::{PgPool, schema};
use tasker_core::{Handlers, Output, StepContext, Tasker, handler_fn};

const TEMPLATE: &str = "
name: hello
version: 1.0.0
task_handler_class: Hello
step_templates:
  - { name: greet, handler_class: Greet }
  - { name: shout, handler_class: Shout, depends_on_step: greet }
";

#[derive(Deserialize)]
struct Person {
    name: String,
}

#[derive(Serialize, Deserialize)]
struct Greeting {
    greeting: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    // The private PostgreSQL is looked after by a second process of this program.
    cluster::become_supervisor_if_asked();
    run()
}

#[tokio::main]
async fn run() -> Result<(), Box<dyn Error>> {
    let greet = handler_fn(async |step: StepContext| {
        let person: Person = step.context()?;
        Output::json(&Greeting { greeting: format!("Hello, {}", person.name) })
    });
    let shout = handler_fn(async |step: StepContext| {
        let Greeting { greeting } = step.results_of("greet").await?;
        Output::json(&Greeting { greeting: greeting.to_uppercase() })
    });
    let template = parse(&Source::new("hello.yaml", TEMPLATE), None)?.template;

    let cluster = cluster::open(&ClusterOptions::default(), &|line| eprintln!("{line}")).await?;
    let pool = PgPool::connect_with(cluster.connect_options()).await?;
    schema::ensure(&pool, schema::Policy::Private).await?;

    let handlers = Handlers::new().with("Greet", greet).with("Shout", shout);
    let report = Tasker::new(pool, handlers)?.run(&template, json!({ "name": "Ada" })).await?;
    for step in &report.record.steps {
        println!("{}: {} {}", step.name, step.state, step.results.get());
    }
    Ok(())
}
