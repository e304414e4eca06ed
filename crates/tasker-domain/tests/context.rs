//! Contexts against their schemas.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use proptest::prelude::*;
use tasker_domain::context::ContextCheck;
use tasker_domain::json::Json;

fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

fn check_by(schema: &str, strict: bool) -> ContextCheck {
    ContextCheck::compile(Some(&json(schema)), strict).unwrap_or_else(|problems| panic!("{problems}"))
}

fn filled(schema: &str, context: &str) -> String {
    check_by(schema, false).check(&json(context)).unwrap_or_else(|problems| panic!("{problems}")).to_string()
}

fn refused(schema: &str, context: &str) -> String {
    check_by(schema, false).check(&json(context)).unwrap_err().to_string()
}

fn unusable(schema: &str) -> String {
    ContextCheck::compile(Some(&json(schema)), false).unwrap_err().to_string()
}

#[test]
fn without_a_schema_every_object_passes_unchanged() {
    let check = ContextCheck::compile(None, false).unwrap();
    let context = json(r#"{"b":1.10,"a":{}}"#);
    assert_eq!(check.check(&context).unwrap().to_string(), context.to_string());
    assert_eq!(check.check(&json("{}")).unwrap(), json("{}"));
    for other in ["null", "[]", "\"text\"", "5", "true"] {
        assert!(check.check(&json(other)).unwrap_err().to_string().contains("must be an object"));
    }
}

#[test]
fn every_violation_is_reported_in_plain_words() {
    let schema = r##"{
        "type": "object", "required": ["cart_id", "missing"], "additionalProperties": false, "minProperties": 99,
        "properties": {
            "cart_id": {"type": "integer"}, "missing": {}, "price": {"type": "number", "minimum": 0},
            "kind": {"enum": ["book", "toy", 5]}, "mail": {"format": "email"}, "when": {"format": "date-time"},
            "code": {"pattern": "^[a-z]+$", "maxLength": 3}, "tags": {"type": "array", "uniqueItems": true, "maxItems": 1},
            "either": {"anyOf": [{"type": "string"}, {"type": "null"}]}, "flag": {"type": ["boolean", "null"]},
            "nested": {"type": "object", "properties": {"a/b": {"items": {"type": "string"}}}},
            "exact": {"const": {"a": 1}}, "step": {"multipleOf": 0.5}, "below": {"exclusiveMaximum": 10}
        }
    }"##;
    let context = r#"{
        "cart_id": "one", "price": -1.50, "kind": "boat", "mail": "nobody", "when": "yesterday", "code": "ABCD",
        "tags": [1, 1], "either": 5, "flag": "yes", "nested": {"a/b": ["x", 7, null]}, "exact": 1, "step": 0.7,
        "below": 10, "extra": 1, "more": 2
    }"#;
    insta::assert_snapshot!(refused(schema, context));
}

#[test]
fn long_values_are_shortened() {
    let context = format!(r#"{{"a":"{}"}}"#, "x".repeat(10_000));
    assert!(refused(r#"{"properties":{"a":{"type":"integer"}}}"#, &context).len() < 200);
}

#[test]
fn thousands_of_violations_are_counted() {
    let context = format!(r#"{{"a":[{}1]}}"#, "1,".repeat(4_999));
    let problems =
        check_by(r#"{"properties":{"a":{"items":{"type":"string"}}}}"#, false).check(&json(&context)).unwrap_err();
    assert_eq!((problems.list.len(), problems.left_out), (100, 4_900));
}

#[test]
fn whole_numbers_are_judged_by_the_draft() {
    let by_draft = |draft: &str| format!(r#"{{"$schema":"{draft}","properties":{{"n":{{"type":"integer"}}}}}}"#);
    let without = r#"{"properties":{"n":{"type":"integer"}}}"#;
    assert!(refused(without, r#"{"n":10.5}"#).contains("must be a whole number, found the number `10.5`"));
    assert_eq!(filled(without, r#"{"n":1.0}"#), r#"{"n":1.0}"#);
    assert_eq!(filled(without, r#"{"n":123456789012345678901234567890}"#), r#"{"n":123456789012345678901234567890}"#);
    assert!(refused(&by_draft("http://json-schema.org/draft-04/schema#"), r#"{"n":1.0}"#).contains("whole number"));
    for draft in [
        "http://json-schema.org/draft-06/schema#",
        "http://json-schema.org/draft-07/schema",
        "https://json-schema.org/draft/2019-09/schema",
        "https://json-schema.org/draft/2020-12/schema",
    ] {
        assert_eq!(filled(&by_draft(draft), r#"{"n":1.0}"#), r#"{"n":1.0}"#);
    }
}

#[test]
fn each_draft_has_its_own_words_and_fills_in_defaults() {
    const DRAFT_4: &str = "http://json-schema.org/draft-04/schema#";
    const DRAFT_6: &str = "http://json-schema.org/draft-06/schema#";
    const DRAFT_7: &str = "http://json-schema.org/draft-07/schema#";
    const DRAFT_2019: &str = "https://json-schema.org/draft/2019-09/schema";
    const DRAFT_2020: &str = "https://json-schema.org/draft/2020-12/schema";
    let cases: &[(&str, &str, &str, &str)] = &[
        (DRAFT_4, r#""properties":{"n":{"minimum":5,"exclusiveMinimum":true}}"#, r#"{"n":6}"#, r#"{"n":5}"#),
        (DRAFT_6, r#""properties":{"n":{"exclusiveMinimum":5}}"#, r#"{"n":6}"#, r#"{"n":5}"#),
        (DRAFT_6, r#""properties":{"n":{"const":"a"}}"#, r#"{"n":"a"}"#, r#"{"n":"b"}"#),
        (DRAFT_6, r#""propertyNames":{"maxLength":2}"#, r#"{"ab":1}"#, r#"{"abc":1}"#),
        (
            DRAFT_7,
            r#""if":{"properties":{"kind":{"const":"card"}}},"then":{"required":["number"]}"#,
            r#"{"kind":"card","number":1}"#,
            r#"{"kind":"card"}"#,
        ),
        (DRAFT_2019, r#""dependentRequired":{"a":["b"]}"#, r#"{"a":1,"b":2}"#, r#"{"a":1}"#),
        (
            DRAFT_2019,
            r#""allOf":[{"properties":{"a":true}}],"properties":{"d":true},"unevaluatedProperties":false"#,
            r#"{"a":1}"#,
            r#"{"b":1}"#,
        ),
        (
            DRAFT_2020,
            r#""properties":{"pair":{"prefixItems":[{"type":"integer"},{"type":"string"}],"items":false}}"#,
            r#"{"pair":[1,"a"]}"#,
            r#"{"pair":["a",1]}"#,
        ),
    ];
    for (draft, words, good, bad) in cases {
        let schema = format!(r#"{{"$schema":"{draft}",{words}}}"#);
        assert_eq!(filled(&schema, good), *good, "{schema}");
        assert!(!refused(&schema, bad).is_empty(), "{schema}");
    }
    for draft in [DRAFT_4, DRAFT_6, DRAFT_7, DRAFT_2019, DRAFT_2020] {
        let schema = format!(
            r##"{{"$schema":"{draft}","definitions":{{"c":{{"type":"string","default":"EUR"}}}},
                "required":["currency"],"properties":{{"currency":{{"$ref":"#/definitions/c"}},"n":{{"default":1.50}}}}}}"##
        );
        assert_eq!(filled(&schema, "{}"), r#"{"currency":"EUR","n":1.50}"#, "{draft}");
        assert!(unusable(&format!(r#"{{"$schema":"{draft}","type":"text"}}"#)).contains("type"), "{draft}");
    }
}

#[test]
fn defaults_are_filled_in_before_the_check() {
    let schema = r##"{
        "required": ["plan", "deep"],
        "definitions": {"address": {"properties": {"country": {"default": "DE"}}}},
        "allOf": [{"properties": {"source": {"default": "web"}}}],
        "properties": {
            "plan": {"enum": ["free", "pro"], "default": "free"},
            "rate": {"default": 1.50},
            "deep": {"default": {}, "properties": {"inner": {"default": [1]}}},
            "address": {"$ref": "#/definitions/address"},
            "items": {"items": {"properties": {"quantity": {"default": 1}}}},
            "pair": {"items": [{"properties": {"a": {"default": 1}}}], "additionalItems": {"properties": {"b": {"default": 2}}}}
        },
        "additionalProperties": {"properties": {"c": {"default": 3}}}
    }"##;
    let context = r#"{"z": {}, "address": {"city": "Bonn"}, "items": [{}, {"quantity": 5}, 7], "pair": [{}, {}]}"#;
    insta::assert_snapshot!(filled(schema, context));
    assert!(refused(schema, r#"{"plan": "gold"}"#).contains("must be `free` or `pro`"));
}

#[test]
fn a_default_of_the_wrong_type_is_a_violation() {
    assert!(refused(r#"{"properties":{"a":{"type":"integer","default":"x"}}}"#, "{}").contains("`/a`"));
}

#[test]
fn a_default_behind_a_reference_and_beside_one() {
    let behind = r##"{"definitions":{"n":{"default":5}},"properties":{"n":{"$ref":"#/definitions/n"}}}"##;
    assert_eq!(filled(behind, "{}"), r#"{"n":5}"#);
    let beside =
        r##"{"$schema":"DRAFT","definitions":{"n":{}},"properties":{"n":{"$ref":"#/definitions/n","default":7}}}"##;
    let newer = beside.replace("DRAFT", "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(filled(&newer, "{}"), r#"{"n":7}"#);
    let older = beside.replace("DRAFT", "http://json-schema.org/draft-07/schema#");
    assert_eq!(filled(&older, "{}"), "{}");
}

#[test]
fn schemas_that_refer_to_themselves_come_to_an_end() {
    for schema in [
        r##"{"$ref":"#"}"##,
        r##"{"allOf":[{"$ref":"#"},{"$ref":"#"}]}"##,
        r##"{"anyOf":[{"$ref":"#"}]}"##,
        r##"{"definitions":{"a":{"$ref":"#/definitions/b"},"b":{"$ref":"#/definitions/a"}},"properties":{"x":{"$ref":"#/definitions/a"}}}"##,
    ] {
        assert_eq!(filled(schema, r#"{"x":{"x":{}}}"#), r#"{"x":{"x":{}}}"#);
    }
    assert_eq!(
        filled(
            r##"{"definitions":{"n":{"default":{},"properties":{"next":{"$ref":"#/definitions/n"}}}},"properties":{"first":{"$ref":"#/definitions/n"}}}"##,
            "{}"
        ),
        r#"{"first":{}}"#
    );
    let properties: Vec<String> =
        (0..9).map(|index| format!(r##""p{index}":{{"default":{{}},"allOf":[{{"$ref":"#"}}]}}"##)).collect();
    let explosive = format!(r#"{{"properties":{{{}}}}}"#, properties.join(","));
    assert!(refused(&explosive, "{}").contains("more than 10000 values"));
}

#[test]
fn strict_requires_what_is_listed_and_refuses_the_rest() {
    let schema = r#"{
        "properties": {
            "run": {"type": "string"}, "mode": {"default": "fast"},
            "items": {"items": {"properties": {"id": {}}}},
            "open": {"properties": {"a": {}}, "additionalProperties": true}, "free": {"type": "object"}
        }
    }"#;
    let check = check_by(schema, true);
    let good = r#"{"run":"x","items":[{"id":1}],"open":{"a":1,"b":2},"free":{"any":1}}"#;
    assert!(check.check(&json(good)).unwrap().get("mode").is_some());
    let bad = r#"{"extra":1,"items":[{"other":1}],"open":{}}"#;
    insta::assert_snapshot!(check.check(&json(bad)).unwrap_err().to_string());
    insta::assert_snapshot!("strict_empty", check.check(&json("{}")).unwrap_err().to_string());
    assert!(ContextCheck::compile(None, true).unwrap().check(&json("{}")).is_err());
    assert_eq!(filled(schema, r#"{"extra":1}"#), r#"{"extra":1,"mode":"fast"}"#);
}

#[test]
fn what_cannot_be_stored_is_refused() {
    let check = ContextCheck::compile(None, false).unwrap();
    for context in [r#"{"a":["\u0000"]}"#, r#"{"a":1e999999}"#, r#"{"\u0000":1}"#] {
        assert!(check.check(&json(context)).unwrap_err().to_string().contains("PostgreSQL"));
    }
}

#[test]
fn schemas_that_cannot_be_used_say_why() {
    let report = [
        r##"{"$ref":"https://example.com/order.json"}"##,
        r##"{"properties":{"a":{"items":{"$ref":"other.json#/definitions/a"}}}}"##,
        r##"{"properties":{"a":{"$ref":"#/definitions/nothing"}}}"##,
        r##"{"type":"objekt","required":[1],"properties":{"a":{"pattern":"a("},"b":5,"c":{"minimum":"x"}}}"##,
        r##"{"properties":{"a":{"pattern":"(?=a)b"}}}"##,
        r##"{"$schema":"http://json-schema.org/draft-03/schema#"}"##,
        r##"{"$schema":5}"##,
        "[]",
    ]
    .map(unusable);
    insta::assert_snapshot!(report.join("\n"));
}

#[test]
fn a_schema_with_an_id_inside_may_be_referred_to_by_it() {
    let schema = r##"{"$schema":"http://json-schema.org/draft-07/schema#","definitions":{"n":{"$id":"n.json","type":"integer"}},"properties":{"n":{"$ref":"n.json"}}}"##;
    assert!(refused(schema, r#"{"n":"x"}"#).contains("whole number"));
}

fn any_small_json() -> impl Strategy<Value = Json> {
    let scalar = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i32>().prop_map(Json::from),
        "[a-z#/$]{0,6}".prop_map(Json::from),
        Just(Json::from("object")),
        Just(Json::from("#")),
    ];
    let key = prop_oneof![
        "[a-c]".boxed(),
        Just("type".to_owned()).boxed(),
        Just("properties".to_owned()).boxed(),
        Just("$ref".to_owned()).boxed(),
        Just("allOf".to_owned()).boxed(),
        Just("items".to_owned()).boxed(),
        Just("default".to_owned()).boxed(),
        Just("required".to_owned()).boxed(),
        Just("additionalProperties".to_owned()).boxed(),
    ];
    scalar.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
            proptest::collection::vec((key.clone(), inner), 0..5).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_schema_and_no_context_make_it_panic(schema in any_small_json(), context in any_small_json(), strict: bool) {
        if let Ok(check) = ContextCheck::compile(Some(&schema), strict) {
            match check.check(&context) {
                Ok(filled) => {
                    let again = check.check(&filled);
                    prop_assert_eq!(again, Ok(filled));
                }
                Err(problems) => prop_assert!(!problems.list.is_empty()),
            }
        }
    }
}
