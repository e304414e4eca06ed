//! A run over time: one row for each step, one bar for each attempt.

mod axis;
mod draw;
mod rows;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::span::seconds;

/// What ran when, counted from the start of a run.
///
/// Attempts may stand in any order. Steps come in the order in which they began, those of one instant in the order given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// What the picture is called, such as `shop/order 1.0.0`.
    pub title: String,
    /// Every attempt that began.
    pub attempts: Vec<Attempt>,
    /// Names of the steps that never began, in the order in which they are to be listed.
    #[serde(default)]
    pub never_began: Vec<String>,
}

/// One attempt of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Name of the step.
    pub step: String,
    /// Which attempt of the step it is, from 1.
    pub attempt: u32,
    /// When it began, in seconds from the start of the run.
    #[serde(with = "seconds")]
    pub started: Duration,
    /// When it ended, in seconds from the start; for one that still runs, the end of the time shown.
    #[serde(with = "seconds")]
    pub ended: Duration,
    /// How it ended.
    pub outcome: Outcome,
    /// The instant from which the step may be tried again, in seconds from the start; none if it will not be.
    #[serde(default, with = "seconds::optional", skip_serializing_if = "Option::is_none")]
    pub waiting_until: Option<Duration>,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Well.
    Succeeded,
    /// Not well; whether another follows says [`Attempt::waiting_until`].
    Failed,
    /// Called off while it ran.
    Cancelled,
    /// It still runs.
    Running,
}

/// The chart as SVG.
///
/// Time runs from left to right. Where the lengths in it differ so much that the short ones would vanish, the axis is
/// stretched: it grows with the logarithm of the time, and the picture says so.
pub fn svg(timeline: &Timeline) -> String {
    draw::draw(timeline)
}
