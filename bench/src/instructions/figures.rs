//! What is measured, where, and what it is held against.

use std::collections::BTreeMap;

use bench::Failure;
use bench::machine::Machine;
use bench::markdown::Table;
use serde::{Deserialize, Serialize};

/// How far a figure may be from the one that it is held against, as a part of that.
const TOLERANCE: f64 = 0.05;

/// Instructions a request, case by case, the sizes of the binaries that were counted, and where.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) machine: Machine,
    pub(crate) cases: BTreeMap<String, u64>,
    /// In bytes.
    pub(crate) binaries: BTreeMap<String, u64>,
}

impl Figures {
    /// What of them is not what `held` says, a line for each.
    pub(crate) fn differences(&self, held: &Self) -> Vec<String> {
        let cases = differences(&self.cases, &held.cases);
        let binaries = differences(&self.binaries, &held.binaries);
        cases.into_iter().chain(binaries).collect()
    }

    /// The tables of docs/benchmarks.md that show them.
    pub(crate) fn tables(&self) -> [Table; 2] {
        let mut cases = Table::new("instructions", "request | million instructions");
        for (case, count) in &self.cases {
            cases.row(&[case.clone(), in_millions(*count)]);
        }
        let mut binaries = Table::new("binaries", "binary | MB");
        for (name, bytes) in &self.binaries {
            binaries.row(&[format!("`{name}`"), in_millions(*bytes)]);
        }
        [cases, binaries]
    }
}

#[expect(clippy::cast_precision_loss, reason = "2^52 instructions take weeks")]
fn in_millions(count: u64) -> String {
    format!("{:.2}", count as f64 / 1e6)
}

/// The instructions of a request, from those of two runs of one function that differ by this many
/// requests: what its start takes is in both.
///
/// # Errors
/// If the longer run took fewer instructions.
pub(crate) fn per_request(longer: u64, shorter: u64, requests: u32) -> Result<u64, Failure> {
    let difference = longer.checked_sub(shorter).and_then(|all| all.checked_div(requests.into()));
    difference.ok_or_else(|| format!("{longer} instructions are fewer than {shorter}").into())
}

/// What of `measured` is not what `held` says, a line for each case.
fn differences(measured: &BTreeMap<String, u64>, held: &BTreeMap<String, u64>) -> Vec<String> {
    let mut lines = Vec::new();
    for (case, now) in measured {
        match held.get(case) {
            None => lines.push(format!("{case}: it is new")),
            Some(before) => {
                let change = change(*now, *before);
                if change.abs() > TOLERANCE {
                    lines.push(format!("{case}: {before} -> {now} ({:+.1} %)", 100.0 * change));
                }
            }
        }
    }
    let gone = held.keys().filter(|case| !measured.contains_key(*case));
    lines.extend(gone.map(|case| format!("{case}: it was not measured")));
    lines
}

/// By which part of `before` `now` is more.
#[expect(clippy::cast_precision_loss, reason = "2^52 instructions take weeks")]
fn change(now: u64, before: u64) -> f64 {
    (now as f64 - before as f64) / before as f64
}

#[cfg(test)]
mod tests {
    use bench::markdown::replaced;
    use serde_json::json;

    use super::*;

    fn cases<const N: usize>(cases: [(&str, u64); N]) -> BTreeMap<String, u64> {
        cases.map(|(name, count)| (name.to_owned(), count)).into()
    }

    #[test]
    fn a_request_takes_what_the_longer_run_took_more() {
        assert_eq!(per_request(1_700, 700, 100).unwrap(), 10);
        assert_eq!(per_request(700, 700, 100).unwrap(), 0);
        assert!(per_request(699, 700, 100).is_err());
        assert!(per_request(1_700, 700, 0).is_err());
    }

    #[test]
    fn within_five_per_cent_is_the_same() {
        let held = cases([("a", 1_000_000), ("b", 100)]);
        for (now, is_same) in
            [(950_000, true), (949_999, false), (1_050_000, true), (1_050_001, false)]
        {
            let found = differences(&cases([("a", now), ("b", 100)]), &held);
            assert_eq!(found.is_empty(), is_same, "{now}: {found:?}");
        }
        let found = differences(&cases([("a", 2_000_000), ("c", 1)]), &held);
        let expected =
            ["a: 1000000 -> 2000000 (+100.0 %)", "c: it is new", "b: it was not measured"];
        assert_eq!(found, expected);
    }

    #[test]
    fn figures_are_read_as_they_are_written() {
        let machine = json!({
            "rustc": "rustc 1", "glibc": "glibc 2", "architecture": "arm64", "valgrind": "valgrind-3",
        });
        let machine: Machine = serde_json::from_value(machine).unwrap();
        let figures = Figures { machine, cases: cases([("a", 1)]), binaries: cases([("b", 2)]) };
        let text = serde_json::to_string_pretty(&figures).unwrap();
        let read: Figures = serde_json::from_str(&text).unwrap();
        assert_eq!(read, figures);
        assert!(figures.differences(&read).is_empty());
        let larger = Figures { binaries: cases([("b", 3)]), ..read };
        assert_eq!(figures.differences(&larger), ["b: 3 -> 2 (-33.3 %)"]);
    }

    #[test]
    fn the_document_shows_what_the_file_holds() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let file = std::fs::read_to_string(root.join("instructions.json")).unwrap();
        let figures: Figures = serde_json::from_str(&file).unwrap();
        let document = std::fs::read_to_string(root.join("../docs/benchmarks.md")).unwrap();
        assert_eq!(replaced(&document, &figures.tables()).unwrap(), document);
    }
}
