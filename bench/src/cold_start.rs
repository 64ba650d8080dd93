//! What the start of a function takes: the format of its part of `bench/results.json`.
//!
//! The bin `cold` measures it, in a run of its own, and the bin `charts` draws it. So it has a day and
//! a machine of its own.

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::machine::Host;
use crate::markdown::Table;

/// What no figure here has in it, for the output, the pictures and the documentation.
pub const NOT_MEASURED: &str = "No figure includes what Lambda does before it starts the process: \
     getting a sandbox and the code. Node's figures do not include the start of Lambda's own Node.js \
     runtime either, whose place a loop of some lines takes here.";

/// The figures of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColdStart {
    /// The day of the run in UTC, as `2026-11-30`.
    pub date: String,
    /// Where it ran.
    pub host: Host,
    /// How many entries the log has that is read.
    pub entries: u64,
    /// What each program takes, in the order of tables and pictures.
    pub programs: Vec<Program>,
    /// What it saves that a function calls DynamoDB while it initialises, for each that does.
    pub warming: Vec<Warming>,
}

/// What the starts of one program take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// Which function it is, and of which system, in words.
    pub name: String,
    /// How many starts were measured.
    pub starts: u32,
    /// From the start of the process until it asks for the first event, in milliseconds.
    pub ready_ms: Spread,
    /// From the start of the process until its first response is there, in milliseconds.
    pub response_ms: Spread,
    /// The most memory that the process has had by then, in MiB.
    pub peak_mib: Spread,
}

/// How long the first response takes from the event on, with a connection that was opened during
/// initialisation and without one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Warming {
    /// Which function it is.
    pub function: String,
    /// How many starts of each kind were measured.
    pub starts: u32,
    /// TLS handshakes with DynamoDB before the function asked for its first event, in each start.
    pub handshakes_before: u64,
    /// With the connections of initialisation left as they are.
    pub warmed: FirstResponse,
    /// With the connections of initialisation closed before the event is handed out.
    pub reconnected: FirstResponse,
}

/// A first response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FirstResponse {
    /// From the event handed out to the response taken, in milliseconds.
    pub response_ms: Spread,
    /// TLS handshakes with DynamoDB in that time: the most of any start.
    pub handshakes: u64,
}

/// The middle of some measurements and how far they go.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The least.
    pub least: f64,
    /// As many are above it as below it.
    pub median: f64,
    /// The most.
    pub most: f64,
}

impl Spread {
    /// The spread of `samples`, each rounded to hundredths.
    ///
    /// # Errors
    /// If there are none.
    pub fn of(samples: &[f64]) -> Result<Self, Failure> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (Some(least), Some(most)) = (sorted.first(), sorted.last()) else {
            return Err("nothing was measured".into());
        };
        let upper = sorted[sorted.len() / 2];
        let lower = sorted[(sorted.len() - 1) / 2];
        let rounded = |value: f64| (value * 100.0).round() / 100.0;
        Ok(Self {
            least: rounded(*least),
            median: rounded(f64::midpoint(lower, upper)),
            most: rounded(*most),
        })
    }

    /// It for a cell of a table, with this many decimals.
    #[must_use]
    pub fn cell(&self, decimals: usize) -> String {
        let Self { least, median, most } = self;
        format!("{median:.decimals$} ({least:.decimals$}–{most:.decimals$})")
    }
}

impl ColdStart {
    /// The tables of docs/benchmarks.md.
    #[must_use]
    pub fn tables(&self) -> Vec<Table> {
        let mut starts = Table::new(
            "cold-start",
            "first start of | until it asks for an event (ms) | until its first response (ms) | \
             peak memory (MiB)",
        );
        for program in &self.programs {
            starts.row(&[
                program.name.clone(),
                program.ready_ms.cell(0),
                program.response_ms.cell(0),
                program.peak_mib.cell(0),
            ]);
        }
        let mut warming = Table::new(
            "warming",
            "function, and its connection to DynamoDB | TLS handshakes in initialisation | in the first request | \
             first response after its event (ms)",
        );
        for Warming { function, handshakes_before, warmed, reconnected, .. } in &self.warming {
            for (connection, first) in [
                ("opened in initialisation", warmed),
                ("closed again before the event", reconnected),
            ] {
                warming.row(&[
                    format!("`{function}`, {connection}"),
                    handshakes_before.to_string(),
                    first.handshakes.to_string(),
                    first.response_ms.cell(1),
                ]);
            }
        }
        vec![starts, warming]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_in_the_middle() {
        let spread = Spread::of(&[5.0, 1.0, 3.0]).unwrap();
        assert_eq!(spread, Spread { least: 1.0, median: 3.0, most: 5.0 });
        let spread = Spread::of(&[4.0, 1.0, 2.0, 10.004]).unwrap();
        assert_eq!(spread, Spread { least: 1.0, median: 3.0, most: 10.0 });
        assert_eq!(spread.cell(1), "3.0 (1.0–10.0)");
        assert!(Spread::of(&[]).is_err());
    }
}
