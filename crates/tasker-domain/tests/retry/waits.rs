//! Waits before the next attempt.

use std::time::Duration;

use proptest::prelude::*;
use tasker_domain::retry::{AskedWait, after_failure, plain, table};

#[test]
fn the_plain_wait_doubles_up_to_thirty_seconds() {
    let waits: Vec<u64> = (0..8).map(|attempt| plain(attempt).as_secs()).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30]);
    assert_eq!(plain(u32::MAX), Duration::from_secs(30));
}

#[test]
fn the_table_is_the_originals() {
    let waits: Vec<u32> = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 17, 18, u32::MAX].map(|n| table(n, None)).to_vec();
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 49, 64, 81, 100, 144, 225, 289, 300, 300]);
}

#[test]
fn chance_moves_the_table_within_a_tenth_and_never_above_the_cap() {
    for (attempt, least, most) in
        [(1, 1, 1), (3, 4, 4), (4, 7, 9), (5, 14, 18), (6, 29, 35), (10, 90, 110), (17, 260, 300)]
    {
        assert_eq!(table(attempt, Some(0.0)), least, "attempt {attempt}");
        assert_eq!(table(attempt, Some(1.0)), most, "attempt {attempt}");
    }
}

#[test]
fn the_longer_of_plain_and_asked_counts() {
    let wait = |attempt, asked| after_failure(attempt, asked, None);
    assert_eq!(wait(1, AskedWait::Nothing).wait, Duration::from_secs(2));
    assert_eq!(wait(1, AskedWait::Nothing).asked_seconds, None);
    assert_eq!(wait(1, AskedWait::Table).wait, Duration::from_secs(2));
    assert_eq!(wait(1, AskedWait::Table).asked_seconds, Some(1));
    assert_eq!(wait(6, AskedWait::Table).wait, Duration::from_secs(32));
    assert_eq!(wait(1, AskedWait::AtLeast(Duration::from_secs(45))).wait, Duration::from_secs(45));
    assert_eq!(wait(1, AskedWait::AtLeast(Duration::from_millis(2500))).asked_seconds, Some(3));
    assert_eq!(wait(1, AskedWait::AtLeast(Duration::from_secs(86_400))).wait, Duration::from_secs(300));
}

#[test]
fn chance_only_ever_stretches_the_plain_wait() {
    let mut most = || 1.0;
    assert_eq!(after_failure(2, AskedWait::Nothing, Some(&mut most)).wait, Duration::from_millis(4400));
    let mut least = || 0.0;
    assert_eq!(after_failure(2, AskedWait::Nothing, Some(&mut least)).wait, Duration::from_secs(4));
}

#[test]
fn no_number_of_an_attempt_is_too_large() {
    for attempt in [0, 1, 30, 31, 32, 63, 64, 65_535, 65_536, 1 << 31, u32::MAX - 1, u32::MAX] {
        for asked in [AskedWait::Nothing, AskedWait::Table, AskedWait::AtLeast(Duration::MAX)] {
            let wait = after_failure(attempt, asked, Some(&mut || 1.0));
            assert!(wait.wait <= Duration::from_secs(300), "attempt {attempt}: {wait:?}");
        }
    }
    assert_eq!(plain(1 << 31), Duration::from_secs(30));
    assert_eq!(table(1 << 31, Some(1.0)), 300);
}

proptest! {
    #[test]
    fn a_wait_is_never_shorter_than_the_plain_one_and_never_beyond_the_cap(
        attempt: u32, chance in any::<f64>(), asked in 0u64..1_000_000_000,
    ) {
        for asked in [AskedWait::Nothing, AskedWait::Table, AskedWait::AtLeast(Duration::from_millis(asked))] {
            let wait = after_failure(attempt, asked, Some(&mut || chance));
            prop_assert!(wait.wait >= plain(attempt));
            prop_assert!(wait.wait <= Duration::from_secs(300));
            prop_assert!(wait.wait >= Duration::from_secs(u64::from(wait.asked_seconds.unwrap_or(0))));
        }
    }
}
