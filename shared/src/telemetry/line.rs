//! A line: how an event is written, and which of its members are metrics.

use std::fmt;
use std::io::Write;

use serde::Serialize;

use crate::store::Usage;
use crate::time::Timestamp;

/// Where a function's lines go. Make one per process.
pub struct Telemetry {
    namespace: Option<String>,
    write: Box<dyn Fn(&str) + Send + Sync>,
}

/// What a request or a batch took.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Work {
    round_trips: u32,
    retries: u32,
    read_units: f64,
    write_units: f64,
    /// In milliseconds.
    latency: f64,
}

impl Work {
    /// What was used since `started`.
    #[must_use]
    pub fn new(usage: Usage, started: std::time::Instant) -> Self {
        let Usage { round_trips, retries, read_units, write_units, .. } = usage;
        // A thousandth of a millisecond is as exact as it needs to be.
        let latency = (started.elapsed().as_secs_f64() * 1e6).round() / 1e3;
        Self { round_trips, retries, read_units, write_units, latency }
    }
}

/// A line as it is written.
#[derive(Serialize)]
struct Line<'a, T> {
    timestamp: Timestamp,
    level: &'static str,
    message: &'static str,
    #[serde(flatten)]
    event: &'a T,
    #[serde(rename = "_aws", skip_serializing_if = "Option::is_none")]
    metrics: Option<EmbeddedMetrics<'a>>,
}

/// Which of the line's members are metrics.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EmbeddedMetrics<'a> {
    timestamp: i64,
    cloud_watch_metrics: Vec<MetricSet<'a>>,
}

/// Metrics with the same dimension.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MetricSet<'a> {
    namespace: &'a str,
    dimensions: [[&'static str; 1]; 1],
    metrics: &'static [Metric],
}

/// A member of the line that is a metric.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Metric {
    name: &'static str,
    unit: &'static str,
}

/// A metric, and its unit as CloudWatch names it.
pub(super) const fn metric(name: &'static str, unit: &'static str) -> Metric {
    Metric { name, unit }
}

impl Telemetry {
    /// Lines on standard output, which Lambda hands over to CloudWatch; with metrics in `namespace`,
    /// or without any.
    #[must_use]
    pub fn new(namespace: Option<String>) -> Self {
        Self::with(namespace, |line| {
            // There is nowhere else to say that it cannot be written.
            let _ = writeln!(std::io::stdout().lock(), "{line}");
        })
    }

    /// Lines for `write`.
    #[must_use]
    pub fn with(namespace: Option<String>, write: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { namespace, write: Box::new(write) }
    }

    /// Writes a line of an event. Each of `sets` is a dimension, which is a member of the event, and metrics
    /// by it.
    pub(super) fn write<T: Serialize>(
        &self,
        level: &'static str,
        message: &'static str,
        event: &T,
        sets: impl IntoIterator<Item = (&'static str, &'static [Metric])>,
    ) {
        let timestamp = Timestamp::now();
        let metrics = self.namespace.as_deref().and_then(|namespace| {
            let set =
                |(dimension, metrics)| MetricSet { namespace, dimensions: [[dimension]], metrics };
            let cloud_watch_metrics: Vec<_> = sets.into_iter().map(set).collect();
            let has_metrics = !cloud_watch_metrics.is_empty();
            has_metrics
                .then(|| EmbeddedMetrics { timestamp: timestamp.as_millis(), cloud_watch_metrics })
        });
        match serde_json::to_string(&Line { timestamp, level, message, event, metrics }) {
            Ok(line) => (self.write)(&line),
            Err(error) => tracing::error!(%error, message, "a line cannot be written"),
        }
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}
