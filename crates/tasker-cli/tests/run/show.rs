//! `tasker template show` and `tasker template schema`.

use super::support::{Ended, Folder, tasker};

const ORDER: &str = "\
name: order
namespace_name: shop
version: 1.2.0
task_handler_class: Shop::Order
default_dependent_system: bank
schema: { type: object, properties: { cart_id: { type: integer } } }
step_templates:
  - name: fetch
    handler_class: http
    handler_config: { url: 'https://api.example.com/carts/{cart_id}', price: 1.10 }
  - name: charge
    depends_on_step: fetch
    handler_class: command
    timeout_seconds: 2.5
environments:
  test:
    fail_fast: true
    step_templates:
      - { name: charge, default_retry_limit: 1 }
";

fn show(folder: &Folder, arguments: &[&str]) -> Ended {
    let mut command = tasker(&["template", "show"]);
    command.args(arguments).current_dir(folder.path());
    Ended::of(command)
}

#[test]
fn a_template_is_shown_as_it_counts() {
    let folder = Folder::new().with("order.yaml", ORDER);
    insta::assert_snapshot!(show(&folder, &["order.yaml", "--environment", "test"]).expect(0, &[]).stdout);
}

#[test]
fn what_is_shown_is_a_template_of_the_same_content() {
    let folder = Folder::new().with("order.yaml", ORDER);
    let shown = show(&folder, &["order.yaml"]).expect(0, &[]).stdout;
    let again = Folder::new().with("order.yaml", &shown);
    assert_eq!(show(&again, &["order.yaml"]).expect(0, &[]).stdout, shown);
}

#[test]
fn as_json_the_canonical_form_stands_beside_its_hash() {
    let folder = Folder::new().with("order.yaml", ORDER);
    let ended = show(&folder, &["order.yaml", "--json"]).expect(0, &[]);
    let document = ended.document();
    assert_eq!(document["template"]["steps"][1]["parents"], serde_json::json!([0]));
    assert!(ended.stdout.contains(r#""price":1.10"#), "numbers keep their digits: {ended}");
    let text = show(&folder, &["order.yaml"]).stdout;
    let hash = document["content_hash"].as_str().unwrap();
    assert!(hash.len() == 64 && text.starts_with(&format!("# content hash {hash}\n")), "{text}");
    let overlaid = show(&folder, &["order.yaml", "--json", "--environment", "test"]).document();
    assert_ne!(overlaid["content_hash"], document["content_hash"]);
}

#[test]
fn hostile_names_do_not_reach_the_terminal() {
    let hostile =
        ORDER.replace("name: charge\n", "name: \"\\e[31m<b>\\u202egnp\\n\"\n").replace("name: charge,", "name: x,");
    let folder = Folder::new().with("order.yaml", hostile);
    let shown = show(&folder, &["order.yaml"]).expect(0, &[]).stdout;
    assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
    assert!(shown.contains("<b>"), "{shown}");
}

#[test]
fn a_template_with_errors_is_not_shown() {
    let folder = Folder::new().with("order.yaml", "name: x\n");
    let ended = show(&folder, &["order.yaml"]).expect(65, &["error[TSK-0002]: the template order.yaml cannot be used"]);
    assert_eq!(ended.stdout, "");
    show(&folder, &["missing.yaml"]).expect(65, &["error[TSK-0001]: the template missing.yaml cannot be read"]);
}

#[test]
fn the_schema_for_editors_is_the_one_in_the_documentation() {
    let ended = Ended::of(tasker(&["template", "schema"])).expect(0, &[]);
    assert_eq!(ended.stdout, include_str!("../../../../docs/template.schema.json"));
}
