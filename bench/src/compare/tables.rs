//! The tables of docs/benchmarks.md, made from the results.

use bench::markdown::Table;
use bench::numbers::{grouped, thousands};
use bench::results::{Log, Read, Results, System};

/// The systems that DynamoDB counts units of, but for the peer in JavaScript: it makes the same calls as
/// the one in Rust.
const COUNTED: [System; 2] = [System::Ours, System::Dynamodb];

/// What stands in the place of what was not measured.
const NOTHING: &str = "–";

/// The tables that each log has: what DynamoDB charges, and times.
pub(crate) const UNITS: &str = "units";
pub(crate) const TIMES: &str = "times";

/// What the document calls a table of a log of this many entries.
pub(crate) fn name(kind: &str, entries: u64) -> String {
    format!("{kind}-{entries}")
}

/// All tables.
pub(crate) fn tables(results: &Results) -> Vec<Table> {
    let mut tables = vec![machine(results)];
    for log in &results.logs {
        tables.push(units(log));
        tables.push(times(log));
    }
    tables.extend([stored(results), appends(results)]);
    tables
}

/// Where and when it was measured.
fn machine(results: &Results) -> Table {
    let host = &results.host;
    let mut table = Table::new("machine", "run | ");
    let here = [
        ("day", results.date.clone()),
        ("processor", format!("{}, {} cores", host.processor, host.cores)),
        ("memory", format!("{} GiB", host.memory_gib)),
        ("system", host.kernel.clone()),
        ("compiler", host.rustc.clone()),
    ];
    let installed = results.versions.iter().map(|(system, version)| {
        let name = match system {
            System::Node => "Node.js",
            system => system.label(),
        };
        (name, version.clone())
    });
    for (name, value) in here.into_iter().chain(installed) {
        table.row(&[name.to_owned(), value]);
    }
    table
}

fn columns(first: &str, parts: &[(&str, &[System])]) -> String {
    let columns = parts.iter().flat_map(|(name, systems)| {
        systems.iter().map(move |system| format!("{name}{}", system.label()))
    });
    [first.to_owned()].into_iter().chain(columns).collect::<Vec<_>>().join(" | ")
}

/// What DynamoDB charges for each request, and how often a request waits for it.
fn units(log: &Log) -> Table {
    let columns = columns("request", &[("read units: ", &COUNTED), ("round trips: ", &COUNTED)]);
    let mut table = Table::new(name(UNITS, log.entries), &columns);
    for case in &log.reads {
        let of = |cell: &dyn Fn(&Read) -> Option<String>| {
            COUNTED.map(|system| {
                case.systems.get(&system).and_then(cell).unwrap_or_else(|| NOTHING.to_owned())
            })
        };
        let units = of(&|read| read.read_units.map(|units| rounded(units, 1)));
        let round_trips =
            of(&|read| read.round_trips.map(|round_trips| rounded(round_trips.into(), 0)));
        let cells = [case.name.clone()].into_iter().chain(units).chain(round_trips);
        table.row(&cells.collect::<Vec<_>>());
    }
    table
}

/// How long each request takes here.
fn times(log: &Log) -> Table {
    let columns = columns("request", &[("", &System::ALL)]);
    let mut table = Table::new(name(TIMES, log.entries), &columns);
    for case in &log.reads {
        let cells = System::ALL
            .map(|system| case.systems.get(&system).map_or_else(|| NOTHING.to_owned(), time));
        table.row(&[case.name.clone()].into_iter().chain(cells).collect::<Vec<_>>());
    }
    table
}

/// The median, the 99th percentile if there is one, and the processor time.
fn time(read: &Read) -> String {
    let p99 = read.p99_ms.map_or_else(|| NOTHING.to_owned(), milliseconds);
    format!("{} / {p99} / {}", milliseconds(read.p50_ms), milliseconds(read.cpu_ms))
}

/// Three digits are enough.
fn milliseconds(time: f64) -> String {
    let decimals = match time {
        time if time < 9.95 => 1,
        _ => 0,
    };
    rounded(time, decimals)
}

/// The bytes of an entry.
fn stored(results: &Results) -> Table {
    const SYSTEMS: [System; 3] = [System::Ours, System::Dynamodb, System::Postgresql];
    let mut table = Table::new("stored", &columns("entries", &[("", &SYSTEMS)]));
    for log in &results.logs {
        let cells = SYSTEMS.map(|system| {
            log.stored.get(&system).map_or_else(|| NOTHING.to_owned(), |bytes| rounded(*bytes, 0))
        });
        let entries = thousands(log.entries);
        table.row(&[entries].into_iter().chain(cells).collect::<Vec<_>>());
    }
    table
}

/// What an append takes.
fn appends(results: &Results) -> Table {
    let columns = columns(
        "appends of one user",
        &[("write units: ", &COUNTED), ("requests: ", &COUNTED), ("a second: ", &System::ALL)],
    );
    let mut table = Table::new("appends", &columns);
    for case in &results.writes {
        let of = |system: &System| case.systems.get(system);
        let nothing = || NOTHING.to_owned();
        let units = COUNTED.map(|system| {
            let units = of(&system).and_then(|write| write.write_units);
            units.map_or_else(nothing, |units| rounded(units, 2))
        });
        let requests = COUNTED.map(|system| {
            let requests = of(&system).and_then(|write| write.requests);
            requests.map_or_else(nothing, |requests| rounded(requests, 2))
        });
        let rates = System::ALL.map(|system| {
            of(&system).map_or_else(nothing, |write| rounded(write.entries_a_second, 0))
        });
        let cells = [case.name.clone()].into_iter().chain(units).chain(requests).chain(rates);
        table.row(&cells.collect::<Vec<_>>());
    }
    table
}

/// A number with so many decimals.
fn rounded(number: f64, decimals: usize) -> String {
    grouped(&format!("{number:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use bench::machine::Host;
    use bench::markdown::replaced;
    use bench::results::{Case, Write};

    use super::*;

    fn results() -> Results {
        let read = |units, p99_ms| Read {
            read_units: units,
            round_trips: units.map(|_| 2),
            p50_ms: 1_234.5,
            p99_ms,
            cpu_ms: 0.25,
            samples: 5,
        };
        let write = Write { write_units: Some(11.187), requests: Some(0.1), entries_a_second: 3e3 };
        Results {
            date: "2026-11-30".to_owned(),
            host: Host::this().unwrap(),
            versions: BTreeMap::from([(System::Node, "v20.20.2".to_owned())]),
            logs: vec![Log {
                entries: 100_000,
                stored: BTreeMap::from([(System::Ours, 1_799.6)]),
                reads: vec![Case {
                    name: "first page".to_owned(),
                    systems: BTreeMap::from([
                        (System::Ours, read(Some(7.5), Some(2_000.0))),
                        (System::Postgresql, read(None, None)),
                    ]),
                }],
            }],
            writes: vec![Case {
                name: "one after another".to_owned(),
                systems: BTreeMap::from([(System::Ours, write)]),
            }],
            cold_start: None,
        }
    }

    #[test]
    fn a_cell_without_a_figure_is_a_dash() {
        let results = results();
        let log = &results.logs[0];
        assert_eq!(units(log).lines[2], "| first page | 7.5 | – | 2 | – |");
        assert_eq!(
            times(log).lines[2],
            "| first page | 1,234 / 2,000 / 0.2 | – | – | 1,234 / – / 0.2 |"
        );
        assert_eq!(stored(&results).lines[2], "| 100,000 | 1,800 | – | – |");
        let appends = appends(&results);
        assert_eq!(
            appends.lines[2],
            "| one after another | 11.19 | – | 0.10 | – | 3,000 | – | – | – |"
        );
        for table in tables(&results) {
            let bars = |line: &String| line.matches('|').count();
            assert!(table.lines.iter().all(|line| bars(line) == bars(&table.lines[0])));
        }
    }

    #[test]
    fn a_number_has_commas_and_decimals() {
        for (number, decimals, expected) in [
            (0.0, 0, "0"),
            (999.0, 0, "999"),
            (1_000.0, 0, "1,000"),
            (1_234_567.25, 1, "1,234,567.2"),
            (99.96, 1, "100.0"),
        ] {
            assert_eq!(rounded(number, decimals), expected);
        }
        assert_eq!(milliseconds(9.96), "10");
    }

    #[test]
    fn the_document_has_the_tables_of_the_committed_results() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let results = Results::read(&folder.join("results.json")).unwrap();
        let text = std::fs::read_to_string(folder.join("../docs/benchmarks.md")).unwrap();
        assert!(
            replaced(&text, &tables(&results)).unwrap() == text,
            "make bench ARGS=--tables writes the tables of docs/benchmarks.md"
        );
    }

    #[test]
    fn each_design_is_better_where_the_document_says_so() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let results = Results::read(&folder.join("results.json")).unwrap();
        for case in &results.writes {
            let of = |system| case.systems.get(&system);
            let units = |system| of(system).and_then(|write| write.write_units);
            assert!(units(System::Dynamodb) < units(System::Ours), "{}", case.name);
            let rate = |system| of(system).map(|write| write.entries_a_second);
            let is_alone = case.name == "one after another";
            assert!(is_alone || rate(System::Postgresql) > rate(System::Ours), "{}", case.name);
        }
        let shortest = results.log(1_000).unwrap();
        for name in ["time range, a tenth", "get, miss"] {
            let units = |system| shortest.read(name, system).and_then(|read| read.read_units);
            assert!(units(System::Dynamodb) < units(System::Ours), "{name}");
        }
        let sooner = |log: &Log, name: &str, first, second| {
            let of = |system| log.read(name, system).map(|read| read.p50_ms).unwrap();
            assert!(of(first) < of(second), "{name} of {}", log.entries);
        };
        sooner(shortest, "first page", System::Postgresql, System::Ours);
        for log in &results.logs {
            sooner(log, "get, hit", System::Postgresql, System::Ours);
            for other in [System::Dynamodb, System::Postgresql] {
                assert!(log.stored[&other] < log.stored[&System::Ours], "{}", log.entries);
            }
        }
        let long = results.log(100_000).unwrap();
        for log in [shortest, long] {
            for name in ["page of 1,000", "time range, a tenth", "filter 1 %", "filter 0.01 %"] {
                sooner(log, name, System::Postgresql, System::Ours);
            }
        }
        let longest = results.log(1_000_000).unwrap();
        let begins =
            ["first page", "offset", "filter", "several", "exclusions", "total", "page of"];
        let is_page = |name: &str| begins.iter().any(|begin| name.starts_with(begin));
        for Case { name, .. } in &longest.reads {
            if is_page(name) || ["facets", "histogram"].contains(&name.as_str()) {
                sooner(longest, name, System::Ours, System::Postgresql);
            }
        }
        for name in ["total (`limit=0`)", "facets", "offset 99 %"] {
            sooner(long, name, System::Ours, System::Postgresql);
        }
        let units = |log: &Log, system| log.read("first page", system).unwrap().read_units.unwrap();
        for (log, times) in [(long, 50.0), (longest, 500.0)] {
            assert!(units(log, System::Dynamodb) > times * units(shortest, System::Dynamodb));
            assert!(units(log, System::Ours) < 1.2 * units(shortest, System::Ours));
        }
    }
}
