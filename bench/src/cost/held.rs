//! What ten requests consume, held against a file, so that a change that makes one dearer is seen where
//! it is made.
//!
//! The file is exact: units and round trips depend on nothing but the code. Where a request is to
//! become dearer or cheaper, the file is renewed with the change.

use std::collections::BTreeMap;
use std::path::Path;

use bench::Failure;
use serde::{Deserialize, Serialize};

use crate::measured::{Log, Taken};

/// How many entries the log has: eighty whole blocks, and so a whole node of the first level.
const ENTRIES: u64 = 5_120;

/// The lists that are measured, by their query.
const LISTS: [&str; 8] = [
    "limit=100",
    "limit=100&offset=4000",
    "limit=100&resourceType=function",
    "limit=100&resourceType=function&action=create&offset=1000",
    "limit=100&excludeAction=invoke&excludeResourceType=~",
    "limit=100&since=2026-01-01T01:00:00Z&until=2026-01-01T03:00:00Z",
    "limit=0&resourceType=database",
    "limit=0&include=facets,histogram",
];

/// What a request consumes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Consumed {
    read_units: f64,
    round_trips: f64,
}

impl From<Taken> for Consumed {
    fn from(taken: Taken) -> Self {
        Self { read_units: taken.read_units, round_trips: taken.round_trips }
    }
}

/// What all requests consume, by name.
pub(crate) type Costs = BTreeMap<String, Consumed>;

/// Measures the ten requests.
///
/// # Errors
/// If a request fails.
pub(crate) async fn measure() -> Result<Costs, Failure> {
    let mut log = Log::of(ENTRIES).await?;
    let mut costs = Costs::new();
    for query in LISTS {
        costs.insert(format!("GET /api/activities?{query}"), log.list(query).await?.into());
    }
    let route = "GET /api/activities/{projectSlug}/{environmentSlug}";
    costs.insert(route.to_owned(), log.list_environment().await?.into());
    costs.insert("GET /api/activities/{id}".to_owned(), log.get().await?.into());
    Ok(costs)
}

/// Writes `costs` into the file at `path`.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn write(path: &Path, costs: &Costs) -> Result<(), Failure> {
    Ok(std::fs::write(path, serde_json::to_string_pretty(costs)? + "\n")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_consume_what_the_file_says() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("costs.json");
        let held: Costs = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let measured = measure().await.unwrap();
        assert_eq!(measured.len(), 10);
        assert_eq!(
            measured, held,
            "if it must be so: make cost ARGS='--write-costs bench/costs.json'"
        );
    }
}
