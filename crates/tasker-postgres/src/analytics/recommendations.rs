//! What a report advises.

use super::bottleneck::{SlowStep, SlowTask};

/// A task that takes longer than this, in seconds, is worth a remark.
const LONG_TASK_SECONDS: f64 = 60.0;

/// The original's advice, at most five lines: about long tasks, about steps that were tried more than once, else three
/// general lines (B-ANA-013).
pub fn recommendations(tasks: &[SlowTask], steps: &[SlowStep]) -> Vec<String> {
    let mut lines = Vec::new();
    if tasks.iter().any(|task| task.duration_seconds > LONG_TASK_SECONDS) {
        lines.push(format!("Consider optimizing long-running tasks ({:.1}s average)", mean_duration(tasks)));
    }
    if steps.iter().any(|step| step.attempts > 1) {
        lines.push("High retry patterns detected. Review error handling and timeout configurations.".to_owned());
    }
    if lines.is_empty() {
        lines = [
            "Monitor task performance trends regularly",
            "Review timeout configurations for network operations",
            "Consider implementing caching for repeated operations",
        ]
        .map(str::to_owned)
        .to_vec();
    }
    lines
}

/// Mean seconds of at least one task, rounded to one decimal half away from zero.
fn mean_duration(tasks: &[SlowTask]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a report lists ten tasks")]
    let number = tasks.len() as f64;
    let mean = tasks.iter().map(|task| task.duration_seconds).sum::<f64>() / number;
    (mean * 10.0).round() / 10.0
}
