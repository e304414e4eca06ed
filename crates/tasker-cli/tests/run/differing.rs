//! `tasker template diff`.

use super::support::{Ended, Folder, tasker};

const OLD: &str = "\
name: order
namespace_name: shop
version: 1.2.0
task_handler_class: Shop::Order
schema: { type: object, properties: { cart_id: { type: integer }, currency: { type: string, default: EUR } } }
step_templates:
  - { name: fetch, handler_class: http, handler_config: { url: 'https://old.example.com', headers: { a: x } } }
  - { name: check, handler_class: command }
  - { name: charge, handler_class: command, depends_on_step: fetch, description: Take the money }
  - { name: ship, handler_class: command, depends_on_step: charge }
environments:
  test:
    step_templates: [{ name: fetch, default_retry_limit: 9 }]
";

const NEW: &str = "\
name: order
namespace_name: shop
version: 2.0.0
task_handler_class: Shop::Order
schema: { type: object, properties: { cart_id: { type: string }, currency: { type: string, default: EUR } } }
step_templates:
  - { name: charge, handler_class: command, depends_on_steps: [fetch, pack], description: \"Take\\nit\" }
  - { name: pack, handler_class: command, dependent_system: depot }
  - { name: fetch, handler_class: http, handler_config: { url: 'https://new.example.com', headers: { a: x, b: '' } } }
  - { name: ship, handler_class: command, depends_on_step: charge, timeout_seconds: 1.5 }
";

fn diff(old: &str, new: &str, arguments: &[&str]) -> Ended {
    let folder = Folder::new().with("old.yaml", old).with("new.yaml", new);
    let mut command = tasker(&["template", "diff", "old.yaml", "new.yaml"]);
    command.args(arguments).current_dir(folder.path());
    Ended::of(command)
}

#[test]
fn every_kind_of_difference_is_shown_with_the_verdict() {
    insta::assert_snapshot!(diff(OLD, NEW, &[]).expect(1, &[]).stdout);
}

#[test]
fn as_json_it_is_one_document() {
    let document = diff(OLD, NEW, &["--json"]).expect(1, &[]).document();
    insta::assert_json_snapshot!(document, {
        ".old.content_hash" => "[hash]",
        ".new.content_hash" => "[hash]",
    });
}

#[test]
fn what_can_move_is_said_too() {
    let ended = diff(OLD, &OLD.replace("1.2.0", "1.2.1").replace("old.example", "new.example"), &[]).expect(1, &[]);
    insta::assert_snapshot!(ended.stdout);
}

#[test]
fn nothing_differs_where_only_the_writing_does() {
    let rewritten =
        OLD.replace("depends_on_step: fetch", "depends_on_steps: [fetch]").replace("name: order", "name: \"order\"");
    let ended = diff(OLD, &rewritten, &[]).expect(0, &[]);
    assert_eq!(ended.stdout, "nothing differs\n");
    let document = diff(OLD, &rewritten, &["--json"]).expect(0, &[]).document();
    assert_eq!((&document["same"], &document["can_move"]), (&true.into(), &true.into()));
    assert_eq!(document["old"]["content_hash"], document["new"]["content_hash"]);
}

#[test]
fn an_environment_is_laid_over_both() {
    let without = OLD.split("environments:").next().unwrap();
    diff(OLD, without, &[]).expect(0, &[]);
    let ended = diff(OLD, without, &["--environment", "test"]).expect(1, &[]);
    assert!(ended.stdout.contains("default_retry_limit: 9 → 3"), "{ended}");
}

#[test]
fn a_file_that_is_no_template_is_refused() {
    let ended = diff(OLD, "name: [\n", &[]).expect(65, &["error[TSK-0002]: the template new.yaml cannot be used"]);
    assert_eq!(ended.stdout, "");
}
