//! What is measured, where, and what it is held against.

use std::collections::BTreeMap;

use bench::Failure;
use bench::machine::Machine;
use serde::{Deserialize, Serialize};

/// How far a figure may be from the one that it is held against, as a part of that.
const TOLERANCE: f64 = 0.05;

/// Instructions a request, case by case, and where they were counted.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) machine: Machine,
    pub(crate) cases: BTreeMap<String, u64>,
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
pub(crate) fn differences(
    measured: &BTreeMap<String, u64>,
    held: &BTreeMap<String, u64>,
) -> Vec<String> {
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
        let machine = Machine::this("valgrind-3".to_owned()).unwrap();
        let figures = Figures { machine, cases: cases([("a", 1)]) };
        let text = serde_json::to_string_pretty(&figures).unwrap();
        assert_eq!(serde_json::from_str::<Figures>(&text).unwrap(), figures);
    }
}
