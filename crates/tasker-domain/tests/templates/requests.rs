//! Requests for tasks.

use proptest::prelude::*;
use tasker_domain::code::{Code, Coded};
use tasker_domain::json::Json;
use tasker_domain::request::{RequestProblems, TaskRequest};

use super::sources::template;

fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

fn read(text: &str) -> TaskRequest {
    let checked = TaskRequest::read(&json(text)).unwrap();
    assert!(checked.ignored.is_empty(), "{:?}", checked.ignored);
    checked.request
}

fn refused(text: &str) -> RequestProblems {
    TaskRequest::read(&json(text)).unwrap_err()
}

#[test]
fn everything_but_name_and_context_has_a_default() {
    let request = read(r#"{"name": "order", "context": {"cart_id": 1}}"#);
    assert_eq!(request, TaskRequest::new("order", json(r#"{"cart_id": 1}"#)));
    insta::assert_json_snapshot!(request);
}

#[test]
fn every_field_is_read_and_null_counts_as_absent() {
    let text = r#"{
        "name": "order", "namespace": "shop", "version": "1.10.0", "context": {"price": 1.10}, "status": "waiting",
        "initiator": "ann", "source_system": "web", "reason": "asked for", "complete": true, "tags": ["a", "b"],
        "bypass_steps": ["ship"], "requested_at": "2025-07-13T09:30:00.25+02:00"
    }"#;
    let request = read(text);
    insta::assert_json_snapshot!(request);
    let stored = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<TaskRequest>(&stored).unwrap(), request);
    let nulls = r#"{"name": "order", "context": {}, "namespace": null, "version": null, "status": null, "initiator": null,
        "source_system": null, "reason": null, "complete": null, "tags": null, "bypass_steps": null, "requested_at": null}"#;
    assert_eq!(read(nulls), TaskRequest::new("order", Json::empty_object()));
    let without_offset = read(r#"{"name": "order", "context": {}, "requested_at": "2025-07-13T09:30:00"}"#);
    assert_eq!(without_offset.requested_at.unwrap().to_rfc3339(), "2025-07-13T09:30:00+00:00");
}

#[test]
fn every_problem_is_told_at_once() {
    let long = "x".repeat(129);
    let problems = refused(&format!(
        r#"{{"namespace": "{long}", "version": "1.0", "context": [], "status": 1, "initiator": "{long}",
            "source_system": true, "reason": {{}}, "complete": "yes", "tags": "one", "bypass_steps": ["a", 2, null, "\u0000"],
            "requested_at": "yesterday"}}"#
    ));
    assert_eq!(problems.code(), Code::REQUEST_REFUSED);
    insta::assert_snapshot!(problems);
}

#[test]
fn types_are_strict() {
    for (field, value) in [
        ("name", "1"),
        ("name", r#""  ""#),
        ("namespace", "true"),
        ("version", "1"),
        ("version", r#""1.0.0-beta""#),
        ("context", r#""{}""#),
        ("complete", "0"),
        ("tags", "{}"),
        ("bypass_steps", r#""a""#),
        ("requested_at", "1752399000"),
    ] {
        let others: String = [("name", r#""order""#), ("context", "{}")]
            .into_iter()
            .filter(|(other, _)| *other != field)
            .map(|(other, value)| format!(r#""{other}": {value}, "#))
            .collect();
        let problems = refused(&format!(r#"{{{others}"{field}": {value}}}"#));
        assert_eq!(problems.list.len(), 1, "{field}: {problems}");
        assert_eq!(problems.list[0].pointer, format!("/{field}"));
    }
    assert_eq!(
        refused("[]").to_string(),
        "the request is refused\n  at the top level: must be an object, found a list"
    );
}

#[test]
fn unknown_keys_are_ignored_with_the_nearest_one() {
    let checked =
        TaskRequest::read(&json(r#"{"name": "a", "context": {}, "namespace_name": "b", "tag": [], "a/b": 1}"#))
            .unwrap();
    let told: Vec<String> =
        checked.ignored.iter().map(|problem| format!("{}: {}", problem.pointer, problem.message)).collect();
    assert_eq!(
        told,
        [
            "/namespace_name: the key is unknown and ignored; did you mean `namespace`?",
            "/tag: the key is unknown and ignored; did you mean `tags`?",
            "/a~1b: the key is unknown and ignored",
        ]
    );
}

#[test]
fn context_and_steps_to_bypass_are_judged_by_the_template() {
    let order = template(
        "name: order\ntask_handler_class: Order\n\
         schema: { type: object, required: [cart_id], properties: { cart_id: { type: integer }, currency: { type: string, default: EUR } } }\n\
         step_templates:\n  - { name: fetch, handler_class: a }\n  - { name: ship, handler_class: a, skippable: true }\n",
    );
    let mut request = TaskRequest::new("order", json(r#"{"cart_id": 7}"#));
    request.bypass_steps = vec!["ship".to_owned()];
    assert_eq!(request.check_by(&order).unwrap().to_string(), r#"{"cart_id":7,"currency":"EUR"}"#);
    request.context = json(r#"{"cart_id": "7"}"#);
    request.bypass_steps = ["fetch", "shipp", "ship"].map(str::to_owned).to_vec();
    insta::assert_snapshot!(request.check_by(&order).unwrap_err());
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(field in "[a-z_]{0,12}", text in any::<String>(), number: i64, which in 0_usize..12) {
        let fields = ["name", "namespace", "version", "context", "status", "initiator", "source_system", "reason",
            "complete", "tags", "bypass_steps", "requested_at"];
        let values = [Json::String(text.clone()), Json::Number(number.to_string()), Json::Array(vec![Json::String(text)])];
        for value in values {
            let members = [("name", Json::String("a".to_owned())), ("context", Json::empty_object())]
                .map(|(key, value)| (key.to_owned(), value));
            let extra = [(fields[which].to_owned(), value.clone()), (field.clone(), value)];
            let request = Json::Object(members.into_iter().chain(extra).collect());
            match TaskRequest::read(&request) {
                Ok(checked) => {
                    let stored = serde_json::to_string(&checked.request).unwrap();
                    prop_assert_eq!(serde_json::from_str::<TaskRequest>(&stored).unwrap(), checked.request);
                }
                Err(problems) => prop_assert!(!problems.list.is_empty()),
            }
        }
    }
}
