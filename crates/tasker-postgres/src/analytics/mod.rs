//! The reports of the original's analytics service.
//!
//! Where the original answers with numbers it made up (percentiles, buckets, kinds of errors, names of blocked steps) or
//! with empty lists because its functions fail, these reports measure; where it swallows an error and answers zeros,
//! the error is passed on. Except for the metrics they ask no shared function, so they work on a database that Rails
//! made, too.

mod bottleneck;
mod performance;
mod recommendations;

pub use bottleneck::{
    BottleneckAnalysis, BottleneckReport, DependencyBottlenecks, DurationBucket, ErrorPatterns, Percentiles,
    PerformanceDistribution, Scope, ScopeSummary, SlowStep, SlowTask,
};
pub use performance::{PerformanceReport, PerformanceTrends, SystemOverview, TelemetryInsights, TrendFigures};
pub use recommendations::recommendations;
