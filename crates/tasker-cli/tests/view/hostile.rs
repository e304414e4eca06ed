use insta::assert_snapshot;
use tasker_cli::view::{Charset, LiveList, PlainLines, RunModel, Size, final_picture, moving_picture, result_block};

use super::runs::{UNICODE, apply_all, at, completed, created, failed, retrying, started, step};
use super::screen::Screen;

fn names() -> Vec<String> {
    vec![
        "clear\x1b[2J\x1b[Hscreen".to_owned(),
        "title\x1b]0;owned\x07set".to_owned(),
        "line\nbreak\r\ttab\x08\x08back".to_owned(),
        "c1\u{9b}31m and \u{85}next".to_owned(),
        "override \u{202e}desrever\u{202c} end".to_owned(),
        "注文を検証する注文を検証する注文を検証する注文を検証する".to_owned(),
        "שלום עולם".to_owned(),
        format!("zalgo{}", "\u{301}".repeat(5_000)),
        "zero\u{200b}\u{200d}\u{feff}width".to_owned(),
        "family 👨\u{200d}👩\u{200d}👧 flag 🇩🇪".to_owned(),
        "x".repeat(10_000),
        String::new(),
    ]
}

fn run() -> RunModel {
    let mut steps = vec![step("first", &[])];
    steps.extend(names().iter().map(|name| step(name, &[0])));
    let all: Vec<usize> = (0..steps.len()).collect();
    steps.push(step("last", &all));
    let mut model = RunModel::new("na\x1b[1mme", "n\n".repeat(3_000), "1.0.0\u{202e}", steps).unwrap();
    apply_all(&mut model, &[created(), started(0, 1, 10), completed(0, 1, 20)]);
    model
}

#[test]
fn names_cannot_leave_their_place() {
    let screen = Screen::new(80, 24).with_earlier_lines(2);
    let mut list = LiveList::new(screen.clone(), UNICODE);
    list.draw(&run(), at(500)).unwrap();
    assert_snapshot!(screen.visible());
}

#[test]
fn ascii_terminals_get_ascii() {
    for line in moving_picture(&run(), at(500), Size { columns: 80, rows: 24 }, Charset::Ascii) {
        assert!(line.render(true).is_ascii(), "{:?}", line.render(true));
    }
}

#[test]
fn no_picture_is_larger_than_its_terminal() {
    let mut model = run();
    apply_all(&mut model, &[started(1, 1, 30), failed(1, 1, true, &"漢\u{7}".repeat(9_000), 40), started(2, 1, 30)]);
    apply_all(&mut model, &[retrying(2, 1, 50, 90_000), started(3, 1, 60)]);
    for columns in [1, 2, 3, 5, 8, 13, 20, 39, 40, 41, 59, 60, 61, 62, 79, 80, 130] {
        for rows in 1..=20 {
            for charset in [Charset::Unicode, Charset::Ascii] {
                let size = Size { columns, rows };
                let picture = moving_picture(&model, at(500), size, charset);
                assert!(picture.len() < rows.max(2), "{} rows in {size:?}", picture.len());
                for line in picture.iter().chain(&final_picture(&model, at(500), size, charset)) {
                    let text = line.render(false);
                    assert!(line.columns() < columns.max(2), "{size:?}: {text:?}");
                    assert!(console::measure_text_width(&text) < columns.max(2), "{size:?}: {text:?}");
                    assert!(!text.chars().any(char::is_control), "{size:?}: {text:?}");
                }
            }
        }
    }
}

#[test]
fn messages_are_safe_in_plain_lines_and_in_the_result() {
    let mut model = run();
    let message = "\x1b[31mred\x1b[0m \x07 \u{202e}drow\r\nsecond \x1b[5;5H line";
    let change = failed(1, 3, false, message, 40);
    apply_all(&mut model, std::slice::from_ref(&change));
    let mut shown = vec![PlainLines::new(&model, Charset::Unicode).line(&model, &change).render(false)];
    shown.extend(result_block(&model, at(50), &[], None, Charset::Unicode).iter().map(|line| line.render(false)));
    for line in &shown {
        assert!(!line.chars().any(|character| character.is_control() || character == '\u{202e}'), "{line:?}");
    }
    assert!(shown[0].ends_with("red \u{fffd} drow"), "{:?}", shown[0]);
    assert!(shown.iter().any(|line| line.trim() == "second  line"), "{shown:?}");
}

#[test]
fn an_error_without_a_message_says_so() {
    let mut model = run();
    let change = failed(1, 1, true, " \n\n", 40);
    apply_all(&mut model, std::slice::from_ref(&change));
    let plain = PlainLines::new(&model, Charset::Unicode).line(&model, &change).render(false);
    assert!(plain.ends_with("failed for good: no message"), "{plain}");
}
