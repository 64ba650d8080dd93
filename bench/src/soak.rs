//! Many writers and readers on one embedded DynamoDB for a while: how much is done, how often an
//! append has to be tried again, what fails, and whether the logs are right afterwards.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use activity_log::id::UserId;
use activity_log::store::{Order, PageRequest, Start, Store, Usage, Verification, measure};
use activity_log::view::{Facet, Filter, Scope, View};
use activity_log::{ActivityLogger, Metadata, NewActivity, Report};
use activity_log_local::engine::Engine;
use clap::Parser;
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt, TryStreamExt};

const TEMPLATE: &str = include_str!("../../template.yaml");

/// Load on the log: writers and readers side by side, on an embedded DynamoDB.
#[derive(Parser)]
struct Arguments {
    /// For how long
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How many processes write: those of one process share a logger
    #[arg(long, default_value_t = 5)]
    processes: u64,
    /// How many write at the same time
    #[arg(long, default_value_t = 50)]
    writers: u64,
    /// How many read at the same time
    #[arg(long, default_value_t = 10)]
    readers: u64,
    /// How many users there are beside the hot one
    #[arg(long, default_value_t = 500)]
    users: u64,
    /// How many seconds an append may take before it counts as failed
    #[arg(long, default_value_t = 30)]
    deadline: u64,
    /// How many of a hundred appends are the hot user's
    #[arg(long, default_value_t = 10)]
    hot: u8,
}

/// The user who does much more than the others.
const HOT: u64 = 1;

/// What one writer or reader did.
#[derive(Default)]
struct Done {
    times: Vec<Duration>,
    usage: Usage,
    hot: u64,
    failures: Vec<String>,
}

impl Done {
    fn add(&mut self, usage: Usage) {
        self.usage.retries += usage.retries;
        self.usage.read_units += usage.read_units;
        self.usage.write_units += usage.write_units;
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments = Arguments::parse();
    let engine = Engine::in_memory(TEMPLATE).await?;
    let store = activity_log_local::store(&engine.endpoint());

    let started = Instant::now();
    let end = started + Duration::from_secs(arguments.seconds);
    let arguments = &arguments;
    let deadline = Duration::from_secs(arguments.deadline);
    let loggers: Vec<_> = (0..arguments.processes.max(1))
        .map(|_| Arc::new(ActivityLogger::new(store.clone()).with_deadline(deadline)))
        .collect();
    let writers = (0..arguments.writers).zip(loggers.iter().cycle()).map(|(seed, logger)| {
        tokio::spawn(write(Arc::clone(logger), arguments.hot, arguments.users, end, seed))
    });
    let readers = (0..arguments.readers)
        .map(|seed| tokio::spawn(read(store.clone(), arguments.users, end, seed)));
    let (writers, readers) = (writers.collect::<Vec<_>>(), readers.collect::<Vec<_>>());
    let written = sum(join_all(writers).await)?;
    let read = sum(join_all(readers).await)?;
    let seconds = started.elapsed().as_secs_f64();

    let appends = u32::try_from(written.times.len())?;
    let pages = u32::try_from(read.times.len())?;
    println!(
        "{} writers in {} processes and {} readers for {seconds:.0} s: {} users and a hot one",
        arguments.writers, arguments.processes, arguments.readers, arguments.users
    );
    println!(
        "appends   {appends} ({:.0} a second), {} of them the hot user's",
        f64::from(appends) / seconds,
        written.hot
    );
    println!(
        "          {:.3} retries an append",
        f64::from(written.usage.retries) / f64::from(appends)
    );
    println!(
        "          {:.1} read and {:.1} write units an append",
        written.usage.read_units / f64::from(appends),
        written.usage.write_units / f64::from(appends)
    );
    println!("          {}", percentiles(&written.times));
    println!("reads     {pages} ({:.0} a second)", f64::from(pages) / seconds);
    println!("          {:.1} read units a read", read.usage.read_units / f64::from(pages));
    println!("          {}", percentiles(&read.times));
    println!("failures  {} of appends, {} of reads", written.failures.len(), read.failures.len());
    let failures = written.failures.iter().chain(&read.failures);
    failures.take(5).for_each(|failure| println!("          {failure}"));

    let verified = verify(&store, arguments.users).await?;
    println!("verify    {verified} entries hold");
    let lost = u64::from(appends) != verified;
    if lost {
        println!("          but {appends} were acknowledged");
    }
    let good = !lost && written.failures.is_empty() && read.failures.is_empty();
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Appends one activity after another until `end`.
async fn write(logger: Arc<ActivityLogger>, hot: u8, users: u64, end: Instant, seed: u64) -> Done {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut done = Done::default();
    while Instant::now() < end {
        let is_hot = random.u8(..100) < hot;
        let user = if is_hot { HOT } else { random.u64(HOT + 1..=HOT + users) };
        let started = Instant::now();
        let append = async {
            let (user, activity) = (UserId::try_from(user)?, activity(&mut random)?);
            Ok::<_, Box<dyn Error + Send + Sync>>(logger.append(user, activity).await?)
        };
        let (outcome, usage) = measure(append).await;
        done.add(usage);
        match outcome {
            Ok(_) => {
                done.times.push(started.elapsed());
                done.hot += u64::from(is_hot);
            }
            Err(error) => done.failures.push(Report(error.as_ref()).to_string()),
        }
    }
    done
}

/// Reads pages of all kinds until `end`.
async fn read(store: Store, users: u64, end: Instant, seed: u64) -> Done {
    let mut random = fastrand::Rng::with_seed(!seed);
    let mut done = Done::default();
    while Instant::now() < end {
        let user = if random.bool() { HOT } else { random.u64(HOT + 1..=HOT + users) };
        let Ok(user) = user.try_into() else { continue };
        let mut facet = |value| if random.bool() { Facet::only(value) } else { Facet::default() };
        let filter = Filter { resource_type: facet("function"), action: facet("create") };
        let request = PageRequest {
            order: if random.bool() { Order::NewestFirst } else { Order::OldestFirst },
            start: Start::Offset(random.u64(..200)),
            ..PageRequest::newest(View { scope: Scope::User(user), filter }, 100)
        };
        let started = Instant::now();
        let (page, usage) = measure(store.page(&request)).await;
        done.add(usage);
        match page {
            Ok(_) => done.times.push(started.elapsed()),
            Err(error) => done.failures.push(Report(&error).to_string()),
        }
    }
    done
}

/// An activity of about 500 bytes in all three scopes.
fn activity(random: &mut fastrand::Rng) -> Result<NewActivity, Box<dyn Error + Send + Sync>> {
    let number = random.u64(..1_000_000);
    let action = if random.bool() { "create" } else { "invoke" };
    let kind = if random.bool() { "function" } else { "database" };
    let metadata = format!(
        r#"{{"runtime":"nodejs20.x","handler":"index.handler","region":"us-east-1","n":{number},"url":"https://abc123xyz.lambda-url.us-east-1.on.aws/"}}"#
    );
    Ok(NewActivity::new(action)
        .resource(kind, (number + 1).try_into()?)
        .environment(1.try_into()?, random.u64(1..3).try_into()?)
        .description(format!("Did number {number} of the things that are done to a {kind}"))
        .metadata(Metadata::from_text(metadata)?)
        .client("203.0.113.9".parse()?, "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101"))
}

/// Proves every user's log; returns how many entries there are.
async fn verify(store: &Store, users: u64) -> Result<u64, Box<dyn Error>> {
    let entries = stream::iter(HOT..=HOT + users)
        .map(async |user| {
            let verified = store.verify(user.try_into()?, &Verification::default()).await?;
            Ok::<_, Box<dyn Error>>(verified.entries)
        })
        .buffer_unordered(8);
    entries.try_fold(0, async |sum, entries| Ok(sum + entries)).await
}

fn sum(done: Vec<Result<Done, tokio::task::JoinError>>) -> Result<Done, tokio::task::JoinError> {
    let mut sum = Done::default();
    for done in done {
        let done = done?;
        sum.times.extend(done.times);
        sum.add(done.usage);
        sum.hot += done.hot;
        sum.failures.extend(done.failures);
    }
    sum.times.sort_unstable();
    Ok(sum)
}

fn percentiles(sorted: &[Duration]) -> String {
    let at = |percent: usize| {
        let index = (sorted.len().saturating_sub(1)) * percent / 100;
        sorted.get(index).map_or(0, Duration::as_millis)
    };
    format!("{} ms at the median, {} ms for 99 of 100, {} ms at most", at(50), at(99), at(100))
}
