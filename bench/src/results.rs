//! What `bench/results.json` holds: the figures of one run, the machine and the day.
//!
//! The bench writes the file, the tables of docs/benchmarks.md and the pictures are made from it. So
//! a table can be checked without the hour that the run took.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::machine::Host;

/// The figures of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// The day of the run in UTC, as `2026-11-30`.
    pub date: String,
    /// Where it ran.
    pub host: Host,
    /// The version of each system that is installed rather than built here.
    #[serde(default)]
    pub versions: BTreeMap<System, String>,
    /// The logs that were read, the shortest first.
    pub logs: Vec<Log>,
    /// What an append takes, kind by kind.
    pub writes: Vec<Case<Write>>,
    /// What a start takes; `None` until it is measured. The bin `cold` writes it and knows its format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cold_start: Option<Value>,
}

/// What was measured on a log of one length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Log {
    /// How many entries the user's log has.
    pub entries: u64,
    /// The bytes that are stored for an entry, with all its index rows, as the database counts them.
    pub stored: BTreeMap<System, f64>,
    /// What a request takes, case by case.
    pub reads: Vec<Case<Read>>,
}

/// What was done, and what it takes in each system that can do it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case<T> {
    /// What was done, in words; the same in every log.
    pub name: String,
    /// The figures by system. A system that cannot do it, or was not there, is absent.
    pub systems: BTreeMap<System, T>,
}

/// What a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Read {
    /// Read units, as DynamoDB counts them; `None` for PostgreSQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_units: Option<f64>,
    /// The longest chain of calls to the database in which each began after the one before had ended;
    /// `None` where it was not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trips: Option<u32>,
    /// The median time from the event handed out to the response taken, in milliseconds.
    pub p50_ms: f64,
    /// The time that 99 of 100 requests stay within, in milliseconds, which of fewer than 100 samples is
    /// the longest; `None` where a request takes over a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    /// Processor time of the function's process for one request, in milliseconds. What the database
    /// takes is not in it.
    pub cpu_ms: f64,
    /// How many requests were timed.
    pub samples: u32,
}

/// What an append takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Write {
    /// Write units for each entry, as DynamoDB counts them; `None` for PostgreSQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_units: Option<f64>,
    /// Transactions or other writing requests for each entry; `None` where they were not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<f64>,
    /// Entries recorded in a second.
    pub entries_a_second: f64,
}

/// What is measured: this log, and three other ways to keep one.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// This log.
    Ours,
    /// The usual DynamoDB design, in Rust.
    Dynamodb,
    /// The usual DynamoDB design, in JavaScript on Node.js.
    Node,
    /// PostgreSQL behind a handler in Rust.
    Postgresql,
}

impl System {
    /// All of them, in the order of tables and pictures.
    pub const ALL: [Self; 4] = [Self::Ours, Self::Dynamodb, Self::Node, Self::Postgresql];

    /// What tables and pictures call it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ours => "Activity Logs",
            Self::Dynamodb => "usual DynamoDB design",
            Self::Node => "the same in Node.js",
            Self::Postgresql => "PostgreSQL",
        }
    }
}

impl Results {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// If the file is not there, or has another format.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()).into())
    }

    /// Writes the file at `path`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        std::fs::write(path, serde_json::to_string_pretty(self)? + "\n")
            .map_err(|error| format!("{}: {error}", path.display()).into())
    }

    /// The log of this many entries.
    #[must_use]
    pub fn log(&self, entries: u64) -> Option<&Log> {
        self.logs.iter().find(|log| log.entries == entries)
    }
}

impl Log {
    /// What a request of this name takes in `system`.
    #[must_use]
    pub fn read(&self, name: &str, system: System) -> Option<&Read> {
        self.reads.iter().find(|case| case.name == name)?.systems.get(&system)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_as_they_are_written() {
        let read = Read {
            read_units: Some(7.5),
            round_trips: Some(2),
            p50_ms: 3.25,
            p99_ms: None,
            cpu_ms: 0.5,
            samples: 5,
        };
        let write = Write { write_units: None, requests: Some(1.0), entries_a_second: 900.0 };
        let results = Results {
            date: "2026-11-30".to_owned(),
            host: Host::this().unwrap(),
            versions: BTreeMap::from([(System::Postgresql, "15.18".to_owned())]),
            logs: vec![Log {
                entries: 1_000,
                stored: BTreeMap::from([(System::Ours, 1_800.0)]),
                reads: vec![Case {
                    name: "first page".to_owned(),
                    systems: BTreeMap::from([(System::Postgresql, read)]),
                }],
            }],
            writes: vec![Case {
                name: "one by one".to_owned(),
                systems: BTreeMap::from([(System::Dynamodb, write)]),
            }],
            cold_start: None,
        };
        let text = serde_json::to_string_pretty(&results).unwrap();
        assert_eq!(serde_json::from_str::<Results>(&text).unwrap(), results);
        let log = results.log(1_000).unwrap();
        assert_eq!(log.read("first page", System::Postgresql), Some(&read));
        assert_eq!(log.read("first page", System::Ours), None);
        assert!(results.log(1).is_none());
    }
}
