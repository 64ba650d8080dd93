//! What each request and each append takes, here and in three other ways to keep such a log: the usual
//! design on DynamoDB in Rust and in JavaScript, and PostgreSQL.
//!
//! All systems get the same log of one user, and the same events of API Gateway, through the same
//! emulator of Lambda's Runtime API. Their responses must agree, or the bench fails. What DynamoDB
//! charges is counted in a pass of its own; times are taken in another, in which the systems take turns.

mod process;
mod reads;
mod requests;
mod systems;
mod tables;
mod workload;
mod writes;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bench::machine::{Host, today};
use bench::markdown::{Table, mark, replaced};
use bench::numbers::thousands;
use bench::results::{Case, Log, Results, System};
use bench::{Failure, function};
use clap::Parser;

use systems::{Databases, Systems};
use tables::{TIMES, UNITS, name, tables};

/// What requests and appends take, compared with other designs
#[derive(Parser)]
struct Arguments {
    /// How long the logs are
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 100_000],
          value_parser = clap::value_parser!(u64).range(1..))]
    entries: Vec<u64>,
    /// Measures only the requests with this in their name, and no appends; writes nothing
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Measures only these systems; writes nothing
    #[arg(long, value_delimiter = ',')]
    systems: Option<Vec<System>>,
    /// Where the functions and the peers are; beside this program's folder, in `release`, if absent
    #[arg(long, value_name = "DIR")]
    functions: Option<PathBuf>,
    /// For how many seconds a request is timed in each system at most, but for the first five times
    #[arg(long, default_value_t = 1)]
    seconds: u64,
    /// The file of the results. The logs of other lengths that were measured on this machine stay in it
    #[arg(long, default_value = "bench/results.json")]
    results: PathBuf,
    /// The document with the tables
    #[arg(long, default_value = "docs/benchmarks.md")]
    document: PathBuf,
    /// Measures nothing, and writes the tables of the results into the document
    #[arg(long)]
    tables: bool,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    if arguments.tables {
        return write_tables(&arguments, &Results::read(&arguments.results)?);
    }
    let is_written = arguments.only.is_none() && arguments.systems.is_none();
    if is_written {
        check_places(&arguments)?;
    }
    let results = run(&arguments).await?;
    for table in tables(&results) {
        print(&table);
    }
    if !is_written {
        println!("Nothing is written, because not everything was measured.");
        return Ok(());
    }
    let results = merge(results, &arguments)?;
    results.write(&arguments.results)?;
    write_tables(&arguments, &results)
}

/// Whether the document has a place for the tables of each log. A long log is measured for an hour and
/// more, so that is found out before.
fn check_places(arguments: &Arguments) -> Result<(), Failure> {
    let text = std::fs::read_to_string(&arguments.document)?;
    let kinds = [UNITS, TIMES];
    let marks = arguments.entries.iter().flat_map(|entries| kinds.map(|kind| name(kind, *entries)));
    let lacking = marks.map(|name| mark(&name)).find(|mark| !text.contains(mark));
    match lacking {
        None => Ok(()),
        Some(mark) => {
            let document = arguments.document.display();
            Err(format!("{document} lacks the line {mark}, below a heading for that log").into())
        }
    }
}

fn print(table: &Table) {
    println!("{}\n\n{}\n", table.name, table.lines.join("\n"));
}

fn write_tables(arguments: &Arguments, results: &Results) -> Result<(), Failure> {
    let text = std::fs::read_to_string(&arguments.document)?;
    std::fs::write(&arguments.document, replaced(&text, &tables(results))?)?;
    Ok(())
}

/// Measures what is asked for.
async fn run(arguments: &Arguments) -> Result<Results, Failure> {
    let functions = function::folder(arguments.functions.clone())?;
    let wanted = arguments.systems.as_deref().unwrap_or(&System::ALL);
    let systems = Systems::find(wanted, functions).await?;
    let only = arguments.only.as_deref().unwrap_or_default();
    let time = Duration::from_secs(arguments.seconds);
    let started = Instant::now();
    let mut lengths = arguments.entries.clone();
    lengths.sort_unstable();
    let mut logs = Vec::new();
    for entries in lengths {
        logs.push(measure_log(&systems, entries, only, time).await?);
    }
    let mut writes: Vec<Case<_>> = Vec::new();
    if only.is_empty() {
        writes = stage("appends", writes::measure(&systems)).await?;
    }
    eprintln!("all in {:.0} s", started.elapsed().as_secs_f64());
    let versions = systems.versions().clone();
    Ok(Results { date: today(), host: Host::this()?, versions, logs, writes, cold_start: None })
}

/// Measures the requests with `only` in their name on a log of this many entries.
async fn measure_log(
    systems: &Systems,
    entries: u64,
    only: &str,
    time: Duration,
) -> Result<Log, Failure> {
    let length = thousands(entries);
    let databases =
        stage(&format!("{length} entries, loading"), Databases::fill(systems, entries)).await?;
    let mut targets = databases.targets(systems, entries).await?;
    let mut reads = Vec::new();
    for request in requests::requests(entries, databases.ids)? {
        if request.name.contains(only) {
            let name = format!("{length} entries, {}", request.name);
            reads.push(stage(&name, reads::measure(&mut targets, &request, time)).await?);
        }
    }
    drop(targets);
    let name = format!("{length} entries, what is stored");
    let stored = stage(&name, databases.stored(systems, entries)).await?;
    databases.stop().await;
    Ok(Log { entries, stored, reads })
}

/// Does a part of the work, and says on stderr how long it took.
async fn stage<T>(
    name: &str,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let started = Instant::now();
    let outcome = work.await.map_err(|error| format!("{name}: {error}"))?;
    eprintln!("{:6.1} s  {name}", started.elapsed().as_secs_f64());
    Ok(outcome)
}

/// `new`, with the logs of other lengths and the starts that the file has, if these are of this machine.
fn merge(mut new: Results, arguments: &Arguments) -> Result<Results, Failure> {
    if !arguments.results.exists() {
        return Ok(new);
    }
    let old = Results::read(&arguments.results)?;
    // It has a day and a machine of its own.
    new.cold_start = old.cold_start;
    if (&old.host, &old.versions) != (&new.host, &new.versions) {
        let file = arguments.results.display();
        eprintln!("what {file} has is of another machine or of other versions, and goes");
        return Ok(new);
    }
    let others = old.logs.into_iter().filter(|log| new.log(log.entries).is_none());
    let others: Vec<_> = others.collect();
    new.logs.extend(others);
    new.logs.sort_by_key(|log| log.entries);
    Ok(new)
}
