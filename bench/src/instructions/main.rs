//! How many instructions a request takes: the read functions as processes of their own, under
//! callgrind, on an embedded DynamoDB and an emulator of Lambda's Runtime API.
//!
//! Instructions are the same from run to run to within a per cent, where times on a shared machine are
//! not. What they leave out: that an instruction may take longer than another, and that valgrind
//! hides some of the processor's (those for SHA, for one), so that libraries take slower code.

mod callgrind;
mod figures;
mod tag;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use activity_log_local::engine::Engine;
use activity_log_local::folder::Folder;
use activity_log_local::kit::TEMPLATE;
use bench::machine::Machine;
use bench::markdown::replaced;
use bench::short_log::{fill, get_event};
use bench::{Failure, function};
use clap::Parser;
use serde_json::{Value, json};

use figures::{Figures, per_request};

const LIST: &str = include_str!("../../../events/list-activities.json");

/// How many entries the log has: fifteen blocks and a tail.
const ENTRIES: u64 = 1_000;

/// How many requests the shorter run has: enough that all that is done once is done.
const WARM_UP: u32 = 20;

/// How many more the longer run has.
const REQUESTS: u32 = 100;

/// How many instructions a request takes
#[derive(Parser)]
struct Arguments {
    /// Writes the numbers into this file
    #[arg(long, conflicts_with = "check")]
    write: Option<PathBuf>,
    /// Fails if the numbers are more than five per cent from those of this file
    #[arg(long)]
    check: Option<PathBuf>,
    /// The document that has the numbers in its tables, written with the file
    #[arg(long, default_value = "docs/benchmarks.md")]
    document: PathBuf,
    /// Where the functions are; beside this program's folder, in `release`, if absent
    #[arg(long, value_name = "DIR")]
    functions: Option<PathBuf>,
    /// Keeps the profiles here, for `callgrind_annotate`
    #[arg(long, value_name = "DIR")]
    profiles: Option<PathBuf>,
    /// Measures only the cases with this in their name
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["write", "check"])]
    only: Option<String>,
}

/// A request that is measured.
struct Case {
    name: &'static str,
    function: &'static str,
    event: Value,
}

#[tokio::main]
async fn main() -> Result<ExitCode, Failure> {
    let Arguments { write, check, document, functions, profiles, only } = Arguments::parse();
    let machine = match callgrind::version() {
        Ok(version) => Machine::this(version)?,
        Err(missing) => {
            eprintln!("{missing}");
            return Ok(ExitCode::FAILURE);
        }
    };
    let held = match &check {
        None => None,
        Some(path) => {
            let held: Figures = serde_json::from_str(&std::fs::read_to_string(path)?)?;
            if let Some(difference) = machine.differs_from(&held.machine) {
                println!("skipped: {} is of another machine: {difference}", path.display());
                return Ok(ExitCode::SUCCESS);
            }
            Some(held)
        }
    };
    let functions = function::folder(functions)?;
    let only = only.unwrap_or_default();
    let cases = measure(&functions, profiles.as_deref(), &only).await?;
    let figures = Figures { machine, cases, binaries: sizes(&functions)? };
    if let Some(held) = held {
        let differences = figures.differences(&held);
        if !differences.is_empty() {
            let lines = differences.join("\n");
            eprintln!("{lines}\nIf it must be so: make bench-check ARGS='--write {FILE}'");
            return Ok(ExitCode::FAILURE);
        }
    } else if let Some(path) = write {
        std::fs::write(path, serde_json::to_string_pretty(&figures)? + "\n")?;
        let text = std::fs::read_to_string(&document)?;
        std::fs::write(document, replaced(&text, &figures.tables())?)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The file that `make bench-check` holds the numbers against.
const FILE: &str = "bench/instructions.json";

/// The sizes of the binaries of the functions that are measured.
fn sizes(functions: &Path) -> Result<BTreeMap<String, u64>, Failure> {
    let size = |name: &str| Ok((name.to_owned(), functions.join(name).metadata()?.len()));
    ["list-activities", "get-activity"].into_iter().map(size).collect()
}

/// Measures the cases with `only` in their name, and prints each.
async fn measure(
    functions: &Path,
    profiles: Option<&Path>,
    only: &str,
) -> Result<BTreeMap<String, u64>, Failure> {
    let engine = Engine::in_memory(TEMPLATE).await?;
    let id = fill(&engine.endpoint(), ENTRIES).await?;
    let own = Folder::new("instructions")?;
    let folder = profiles.unwrap_or(own.path());
    std::fs::create_dir_all(folder)?;
    println!("| request | instructions |\n|---|--:|");
    let mut counts = BTreeMap::new();
    for case in cases(id)?.iter().filter(|case| case.name.contains(only)) {
        let function = functions.join(case.function);
        if !function.is_file() {
            return Err(format!("there is no {}", function.display()).into());
        }
        let run = async |invocations| {
            let profile = callgrind::profile(folder, case.name, invocations);
            let endpoint = engine.endpoint();
            callgrind::count(&function, &endpoint, &case.event, invocations, &profile).await
        };
        let (longer, shorter) = tokio::try_join!(run(WARM_UP + REQUESTS), run(WARM_UP))?;
        let count = per_request(longer, shorter, REQUESTS)?;
        println!("| {} | {count} |", case.name);
        counts.insert(case.name.to_owned(), count);
    }
    if let Some(page) = cases(id)?.first() {
        let function = functions.join(page.function);
        tag::print(&function, &engine.endpoint(), &page.event).await?;
    }
    engine.stop().await;
    Ok(counts)
}

/// What is measured.
fn cases(id: u64) -> Result<Vec<Case>, Failure> {
    let list = |name, query: &str, coding: Option<&str>| {
        let mut event: Value = serde_json::from_str(LIST)?;
        event["rawQueryString"] = query.into();
        event["queryStringParameters"] = json!({});
        if let Some(coding) = coding {
            event["headers"]["accept-encoding"] = coding.into();
        }
        Ok::<_, Failure>(Case { name, function: "list-activities", event })
    };
    Ok(vec![
        list("first page of 100", "limit=100", None)?,
        list("first page of 100, gzip", "limit=100", Some("gzip"))?,
        list("filtered page of 100", "limit=100&resourceType=function", None)?,
        list("total alone", "limit=0", None)?,
        Case { name: "get by id", function: "get-activity", event: get_event(id)? },
    ])
}
