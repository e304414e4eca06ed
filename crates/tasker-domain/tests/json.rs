//! The exact JSON value.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use proptest::prelude::*;
use tasker_domain::json::{Json, MAX_DEPTH, NotStorable, PathError, same_number};

fn parsed(text: &str) -> Json {
    Json::parse(text).unwrap()
}

fn problem(text: &str) -> String {
    Json::parse(text).unwrap_err().to_string()
}

#[test]
fn numbers_and_key_order_survive_unchanged() {
    let text = r#"{"z":1.10,"a":[1e2,1E+2,-0,0.000,123456789012345678901234567890.5],"m":{"y":null,"x":true}}"#;
    assert_eq!(parsed(text).to_string(), text);
    assert_eq!(serde_json::to_string(&parsed(text)).unwrap(), text);
    let through_serde: Json = serde_json::from_str(text).unwrap();
    assert_eq!(through_serde.to_string(), text);
}

#[test]
fn the_last_of_two_equal_keys_counts() {
    assert_eq!(parsed(r#"{"a":1,"b":2,"a":3}"#), parsed(r#"{"a":3,"b":2}"#));
}

#[test]
fn escapes_are_read_and_written_back() {
    let value = parsed(r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\u001f""#);
    assert_eq!(value.as_str().unwrap(), "\"\\/\u{8}\u{c}\n\r\té😀\u{1f}");
    assert_eq!(value.to_string(), r#""\"\\/\b\f\n\r\té😀\u001f""#);
}

#[test]
fn what_is_not_json_is_refused_with_its_place() {
    let cases = [
        "",
        "  \n ",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "[1 2]",
        "{\"a\" 1}",
        "{a:1}",
        "'a'",
        "nul",
        "NaN",
        "-",
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "\"a",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\"",
        "\"a\nb\"",
        "\"\u{1}\"",
        "1 2",
        "[1]\n  ,",
        "// comment\n1",
        "{\n  \"a\": tru\n}",
    ];
    let report: String = cases.iter().map(|text| format!("{text:?}\n    {}\n", problem(text))).collect();
    insta::assert_snapshot!(report);
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    assert_eq!(parsed("\u{feff}[1]"), parsed("[1]"));
    assert_eq!(problem("\u{feff}[x]"), "line 1, column 2: `x` is not a JSON value; a text stands in double quotes");
}

#[test]
fn nesting_is_limited() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(parsed(&nested(MAX_DEPTH)).to_string(), nested(MAX_DEPTH));
    assert_eq!(problem(&nested(MAX_DEPTH + 1)), "line 1, column 129: values are nested more than 128 deep");
    assert!(Json::parse(&"[".repeat(1_000_000)).is_err());
    assert!(Json::parse(&"{\"a\":".repeat(200_000)).is_err());
}

#[test]
fn numbers_compare_by_value() {
    for (left, right) in [("1", "1.0"), ("100", "1e2"), ("0", "-0.0e7"), ("-1.50", "-15e-1"), ("1E+2", "10e1")] {
        assert!(same_number(left, right), "{left} {right}");
        assert!(parsed(left).same_value(&parsed(right)));
    }
    for (left, right) in [("1", "-1"), ("1", "1.00000000000000000000000001"), ("1e2", "1e3"), ("1", "x")] {
        assert!(!same_number(left, right), "{left} {right}");
    }
    assert!(parsed(r#"{"a":[1,{"b":2.0}]}"#).same_value(&parsed(r#"{"a":[1.0,{"b":2}]}"#)));
    assert!(!parsed(r#"{"a":1}"#).same_value(&parsed(r#"{"a":1,"b":1}"#)));
}

#[test]
fn accessors_answer_for_their_kind_only() {
    let value = parsed(r#"{"text":"a","whole":1e2,"float":0.5,"big":18446744073709551615,"huge":1e400,"no":null}"#);
    assert_eq!(value.get("text").unwrap().as_str(), Some("a"));
    assert_eq!(value.get("whole").unwrap().as_i64(), Some(100));
    assert_eq!(value.get("float").unwrap().as_i64(), None);
    assert_eq!(value.get("float").unwrap().as_f64(), Some(0.5));
    assert_eq!(value.get("big").unwrap().as_i64(), None);
    assert_eq!(value.get("big").unwrap().as_u64(), Some(u64::MAX));
    assert_eq!(value.get("huge").unwrap().as_f64(), None);
    assert_eq!(value.get("huge").unwrap().as_i64(), None);
    assert!(value.get("no").unwrap().is_null());
    assert_eq!(value.get("absent"), None);
    assert_eq!(parsed("-9223372036854775808").as_i64(), Some(i64::MIN));
}

#[test]
fn pointers_follow_rfc_6901() {
    let value = parsed(r#"{"a/b":[10,{"m~n":"x"}],"":7}"#);
    assert_eq!(value.pointer("/a~1b/1/m~0n"), Some(&Json::from("x")));
    assert_eq!(value.pointer("/"), Some(&Json::from(7)));
    assert_eq!(value.pointer(""), Some(&value));
    assert_eq!(value.pointer("/a~1b/01"), None);
    assert_eq!(value.pointer("/a~1b/2"), None);
    assert_eq!(value.pointer("a"), None);
}

#[test]
fn paths_set_what_they_name() {
    let mut value = Json::empty_object();
    value.set_path("customer.name", "Ann".into()).unwrap();
    value.set_path("items.0.id", 5.into()).unwrap();
    value.set_path("items.1", Json::Null).unwrap();
    value.set_path("items.0.id", 6.into()).unwrap();
    value.set_path(r"dotted\.key", true.into()).unwrap();
    assert_eq!(value.to_string(), r#"{"customer":{"name":"Ann"},"items":[{"id":6},null],"dotted.key":true}"#);
}

#[test]
fn a_path_that_does_not_fit_changes_nothing() {
    let before = parsed(r#"{"a":{"b":"text"},"list":[1]}"#);
    let mut value = before.clone();
    let mut refused = |path: &str| value.set_path(path, 1.into()).unwrap_err();
    assert!(matches!(refused("a.b.c"), PathError::NotAContainer { kind: "a text", .. }));
    assert!(matches!(refused("list.x"), PathError::NotAnIndex { .. }));
    assert!(matches!(refused("list.3"), PathError::BeyondEnd { length: 1, index: 3, .. }));
    assert!(matches!(refused("a..b"), PathError::EmptyPart { .. }));
    assert!(matches!(refused(""), PathError::EmptyPart { .. }));
    assert_eq!(refused("a.b.c").to_string(), "`a.b.c` cannot be set: `a.b` is a text, not an object or a list");
    assert_eq!(value, before);
}

#[test]
fn what_postgresql_cannot_hold_is_named() {
    for text in ["1e131071", "-9e-16383", "0.1", "0e99999", "1", &"9".repeat(131_072)] {
        assert_eq!(parsed(text).check_storable(), Ok(()), "{text}");
    }
    for text in ["1e131072", "1e-16384", "1e99999999999999999999", "0e-20000", "1e1073741823", &"9".repeat(131_073)] {
        assert!(matches!(parsed(text).check_storable(), Err(NotStorable::NumberOutOfRange { .. })), "{text}");
    }
    let in_text = parsed(r#"{"a":["b","\u0000"]}"#).check_storable().unwrap_err();
    assert_eq!(in_text, NotStorable::NulInText { pointer: "/a/1".to_owned() });
    let in_key = parsed(r#"{"a":{"\u0000":1}}"#).check_storable().unwrap_err();
    assert_eq!(in_key, NotStorable::NulInKey { pointer: "/a".to_owned() });
}

#[test]
fn pretty_text_reads_back() {
    let value = parsed(r#"{"a":[],"b":{},"c":[1,{"d":"e"}]}"#);
    assert_eq!(parsed(&value.pretty()), value);
    insta::assert_snapshot!(value.pretty());
}

#[test]
fn conversion_to_serde_json_is_exact_where_that_type_can_be() {
    let text = r#"{"a":[1,18446744073709551615,-5,0.5,null,true,"x"]}"#;
    assert_eq!(Json::from(parsed(text).to_value()), parsed(text));
    assert_eq!(parsed("1e400").to_value(), serde_json::json!(f64::MAX));
    assert_eq!(parsed("12345678901234567890123").to_value(), serde_json::json!(12345678901234567890123_f64));
}

#[test]
fn an_invalid_number_built_by_hand_fails_to_serialize() {
    assert_eq!(Json::number("01"), None);
    assert_eq!(Json::number("1.50"), Some(Json::Number("1.50".to_owned())));
    assert!(serde_json::to_string(&Json::Number("abc".to_owned())).is_err());
    assert_eq!(Json::from_f64(f64::NAN), None);
    assert_eq!(Json::from_f64(2.5), Some(Json::Number("2.5".to_owned())));
}

fn any_json() -> impl Strategy<Value = Json> {
    let number = (any::<i64>(), 0_u32..400, -300_i32..300)
        .prop_map(|(whole, fraction, exponent)| Json::number(format!("{whole}.{fraction}e{exponent}")).unwrap());
    let scalar = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        number,
        any::<String>().prop_map(Json::String),
    ];
    scalar.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Json::Array),
            proptest::collection::vec((any::<String>(), inner), 0..6).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back_the_same(value in any_json()) {
        prop_assert_eq!(&parsed(&value.to_string()), &value);
        prop_assert_eq!(&parsed(&value.pretty()), &value);
        prop_assert!(parsed(&value.jsonb_text()).same_value(&value));
        prop_assert_eq!(&serde_json::from_str::<Json>(&serde_json::to_string(&value).unwrap()).unwrap(), &value);
    }

    #[test]
    fn it_accepts_exactly_what_serde_json_accepts(text in r#"[\[\]{}:,"0-9eE.+\-truefalsn\\u \n]{0,24}"#) {
        let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        // serde_json passes over the content of what it ignores, half surrogate pairs included.
        let theirs_in_full = serde_json::from_str::<serde_json::Value>(&text);
        let out_of_range = theirs_in_full.as_ref().is_err_and(|error| error.to_string().contains("out of range"));
        prop_assert_eq!(Json::parse(&text).is_ok(), theirs && (theirs_in_full.is_ok() || out_of_range));
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        if let Err(error) = Json::parse(&text) {
            prop_assert!(error.offset <= text.len());
        }
    }
}
