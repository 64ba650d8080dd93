//! What is measured, where, and what it is held against.

use std::collections::BTreeMap;
use std::process::Command;

use bench::Failure;
use serde::{Deserialize, Serialize};

/// How far a figure may be from the one that it is held against, as a part of that.
const TOLERANCE: f64 = 0.05;

/// Instructions a request, case by case, and where they were counted.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) machine: Machine,
    pub(crate) cases: BTreeMap<String, u64>,
}

/// What the number of instructions depends on beside our code.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    rustc: String,
    glibc: String,
    architecture: String,
    valgrind: String,
}

impl Machine {
    /// This one, with this version of valgrind.
    ///
    /// # Errors
    /// If a program that knows does not run.
    pub(crate) fn this(valgrind: String) -> Result<Self, Failure> {
        Ok(Self {
            rustc: said_by("rustc", &["--version"])?,
            glibc: said_by("getconf", &["GNU_LIBC_VERSION"])?,
            architecture: architecture(),
            valgrind,
        })
    }

    /// What of it is different there, for people; `None` if nothing is.
    pub(crate) fn differs_from(&self, other: &Self) -> Option<String> {
        let parts = [
            (&self.rustc, &other.rustc),
            (&self.glibc, &other.glibc),
            (&self.architecture, &other.architecture),
            (&self.valgrind, &other.valgrind),
        ];
        let different = parts.iter().find(|(here, there)| here != there);
        different.map(|(here, there)| format!("{here} here, {there} there"))
    }
}

/// The processor's kind. Libraries choose their code by what it can do; the widest vectors that
/// valgrind knows make most of that.
fn architecture() -> String {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        return "x86_64 with AVX2".to_owned();
    }
    std::env::consts::ARCH.to_owned()
}

/// The first line that `program` writes.
///
/// # Errors
/// If it does not run, or fails.
pub(crate) fn said_by(program: &str, arguments: &[&str]) -> Result<String, Failure> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{program}: {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?.lines().next().unwrap_or_default().trim().to_owned())
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

    fn machine() -> Machine {
        let [rustc, glibc, architecture, valgrind] =
            ["rustc 1.95.0", "glibc 2.36", "x86_64", "valgrind-3.19.0"].map(str::to_owned);
        Machine { rustc, glibc, architecture, valgrind }
    }

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
    fn another_machine_is_told_by_its_first_difference() {
        assert_eq!(machine().differs_from(&machine()), None);
        let other = Machine { glibc: "glibc 2.41".to_owned(), ..machine() };
        assert_eq!(machine().differs_from(&other).unwrap(), "glibc 2.36 here, glibc 2.41 there");
        for other in [
            Machine { rustc: String::new(), ..machine() },
            Machine { architecture: String::new(), ..machine() },
            Machine { valgrind: String::new(), ..machine() },
        ] {
            assert!(machine().differs_from(&other).is_some(), "{other:?}");
        }
    }

    #[test]
    fn figures_are_read_as_they_are_written() {
        let figures = Figures { machine: machine(), cases: cases([("a", 1)]) };
        let text = serde_json::to_string_pretty(&figures).unwrap();
        assert_eq!(serde_json::from_str::<Figures>(&text).unwrap(), figures);
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        assert!(said_by("no-such-program-anywhere", &[]).is_err());
        assert!(said_by("rustc", &["--version"]).unwrap().starts_with("rustc "));
    }
}
