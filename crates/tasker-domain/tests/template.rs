//! Templates: what is read, what is refused and how it is said.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use proptest::prelude::*;
use tasker_domain::template::{Checked, Problems, Seconds, Severity, Source, Style, Template, Version, parse};

fn check(text: &str) -> Result<Checked, Problems> {
    parse(&Source::new("order.yaml", text), None)
}

fn accepted(text: &str) -> Template {
    check(text).unwrap_or_else(|problems| panic!("{}", problems.render(Style::Plain, 120))).template
}

/// What is drawn for a refused text.
fn refused(text: impl Into<Vec<u8>>) -> String {
    let problems = parse(&Source::new("order.yaml", text), None).expect_err("the text must be refused");
    assert!(problems.has_errors());
    problems.render(Style::Plain, 100)
}

/// What is drawn for an accepted text that its author should know more about.
fn warned(text: &str) -> String {
    let checked = check(text).unwrap_or_else(|problems| panic!("{}", problems.render(Style::Plain, 120)));
    assert!(!checked.warnings.is_empty());
    checked.warnings.render(Style::Plain, 100)
}

const HEAD: &str = "name: checkout\ntask_handler_class: Checkout\n";

fn with_steps(steps: &str) -> String {
    format!("{HEAD}step_templates:\n{steps}")
}

const ONE_STEP: &str = "  - name: pay\n    handler_class: Pay\n";

#[test]
fn defaults_are_filled_in() {
    let template = accepted(&with_steps(ONE_STEP));
    insta::assert_snapshot!(template.canonical());
    assert_eq!(template.version, Version::DEFAULT);
    assert_eq!(template.steps[0].attempts_allowed(), 3);
}

const EVERYTHING: &str = r#"---
name: checkout
namespace_name: shop
version: 2.10.3
description: Takes an order
module_namespace: Shop
task_handler_class: Checkout
concurrent: true
default_dependent_system: platform
named_steps: [reserve, pay, ship, mail]
handler_config: {anything: goes}
strict: true
fail_fast: true
jitter: false
queue: slow
priority: -2
timeout_seconds: 90
x-owner: the shop team
schema:
  type: object
  required: [order_id]
  properties:
    order_id: {type: integer}
    rate: {type: number, default: 1.50}
custom_events:
  - name: order.placed
    description: An order came in
step_templates:
  - name: reserve
    handler_class: Reserve
    handler_config: &service
      type: api
      url: https://stock.example.com/{order_id}
      params: {since: 2026-01-01, ratio: 0.10, mask: 0x1F, on: off}
      headers: {accept: application/json}
      ssl: ~
      enable_exponential_backoff: true
      retry_delay: 1.5
      jitter_factor: 0.1
  - name: pay
    description: Takes the money
    dependent_system: bank
    handler_class: Pay
    default_retryable: false
    default_retry_limit: 0
    skippable: true
    jitter: true
    queue: fast
    priority: 7
    timeout_seconds: 0.25
    custom_events:
      - {name: payment.taken}
  - name: ship
    handler_class: Ship
    depends_on_step: pay
    depends_on_steps: [reserve]
    handler_config:
      <<: *service
      url: https://ship.example.com
  - name: mail
    handler_class: Mail
    depends_on_steps:
      - ship
"#;

#[test]
fn every_key_finds_its_place() {
    let checked = check(EVERYTHING).unwrap();
    assert_eq!(checked.warnings.render(Style::Plain, 100), "");
    insta::assert_snapshot!(serde_json::to_string_pretty(&checked.template).unwrap());
    assert_eq!(checked.template.steps[2].parents, [1, 0]);
    assert_eq!(checked.template.steps[1].timeout_seconds, Some(Seconds { milliseconds: 250 }));
}

#[test]
fn the_canonical_form_reads_back_and_has_one_hash() {
    let template = accepted(EVERYTHING);
    let again = Template::from_canonical(&template.canonical()).unwrap();
    assert_eq!(again, template);
    assert_eq!(again.content_hash(), template.content_hash());
    assert_eq!(template.content_hash().len(), 64);
    let other = accepted(&EVERYTHING.replace("1.50", "1.5"));
    assert_ne!(other.content_hash(), template.content_hash());
}

#[test]
fn a_stored_template_that_was_tampered_with_is_refused() {
    let canonical = accepted(EVERYTHING).canonical();
    for (from, to) in [("\"parents\":[1,0]", "\"parents\":[9]"), ("\"parents\":[1,0]", "\"parents\":[2]"), ("{", "[")] {
        assert!(canonical.contains(from));
        assert!(Template::from_canonical(&canonical.replacen(from, to, 1)).is_err(), "{to}");
    }
    assert!(Template::from_canonical(&canonical.replace("\"name\":\"ship\"", "\"name\":\"pay\"")).is_err());
}

#[test]
fn both_ways_to_name_a_dependency_count() {
    let steps = "  - {name: a, handler_class: A}\n  - {name: b, handler_class: B}\n  \
                 - {name: c, handler_class: C, depends_on_step: b, depends_on_steps: [a, b]}\n";
    let checked = check(&with_steps(steps)).unwrap();
    assert_eq!(checked.template.steps[2].parents, [1, 0]);
    assert_eq!(checked.warnings.len(), 1);
    insta::assert_snapshot!(checked.warnings.render(Style::Plain, 100));
}

#[test]
fn files_that_are_no_template_at_all() {
    let huge = [HEAD.as_bytes(), &b"# comment\n".repeat(1_000_000)].concat();
    insta::assert_snapshot!("empty", refused(""));
    insta::assert_snapshot!("only_comments", refused("# nothing\n---\n"));
    insta::assert_snapshot!("ten_megabytes", refused(huge));
    insta::assert_snapshot!("latin_1", refused(&b"name: caf\xe9\n"[..]));
    insta::assert_snapshot!("utf_16", refused(&b"\xff\xfen\0a\0"[..]));
    insta::assert_snapshot!("control_character", refused("name: a\u{1b}[31mb\n"));
    insta::assert_snapshot!("nul_escape", refused(with_steps("  - name: \"a\\0b\"\n    handler_class: A\n")));
    insta::assert_snapshot!("a_list", refused("- name: checkout\n"));
    insta::assert_snapshot!("a_text", refused("just words\n"));
    insta::assert_snapshot!("unclosed_bracket", refused("name: [a, b\nversion: 1.0.0\n"));
    insta::assert_snapshot!("tab_indentation", refused("step_templates:\n\t- name: a\n"));
    insta::assert_snapshot!("colon_in_text", refused("description: one: two\n"));
    insta::assert_snapshot!("several_documents", refused(format!("{}---\nname: second\n", with_steps(ONE_STEP))));
    insta::assert_snapshot!("no_steps", refused(format!("{HEAD}step_templates: []\n")));
    insta::assert_snapshot!("empty_mapping", refused("{}"));
}

#[test]
fn hostile_files_are_refused_early() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let before = level - 1;
        bomb += &format!(
            "a{level}: &a{level} [*a{before}, *a{before}, *a{before}, *a{before}, *a{before}, *a{before}, *a{before}, *a{before}, *a{before}]\n"
        );
    }
    insta::assert_snapshot!("alias_bomb", refused(bomb));
    insta::assert_snapshot!("alias_within_itself", refused("x-a: &a [1, *a]\n"));
    insta::assert_snapshot!("unknown_alias", refused("name: *nothing\n"));
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")] {
        for count in [101, 300, 20_000, 100_000] {
            let drawn = refused(format!("x: \n  {}1{}", open.repeat(count), close.repeat(count)));
            assert!(!drawn.is_empty());
        }
    }
    insta::assert_snapshot!("deep_brackets", refused(format!("x: {}{}", "[".repeat(200), "]".repeat(200))));
    let doubled_depth =
        format!("x-a: &a {}1{}\nx-b: {}*a{}", "[".repeat(60), "]".repeat(60), "[".repeat(60), "]".repeat(60));
    insta::assert_snapshot!("depth_through_an_alias", refused(doubled_depth));
}

#[test]
fn duplicate_keys_and_names_show_both_places() {
    insta::assert_snapshot!(refused(format!(
        "{HEAD}name: again\nstep_templates:\n{ONE_STEP}  - name: pay\n    handler_class: A\n    handler_class: B\n"
    )));
}

#[test]
fn dependencies_that_cannot_be() {
    insta::assert_snapshot!(
        "unknown_and_self",
        refused(with_steps(
            "  - name: fetch_cart\n    handler_class: A\n  - name: pay\n    handler_class: B\n    depends_on_step: fetch_crat\n    \
         depends_on_steps: [pay, zebra]\n"
        ))
    );
    insta::assert_snapshot!(
        "cycle",
        refused(with_steps(
            "  - {name: a, handler_class: A, depends_on_step: c}\n  - {name: b, handler_class: B, depends_on_step: a}\n  \
         - {name: c, handler_class: C, depends_on_steps: [b]}\n  - {name: d, handler_class: D, depends_on_step: c}\n"
        ))
    );
    insta::assert_snapshot!(
        "two_cycles",
        refused(with_steps(
            "  - {name: a, handler_class: A, depends_on_step: b}\n  - {name: b, handler_class: B, depends_on_step: a}\n  \
         - {name: c, handler_class: C, depends_on_step: d}\n  - {name: d, handler_class: D, depends_on_steps: [c, a]}\n"
        ))
    );
    insta::assert_snapshot!(
        "outside_named_steps",
        refused(format!(
            "named_steps: [pay, ship]\n{}",
            with_steps(
                "  - {name: pay, handler_class: A}\n  - {name: shop, handler_class: B}\n  - {name: ship, handler_class: C, depends_on_step: shop}\n"
            )
        ))
    );
}

#[test]
fn wrong_types_and_lengths_are_all_reported_at_once() {
    let text = format!(
        "name: {long}\nnamespace_name: 5\nversion: 1.0\ndescription: [a]\nmodule_namespace: ~\ntask_handler_class: \"\"\n\
         concurrent: yes\ndefault_dependent_system: {long}\nnamed_steps: pay\nschema: text\nhandler_config: 1\nstrict: 1\n\
         fail_fast: \"true\"\njitter: maybe\nqueue: {{}}\npriority: 1.5\ntimeout_seconds: 90s\ncustom_events: {{}}\n\
         environments: []\nstep_templates:\n  - name: 5\n    handler_class: [A]\n    description: true\n    \
         dependent_system: 1\n    depends_on_step: [a]\n    depends_on_steps: a\n    default_retryable: 1\n    \
         default_retry_limit: -1\n    skippable: no\n    handler_config: []\n    custom_events: [1, {{}}]\n    \
         timeout_seconds: 0\n    priority: 99999999999\n  - just text\n  - {{}}\n",
        long = "x".repeat(65)
    );
    insta::assert_snapshot!(refused(text));
}

#[test]
fn versions_need_three_numbers() {
    for (written, right) in
        [("1.0", "write 1.0.0"), ("2", "write 2.0.0"), ("v1.2.3", "write 1.2.3"), ("1.2.3.4", ""), ("latest", "")]
    {
        let drawn = refused(format!("version: {written}\n{}", with_steps(ONE_STEP)));
        assert!(drawn.contains("is not a version"), "{drawn}");
        assert!(drawn.contains(right), "{drawn}");
    }
    assert_eq!(accepted(&format!("version: 1.10.0\n{}", with_steps(ONE_STEP))).version.minor, 10);
    insta::assert_snapshot!(refused(format!("version: 1.0\n{}", with_steps(ONE_STEP))));
}

#[test]
fn api_settings_are_checked_and_others_left_alone() {
    insta::assert_snapshot!(
        "api",
        refused(with_steps(
            "  - name: a\n    handler_class: A\n    handler_config: {type: api}\n  - name: b\n    handler_class: B\n    \
         handler_config:\n      type: api\n      url: /orders\n      params: []\n      headers: {retries: 5}\n      ssl: 1\n      \
         enable_exponential_backoff: 1\n      retry_delay: -1\n      jitter_factor: 2\n      timeout: anything\n"
        ))
    );
    accepted(&with_steps("  - name: a\n    handler_class: A\n    handler_config: {type: other, url: 5, timeout: 3}\n"));
}

#[test]
fn numbers_that_cannot_be_stored_are_found() {
    insta::assert_snapshot!(refused(with_steps(
        "  - name: a\n    handler_class: A\n    handler_config: {a: .inf, b: 1e999999, c: [-.INF, .nan]}\n"
    )));
}

#[test]
fn unknown_keys_are_warnings_with_the_nearest_key() {
    insta::assert_snapshot!(warned(&format!(
        "steps: 1\nnamespace: shop\ndescripton: x\ndefault_retry_limit: 3\nx-own: 1\nzebra: 1\n{}",
        with_steps(
            "  - name: a\n    handler_class: A\n    depends_on: b\n    retry_limit: 5\n    retryable: true\n    \
             fail_fast: true\n    x-mine: 1\n    skipable: true\n    custom_events: [{name: a.b, payload: 1}]\n"
        )
    )));
}

#[test]
fn steps_under_another_key_are_pointed_at() {
    insta::assert_snapshot!(refused("name: a\nhandler: A\nsteps:\n  - name: b\n"));
}

#[test]
fn event_names_get_a_namespace_and_may_not_be_reserved() {
    let checked =
        check(&format!("namespace_name: shop\ncustom_events: [{{name: sold}}]\n{}", with_steps(ONE_STEP))).unwrap();
    assert_eq!(checked.template.custom_events[0].name, "shop.sold");
    insta::assert_snapshot!("dotless", checked.warnings.render(Style::Plain, 100));
    insta::assert_snapshot!(
        "reserved",
        refused(with_steps(
            "  - name: a\n    handler_class: A\n    custom_events: [{name: Task.done}, {name: .x}, {name: x.}, {description: x}, {name: order.a.b}]\n"
        ))
    );
}

#[test]
fn schemas_must_be_schemas() {
    insta::assert_snapshot!(refused(format!(
        "schema:\n  type: objct\n  required: order_id\n  properties:\n    a: {{pattern: \"a(\"}}\n    b: {{$ref: https://example.com/b.json}}\n    \
         c: {{$ref: \"#/definitions/none\"}}\n    d: {{minimum: low}}\n{}",
        with_steps(ONE_STEP)
    )));
    insta::assert_snapshot!(
        "draft_3",
        refused(format!("schema: {{$schema: \"http://json-schema.org/draft-03/schema#\"}}\n{}", with_steps(ONE_STEP)))
    );
}

#[test]
fn tags_are_ignored_with_a_warning_and_core_tags_obeyed() {
    let text = format!("version: !!str 1.0.0\ndescription: !!str 5\n{}", with_steps(ONE_STEP));
    assert_eq!(accepted(&text).description.as_deref(), Some("5"));
    insta::assert_snapshot!(warned(&format!("description: !ruby/object:Danger x\n{}", with_steps(ONE_STEP))));
}

#[test]
fn merge_keys_fill_in_what_is_not_written() {
    let text = with_steps(
        "  - &base\n    name: a\n    handler_class: A\n    default_retry_limit: 7\n  - <<: *base\n    name: b\n    depends_on_step: a\n",
    );
    let template = accepted(&text);
    assert_eq!(template.steps[1].retry_limit, 7);
    assert_eq!(template.steps[1].name, "b");
    insta::assert_snapshot!(refused(format!("x-a:\n  <<: 5\n  ? [a, b]\n  : 1\n{}", with_steps(ONE_STEP))));
}

const OVERLAID: &str = r"
name: checkout
task_handler_class: Checkout
version: 1.0.0
step_templates:
  - name: pay
    handler_class: Pay
    handler_config: {a: {b: 1}, l: [1]}
  - name: ship
    handler_class: Ship
environments:
  test:
    version: 1.0.1
    step_templates:
      - name: pay
        default_retry_limit: 9
        handler_config: {a: {c: 2}}
      - name: shipp
        default_retry_limit: 9
  production:
  broken_elsewhere:
    step_templates:
      - name: pay
        default_retry_limit: nine
";

#[test]
fn overlays_merge_deeply_by_step_name() {
    let source = Source::new("order.yaml", OVERLAID);
    let base = parse(&source, None).unwrap();
    assert_eq!(base.template.steps[0].retry_limit, 3);
    let test = parse(&source, Some("test")).unwrap();
    assert_eq!(test.template.steps[0].retry_limit, 9);
    assert_eq!(test.template.steps[0].handler_config.as_ref().unwrap().to_string(), r#"{"a":{"b":1,"c":2},"l":[1]}"#);
    assert_eq!(test.template.steps[1], base.template.steps[1]);
    assert_eq!(test.template.version.to_string(), "1.0.1");
    insta::assert_snapshot!("overlay_typo", test.warnings.render(Style::Plain, 100));
    for other in ["production", "nowhere"] {
        assert_eq!(parse(&source, Some(other)).unwrap().template, base.template);
    }
}

#[test]
fn a_problem_of_an_overlay_points_into_the_overlay() {
    let problems = parse(&Source::new("order.yaml", OVERLAID), Some("broken_elsewhere")).unwrap_err();
    insta::assert_snapshot!(problems.render(Style::Plain, 100));
    insta::assert_snapshot!(
        "overlay_form",
        refused(format!(
            "{}environments:\n  a: [1]\n  b: {{step_templates: [x, {{default_retry_limit: 1}}]}}\n  c: {{step_templates: 5}}\n",
            with_steps(ONE_STEP)
        ))
    );
}

#[test]
fn problems_are_drawn_in_colour_and_narrow_and_listed_in_lines() {
    let text =
        with_steps("  - name: fetch_cart\n    handler_class: A\n    depends_on_step: fetch_crat\n    retry_limit: 3\n");
    let problems = check(&text).unwrap_err();
    insta::assert_snapshot!("colour", problems.render(Style::Colour, 80));
    insta::assert_snapshot!("narrow", problems.render(Style::Plain, 40));
    insta::assert_snapshot!("lines", problems.to_string());
    let severities: Vec<Severity> = problems.iter().map(|problem| problem.severity).collect();
    assert_eq!(severities, [Severity::Error, Severity::Warning]);
    assert_eq!(problems.position(problems.iter().next().unwrap()), Some((6, 22)));
}

#[test]
fn thousands_of_problems_are_drawn_in_part() {
    let steps: String = (0..5_000)
        .map(|index| format!("  - {{name: s{index}, handler_class: A, depends_on_step: t{index}}}\n"))
        .collect();
    let problems = check(&with_steps(&steps)).unwrap_err();
    assert_eq!(problems.len(), 5_000);
    assert!(problems.render(Style::Plain, 80).ends_with("… and 4950 more problems"));
}

#[test]
fn ten_thousand_steps_in_a_chain_are_read() {
    let mut steps = String::from("  - {name: step_0, handler_class: A}\n");
    for index in 1..10_000 {
        steps += &format!(
            "  - name: step_{index}\n    description: the step of number {index}\n    handler_class: A\n    depends_on_step: step_{}\n",
            index - 1
        );
    }
    let template = accepted(&with_steps(&steps));
    let graph = template.graph();
    assert_eq!(graph.levels()[9_999], 9_999);
    let closed = steps.replacen("handler_class: A}", "handler_class: A, depends_on_step: step_9999}", 1);
    assert!(refused(with_steps(&closed)).contains("`step_5` → … 9988 more …"));
}

#[test]
fn a_byte_order_mark_shifts_no_place() {
    let text = format!("\u{feff}version: x\n{}", with_steps(ONE_STEP));
    insta::assert_snapshot!(refused(text));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Err(problems) = parse(&Source::new("x", bytes), None) {
            prop_assert!(!problems.render(Style::Plain, 80).is_empty());
        }
    }

    #[test]
    fn no_yaml_like_text_makes_it_panic(text in r#"[a-c:\-\[\]{}&*!|>'"%@#?,<~0-9. \n]{0,80}"#) {
        if let Err(problems) = check(&text) {
            prop_assert!(!problems.render(Style::Colour, 40).is_empty());
        }
    }

    #[test]
    fn no_change_to_a_template_makes_it_panic(
        at in 0..EVERYTHING.len(), remove in 0_usize..40, insert in r#"[a-z:\-\[\]{}&*!|>'"é \n]{0,6}"#
    ) {
        let mut text = EVERYTHING.to_owned();
        let end = (at + remove).min(text.len());
        text.replace_range(at..end, &insert);
        match check(&text) {
            Ok(checked) => {
                let again = Template::from_canonical(&checked.template.canonical()).unwrap();
                prop_assert_eq!(again, checked.template);
            }
            Err(problems) => {
                prop_assert!(problems.has_errors());
                prop_assert!(!problems.render(Style::Plain, 80).is_empty());
            }
        }
    }
}

#[test]
fn misspelt_words_of_other_systems_lead_to_the_key_that_is_meant() {
    let text =
        format!("{HEAD}step_templates:\n  - {{name: a, handler_class: A, retry_limt: 3, dependson: b, tiemout: 1}}\n");
    let problems = check(&text).unwrap().warnings;
    let helps: Vec<&str> = problems.iter().filter_map(|problem| problem.help.as_deref()).collect();
    assert_eq!(
        helps,
        [
            "the key is called `default_retry_limit`",
            "the key is called `depends_on_step` (one name) or `depends_on_steps` (a list)",
            "the key is called `timeout_seconds`",
        ]
    );
}

/// A message is read by a person: a value of nearly a million characters is named, not repeated.
#[test]
fn messages_do_not_repeat_long_values() {
    let long = "9".repeat(900_000);
    let word = "x".repeat(900_000);
    let text = format!(
        "name: {long}\nversion: {word}\nx-alias: *{word}\nstep_templates:\n  - {{name: a, handler_class: A, depends_on_steps: {word}}}\n"
    );
    let problems = parse(&Source::new("order.yaml", text), None).unwrap_err();
    assert_eq!(problems.len(), 5);
    for problem in &problems {
        assert!(problem.message.len() < 1_000);
        assert!(problem.help.as_ref().is_none_or(|help| help.len() < 1_000));
        assert!(problem.labels.iter().all(|label| label.text.len() < 1_000));
    }
}

#[test]
fn a_single_letter_is_no_misspelling_of_another() {
    let text = |parent: &str| {
        let steps = format!(
            "  - {{name: a, handler_class: A}}\n  - {{name: b, handler_class: B, depends_on_step: {parent}}}\n"
        );
        parse(&Source::new("order.yaml", format!("{HEAD}step_templates:\n{steps}")), None).unwrap_err()
    };
    let help = |parent: &str| text(parent).iter().next().unwrap().help.clone();
    assert_eq!(help("A").as_deref(), Some("did you mean `a`?"));
    assert_eq!(help("z"), None);
}

#[test]
fn a_step_has_a_deadline_of_its_own() {
    let with = |line: &str| with_steps(&format!("  - {{name: pay, handler_class: A, {line}}}\n"));
    let template = accepted(&with("deadline_seconds: 90.5"));
    assert_eq!(template.steps[0].deadline_seconds, Some(Seconds { milliseconds: 90_500 }));
    assert_eq!(Template::from_canonical(&template.canonical()).unwrap(), template);
    assert_eq!(accepted(&template.to_yaml()), template);
    let without = accepted(&with("queue: q"));
    assert_eq!(without.steps[0].deadline_seconds, None);
    assert!(!without.canonical().contains("deadline"), "contents without one keep their hash");
    let problems = |text: &str| match check(text) {
        Ok(checked) => checked.warnings.render(Style::Plain, 100),
        Err(problems) => problems.render(Style::Plain, 100),
    };
    for (line, words) in [
        ("deadline_seconds: 0", "`deadline_seconds` must lie between 0.001 and 31536000 (a year)"),
        ("deadline_seconds: 1.00001", "`deadline_seconds` has at most three decimals"),
        ("deadline_seconds: soon", "`deadline_seconds`"),
        ("deadline: 5", "the key is called `deadline_seconds`"),
    ] {
        let told = problems(&with(line));
        assert!(told.contains(words), "{line}: {told}");
    }
    let of_the_template = format!("deadline_seconds: 5\n{}", with("queue: q"));
    let told = problems(&of_the_template);
    assert!(told.contains("`deadline_seconds` belongs to a step, not to the template"), "{told}");
}
