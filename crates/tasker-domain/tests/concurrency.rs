//! How many steps the original would run at once (B-CON): recorded figures and the rules behind them.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;
use tasker_domain::concurrency::{
    Assessment, EMERGENCY, ExecutionLimits, POOL_CEILING, Pool, PoolHealth, Pressure, PressureFactors, SAFE_SHARE,
    Work, allowed,
};

fn pool(size: u32, busy: u32) -> Pool {
    Pool { size, busy, available: Some(size - busy) }
}

fn work(total_tasks: i64, open_tasks: i64, total_steps: i64, open_steps: i64) -> Work {
    Work { total_tasks, open_tasks, total_steps, open_steps }
}

fn limits() -> ExecutionLimits {
    ExecutionLimits::default()
}

#[test]
fn the_recorded_pools_give_the_recorded_figures() {
    use Pressure::{Critical, High, Low, Moderate};
    for (size, busy, pressure, recommended, advice) in [
        (20, 0, Low, 12, 12),
        (20, 9, Low, 8, 8),
        (20, 10, Low, 8, 8),
        (20, 11, Moderate, 5, 5),
        (20, 13, Moderate, 4, 4),
        (20, 14, Moderate, 3, 3),
        (20, 17, High, 3, 3),
        (20, 19, Critical, 3, 3),
        (50, 30, Moderate, 12, 12),
        (50, 35, Moderate, 9, 9),
        (50, 40, High, 4, 3),
        (100, 75, High, 10, 7),
        (5, 0, Low, 4, 4),
        (0, 0, Low, 3, 3),
    ] {
        let assessment = pool(size, busy).assess(&limits()).unwrap();
        assert_eq!((assessment.pressure, assessment.recommended), (pressure, recommended), "{size}, {busy}");
        assert_eq!(pool(size, busy).advice(&limits()), advice, "{size}, {busy}");
    }
}

#[test]
fn the_recorded_loads_give_the_recorded_figures() {
    for (work, advice) in
        [(work(10, 2, 100, 15), 12), (work(10, 5, 100, 30), 8), (work(10, 10, 100, 80), 4), (work(0, 0, 0, 0), 4)]
    {
        assert_eq!(work.advice(&limits()), advice, "{work:?}");
    }
    assert!((work(10, 5, 100, 30).load() - 0.36).abs() < 1e-12);
}

#[test]
fn pressure_follows_the_busy_part() {
    for (busy, utilisation, pressure, health) in [
        (2, 0.2, Pressure::Low, PoolHealth::Healthy),
        (6, 0.6, Pressure::Moderate, PoolHealth::Healthy),
        (8, 0.8, Pressure::High, PoolHealth::Degraded),
        (9, 0.9, Pressure::Critical, PoolHealth::Critical),
    ] {
        let assessment = pool(10, busy).assess(&limits()).unwrap();
        assert_eq!((assessment.utilisation, assessment.pressure, assessment.health), (utilisation, pressure, health));
        assert!(assessment.recommended >= 3);
    }
    assert_eq!(pool(7, 2).utilisation(), 0.286);
    assert!((3..=7).contains(&pool(10, 3).assess(&limits()).unwrap().recommended));
}

#[test]
fn a_limit_belongs_to_the_lower_pressure() {
    assert_eq!(
        [0.0, 0.5, 0.501, 0.7, 0.701, 0.85, 0.851, 1.0].map(Pressure::of),
        [
            Pressure::Low,
            Pressure::Low,
            Pressure::Moderate,
            Pressure::Moderate,
            Pressure::High,
            Pressure::High,
            Pressure::Critical,
            Pressure::Critical
        ]
    );
}

#[test]
fn the_constants_are_the_originals() {
    assert_eq!((EMERGENCY, POOL_CEILING, SAFE_SHARE), (3, 12, 0.6));
    assert_eq!(limits().min_concurrent_steps, 3);
    assert_eq!(limits().max_concurrent_steps_limit, 12);
}

#[test]
fn the_smaller_of_load_and_pool_counts() {
    let free = pool(40, 0);
    assert_eq!(allowed(Some(&work(10, 5, 100, 50)), Some(&free), &limits()), 8);
    assert_eq!(allowed(Some(&work(10, 7, 100, 70)), Some(&free), &limits()), 4);
    assert_eq!(allowed(Some(&work(10, 8, 100, 80)), Some(&free), &limits()), 4);
    assert_eq!(allowed(Some(&work(100, 1, 100, 1)), Some(&pool(20, 9)), &limits()), 8);
    assert_eq!(allowed(Some(&work(100, 1, 100, 1)), Some(&pool(20, 19)), &limits()), 3);
}

#[test]
fn what_cannot_be_read_gives_three() {
    let unknown = Pool { size: 20, busy: 0, available: None };
    assert_eq!(unknown.assess(&limits()), None);
    assert_eq!(allowed(Some(&work(100, 1, 100, 1)), Some(&unknown), &limits()), 3);
    assert_eq!(allowed(Some(&work(100, 1, 100, 1)), None, &limits()), 3);
    assert_eq!(allowed(None, Some(&unknown), &limits()), 3);
    assert_eq!(allowed(None, Some(&pool(20, 0)), &limits()), 12);
    assert_eq!(allowed(Some(&work(0, 0, 0, 0)), None, &limits()), 3);
    assert_eq!(allowed(Some(&work(-5, -1, -7, i64::MIN)), None, &limits()), 3);
}

#[test]
fn the_factors_are_settings() {
    let given: ExecutionLimits =
        serde_json::from_value(json!({"connection_pressure_factors": {"low": 0.9}, "max_concurrent_steps_limit": 20}))
            .unwrap();
    let factors = PressureFactors { low: 0.9, moderate: 0.5, high: 0.5, critical: 0.5 };
    assert_eq!(given.connection_pressure_factors, factors);
    assert_eq!(pool(10, 2).advice(&given), 7);
    // The recommendation has a ceiling of its own.
    assert_eq!(pool(100, 0).advice(&given), 12);
    assert!(serde_json::from_value::<ExecutionLimits>(json!({"connection_pressure_factors": {"lo": 0.9}})).is_err());
}

#[test]
fn a_batch_gets_thirty_seconds_and_five_for_each_step() {
    for (steps, seconds) in [(0, 30), (1, 35), (2, 40), (18, 120), (19, 120), (100, 120), (u32::MAX, 120)] {
        assert_eq!(limits().batch_timeout(steps), Duration::from_secs(seconds), "{steps} steps");
    }
}

#[test]
fn the_names_are_stable() {
    let assessment = json!({"utilisation": 0.6, "pressure": "moderate", "health": "healthy", "recommended": 3});
    let read: Assessment = serde_json::from_value(assessment.clone()).unwrap();
    assert_eq!(read, pool(10, 6).assess(&limits()).unwrap());
    assert_eq!(serde_json::to_value(read).unwrap(), assessment);
    assert_eq!(
        serde_json::to_value(limits()).unwrap(),
        json!({
            "min_concurrent_steps": 3,
            "max_concurrent_steps_limit": 12,
            "connection_pressure_factors": {"low": 0.8, "moderate": 0.6, "high": 0.4, "critical": 0.2},
            "batch_timeout_base_seconds": 30,
            "batch_timeout_per_step_seconds": 5,
            "max_batch_timeout_seconds": 120,
        })
    );
    let work = json!({"total_tasks": 4, "open_tasks": 1, "total_steps": 9, "open_steps": 2});
    let read: Work = serde_json::from_value(work.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), work);
}

proptest! {
    #[test]
    fn the_figure_stays_between_its_limits(
        size: u32, busy: u32, available in proptest::option::of(any::<u32>()),
        total_tasks: i64, open_tasks: i64, total_steps: i64, open_steps: i64,
        least in 0u32..20, span in 0u32..20,
    ) {
        let limits = ExecutionLimits {
            min_concurrent_steps: least, max_concurrent_steps_limit: least + span, ..ExecutionLimits::default()
        };
        let pool = Pool { size, busy, available };
        let work = Work { total_tasks, open_tasks, total_steps, open_steps };
        let figure = allowed(Some(&work), Some(&pool), &limits);
        prop_assert!((least..=least + span).contains(&figure));
        // The same facts give the same figure.
        prop_assert_eq!(figure, allowed(Some(&work), Some(&pool), &limits));
    }
}
