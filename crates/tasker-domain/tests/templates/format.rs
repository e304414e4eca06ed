//! The JSON Schema of the file format: the committed one is what the types give, and it judges as the parser does.

use jsonschema::Validator;
use serde_json::Value;
use tasker_domain::template::{Source, json_schema, parse};
use tasker_domain::yaml;

use super::sources::{EVERY_KEY, files, root};

fn validator() -> Validator {
    jsonschema::draft202012::options().build(&json_schema()).unwrap()
}

fn value_of(text: &str) -> Value {
    let (node, problems) = yaml::parse(text);
    assert!(problems.is_empty(), "{problems:?}");
    let mut unstorable = Vec::new();
    let json = node.unwrap().to_json(&mut unstorable);
    assert!(unstorable.is_empty(), "{unstorable:?}");
    json.to_value()
}

/// Whether the parser takes the text and knows all of its keys.
fn is_accepted(text: &str) -> bool {
    match parse(&Source::new("order.yaml", text), None) {
        Ok(checked) => !checked.warnings.iter().any(|warning| warning.message.contains("is unknown")),
        Err(_) => false,
    }
}

#[test]
fn the_committed_schema_is_the_one_of_the_types() {
    let file = root().join("docs/template.schema.json");
    let expected = format!("{}\n", serde_json::to_string_pretty(&json_schema()).unwrap());
    if std::env::var_os("TASKER_WRITE_DOCS").is_some() {
        std::fs::write(&file, &expected).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == expected,
        "docs/template.schema.json is not what the types give: write it anew with TASKER_WRITE_DOCS=1"
    );
}

#[test]
fn the_schema_is_one_and_takes_every_known_template() {
    assert!(jsonschema::draft202012::meta::is_valid(&json_schema()));
    let validator = validator();
    for file in files() {
        let value = value_of(&std::fs::read_to_string(&file).unwrap());
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", file.display());
        println!("count: template {}", file.display());
    }
    assert!(validator.is_valid(&value_of(EVERY_KEY)));
    assert!(is_accepted(EVERY_KEY));
}

#[test]
fn the_template_that_writes_every_key_does() {
    let value = value_of(EVERY_KEY);
    let schema = json_schema();
    for key in schema["properties"].as_object().unwrap().keys() {
        assert!(value.get(key).is_some(), "the template lacks {key}");
    }
    let step = value["step_templates"][1].as_object().unwrap();
    for key in schema["$defs"]["Step"]["properties"].as_object().unwrap().keys() {
        assert!(step.contains_key(key) || key == "depends_on_steps", "the step lacks {key}");
    }
    for key in schema["$defs"]["ApiSettings"]["properties"].as_object().unwrap().keys() {
        assert!(value["step_templates"][0]["handler_config"].get(key).is_some(), "the API settings lack {key}");
    }
}

/// Values of every kind, among them those at and beyond the limits of the format.
fn candidates() -> Vec<String> {
    let mut written: Vec<String> = [
        "null",
        "true",
        "0",
        "1",
        "-1",
        "2147483647",
        "2147483648",
        "-2147483648",
        "-2147483649",
        "1.5",
        "0.001",
        "0.0001",
        "31536000",
        "31536001",
        "[]",
        "[a]",
        "[1]",
        "[null]",
        "{}",
        "{ a: 1 }",
        "{ a: b }",
        "\"\"",
        "\" \"",
        "a",
        "yes",
        "1.2.3",
        "1.2",
        "a.b",
        "task.b",
        "STEP.b",
        "task",
        ".b",
        "b.",
        "https://a",
        "https://",
        "https:///a",
        "[{ name: a.b }]",
        "[{ name: a.b, description: null }]",
        "[{ name: a.b, other: 1 }]",
        "[{ name: a.b, x-own: 1 }]",
        "[{ description: a }]",
        "[{ name: test.b }]",
        "[{ name: a. }]",
        "[[a.b]]",
        "{ type: api }",
        "{ type: api, url: a }",
        "{ type: api, url: \"https://a\", retry_delay: -1 }",
        "{ type: api, url: \"https://a\", more: 1 }",
        "{ type: 1 }",
        "[fetch, charge, 'ship: \"it\"']",
        "[fetch, charge, 'ship: \"it\"', fetch]",
    ]
    .map(str::to_owned)
    .to_vec();
    written.extend([16, 17, 64, 65, 128, 129, 255, 256].map(|length| "a".repeat(length)));
    written
}

/// Puts each candidate under each key and asks both judges.
fn compare(place: &str, keys: &[String], template: impl Fn(&str, &str) -> String) {
    let validator = validator();
    let mut disagreements = Vec::new();
    let mut verdicts = [0, 0];
    for key in keys {
        for candidate in candidates() {
            let text = template(key, &candidate);
            let by_parser = is_accepted(&text);
            let by_schema = validator.is_valid(&value_of(&text));
            verdicts[usize::from(by_parser)] += 1;
            if by_parser != by_schema {
                disagreements.push(format!("{place} {key}: {candidate}: parser {by_parser}, schema {by_schema}"));
            }
        }
    }
    assert!(disagreements.is_empty(), "{}", disagreements.join("\n"));
    assert!(verdicts.iter().all(|count| *count > keys.len()), "one judge only ever said the same: {verdicts:?}");
    println!("count: {} values of keys of {place}", verdicts.iter().sum::<usize>());
}

fn keys_of(place: &str) -> Vec<String> {
    let schema = json_schema();
    let mut keys: Vec<String> = schema.pointer(place).unwrap().as_object().unwrap().keys().cloned().collect();
    keys.extend(["depends_on", "x-own", "namespace"].map(str::to_owned));
    keys
}

#[test]
fn schema_and_parser_agree_on_the_keys_of_a_template() {
    // What a list of names leaves out, and how environments match steps, is between steps: no schema sees it.
    let mut keys = keys_of("/properties");
    keys.retain(|key| !["named_steps", "step_templates", "environments"].contains(&key.as_str()));
    keys.retain(|key| key != "schema");
    compare("template", &keys, |key, value| {
        let required = [("name", "order"), ("task_handler_class", "Order")];
        let others: String = required
            .into_iter()
            .filter(|(name, _)| *name != key)
            .map(|(name, value)| format!("{name}: {value}\n"))
            .collect();
        format!("{others}{key}: {value}\nstep_templates:\n  - {{ name: fetch, handler_class: echo }}\n")
    });
}

#[test]
fn schema_and_parser_agree_on_the_keys_of_a_step() {
    // A dependency must name a step, which no schema sees.
    let mut keys = keys_of("/$defs/Step/properties");
    keys.retain(|key| !key.starts_with("depends_on_step"));
    compare("step", &keys, |key, value| {
        let required = [("name", "fetch"), ("handler_class", "echo")];
        let others: String = required
            .into_iter()
            .filter(|(name, _)| *name != key)
            .map(|(name, value)| format!("    {name}: {value}\n"))
            .collect();
        format!("name: order\ntask_handler_class: Order\nstep_templates:\n  - x-first: 1\n{others}    {key}: {value}\n")
    });
}

#[test]
fn schema_and_parser_agree_on_api_settings() {
    let keys = keys_of("/$defs/ApiSettings/properties");
    compare("api settings", &keys, |key, value| {
        let url = if key == "url" { "" } else { "      url: https://api.example.com\n" };
        format!(
            "name: order\ntask_handler_class: Order\nstep_templates:\n  - name: fetch\n    handler_class: echo\n    \
             handler_config:\n      type: api\n{url}      {key}: {value}\n"
        )
    });
}

#[test]
fn an_overlay_may_hold_any_key_but_require_none() {
    let validator = validator();
    let head = "name: order\ntask_handler_class: Order\nstep_templates:\n  - { name: fetch, handler_class: echo }\n";
    for (overlay, is_good) in [
        ("{}", true),
        ("null", true),
        ("{ version: 2.0.0, fail_fast: true }", true),
        ("{ step_templates: [{ name: fetch, default_retry_limit: 1 }] }", true),
        ("{ step_templates: [{ name: fetch, handler_config: { type: api } }] }", true),
        ("{ step_templates: [{ default_retry_limit: 1 }] }", false),
        ("{ step_templates: [{ name: fetch, retries: 1 }] }", false),
        ("{ versoin: 2.0.0 }", false),
        ("[]", false),
    ] {
        let value = value_of(&format!("{head}environments:\n  test: {overlay}\n"));
        assert_eq!(validator.is_valid(&value), is_good, "{overlay}");
    }
}
