//! The chart of a run over time.

use std::time::Duration;

use tasker_domain::diagram::Timeline;
use tasker_domain::diagram::gantt::{Attempt, Outcome, svg};

use crate::kept::assert_kept;

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn attempt(step: &str, number: u32, started: f64, ended: f64, outcome: Outcome) -> Attempt {
    Attempt {
        step: step.to_owned(),
        attempt: number,
        started: seconds(started),
        ended: seconds(ended),
        outcome,
        waiting_until: None,
    }
}

fn retried(step: &str, number: u32, started: f64, ended: f64, until: f64) -> Attempt {
    Attempt { waiting_until: Some(seconds(until)), ..attempt(step, number, started, ended, Outcome::Failed) }
}

fn order() -> Timeline {
    use Outcome::Succeeded;
    Timeline {
        title: "shop/order 1.0.0".to_owned(),
        attempts: vec![
            attempt("check_order", 1, 0.0, 1.2, Succeeded),
            attempt("reserve_stock", 1, 1.2, 4.0, Succeeded),
            attempt("charge_card", 1, 1.2, 2.1, Succeeded),
            retried("book_courier", 1, 1.2, 1.9, 2.9),
            retried("book_courier", 2, 2.9, 3.4, 5.4),
            attempt("book_courier", 3, 5.4, 6.0, Succeeded),
            attempt("send_receipt", 1, 2.1, 2.6, Succeeded),
            attempt("pack_parcel", 1, 4.0, 7.5, Succeeded),
            attempt("hand_over", 1, 7.5, 8.0, Outcome::Failed),
        ],
        never_began: vec!["close_order".to_owned()],
    }
}

/// Two hundred steps in waves, some tried again.
fn many() -> Timeline {
    let mut attempts = Vec::new();
    for index in 0..200_u32 {
        let step = format!("step_{index:03}");
        let begin = f64::from(index / 8) * 6.0 + f64::from(index % 8) * 0.4;
        let length = 1.0 + f64::from(index * 7 % 11) * 0.5;
        if index % 9 == 4 {
            attempts.push(retried(&step, 1, begin, begin + length, begin + length + 4.0));
            attempts.push(attempt(&step, 2, begin + length + 4.0, begin + 2.0 * length + 4.0, Outcome::Succeeded));
        } else {
            attempts.push(attempt(&step, 1, begin, begin + length, Outcome::Succeeded));
        }
    }
    Timeline { title: "two hundred steps".to_owned(), attempts, never_began: Vec::new() }
}

/// Three days of retries of one step, between steps of a second.
fn three_days() -> Timeline {
    let mut attempts = vec![attempt("prepare", 1, 0.0, 1.0, Outcome::Succeeded)];
    let mut begin = 1.0;
    let mut wait = 1.0;
    for number in 1..=17 {
        let end = begin + 0.5;
        attempts.push(retried("call_the_partner", number, begin, end, end + wait));
        begin = end + wait;
        wait *= 2.0;
    }
    attempts.push(attempt("call_the_partner", 18, begin, begin + 0.5, Outcome::Succeeded));
    attempts.push(attempt("tell_everybody", 1, begin + 0.5, begin + 2.0, Outcome::Running));
    Timeline { title: "patience".to_owned(), attempts, never_began: Vec::new() }
}

#[test]
fn kept_charts_are_drawn_the_same() {
    assert_kept("gantt-order.svg", &svg(&order()));
    assert_kept("gantt-three-days.svg", &svg(&three_days()));
    assert_kept("gantt-200.svg", &svg(&many()));
}
