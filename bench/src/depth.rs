//! How long things take on the embedded DynamoDB of a laptop: pages at every depth of a log side by
//! side, importing and verifying it; and how much room it takes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use activity_log::ActivityLogger;
use activity_log::id::UserId;
use activity_log::store::{Draft, PageRequest, Placement, Start, Store, Verification};
use activity_log::time::Timestamp;
use activity_log::view::{Facet, Filter, Scope, View};
use activity_log_local::engine::Engine;
use activity_log_local::kit::{START, TEMPLATE, Workload};
use bench::Failure;
use bench::linux::peak_memory;
use clap::Parser;

/// Times at every depth of a log, side by side
#[derive(Parser)]
struct Arguments {
    /// How long the log is
    #[arg(long, default_value_t = 100_000)]
    entries: u64,
    /// A new folder for the log; in memory if absent
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// How often each page is read
    #[arg(long, default_value_t = 21)]
    samples: usize,
}

/// Bytes in a megabyte.
const MB: u64 = 1_000_000;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let Arguments { entries, data_dir, samples } = Arguments::parse();
    let engine = Engine::open(data_dir.as_deref(), 0, TEMPLATE).await?;
    let store = activity_log_local::store(&engine.endpoint());
    let user: UserId = 3.try_into()?;

    let started = Instant::now();
    append(&store, user, entries).await?;
    println!("appended   {entries} entries, {:.0} a second", rate(entries, started));
    if let Some(folder) = &data_dir {
        let bytes = folder_size(folder)?;
        println!("stored     {} bytes an entry", bytes / entries.max(1));
    }

    pages(&store, user, entries, samples).await?;

    let before = peak_memory("self")? / MB;
    let started = Instant::now();
    let verified = store.verify(user, &Verification::default()).await?;
    println!("verified   {} entries, {:.0} a second", verified.entries, rate(entries, started));
    let peak = peak_memory("self")? / MB;
    println!("memory     {peak} MB at most, {before} MB before it was verified");
    Ok(())
}

/// Fills the log, as an import does.
async fn append(store: &Store, user: UserId, entries: u64) -> Result<(), Failure> {
    const BATCH: u64 = 1_000;
    let logger = ActivityLogger::new(store.clone());
    let mut workload = Workload::w1();
    for first in (0..entries).step_by(usize::try_from(BATCH)?) {
        let batch = (first..entries.min(first + BATCH)).map(|number| {
            let created_at = Timestamp::from_millis(START + 60_000 * i64::try_from(number)?)?;
            let placement = Placement::Kept { created_at, id: None };
            Ok(Draft { activity: workload.next(), placement })
        });
        let batch = batch.collect::<Result<Vec<_>, Failure>>()?;
        logger.append_drafts(user, batch).await?;
    }
    Ok(())
}

/// Reads pages of 100 at all depths, in turn, and prints the median of each.
async fn pages(store: &Store, user: UserId, entries: u64, samples: usize) -> Result<(), Failure> {
    let filter = Filter { resource_type: Facet::only("function"), ..Filter::default() };
    let views = [
        ("user", View::of(Scope::User(user))),
        ("project", View::of(Scope::Project(user, 4.try_into()?))),
        ("half of the user's", View { scope: Scope::User(user), filter }),
    ];
    for (name, view) in views {
        let total = store.page(&PageRequest::newest(view.clone(), 0)).await?.total;
        let offsets = [0, total / 10, total / 2, total / 100 * 99, total.saturating_sub(100)];
        let mut times = vec![Vec::with_capacity(samples); offsets.len()];
        for _ in 0..samples {
            for (offset, times) in offsets.iter().zip(&mut times) {
                let start = Start::Offset(*offset);
                let request = PageRequest { start, ..PageRequest::newest(view.clone(), 100) };
                let started = Instant::now();
                let page = store.page(&request).await?;
                times.push(started.elapsed());
                if page.total != total || page.activities.len() as u64 != total.min(100) {
                    return Err(format!("a page of {} of {}", page.activities.len(), total).into());
                }
            }
        }
        let medians: Vec<Duration> = times.into_iter().map(median).collect();
        println!("pages of 100, {name}, of {entries} entries");
        for (offset, time) in offsets.iter().zip(&medians) {
            let ratio = time.as_secs_f64() / medians[0].as_secs_f64();
            let millis = time.as_secs_f64() * 1e3;
            println!(
                "           offset {offset:>9}: {millis:6.2} ms, {ratio:.2} of the first page"
            );
        }
    }
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// How many a second since `started`.
#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^53")]
fn rate(count: u64, started: Instant) -> f64 {
    count as f64 / started.elapsed().as_secs_f64()
}

/// The bytes of all files in a folder.
fn folder_size(folder: &Path) -> Result<u64, Failure> {
    let files = std::fs::read_dir(folder)?;
    files.map(|file| Ok(file?.metadata()?.len())).sum()
}
