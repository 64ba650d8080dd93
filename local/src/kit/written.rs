//! The lines that a function writes: one for each request or batch.

use std::sync::{Arc, Mutex};

use activity_log::telemetry::Telemetry;
use serde_json::Value;

/// The namespace of the metrics.
pub const NAMESPACE: &str = "ActivityLogs/test";

/// The lines that a function has written; a clone has the same ones.
#[derive(Clone, Default)]
pub struct Written(Arc<Mutex<Vec<String>>>);

impl Written {
    /// What a function writes with, for these lines to have it.
    #[must_use]
    pub fn telemetry(&self) -> Telemetry {
        let lines = self.clone();
        Telemetry::with(Some(NAMESPACE.into()), move |line| {
            lines.0.lock().unwrap().push(line.to_owned());
        })
    }

    /// The lines since the last time.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// The one line since the last time.
    #[must_use]
    pub fn one(&self) -> Value {
        let [line] = self.take().try_into().unwrap();
        assert!(!line.contains('\n'), "{line}");
        serde_json::from_str(&line).unwrap()
    }
}
