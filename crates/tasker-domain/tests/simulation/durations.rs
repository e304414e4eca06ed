//! The file that says how long steps take.

use std::time::Duration;

use insta::assert_snapshot;
use tasker_domain::problem::Style;
use tasker_domain::simulation::Durations;
use tasker_domain::template::Source;

use crate::support::template;

fn parse(text: &str) -> Result<Durations, String> {
    let template = template("", &["name: pack", "name: ship", "name: send_receipt"]);
    Durations::parse(&Source::new("durations.yaml", text), &template)
        .map_err(|problems| problems.render(Style::Plain, 100))
}

fn seconds(durations: &Durations, place: usize, attempt: u32) -> Option<f64> {
    durations.of(place, attempt).map(|span| span.as_secs_f64())
}

#[test]
fn numbers_words_and_lists() {
    let read = parse("pack: 2.5\nship: [1m, 1h30m, '1500ms']\nsend_receipt: '7'\n").unwrap();
    assert_eq!(seconds(&read, 0, 1), Some(2.5));
    assert_eq!(seconds(&read, 0, 9), Some(2.5));
    assert_eq!(
        [1, 2, 3, 4].map(|attempt| seconds(&read, 1, attempt)),
        [Some(60.0), Some(5400.0), Some(1.5), Some(1.5)]
    );
    assert_eq!(seconds(&read, 2, 1), Some(7.0));
    let read = parse(r#"{"pack": "2 d", "ship": 1e2}"#).unwrap();
    assert_eq!(read.of(0, 1), Some(Duration::from_secs(2 * 86_400)));
    assert_eq!((seconds(&read, 1, 1), seconds(&read, 2, 1)), (Some(100.0), None));
    assert_eq!(parse("").unwrap(), Durations::default());
}

#[test]
fn every_problem_at_once_with_its_place() {
    let refused = parse(
        "pak: 5s\npack: [1s, soon, -2, 5 minutes, 11y]\nship: []\nsend_receipt: {seconds: 5}\nother: 400d 300000d\nship2: 1s1m\n\"x\": true\n",
    )
    .unwrap_err();
    assert_snapshot!(refused);
}

#[test]
fn what_is_no_mapping_or_no_yaml_is_refused() {
    assert_snapshot!(parse("- 5\n").unwrap_err());
    assert!(parse("pack: [1").is_err());
    assert!(parse("pack: 1\npack: 2").unwrap_err().contains("pack"));
    assert!(parse("pack: .inf").is_err());
    assert!(parse("pack: 1e300").is_err());
    assert!(parse("pack: 315360000").is_ok());
    assert!(parse("pack: 315360001").unwrap_err().contains("longer than ten years"));
}
