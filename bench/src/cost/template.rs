//! The parts of template.yaml that cost something.

use std::collections::BTreeMap;

use activity_log_local::kit::TEMPLATE;
use bench::Failure;
use serde::Deserialize;

/// The parts of the template that cost something while nothing happens.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Template {
    globals: serde_json::Value,
    resources: BTreeMap<String, Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Resource {
    r#type: String,
    #[serde(default)]
    properties: serde_json::Value,
}

impl Template {
    /// The one of the deployment.
    pub(crate) fn read() -> Result<Self, Failure> {
        Ok(serde_saphyr::from_str(TEMPLATE)?)
    }

    /// The memory of a function, in GB.
    pub(crate) fn memory(&self) -> Result<f64, Failure> {
        let megabytes = self.globals["Function"]["MemorySize"].as_f64().ok_or("no MemorySize")?;
        Ok(megabytes / 1_024.0)
    }

    /// How many metrics its alarms watch.
    pub(crate) fn alarm_metrics(&self) -> usize {
        let alarms = self.resources.values().filter(|one| one.r#type == "AWS::CloudWatch::Alarm");
        let metrics = |alarm: &Resource| match alarm.properties["Metrics"].as_array() {
            Some(all) => all.iter().filter(|one| one.get("MetricStat").is_some()).count(),
            None => 1,
        };
        alarms.map(metrics).sum()
    }
}
