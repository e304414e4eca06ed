//! Files and contexts of people who mean ill: never a panic, never much more time than the size asks for.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use tasker_domain::context::ContextCheck;
use tasker_domain::json::Json;
use tasker_domain::template::{Source, Style, Template, parse};

use super::sources::EVERY_KEY;

/// What is put into templates: each has broken some reader of YAML, JSON or HTML.
const CORPUS: &[&str] = &[
    "\0",
    "\u{1b}[31m",
    "\u{202e}",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
    "\r",
    "\t",
    "é",
    "🦀",
    "\u{301}",
    "\u{7f}",
    "&a",
    "*a",
    "*anchor",
    "<<: *anchor",
    "!!binary",
    "!!set",
    "!<tag:x>",
    "? ",
    ": ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "|\n",
    ">-\n",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "#",
    "\"",
    "'",
    "\\",
    "\"\\x00\"",
    "\"\\ud800\"",
    "~",
    "null",
    ".nan",
    "-.inf",
    "0x",
    "0o9",
    "1e999999999",
    "99999999999999999999",
    "1_000",
    "2020-01-01",
    "yes",
    "<script>alert(1)</script>",
    "${HOME}",
    "{{ cart }}",
    "name: again\n",
    "step_templates:\n",
    "environments: { test: { step_templates: [{ name: fetch }] } }\n",
    "depends_on_step: charge\n",
    "  - { name: charge }\n",
    "schema: { $ref: '#' }\n",
    "pattern: '(a+)+$'\n",
    "$schema: x\n",
];

fn look(text: &str) {
    match parse(&Source::new("hostile.yaml", text), Some("test")) {
        Ok(checked) => {
            let stored = checked.template.canonical();
            assert_eq!(Template::from_canonical(&stored).unwrap().canonical(), stored);
            assert!(parse(&Source::new("again.yaml", checked.template.to_yaml()), None).is_ok());
        }
        Err(problems) => {
            assert!(problems.has_errors());
            let drawn = problems.render(Style::Plain, 100);
            let is_harmless = |letter: char| (!letter.is_control() || letter == '\n') && letter != '\u{202e}';
            assert!(drawn.chars().all(is_harmless), "a message moves the cursor: {drawn:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn nothing_put_into_a_template_makes_it_panic(
        insertions in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..5),
    ) {
        let mut text = EVERY_KEY.to_owned();
        for (place, what) in insertions {
            let at = text.floor_char_boundary(place.index(text.len() + 1));
            text.insert_str(at, CORPUS[what.index(CORPUS.len())]);
        }
        look(&text);
    }
}

#[test]
fn every_entry_of_the_corpus_is_survived_everywhere() {
    let lines: Vec<&str> = EVERY_KEY.lines().collect();
    for hostile in CORPUS {
        for line in (0..lines.len()).step_by(4) {
            let (before, after) = lines.split_at(line);
            look(&format!("{}\n{hostile}{}", before.join("\n"), after.join("\n")));
        }
    }
    println!("count: {} hostile texts", CORPUS.len());
}

#[test]
fn ten_thousand_characters_are_a_problem_and_not_a_disaster() {
    for text in ["x", "é", "\u{202e}", "\"", "<", "🦀"] {
        let long = text.repeat(10_000);
        let quoted = serde_json::to_string(&long).unwrap();
        for key in
            ["name: order", "version: 1.2.3", "name: fetch", "url: https://api.example.com/carts/{cart_id}", "x-own"]
        {
            let replacement =
                key.split_once(": ").map_or_else(|| quoted.clone(), |(key, _)| format!("{key}: {quoted}"));
            look(&EVERY_KEY.replacen(key, &replacement, 1));
        }
    }
}

const SCHEMAS: &[&str] = &[
    r##"{"$ref": "#"}"##,
    r##"{"properties": {"a": {"$ref": "#/properties/b"}, "b": {"$ref": "#/properties/a"}}}"##,
    r##"{"properties": {"a": {"$ref": "#", "default": {}}}}"##,
    r##"{"properties": {"a": {"default": {}, "allOf": [{"$ref": "#"}]}}}"##,
    r##"{"patternProperties": {"(a+)+$": {"type": "integer"}}}"##,
    r##"{"properties": {"a": {"pattern": "^(([a-z])+.)+[A-Z]([a-z])+$"}}}"##,
    r##"{"additionalProperties": {"anyOf": [{"$ref": "#"}, {"type": "string"}]}}"##,
    r##"{"properties": {"a": {"type": "array", "uniqueItems": true}}}"##,
    r##"{"$schema": "https://json-schema.org/draft/2020-12/schema", "$dynamicAnchor": "n", "properties": {"a": {"$dynamicRef": "#n"}}}"##,
    r##"{"properties": {"a": {"multipleOf": 1e-300}}}"##,
    r##"{"properties": {"a": {"enum": [1.0, 1, "1", null, [], {}]}}}"##,
    r##"{"not": {}}"##,
    r##"{"properties": {"\u202e": {"const": "\u001b[31m"}}}"##,
];

#[test]
fn no_pair_of_hostile_schema_and_context_makes_the_check_panic_or_hang() {
    let mut nested = "1".to_owned();
    for _ in 0..60 {
        nested = format!(r#"{{"a": {nested}}}"#);
    }
    let repeated = "a".repeat(5_000);
    let contexts = [
        "{}".to_owned(),
        nested,
        format!(r#"{{"a": "{repeated}!"}}"#),
        format!(r#"{{"{repeated}!": 1}}"#),
        format!(r#"{{"a": [{}]}}"#, (0..3_000).map(|n| n.to_string()).collect::<Vec<_>>().join(",")),
        r#"{"a": 1e400, "\u202e": "x", "\u0000": 1}"#.to_owned(),
        r#"{"a": 123456789012345678901234567890.5}"#.to_owned(),
    ];
    let mut judged = 0;
    for schema in SCHEMAS {
        for strict in [false, true] {
            let Ok(check) = ContextCheck::compile(Some(&Json::parse(schema).unwrap()), strict) else { continue };
            for context in &contexts {
                if let Err(problems) = check.check(&Json::parse(context).unwrap()) {
                    assert!(!problems.list.is_empty() && !problems.to_string().contains('\u{1b}'));
                }
                judged += 1;
            }
        }
    }
    assert!(judged > 100, "nearly all schemas were refused: {judged}");
    println!("count: {judged} pairs");
}

const HEAD: &str = "name: big\ntask_handler_class: Big\nstep_templates:\n";

/// A name, and a template of a size.
type Shape = (&'static str, fn(usize) -> String);

/// The shapes that are made ever larger.
fn shapes() -> Vec<Shape> {
    fn each(count: usize, line: impl Fn(usize) -> String) -> String {
        (0..count).map(line).collect()
    }
    vec![
        ("chain", |n| {
            format!(
                "{HEAD}{}",
                each(n, |i| {
                    let parent = i.checked_sub(1).map(|p| format!(", depends_on_step: s{p}")).unwrap_or_default();
                    format!("  - {{ name: s{i}, handler_class: h{parent} }}\n")
                })
            )
        }),
        ("circle", |n| {
            format!(
                "{HEAD}{}",
                each(n, |i| format!("  - {{ name: s{i}, handler_class: h, depends_on_step: s{} }}\n", (i + 1) % n))
            )
        }),
        ("unknown parents", |n| {
            format!("{HEAD}{}", each(n, |i| format!("  - {{ name: s{i}, handler_class: h, depends_on_step: t{i} }}\n")))
        }),
        ("one name", |n| format!("{HEAD}{}", each(n, |_| "  - { name: s, handler_class: h }\n".to_owned()))),
        ("unknown keys", |n| {
            format!("{}{HEAD}  - {{ name: s, handler_class: h }}\n", each(n, |i| format!("key{i}: 1\n")))
        }),
        ("one key", |n| {
            format!("{}{HEAD}  - {{ name: s, handler_class: h }}\n", each(n, |_| "description: a\n".to_owned()))
        }),
        ("aliases", |n| {
            format!(
                "x-a: &a {{ b: 1 }}\nx-l: [{}]\n{HEAD}  - {{ name: s, handler_class: h }}\n",
                each(n, |_| "*a, ".to_owned())
            )
        }),
        ("one long line", |n| {
            format!("{HEAD}  - {{ name: s, handler_class: h, x-a: [{}] }}\n", each(n, |i| format!("{{ k: {i} }}, ")))
        }),
        ("overlay", |n| {
            format!(
                "{HEAD}{}environments:\n  test:\n    step_templates:\n{}",
                each(n, |i| format!("  - {{ name: s{i}, handler_class: h }}\n")),
                each(n, |i| format!("      - {{ name: t{i}, default_retry_limit: 1 }}\n"))
            )
        }),
        ("named steps", |n| {
            format!(
                "named_steps: [{}]\n{HEAD}{}",
                each(n, |i| format!("t{i}, ")),
                each(n, |i| format!("  - {{ name: s{i}, handler_class: h }}\n"))
            )
        }),
    ]
}

#[expect(clippy::disallowed_methods, reason = "what is measured is the time that the parser itself takes")]
fn time_of(text: &str) -> Duration {
    let source = Source::new("big.yaml", text);
    (0..3)
        .map(|_| {
            let begin = Instant::now();
            let drawn =
                parse(&source, Some("test")).map(|_| String::new()).unwrap_or_else(|p| p.render(Style::Plain, 100));
            std::hint::black_box(drawn);
            begin.elapsed()
        })
        .min()
        .unwrap()
}

#[test]
fn eight_times_the_size_takes_about_eight_times_as_long() {
    for (name, make) in shapes() {
        // What grows with the square takes 64 times as long. A busy machine may stretch a time, but not again and again.
        let is_linear = (0..4).any(|_| {
            let (small, large) = (time_of(&make(400)), time_of(&make(3_200)));
            let ratio = large.as_secs_f64() / small.as_secs_f64().max(0.000_1);
            println!("{name}: {small:?}, eight times as large {large:?}: {ratio:.1} times");
            ratio < 24.0
        });
        assert!(is_linear, "{name} takes much more than eight times as long");
    }
}
