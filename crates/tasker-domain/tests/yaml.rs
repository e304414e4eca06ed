//! YAML trees: what scalars mean, where values stand, how they become JSON.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use proptest::prelude::*;
use tasker_domain::yaml::{Node, Resolved, parse, parse_in_full, parse_plain};

fn tree(text: &str) -> Node<'_> {
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
    assert_eq!(&text[mapping.get("größe").unwrap().key_span.clone()], "größe");
    assert_eq!(&text[mapping.get("größe").unwrap().node.span.clone()], "'zwei'");
    assert_eq!(&text[mapping.get("list").unwrap().node.span.clone()], "[1, {b: c}]");
    let block = &mapping.get("block").unwrap().node.as_sequence().unwrap()[0];
    assert_eq!(&text[block.as_mapping().unwrap().get("y").unwrap().node.span.clone()], "2");
    assert_eq!(&text[mapping.get("last").unwrap().node.span.clone()], "z");
}

#[test]
fn aliases_copy_and_merge_keys_fill_in() {
    assert_eq!(json("a: &x {k: [1]}\nb: *x\n"), r#"{"a":{"k":[1]},"b":{"k":[1]}}"#);
    let text = "a: &a {k: 1, l: 2}\nb: &b {l: 3, m: 4}\nc:\n  m: 5\n  <<: [*a, *b]\n";
    assert!(json(text).ends_with(r#""c":{"m":5,"k":1,"l":2}}"#));
    assert_eq!(json("\"<<\": 1"), r#"{"<<":1}"#);
}

/// Few values, but each is long: what is counted is the text that would be copied.
#[test]
fn aliases_to_long_texts_are_refused_early() {
    let long = "x".repeat(100_000);
    let aliases = "  - *long\n".repeat(50_000);
    for anchored in [format!("&long {long}"), format!("&long {{ ? {long} : 1 }}"), format!("&long \"\\x41{long}\"")] {
        let text = format!("first: {anchored}\nagain:\n{aliases}");
        let (root, problems) = parse(&text);
        assert!(root.is_none());
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].message, "aliases copy more than 4194304 bytes of text");
    }
}

/// A mapping of more keys than are looked at one after the other.
#[test]
fn mappings_of_many_keys_find_each_of_them() {
    let keys: Vec<String> = (0..100).map(|number| format!("key_{number}")).collect();
    let text: String = keys.iter().map(|key| format!("{key}: of {key}\n")).collect();
    let root = tree(&text);
    let mapping = root.as_mapping().unwrap();
    assert_eq!(mapping.iter().map(|entry| entry.key.to_string()).collect::<Vec<_>>(), keys);
    for key in &keys {
        assert_eq!(&*mapping.get(key).unwrap().node.as_scalar().unwrap().text, format!("of {key}"));
        let (_, problems) = parse(&format!("{text}{key}: again\n"));
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].message, format!("the key `{key}` stands twice"));
        assert_eq!(problems[0].labels[1].span, mapping.get(key).unwrap().key_span);
    }
    assert!(mapping.get("key_100").is_none());
}

/// The faster reader for plain files must give what the full parser gives, places included, or leave the text to it.
fn assert_read_alike(text: &str) {
    if let Some(read) = parse_plain(text) {
        assert_eq!(read, parse_in_full(text), "{text:?}");
    }
}

/// What is measured is the faster reader: were it to give up on this, everything would still be right and slow.
#[test]
fn templates_as_most_are_written_need_no_full_parser() {
    let text = "---\n# A note\nname: big\nversion: 1.0.0 # of it\n\nstep_templates:\n- name: a\n  handler_class: A::B\n  \
        default_retryable: true\n- name: \"b\"\n  depends_on_steps: [a, 'c']\n  handler_config:\n    type: api\n    \
        url: https://api.example.com:80/1?a=b#c\n    headers: { Accept: application/json, X-Empty: \"\" }\n    list:\n      \
        - -1\n      - 1.5\n      - x: y\n        z: ~\n  description: What this step is for, in a few words (with more)\n\
        schema: {type: object, required: []}\nenvironments:\n  test:\n    name: other\n";
    let read = parse_plain(text);
    assert!(read.is_some());
    assert_read_alike(text);
    assert_eq!(read.unwrap(), parse(text));
}

/// Pieces of lines, those that the faster reader knows and those that it must leave alone.
const PIECES: &[&str] = &[
    "a: 1",
    "b: two words",
    "c:",
    "d: [x, y]",
    "e: {f: g, h: [1, 2]}",
    "- i",
    "- j: k",
    "- l:",
    "-",
    "- - m",
    "# note",
    "",
    "n: \"quoted\"",
    "o: 'single'",
    "p: \"esc\\n\"",
    "q: 'it''s'",
    "r: x # note",
    "s: x #note",
    "t: x#y",
    "u: http://v/w",
    "x: y: z",
    "? k",
    ": v",
    "---",
    "...",
    "--- a",
    "%YAML 1.2",
    "&a b: c",
    "z: *a",
    "<<: *a",
    "a: |",
    "b: >-",
    "text",
    "- text",
    "a: -5",
    "b: - 5",
    "c: -",
    "d: ~",
    "e: .5",
    "f: @g",
    "h: `i`",
    "j: [",
    "]",
    "k: [a, ]",
    "l: [, a]",
    "m: {a}",
    "n: {a: }",
    "o: {a: b, }",
    "p: []",
    "q: {}",
    "r: [a b, c]",
    "s: [a: b]",
    "t: {a: b: c}",
    "u: [a]b",
    "v: \"a\" b",
    "w: \"a\"#b",
    "x: [a] # b",
    "y: [a]#b",
    "a : b",
    "a:b",
    "\"k\": v",
    "'k': v",
    "k: v ",
    "k: ",
    "k:  ",
    " ",
    "- a: b",
    "-  c",
    "-\td",
    "\te: f",
    "k:\tv",
    "ö: ü",
    "k: é",
    "a/b: c",
    "a.b-c_d: e",
    "1: 2",
    "k: !t v",
    "k: a, b",
    "k: a] b",
    "k: {a: [b, {c: d}]}",
    "k: [a, b",
    "c: d]",
    "k: a?b",
    "k: ?b",
    "k: a:",
    "k: a::b",
    "k: a::",
    "k: A::B",
    "k: [A::B, c:d]",
    "k: {a: B::C}",
    "k: a:,b",
    "k: [a:,b]",
    "k: [a::]",
    "k: a:#b",
    "k: [a:#b]",
    "k: a:'b'",
    "k: [a:\"b\"]",
    "k: [a:b]",
    "k: [http://x]",
    "k: [a:]",
    "k: {a: b:c}",
    "null: ~",
    "k: [\"a\", 'b']",
    "k: [\"a\"b]",
    "k: ['a' , \"b\" ]",
    "- [a, b]",
    "- {a: b}",
    "- \"a\"",
    "- 'a' # b",
    "- a # b",
    "- # b",
    "k: # b",
    "k:# b",
    "k: [ ]",
    "k: { }",
    "k: [a ,b]",
    "k: [[a], [b]]",
    "k: $x",
    "k: +1",
    "k: /p",
    "k: =",
    "k: <",
    "k: (a)",
    "k: [-1, -a]",
    "k: 'a'x",
    "k: 'a' 'b'",
    "k: \"",
    "k: '",
    "k: \"a\": b",
    "k: [a]: b",
    "{a: b}: c",
    "[a]: b",
    "{a: b}",
    "[a]",
    "a",
    "k: a\r",
];

fn pieced() -> impl Strategy<Value = String> {
    let line =
        (0_usize..5, prop::sample::select(PIECES)).prop_map(|(indent, piece)| format!("{}{piece}", " ".repeat(indent)));
    let lines = prop::collection::vec(prop_oneof![line, prop::sample::select(PIECES).prop_map(str::to_owned)], 1..10);
    (lines, any::<bool>()).prop_map(|(lines, ends)| lines.join("\n") + if ends { "\n" } else { "" })
}

/// A text that is a template but for a few characters.
fn damaged() -> impl Strategy<Value = String> {
    let whole = "---\n# a note\nname: big\nversion: 1.0.0 # of it\n\nstep_templates:\n- name: a\n  handler_class: A::B\n- name: b\n  \
        depends_on_steps: [a, \"c\"]\n  handler_config:\n    type: api\n    url: https://x.example/1\n    headers: { Accept: text/html }\n\
        \n    # more\n    list:\n      - 1\n      - -2\n      - x: y\n        z: 'w'\n  description: two words\nenvironments:\n  test:\n    \
        name: other\n";
    let characters = prop::sample::select(b" \n:#-[]{},'\"&*!|>%@`?\\a0\t~.<=/".as_slice());
    let changes = prop::collection::vec((any::<prop::sample::Index>(), characters, 0_u8..3), 0..4);
    changes.prop_map(move |changes| {
        let mut text = whole.as_bytes().to_vec();
        for (index, character, kind) in changes {
            let at = index.index(text.len());
            match kind {
                0 => text[at] = character,
                1 => text.insert(at, character),
                _ => drop(text.remove(at)),
            }
        }
        String::from_utf8(text).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn pieced_texts_are_read_alike(text in pieced()) {
        assert_read_alike(&text);
    }

    #[test]
    fn damaged_texts_are_read_alike(text in damaged()) {
        assert_read_alike(&text);
    }
}

/// Every pair of pieces, one under the other and one inside the other.
#[test]
fn pairs_of_lines_are_read_alike() {
    for first in PIECES {
        assert_read_alike(first);
        for second in PIECES {
            for indent in ["", " ", "  ", "    "] {
                assert_read_alike(&format!("{first}\n{indent}{second}"));
                assert_read_alike(&format!("x: y\n{first}\n{indent}{second}\nz: 1\n"));
                assert_read_alike(&format!("x:\n- {first}\n{indent}{second}\n"));
            }
        }
    }
}
