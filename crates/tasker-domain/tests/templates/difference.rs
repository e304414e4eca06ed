//! What two versions differ in, and whether a task can go from one to the other.

use proptest::prelude::*;
use tasker_domain::template::{Difference, Template};

use super::sources::{EVERY_KEY, template};

fn changed(from: &str, to: &str) -> Difference {
    let new = EVERY_KEY.replacen(from, to, 1);
    assert_ne!(new, EVERY_KEY, "{from:?} does not stand in the template");
    Difference::between(&template(EVERY_KEY), &template(&new))
}

fn obstacles(difference: &Difference) -> Vec<String> {
    difference.obstacles().iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_differs_from_itself() {
    let difference = Difference::between(&template(EVERY_KEY), &template(EVERY_KEY));
    assert!(difference.is_empty());
    assert!(difference.obstacles().is_empty());
}

#[test]
fn every_kind_of_difference_is_told() {
    let new = template(
        "name: order\nnamespace_name: shop\nversion: 2.0.0\ntask_handler_class: Shop::Order\nschema: { type: object }\n\
         strict: true\nstep_templates:\n\
         - { name: pack, handler_class: command, dependent_system: bank }\n\
         - { name: charge, handler_class: Shop::Charge, dependent_system: warehouse, depends_on_step: pack, jitter: true }\n\
         - { name: fetch, handler_class: api, dependent_system: warehouse, timeout_seconds: 1.5 }\n",
    );
    let difference = Difference::between(&template(EVERY_KEY), &new);
    insta::assert_json_snapshot!("every_kind", difference);
    insta::assert_json_snapshot!("every_kind_obstacles", difference.obstacles());
    insta::assert_snapshot!("every_kind_words", obstacles(&difference).join("\n"));
    let stored = serde_json::to_string(&difference).unwrap();
    assert_eq!(serde_json::from_str::<Difference>(&stored).unwrap(), difference);
}

#[test]
fn what_is_looked_at_for_each_attempt_is_no_obstacle() {
    for (from, to) in [
        ("version: 1.2.3", "version: 1.3.0"),
        ("description: Take the money", "description: Take it"),
        ("default_retry_limit: 7", "default_retry_limit: 8"),
        ("default_retryable: false", "default_retryable: true"),
        ("retry_delay: 1.5", "retry_delay: 2"),
        ("priority: -3", "priority: 9"),
        ("queue: fast", "queue: faster"),
        ("timeout_seconds: 0.25", "timeout_seconds: 2.5"),
        ("handler_class: Shop::Charge", "handler_class: Shop::Other"),
        ("strict: true", "strict: false"),
        ("fail_fast: true", "fail_fast: false"),
        ("shop.paid", "shop.charged"),
    ] {
        let difference = changed(from, to);
        assert!(!difference.is_empty(), "{to}");
        assert_eq!(obstacles(&difference), [""; 0], "{to}");
    }
}

#[test]
fn what_a_task_was_made_by_is_an_obstacle() {
    for (from, to, expected) in [
        ("name: order", "name: other", "`name` differs, so it is another task type"),
        ("namespace_name: shop", "namespace_name: mall", "`namespace_name` differs, so it is another task type"),
        (
            "default: EUR",
            "default: USD",
            "`schema` differs: the context was checked and its defaults filled in by the old one",
        ),
        (
            "dependent_system: bank",
            "dependent_system: vault",
            "step `charge` has another `dependent_system`, which its row is bound to",
        ),
        (
            "depends_on_steps: [fetch, charge]",
            "depends_on_steps: [charge]",
            "step `ship: \"it\"` waits for others now: it may have begun without them",
        ),
    ] {
        assert_eq!(obstacles(&changed(from, to)), [expected], "{to}");
    }
    let strict =
        Difference::between(&template(&EVERY_KEY.replace("strict: true", "strict: false")), &template(EVERY_KEY));
    assert_eq!(strict.obstacles().len(), 1);
}

#[test]
fn order_alone_is_a_difference_but_no_obstacle() {
    let one = "name: a\ntask_handler_class: A\nstep_templates:\n  - { name: x, handler_class: h }\n  \
               - { name: y, handler_class: h }\n  - { name: z, handler_class: h, depends_on_steps: [x, y] }\n";
    let parents = Difference::between(&template(one), &template(&one.replace("[x, y]", "[y, x]")));
    insta::assert_json_snapshot!("order_of_parents", parents);
    assert!(parents.obstacles().is_empty() && !parents.is_empty());
    let swapped = one.replace("name: x,", "name: t,").replace("name: y,", "name: x,").replace("name: t,", "name: y,");
    let steps = Difference::between(&template(one), &template(&swapped));
    assert!(steps.reordered && steps.obstacles().is_empty());
}

/// One of the changes that the proptest below puts on top of each other.
fn change(text: String, which: usize) -> String {
    const CHANGES: &[(&str, &str)] = &[
        ("1.2.3", "1.2.4"),
        ("params: { page: 1.10,", "params: { page: 1.1,"),
        ("[fetch, charge]\n", "[charge, fetch]\n"),
        ("[fetch, charge]\n", "[charge]\n"),
        ("timeout_seconds: 30\n", "timeout_seconds: 31\n"),
        ("timeout_seconds: 30\n", "timeout_seconds: 30.0\n"),
        ("{ verify: true }", "{ verify: true, more: 1 }"),
        ("skippable: true", "skippable: false"),
        ("named_steps: ", "x-named_steps: "),
        ("all of it is gone", "gone"),
        ("depends_on_step: fetch", "depends_on_steps: [fetch]"),
    ];
    let (from, to) = CHANGES[which % CHANGES.len()];
    text.replacen(from, to, 1)
}

proptest! {
    #[test]
    fn nothing_differs_exactly_when_the_canonical_forms_are_equal(
        left in proptest::collection::vec(0_usize..11, 0..4),
        right in proptest::collection::vec(0_usize..11, 0..4),
    ) {
        let make = |changes: &[usize]| -> Template {
            template(&changes.iter().fold(EVERY_KEY.to_owned(), |text, which| change(text, *which)))
        };
        let (old, new) = (make(&left), make(&right));
        let there = Difference::between(&old, &new);
        let back = Difference::between(&new, &old);
        prop_assert_eq!(there.is_empty(), old.canonical() == new.canonical());
        prop_assert_eq!(there.is_empty(), back.is_empty());
        prop_assert_eq!(&there.added, &back.removed);
        prop_assert_eq!(there.rewired.len(), back.rewired.len());
    }
}
