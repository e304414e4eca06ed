//! The axis of time.

use std::time::Duration;

use super::Timeline;
use crate::diagram::span;

/// From this ratio of the whole time to the typical length in it the axis is stretched: linearly, half of what happens
/// would take less than two pixels.
const STRETCH_FROM: f64 = 400.0;
/// Steps of a linear axis, in seconds.
const LINEAR_STEPS: [f64; 30] = [
    0.001,
    0.002,
    0.005,
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    900.0,
    1800.0,
    3600.0,
    7200.0,
    14_400.0,
    21_600.0,
    43_200.0,
    86_400.0,
    172_800.0,
    604_800.0,
    2_592_000.0,
];
/// Places of the grid on a stretched axis, in seconds.
const STRETCHED_TICKS: [f64; 20] = [
    0.001,
    0.01,
    0.1,
    0.3,
    1.0,
    3.0,
    10.0,
    30.0,
    60.0,
    180.0,
    600.0,
    1800.0,
    3600.0,
    10_800.0,
    43_200.0,
    86_400.0,
    259_200.0,
    864_000.0,
    2_592_000.0,
    31_536_000.0,
];
/// Least distance between two lines of the grid, so that their labels stay apart.
const TICK_DISTANCE: f64 = 58.0;

pub(super) struct Axis {
    /// The time shown, in seconds.
    whole: f64,
    /// On a stretched axis, the length up to which it is nearly linear.
    unit: Option<f64>,
    width: f64,
}

impl Axis {
    pub(super) fn new(timeline: &Timeline, width: f64) -> Self {
        let whole = timeline.attempts.iter().map(|attempt| attempt.last_instant()).max().unwrap_or_default();
        let whole = whole.as_secs_f64();
        let mut lengths: Vec<f64> = timeline
            .attempts
            .iter()
            .flat_map(|attempt| {
                [attempt.ended.saturating_sub(attempt.started), attempt.last_instant().saturating_sub(attempt.ended)]
            })
            .filter(|length| !length.is_zero())
            .map(|length| length.as_secs_f64())
            .collect();
        lengths.sort_by(f64::total_cmp);
        let typical = lengths.get(lengths.len() / 2).copied().unwrap_or(whole);
        let unit = (whole > typical * STRETCH_FROM).then_some(typical);
        Axis { whole, unit, width }
    }

    pub(super) fn is_stretched(&self) -> bool {
        self.unit.is_some()
    }

    /// The whole time shown.
    pub(super) fn whole(&self) -> Duration {
        Duration::try_from_secs_f64(self.whole).unwrap_or(Duration::MAX)
    }

    /// Where an instant stands.
    pub(super) fn place(&self, instant: Duration) -> f64 {
        self.place_of(instant.as_secs_f64())
    }

    fn place_of(&self, seconds: f64) -> f64 {
        if self.whole <= 0.0 {
            return 0.0;
        }
        match self.unit {
            Some(unit) => (seconds / unit).ln_1p() / (self.whole / unit).ln_1p() * self.width,
            None => seconds / self.whole * self.width,
        }
    }

    /// Lines of the grid with their labels, left to right.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let mut ticks = vec![(0.0, "0 s".to_owned())];
        if self.whole <= 0.0 {
            return ticks;
        }
        let instants: Vec<f64> = if self.unit.is_some() {
            STRETCHED_TICKS.to_vec()
        } else {
            let fitting = self.whole * TICK_DISTANCE * 1.2 / self.width;
            let step = LINEAR_STEPS.into_iter().find(|step| *step >= fitting).unwrap_or(fitting);
            let count = (self.whole / step).floor().min(200.0) as u32;
            (1..=count).map(|index| f64::from(index) * step).collect()
        };
        for seconds in instants.into_iter().filter(|seconds| *seconds <= self.whole) {
            let place = self.place_of(seconds);
            let is_apart = ticks.last().is_none_or(|(last, _)| place - last >= TICK_DISTANCE);
            if is_apart && let Ok(instant) = Duration::try_from_secs_f64(seconds) {
                ticks.push((place, span::words(instant)));
            }
        }
        ticks
    }
}
