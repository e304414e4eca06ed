use std::time::Duration;

use insta::assert_snapshot;
use tasker_cli::view::{Change, LiveList, Look, Mode, Progress, REDRAW_INTERVAL, RunModel, TaskEnd};

use super::runs::{
    ASCII, COLOURED, UNICODE, apply_all, at, chain, completed, created, ended, fan, fan_half_way, order,
    order_complete, order_half_way, order_in_error, started,
};
use super::screen::Screen;

fn drawn(model: &RunModel, now: Duration, columns: u16, rows: u16, look: Look) -> Screen {
    let screen = Screen::new(columns, rows).with_earlier_lines(2);
    let mut list = LiveList::new(screen.clone(), look);
    list.draw(model, now).unwrap();
    // What is looked at is the picture, not what remains of it.
    std::mem::forget(list);
    screen
}

fn finished(model: &RunModel, now: Duration, columns: u16, rows: u16, look: Look) -> Screen {
    let screen = Screen::new(columns, rows).with_earlier_lines(2);
    let mut list = LiveList::new(screen.clone(), look);
    list.draw(model, now).unwrap();
    list.finish(model, now).unwrap();
    screen
}

/// Escape codes made visible.
fn codes(screen: &Screen) -> String {
    screen.sent().concat().replace('\x1b', "␛").replace('\r', "␍")
}

#[test]
fn steps_stand_in_graph_order_with_attempts_and_times() {
    assert_snapshot!(drawn(&order_half_way(), at(500), 80, 24, UNICODE).visible());
}

#[test]
fn forty_columns_are_enough() {
    assert_snapshot!(drawn(&order_half_way(), at(500), 40, 12, UNICODE).visible());
}

#[test]
fn without_utf_8_everything_is_ascii() {
    let screen = drawn(&order_half_way(), at(500), 80, 24, ASCII);
    assert!(screen.visible().is_ascii());
    assert_snapshot!(screen.visible());
}

#[test]
fn colour_only_adds_to_what_the_text_says() {
    let model = order_half_way();
    let coloured = drawn(&model, at(500), 80, 24, COLOURED);
    assert_eq!(coloured.visible(), drawn(&model, at(500), 80, 24, UNICODE).visible());
    assert_snapshot!(codes(&coloured));
}

#[test]
fn without_colour_only_the_cursor_is_told_what_to_do() {
    assert_snapshot!(codes(&drawn(&order_half_way(), at(500), 80, 24, UNICODE)));
}

#[test]
fn the_wait_before_a_retry_counts_down() {
    let model = order_half_way();
    let mut rows = String::new();
    for now in [214, 1_000, 2_250, 2_299, 2_300, 2_600] {
        let visible = drawn(&model, at(now), 80, 24, UNICODE).visible();
        let row = visible.lines().find(|row| row.contains("reserve_stock ")).unwrap();
        rows.push_str(&format!("{now:>5} ms: {row}\n"));
    }
    assert_snapshot!(rows);
}

#[test]
fn a_run_that_waits_for_its_next_attempt_says_for_how_long() {
    let mut model = order_half_way();
    apply_all(&mut model, &[completed(1, 1, 800), Change::TaskParked { until: at(2_300), at: at(801) }]);
    let visible = drawn(&model, at(1_000), 80, 24, UNICODE).visible();
    assert!(visible.contains("task 17 · next attempt in 1.3 s · 1.0 s"), "{visible}");
}

#[test]
fn a_failed_step_says_why_and_the_rest_that_it_never_ran() {
    assert_snapshot!(drawn(&order_in_error(), at(6_700), 80, 24, UNICODE).visible());
}

#[test]
fn a_run_that_does_not_fit_is_summed_up_by_level() {
    assert_snapshot!(drawn(&fan_half_way(), at(1_500), 80, 24, UNICODE).visible());
}

#[test]
fn a_summary_in_forty_columns() {
    assert_snapshot!(drawn(&fan_half_way(), at(1_500), 40, 12, UNICODE).visible());
}

#[test]
fn a_summary_in_ascii() {
    let screen = drawn(&fan_half_way(), at(1_500), 80, 10, ASCII);
    assert!(screen.visible().is_ascii());
    assert_snapshot!(screen.visible());
}

#[test]
fn a_long_chain_shows_the_levels_around_the_running_one() {
    let mut model = chain(5_000);
    apply_all(&mut model, &[created()]);
    for step in 0..2_000 {
        let time = 10 + 2 * step as u64;
        apply_all(&mut model, &[started(step, 1, time), completed(step, 1, time + 1)]);
    }
    apply_all(&mut model, &[started(2_000, 1, 4_500)]);
    assert_snapshot!(drawn(&model, at(4_700), 80, 14, UNICODE).visible());
}

#[test]
fn the_complete_list_stays_at_the_end_even_when_it_is_higher_than_the_screen() {
    let screen = finished(&order_complete(), at(3_214), 80, 6, UNICODE);
    assert!(!screen.cursor_is_hidden());
    assert_snapshot!(screen.everything());
}

#[test]
fn more_than_two_hundred_steps_stay_summed_up() {
    let mut model = fan(500);
    apply_all(&mut model, &[created(), started(0, 1, 10), completed(0, 1, 30)]);
    for step in 1..=501 {
        apply_all(&mut model, &[started(step, 1, 40), completed(step, 1, 50)]);
    }
    apply_all(&mut model, &[ended(TaskEnd::Complete, 60)]);
    assert_snapshot!(finished(&model, at(60), 80, 24, UNICODE).everything());
}

#[test]
fn redraws_replace_one_another_and_leave_what_was_there_before() {
    let screen = Screen::new(80, 12).with_earlier_lines(20);
    let mut list = LiveList::new(screen.clone(), UNICODE);
    let model = order_half_way();
    for tick in 0..50 {
        list.draw(&model, at(300 + 100 * tick)).unwrap();
    }
    list.finish(&order_complete(), at(6_000)).unwrap();
    let everything = screen.everything();
    assert_eq!(everything.matches("validate_order").count(), 1, "{everything}");
    assert_eq!(everything.matches("earlier line").count(), 20, "{everything}");
}

#[test]
fn the_picture_changes_its_form_with_the_terminal() {
    let screen = Screen::new(100, 20).with_earlier_lines(3);
    let mut list = LiveList::new(screen.clone(), UNICODE);
    let model = order_half_way();
    for (tick, (columns, rows)) in [(100, 20), (40, 12), (40, 6), (120, 30), (20, 5)].into_iter().enumerate() {
        screen.resize(columns, rows);
        list.draw(&model, at(500 + 100 * tick as u64)).unwrap();
        let visible = screen.visible();
        let picture: Vec<&str> = visible.lines().skip_while(|row| row.starts_with("earlier")).collect();
        assert!(picture.len() < usize::from(rows), "{columns}x{rows}:\n{visible}");
        assert_eq!(visible.matches("task 17").count(), 1, "{columns}x{rows}:\n{visible}");
    }
    screen.resize(80, 24);
    list.finish(&order_complete(), at(3_300)).unwrap();
    assert_eq!(screen.visible().matches("validate_order").count(), 1, "{}", screen.visible());
}

#[test]
fn the_cursor_rests_on_the_picture_and_comes_back() {
    let screen = Screen::new(80, 24).with_earlier_lines(2);
    let mut list = LiveList::new(screen.clone(), UNICODE);
    list.draw(&order_half_way(), at(500)).unwrap();
    assert_eq!(screen.cursor(), (2, 0));
    assert!(screen.cursor_is_hidden());
    drop(list);
    assert!(!screen.cursor_is_hidden());
    assert_eq!(screen.visible(), "earlier line 1\nearlier line 2");
}

#[test]
fn no_more_pictures_are_drawn_than_eyes_can_follow() {
    let screen = Screen::new(80, 24);
    let mut progress = Progress::on(order(), Mode::Live, UNICODE, screen.clone(), Vec::new());
    progress.apply(&created(), at(0)).unwrap();
    for millisecond in 0..1_000 {
        progress.apply(&started(0, 1, millisecond), at(millisecond)).unwrap();
        progress.tick(at(millisecond)).unwrap();
    }
    let pictures = screen.sent().len();
    assert!((12..=13).contains(&pictures), "{pictures} pictures in a second");
    assert_eq!(progress.tick_interval(), Some(REDRAW_INTERVAL));
}

#[test]
fn notices_stay_above_the_list() {
    let screen = Screen::new(80, 24).with_earlier_lines(1);
    let mut progress = Progress::on(order(), Mode::Live, UNICODE, screen.clone(), Vec::new());
    progress.apply(&created(), at(2)).unwrap();
    let text = "the server closed the connection; connected again\x1b[2J".to_owned();
    progress.apply(&Change::Notice { text, at: at(1_250) }, at(1_250)).unwrap();
    assert_snapshot!(screen.visible());
}

#[test]
fn nothing_is_drawn_after_the_end_and_nothing_at_all_for_json() {
    let screen = Screen::new(80, 24);
    let mut progress = Progress::on(order_complete(), Mode::Live, UNICODE, screen.clone(), Vec::new());
    progress.finish(at(3_300)).unwrap();
    let pictures = screen.sent().len();
    progress.tick(at(9_000)).unwrap();
    drop(progress);
    assert_eq!(screen.sent().len(), pictures);

    let silent = Screen::new(80, 24);
    let mut progress = Progress::on(order(), Mode::Json, UNICODE, silent.clone(), Vec::new());
    progress.apply(&created(), at(2)).unwrap();
    progress.tick(at(500)).unwrap();
    progress.finish(at(900)).unwrap();
    assert!(silent.sent().is_empty());
    assert_eq!(progress.model().task_id(), Some(17), "the model is kept for the document");
}
