//! Which pictures there are, and what they show of the results.

use bench::cold_start::ColdStart;
use bench::results::{Log, Read, Results, System};
use bench::{Failure, prices, real};

use crate::cold;
use crate::lines::{Lines, Series};
use crate::price_list::{Part, Prices, Row};
use crate::scale::{dollars, number};

/// A picture.
pub(crate) struct Picture {
    /// The name of its file.
    pub(crate) name: &'static str,
    /// Its text.
    pub(crate) svg: String,
}

/// What makes the figures of requests and appends.
const BENCH: &str = "make bench ARGS='--entries 1000000'";

/// What makes the figures of starts.
const COLD: &str = "make bench-cold";

/// The systems that DynamoDB counts units of, but for the peer in JavaScript, which makes the same calls
/// as the one in Rust.
const COUNTED: [System; 2] = [System::Ours, System::Dynamodb];

/// The requests whose offset is a part of the log, in per cent.
const OFFSETS: [(f64, &str); 4] =
    [(0.0, "first page"), (10.0, "offset 10 %"), (50.0, "offset 50 %"), (99.0, "offset 99 %")];

/// The kinds of appends that are priced.
const APPENDS: [&str; 2] = ["one after another", "in batches of 25"];

/// Hours of a month.
const HOURS: f64 = 730.0;

/// Zones that a PostgreSQL server is in: it and its standby.
const ZONES: f64 = 2.0;

/// All pictures.
///
/// # Errors
/// If the results lack something that a picture shows: says what, and which command makes it.
pub(crate) fn pictures(results: &Results) -> Result<Vec<Picture>, Failure> {
    Ok(vec![
        Picture { name: "page-by-length.svg", svg: by_length(results)?.draw() },
        Picture { name: "page-by-offset.svg", svg: by_offset(results)?.draw() },
        Picture { name: "price.svg", svg: price(results)?.draw() },
        Picture { name: "cold-start.svg", svg: cold::draw(&cold_start(results)?) },
    ])
}

fn missing(what: &str, command: &str) -> Failure {
    format!("the results have no {what}; `{command}` makes them").into()
}

/// The place of a system among all: its colour and its marker.
fn look(system: System) -> usize {
    System::ALL.iter().position(|other| *other == system).unwrap_or_default()
}

/// Read units of a request of this name.
fn units(log: &Log, name: &str, system: System) -> Result<f64, Failure> {
    let units = log.read(name, system).and_then(|read: &Read| read.read_units);
    units.filter(|units| *units > 0.0).ok_or_else(|| {
        let label = system.label();
        missing(&format!("read units of \"{name}\", {} entries, {label}", log.entries), BENCH)
    })
}

/// A line for each system that DynamoDB counts units of.
fn counted(of: impl Fn(System) -> Result<Vec<f64>, Failure>) -> Result<Vec<Series>, Failure> {
    let series = COUNTED.map(|system| {
        Ok(Series { name: system.label().to_owned(), look: look(system), values: of(system)? })
    });
    series.into_iter().collect()
}

fn note(results: &Results) -> String {
    format!(
        "As DynamoDB counts them, {}; 100 entries and their total. PostgreSQL has no read units.",
        results.date
    )
}

/// The first page, by the length of the log.
fn by_length(results: &Results) -> Result<Lines, Failure> {
    let (Some(first), Some(last)) = (results.logs.first(), results.logs.last()) else {
        return Err(missing("logs", BENCH));
    };
    if first.entries == last.entries {
        return Err(missing("logs of several lengths", BENCH));
    }
    let decades = |entries: u64| (real(entries) / real(first.entries)).log10();
    let all = decades(last.entries);
    let place = |log: &Log| (decades(log.entries) / all, number(real(log.entries)));
    let page = "first page";
    Ok(Lines {
        title: "What a page costs as the log grows".to_owned(),
        vertical: "Read units of the newest page (logarithmic)".to_owned(),
        horizontal: "entries of the user (logarithmic)".to_owned(),
        places: results.logs.iter().map(place).collect(),
        series: counted(|system| {
            results.logs.iter().map(|log| units(log, page, system)).collect()
        })?,
        note: note(results),
    })
}

/// Pages of the longest log, by their offset.
fn by_offset(results: &Results) -> Result<Lines, Failure> {
    let log = results.logs.last().ok_or_else(|| missing("logs", BENCH))?;
    Ok(Lines {
        title: format!("What a page costs deep in a log of {} entries", number(real(log.entries))),
        vertical: "Read units of a page (logarithmic)".to_owned(),
        horizontal: "offset, as a part of the log".to_owned(),
        places: OFFSETS
            .map(|(percent, _)| (percent / 100.0, format!("{} %", number(percent))))
            .into(),
        series: counted(|system| {
            OFFSETS.iter().map(|(_, name)| units(log, name, system)).collect()
        })?,
        note: note(results),
    })
}

/// Appends, storage, and what costs the same whatever is done.
fn price(results: &Results) -> Result<Prices, Failure> {
    let row = |system: System, price, remark: &str| Row {
        name: system.label().to_owned(),
        look: look(system),
        price,
        remark: remark.to_owned(),
    };
    let mut parts = Vec::new();
    for kind in APPENDS {
        let case = results.writes.iter().find(|case| case.name == kind);
        let mut rows = Vec::new();
        for system in COUNTED {
            let write = case.and_then(|case| case.systems.get(&system));
            let units = write.and_then(|write| write.write_units).ok_or_else(|| {
                missing(&format!("write units of appends {kind}, {}", system.label()), BENCH)
            })?;
            rows.push(row(system, Some(units * prices::WRITE_UNITS), ""));
        }
        rows.push(row(System::Postgresql, None, "nothing, as long as its server is up to it"));
        parts.push(Part { name: format!("A million appends, {kind}"), rows });
    }
    let log = results.logs.last().ok_or_else(|| missing("logs", BENCH))?;
    let disk = ZONES * prices::POSTGRES_STORAGE;
    let mut rows = Vec::new();
    for (system, gigabyte) in [
        (System::Ours, prices::STORAGE),
        (System::Dynamodb, prices::STORAGE),
        (System::Postgresql, disk),
    ] {
        let bytes = log.stored.get(&system).ok_or_else(|| {
            missing(&format!("stored bytes of an entry, {}", system.label()), BENCH)
        })?;
        rows.push(row(system, Some(bytes * 1e6 / prices::GB * gigabyte), ""));
    }
    parts.push(Part { name: "A million entries kept for a month".to_owned(), rows });
    let [(server, hour), _] = prices::POSTGRES_HOURS;
    let month = ZONES * hour * HOURS + disk * prices::POSTGRES_DISK;
    parts.push(Part {
        name: "A month in which nothing happens".to_owned(),
        rows: vec![
            row(System::Ours, None, "nothing but what is kept"),
            row(System::Dynamodb, None, "nothing but what is kept"),
            row(System::Postgresql, Some(month), "for its server"),
        ],
    });
    Ok(Prices {
        title: "What writing and keeping costs, in dollars (logarithmic)".to_owned(),
        parts,
        note: format!(
            "On demand in us-east-1, {}: {} a million write units (reads left out), {} a GB and month. \
             PostgreSQL on RDS: two {server} at {} an hour, with {} GB each.",
            results.date,
            dollars_exact(prices::WRITE_UNITS),
            dollars(prices::STORAGE),
            dollars_exact(hour),
            number(prices::POSTGRES_DISK)
        ),
    })
}

/// A price that has fractions of a cent.
fn dollars_exact(amount: f64) -> String {
    format!("${amount:.3}")
}

/// The figures of starts.
///
/// # Errors
/// If the results have none.
pub(crate) fn cold_start(results: &Results) -> Result<ColdStart, Failure> {
    let value = results.cold_start.clone().ok_or_else(|| missing("starts", COLD))?;
    Ok(serde_json::from_value(value)?)
}
