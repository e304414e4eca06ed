//! The form of a template that a person reads.

use proptest::prelude::*;
use tasker_domain::json::Json;
use tasker_domain::template::{Source, Template, parse};

use super::sources::{EVERY_KEY, files, template};

#[test]
fn the_written_form_is_what_a_person_reads() {
    insta::assert_snapshot!(template(EVERY_KEY).to_yaml());
}

#[test]
fn what_is_written_reads_back_as_the_same_template() {
    for file in files() {
        for environment in [None, Some("test"), Some("production")] {
            let source = Source::new(file.display().to_string(), std::fs::read(&file).unwrap());
            let first = parse(&source, environment).unwrap().template;
            let again = template(&first.to_yaml());
            assert_eq!(again.canonical(), first.canonical(), "{}", file.display());
        }
    }
    let first = template(EVERY_KEY);
    assert_eq!(template(&first.to_yaml()).content_hash(), first.content_hash());
}

fn hostile_text() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::collection::vec(any::<char>(), 0..12).prop_map(|characters| characters.into_iter().collect()),
        proptest::sample::select(vec![
            "null",
            "~",
            "true",
            "1e3",
            ".5",
            "0x1f",
            "- a",
            "? a",
            "a: b",
            "a #b",
            "#a",
            "&a",
            "*a",
            "!a",
            "|",
            ">",
            "%a",
            "@a",
            "`a",
            "'a'",
            "\"a\"",
            "{a}",
            "[a]",
            "<<",
            "=",
            "---",
            "...",
            "a\nb",
            "a\r\nb",
            "\t",
            " a",
            "a ",
            "\u{85}",
            "\u{2028}",
            "\u{feff}",
            "\u{202e}abc",
            "\u{1F600}",
            "\u{7f}",
            "<script>",
            "2020-01-01",
            "no",
            "\\n",
            "\u{fffe}"
        ])
        .prop_map(str::to_owned),
        (900_usize..1200).prop_map(|length| "é".repeat(length)),
    ]
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i64>().prop_map(|number| Json::Number(number.to_string())),
        hostile_text().prop_map(|text| Json::String(text.replace('\0', ""))),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
            proptest::collection::vec((hostile_text().prop_map(|key| key.replace('\0', "")), inner), 0..4)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn hostile_names_and_settings_come_through(name in hostile_text(), description in hostile_text(), config in any_json()) {
        let mut first = template(EVERY_KEY);
        let step_name: String = name.replace('\0', "").chars().take(128).collect();
        prop_assume!(!step_name.trim().is_empty() && step_name != "fetch" && step_name != "charge");
        first.steps[2].name = step_name;
        first.steps[2].description = description.replace('\0', "").chars().take(255).collect();
        prop_assume!(!first.steps[2].description.is_empty());
        let is_object = config.as_object().is_some();
        first.steps[2].handler_config = Some(config).filter(|_| is_object);
        let written = first.to_yaml();
        let again: Template = template(&written);
        prop_assert_eq!(again.canonical(), first.canonical());
    }
}
