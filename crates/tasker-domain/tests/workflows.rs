//! The sample definitions that the variable `TASKER_WORKFLOWS` names a folder of: each must be accepted in every
//! environment, and its contexts judged as its `expected.json` says. They are other people's text and no part of this
//! project; without the variable the tests say so and pass.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tasker_domain::context::ContextCheck;
use tasker_domain::json::Json;
use tasker_domain::template::{Checked, Source, Style, Template, parse};

/// Folders that hold a definition, by name; nothing if the variable is not set.
fn folders() -> Option<BTreeMap<String, PathBuf>> {
    let Some(root) = std::env::var_os("TASKER_WORKFLOWS") else {
        println!("not run: TASKER_WORKFLOWS is unset");
        return None;
    };
    let found: BTreeMap<String, PathBuf> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|folder| folder.join("task.yaml").is_file())
        .map(|folder| (folder.file_name().unwrap().to_string_lossy().into_owned(), folder))
        .collect();
    assert_eq!(found.len(), 7, "seven definitions are expected in the folder");
    Some(found)
}

fn load(folder: &Path, environment: Option<&str>) -> Checked {
    let file = folder.join("task.yaml");
    let source = Source::new(file.display().to_string(), std::fs::read(&file).unwrap());
    parse(&source, environment).unwrap_or_else(|problems| panic!("{}", problems.render(Style::Plain, 120)))
}

fn config(template: &Template, step: usize) -> String {
    template.steps[step].handler_config.as_ref().unwrap().to_string()
}

#[test]
fn all_are_accepted_in_every_environment_and_read_back() {
    let Some(folders) = folders() else { return };
    for (name, folder) in &folders {
        for environment in [None, Some("development"), Some("test"), Some("production"), Some("unknown")] {
            let checked = load(folder, environment);
            let dotless_events = if name == "user_registration" { 3 } else { 0 };
            let drawn = checked.warnings.render(Style::Plain, 120);
            assert_eq!(checked.warnings.len(), dotless_events, "{name}: {drawn}");
            assert_eq!(Template::from_canonical(&checked.template.canonical()).unwrap(), checked.template);
        }
        println!("count: definition {name}");
    }
}

#[test]
fn the_cart_overlays_merge_as_described() {
    let Some(folders) = folders() else { return };
    let folder = &folders["cart_integration"];
    let base = load(folder, None).template;
    assert_eq!((base.namespace.as_str(), base.version.to_string().as_str()), ("api_tests", "0.1.0"));
    let names: Vec<&str> = base.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["fetch_cart", "fetch_products", "validate_products", "create_order", "publish_event"]);
    let graph = base.graph();
    assert_eq!(graph.roots().collect::<Vec<_>>(), [0, 1]);
    assert_eq!(graph.levels(), [0, 0, 1, 2, 3]);
    assert!(base.steps.iter().all(|step| step.retryable && step.retry_limit == 3));
    assert!(base.steps.iter().all(|step| step.dependent_system == "ecommerce_system"));
    assert_eq!(config(&base, 0), r#"{"type":"api","url":"https://api.ecommerce.com/cart","params":{"cart_id":1}}"#);

    let test = load(folder, Some("test")).template;
    let expected =
        r#"{"type":"api","url":"http://test-api.ecommerce.com/cart","params":{"cart_id":1,"test_mode":true}}"#;
    assert_eq!(config(&test, 0), expected);
    assert_eq!(
        config(&test, 1),
        r#"{"type":"api","url":"http://test-api.ecommerce.com/products","params":{"test_mode":true}}"#
    );
    assert_eq!(test.steps[2..], base.steps[2..]);

    let production = load(folder, Some("production")).template;
    assert!(config(&production, 0).contains(r#""api_key":"${ECOMMERCE_API_KEY}""#));
    let development = load(folder, Some("development")).template;
    assert!(config(&development, 0).contains("localhost:3000") && config(&development, 0).contains(r#""debug":true"#));
    assert_eq!(load(folder, Some("staging")).template, base);
}

#[test]
fn the_generated_definition_and_the_events_read_as_described() {
    let Some(folders) = folders() else { return };
    let generated = load(&folders["generated_default"], None).template;
    assert_eq!(generated.steps[1].parents, [0]);
    assert_eq!(generated.steps[2].parents, [1]);
    let events: Vec<&str> = generated.steps[1].custom_events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(events, ["data.processed", "data.validation_failed"]);
    let registration = load(&folders["user_registration"], None).template;
    assert_eq!(registration.custom_events[0].name, "blog_examples.service_call_started");
}

#[test]
fn contexts_are_accepted_and_refused_as_expected() {
    let Some(folders) = folders() else { return };
    let mut judged = 0;
    for (name, folder) in &folders {
        let check = ContextCheck::new(&load(folder, None).template).unwrap();
        let expected = Json::parse(&std::fs::read_to_string(folder.join("expected.json")).unwrap()).unwrap();
        let mut inputs: BTreeMap<&str, bool> = BTreeMap::new();
        for case in expected.get("cases").unwrap().as_array().unwrap() {
            let input = case.get("input").unwrap().as_str().unwrap();
            inputs.insert(input, case.get("outcome").unwrap().as_str() == Some("refused"));
        }
        for (input, is_refused) in inputs {
            let context = Json::parse(&std::fs::read_to_string(folder.join(input)).unwrap()).unwrap();
            let outcome = check.check(&context);
            assert_eq!(outcome.is_err(), is_refused, "{name}/{input}: {outcome:?}");
            judged += 1;
        }
    }
    println!("count: {judged} contexts");
    assert!(judged > 20);
}

#[test]
fn no_change_to_a_definition_makes_it_panic() {
    let Some(folders) = folders() else { return };
    for folder in folders.values() {
        let original = std::fs::read(folder.join("task.yaml")).unwrap();
        let change = (0..original.len(), 0_usize..60, proptest::collection::vec(any::<u8>(), 0..6));
        TestRunner::default()
            .run(&change, |(at, remove, insert)| {
                let mut bytes = original.clone();
                let end = (at + remove).min(bytes.len());
                bytes.splice(at..end, insert);
                if let Err(problems) = parse(&Source::new("task.yaml", bytes), Some("test")) {
                    prop_assert!(!problems.render(Style::Plain, 80).is_empty());
                }
                Ok(())
            })
            .unwrap();
    }
}
