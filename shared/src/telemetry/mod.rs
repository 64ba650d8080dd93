//! What a function tells its operator: a JSON line for every request and every batch, which is its
//! log and its metrics in one (AWS: "Embedded metric format").

#[cfg(feature = "api")]
mod request;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Write;

use serde::Serialize;

#[cfg(feature = "api")]
pub(crate) use request::AnsweredRequest;

use crate::store::Usage;
use crate::time::{Clock, Timestamp};

/// Where a function's lines go. Make one per process.
pub struct Telemetry {
    namespace: Option<String>,
    clock: Clock,
    write: Box<dyn Fn(&str) + Send + Sync>,
}

/// A batch of messages that was recorded, or some of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedBatch<'a> {
    /// Which function.
    pub function: &'static str,
    /// The id of the invocation.
    pub request_id: &'a str,
    /// How many messages there were.
    pub messages: usize,
    /// How many entries were written.
    pub appends: usize,
    /// How many messages had been recorded before.
    pub repeated: usize,
    /// How many of the entries say something else than what came, in any field.
    pub altered: usize,
    /// How many entries say something else than came in a field, by field.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub repairs: BTreeMap<String, usize>,
    /// How many entries have an idempotency key that stands for another.
    pub reused_keys: usize,
    /// The names of members of the messages that mean nothing to the function.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub ignored: BTreeSet<String>,
    /// How many messages can never be recorded, and are in the dead-letter queue.
    pub rejected: usize,
    /// How many messages could not be recorded now.
    pub postponed: usize,
    /// What it took.
    #[serde(flatten)]
    pub work: Work,
}

/// What it took to answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Work {
    trips: u32,
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
        let Usage { trips, retries, read_units, write_units, .. } = usage;
        // A thousandth of a millisecond is as exact as it needs to be.
        let latency = (started.elapsed().as_secs_f64() * 1e6).round() / 1e3;
        Self { trips, retries, read_units, write_units, latency }
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
    metadata: Option<Metadata<'a>>,
}

/// Which of the line's members are metrics.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata<'a> {
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
struct Metric {
    name: &'static str,
    unit: &'static str,
}

const fn metric(name: &'static str, unit: &'static str) -> Metric {
    Metric { name, unit }
}

/// The metrics of a batch, by function.
const OF_BATCHES: &[Metric] = &[
    metric("latency", "Milliseconds"),
    metric("readUnits", "Count"),
    metric("writeUnits", "Count"),
    metric("retries", "Count"),
    metric("appends", "Count"),
    metric("altered", "Count"),
    metric("reusedKeys", "Count"),
    metric("rejected", "Count"),
    metric("postponed", "Count"),
];

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
        Self { namespace, clock: Clock::system(), write: Box::new(write) }
    }

    /// Tells of a batch.
    pub fn batch(&self, batch: &RecordedBatch<'_>) {
        let is_clean = batch.rejected + batch.postponed + batch.reused_keys == 0;
        let level = if is_clean { "INFO" } else { "WARN" };
        self.write(level, "batch recorded", batch, [("function", OF_BATCHES)]);
    }

    fn write<T: Serialize>(
        &self,
        level: &'static str,
        message: &'static str,
        event: &T,
        sets: impl IntoIterator<Item = (&'static str, &'static [Metric])>,
    ) {
        let timestamp = self.clock.now();
        let metadata = self.namespace.as_deref().and_then(|namespace| {
            let set =
                |(dimension, metrics)| MetricSet { namespace, dimensions: [[dimension]], metrics };
            let cloud_watch_metrics: Vec<_> = sets.into_iter().map(set).collect();
            let has_metrics = !cloud_watch_metrics.is_empty();
            has_metrics.then(|| Metadata { timestamp: timestamp.as_millis(), cloud_watch_metrics })
        });
        match serde_json::to_string(&Line { timestamp, level, message, event, metadata }) {
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
