//! `tasker template graph`.

use std::fs;
use std::path::Path;

use super::support::{Ended, Folder, tasker, template};

const DIAMOND: &str = "  - {name: fetch, handler_class: Shop::Fetch}
  - {name: price, handler_class: Shop::Price, depends_on_step: fetch, default_retryable: false}
  - {name: stock, handler_class: Shop::Stock, depends_on_step: fetch}
  - {name: \"say \\\"hi\\\" <b>&amp; go</b>\", handler_class: Shop::Say, depends_on_steps: [price, stock]}
";

fn graph(folder: &Folder, arguments: &[&str]) -> Ended {
    let mut command = tasker(&["template", "graph"]);
    command.args(arguments).current_dir(folder.path());
    Ended::of(command)
}

fn diamond() -> Folder {
    Folder::new().with("diamond.yaml", template(DIAMOND))
}

fn drawn(format: &str) -> String {
    graph(&diamond(), &["diamond.yaml", "--format", format]).expect(0, &[]).stdout
}

#[test]
fn as_text() {
    let text = drawn("text");
    insta::assert_snapshot!(text);
    assert_eq!(graph(&diamond(), &["diamond.yaml"]).expect(0, &[]).stdout, text, "text unless said otherwise");
}

#[test]
fn as_mermaid() {
    insta::assert_snapshot!(drawn("mermaid"));
}

#[test]
fn as_dot() {
    insta::assert_snapshot!(drawn("dot"));
}

#[test]
fn as_svg() {
    insta::assert_snapshot!(drawn("svg"));
}

#[test]
fn into_a_file_whose_name_says_the_format() {
    let folder = diamond();
    for (file, beginning) in [("d.svg", "<svg"), ("d.mmd", "flowchart"), ("d.gv", "digraph"), ("d.txt", "tests/trial")]
    {
        let ended = graph(&folder, &["diamond.yaml", "--output", file]).expect(0, &[]);
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
        let written = fs::read_to_string(folder.path().join(file)).unwrap();
        assert!(written.starts_with(beginning) && written.ends_with('\n'), "{file}: {written}");
    }
    graph(&folder, &["diamond.yaml", "--output", "d.svg", "--format", "dot"]).expect(0, &[]);
    assert!(fs::read_to_string(folder.path().join("d.svg")).unwrap().starts_with("digraph"), "what is said counts");
}

#[test]
fn what_cannot_be_drawn_or_written() {
    let folder = diamond().with("knot.yaml", template("  - {name: a, handler_class: S, depends_on_step: a}\n"));
    graph(&folder, &["knot.yaml"]).expect(65, &["knot.yaml cannot be used"]);
    graph(&folder, &["diamond.yaml", "--output", "no/such/folder.svg"])
        .expect(69, &["the picture cannot be written to no/such/folder.svg"]);
    graph(&folder, &["diamond.yaml", "--format", "png"]).expect(64, &["mermaid, dot, svg, text"]);
}

#[test]
fn the_kept_picture_of_an_example_is_what_the_command_draws() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = tasker(&["template", "graph", "examples/order/order.yaml", "--format", "svg"]);
    command.current_dir(&root);
    let ended = Ended::of(command).expect(0, &[]);
    assert_eq!(ended.stdout, fs::read_to_string(root.join("docs/pictures/order.svg")).unwrap());
}
