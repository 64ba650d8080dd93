//! What the recording function writes of each batch.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::line::{Metric, Telemetry, Work, metric};

/// A batch of messages that was recorded, or some of it. [`Telemetry::batch`] writes its line.
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
    /// Writes the line of a batch: a warning if a message was not recorded, or a key stands for two activities.
    pub fn batch(&self, batch: &RecordedBatch<'_>) {
        let is_clean = batch.rejected + batch.postponed + batch.reused_keys == 0;
        let level = if is_clean { "INFO" } else { "WARN" };
        self.write(level, "batch recorded", batch, [("function", OF_BATCHES)]);
    }
}
