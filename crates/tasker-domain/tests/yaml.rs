//! YAML trees: what scalars mean, where values stand, how they become JSON.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use tasker_domain::yaml::{Node, Resolved, parse};

fn tree(text: &str) -> Node {
    let (root, problems) = parse(text);
    assert!(problems.is_empty(), "{problems:?}");
    root.unwrap()
}

fn json(text: &str) -> String {
    let mut problems = Vec::new();
    let value = tree(text).to_json(&mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    value.to_string()
}

#[test]
fn plain_scalars_follow_the_core_schema() {
    let cases = [
        ("~", "null"),
        ("null", "null"),
        ("Null", "null"),
        ("nUll", "\"nUll\""),
        ("true", "true"),
        ("FALSE", "false"),
        ("yes", "\"yes\""),
        ("on", "\"on\""),
        ("0", "0"),
        ("-12", "-12"),
        ("+5", "5"),
        ("007", "7"),
        ("-0", "-0"),
        ("0x1F", "31"),
        ("0o17", "15"),
        ("0b1", "\"0b1\""),
        ("1_000", "\"1_000\""),
        ("1.10", "1.10"),
        (".5", "0.5"),
        ("-.5", "-0.5"),
        ("5.", "5.0"),
        ("1e3", "1e3"),
        ("1.e+3", "1.0e+3"),
        ("0x", "\"0x\""),
        ("0x+1", "\"0x+1\""),
        ("1.2.3", "\"1.2.3\""),
        ("2026-01-31", "\"2026-01-31\""),
        ("12:30", "\"12:30\""),
        ("-x", "\"-x\""),
        ("1e", "\"1e\""),
        ("e3", "\"e3\""),
        (".", "\".\""),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
    ];
    for (written, expected) in cases {
        assert_eq!(
            json(&format!("a: {written}")).strip_prefix("{\"a\":").unwrap().strip_suffix('}').unwrap(),
            expected,
            "{written}"
        );
    }
}

#[test]
fn quotes_blocks_and_tags_decide_what_is_text() {
    assert_eq!(json("[\"1\", '2', !!str 3, !!int \"4\", ! 5]"), r#"["1","2","3",4,"5"]"#);
    assert_eq!(json("a: |\n  1\n  2\nb: >\n  x\n  y\n"), r#"{"a":"1\n2\n","b":"x y\n"}"#);
}

#[test]
fn infinities_are_no_json() {
    for written in [".inf", "-.Inf", "+.INF", ".nan"] {
        let node = tree(written);
        assert_eq!(node.as_scalar().unwrap().resolve(), Resolved::NotFinite);
        let mut problems = Vec::new();
        node.to_json(&mut problems);
        assert_eq!(problems.len(), 1);
    }
}

#[test]
fn spans_cover_what_was_written() {
    let text = "größe: 'zwei'\nlist: [1, {b: c}]\nblock:\n  - x: 1\n    y: 2\nlast: z\n";
    let root = tree(text);
    let mapping = root.as_mapping().unwrap();
    assert_eq!(&text[mapping["größe"].key_span.clone()], "größe");
    assert_eq!(&text[mapping["größe"].node.span.clone()], "'zwei'");
    assert_eq!(&text[mapping["list"].node.span.clone()], "[1, {b: c}]");
    let block = &mapping["block"].node.as_sequence().unwrap()[0];
    assert_eq!(&text[block.as_mapping().unwrap()["y"].node.span.clone()], "2");
    assert_eq!(&text[mapping["last"].node.span.clone()], "z");
}

#[test]
fn aliases_copy_and_merge_keys_fill_in() {
    assert_eq!(json("a: &x {k: [1]}\nb: *x\n"), r#"{"a":{"k":[1]},"b":{"k":[1]}}"#);
    let text = "a: &a {k: 1, l: 2}\nb: &b {l: 3, m: 4}\nc:\n  m: 5\n  <<: [*a, *b]\n";
    assert!(json(text).ends_with(r#""c":{"m":5,"k":1,"l":2}}"#));
    assert_eq!(json("\"<<\": 1"), r#"{"<<":1}"#);
}
