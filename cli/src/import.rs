//! `activities import`: a log that comes from elsewhere.
//!
//! Activities keep their time and, where they have one, their id. Each user's are gathered into
//! batches of several transactions; users go side by side, the batches of one user in order. What
//! is there already is recognised and skipped, so an import that was stopped can be run again.
//!
//! An import is an operator's, who can mend a file, and so it is strict: what the log would have to
//! alter is an error that names the line and the field, unless repairs are asked for.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::sync::Arc;

use activity_log::activity::{Activity, Details};
use activity_log::directory::NameChange;
use activity_log::id::UserId;
use activity_log::logger::ActivityLogger;
use activity_log::store::{Draft, Order, Placement, SortKey, Store, TimeRange};
use activity_log::time::Timestamp;
use activity_log::view::{Scope, View};
use futures_util::TryStreamExt;
use indicatif::ProgressBar;
use tokio::task::JoinSet;

use crate::Failure;
use crate::input::{BadLine, Lines, Numbered};
use crate::line::{End, Entry, Record};
use crate::progress::progress_bar;
use crate::target::Target;

/// How many activities of a user are gathered: several transactions, of which each goes on from the
/// one before.
const BATCH: usize = 1_000;

/// How many activities are held in memory before all are written.
const MAX_WAITING: usize = 50_000;

/// How many users are written to side by side.
const SIDE_BY_SIDE: usize = 8;

/// How many names are written at a time.
const ENTITIES: usize = 500;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The file to read; - is standard input
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Alter what is over a limit or makes no sense, as the queue does, instead of stopping there;
    /// the entry says what came
    #[arg(long)]
    repair: bool,
    /// Write nothing; say whether every line can be imported and the file is a whole export
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let (input, size): (Box<dyn BufRead>, u64) = if arguments.file.as_os_str() == "-" {
        (Box::new(BufReader::new(std::io::stdin())), 0)
    } else {
        let name = arguments.file.display();
        let file = File::open(&arguments.file).map_err(|error| format!("{name}: {error}"))?;
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        (Box::new(BufReader::with_capacity(1 << 20, file)), size)
    };
    let mut lines = Lines::new(input, arguments.repair);
    if arguments.check {
        return check(&mut lines);
    }
    let store = arguments.target.store().await?;
    let bar = progress_bar(size, "{bar:40} {percent}% {msg}, {eta} left");
    let summary = import(&store, &mut lines, &bar).await?;
    println!("{summary}");
    if !lines.is_whole() {
        eprintln!("activities: {NOT_WHOLE}");
    }
    Ok(())
}

/// What is said of a file that may be cut.
const NOT_WHOLE: &str = "the file does not end as an export does, with how many lines there were: \
                         if it is one, it broke off";

/// Reads all lines, and writes nothing.
fn check(lines: &mut Lines<impl BufRead>) -> Result<(), Failure> {
    let mut found = End::default();
    while let Some(numbered) = lines.next()? {
        match numbered.record {
            Some(Record::Name(_)) => found.names += 1,
            Some(Record::Activity(_)) => found.activities += 1,
            None => {}
        }
    }
    if !lines.is_whole() {
        return Err(NOT_WHOLE.into());
    }
    println!("checked: {found}, a whole export");
    Ok(())
}

/// What an import did.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    /// Activities that were recorded.
    pub(crate) recorded: u64,
    /// Activities that were there.
    pub(crate) skipped: u64,
    /// Names of users, projects and environments that were written or deleted.
    pub(crate) entities: u64,
    /// Lines of activities that were altered.
    pub(crate) repaired: u64,
    /// Members of their lines that mean nothing.
    pub(crate) ignored: BTreeSet<String>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { recorded, skipped, entities, repaired, ignored } = self;
        write!(
            f,
            "imported: {recorded} activities, {entities} names; {skipped} activities were there"
        )?;
        if *repaired > 0 {
            write!(f, "; {repaired} were repaired")?;
        }
        if !ignored.is_empty() {
            let names: Vec<&str> = ignored.iter().map(String::as_str).collect();
            write!(f, "; these members mean nothing: {}", names.join(", "))?;
        }
        Ok(())
    }
}

/// An activity and the line it comes from.
struct Waiting {
    line: u64,
    /// The length of the line, for the bar.
    bytes: u64,
    draft: Draft,
}

/// What is known of a user's log while it is imported.
#[derive(Default)]
struct UserState {
    /// The newest entry before the batch, once it was looked up.
    newest: Option<SortKey>,
    /// Whether it was.
    looked_up: bool,
    /// The activities without an id of the file's latest `createdAt` so far.
    tied: Vec<(Timestamp, Details)>,
}

type Job = (UserId, UserState, u64, Summary, Result<(), BadLine>);

struct Importer {
    store: Store,
    logger: Arc<ActivityLogger>,
    waiting: HashMap<UserId, Vec<Waiting>>,
    waiting_count: usize,
    entities: Vec<NameChange>,
    /// The line of the first of `entities`.
    entities_line: u64,
    states: HashMap<UserId, UserState>,
    under_way: HashSet<UserId>,
    /// Users with a line at fault: nothing after it may be written, or it could not be mended.
    stopped: HashSet<UserId>,
    jobs: JoinSet<Job>,
    summary: Summary,
    /// Shows how much of the input is written, not how much is read.
    bar: ProgressBar,
}

/// Imports all lines.
///
/// # Errors
/// The first line at fault, with its number and the reason. What comes before it is imported.
pub(crate) async fn import(
    store: &Store,
    lines: &mut Lines<impl BufRead>,
    bar: &ProgressBar,
) -> Result<Summary, Failure> {
    let mut importer = Importer {
        store: store.clone(),
        logger: Arc::new(ActivityLogger::new(store.clone()).strict()),
        waiting: HashMap::new(),
        waiting_count: 0,
        entities: Vec::new(),
        entities_line: 0,
        states: HashMap::new(),
        under_way: HashSet::new(),
        stopped: HashSet::new(),
        jobs: JoinSet::new(),
        summary: Summary::default(),
        bar: bar.clone(),
    };
    let read = importer.read(lines).await;
    // A line at fault stops the reading; what was read before it is still written.
    let written = importer.finish().await;
    bar.finish_and_clear();
    let fault = [read.err(), written.err()].into_iter().flatten().min_by_key(|bad| bad.line);
    match fault {
        Some(bad) => Err(format!("{bad} ({})", importer.summary).into()),
        None => Ok(importer.summary),
    }
}

impl Importer {
    async fn read(&mut self, lines: &mut Lines<impl BufRead>) -> Result<(), BadLine> {
        while let Some(Numbered { number, bytes, record }) = lines.next()? {
            match record {
                Some(Record::Name(change)) => {
                    self.bar.inc(bytes);
                    if self.entities.is_empty() {
                        self.entities_line = number;
                    }
                    self.entities.push(change);
                    if self.entities.len() >= ENTITIES {
                        self.write_entities().await?;
                    }
                }
                Some(Record::Activity(entry)) => {
                    let Entry { user, draft, is_repaired, ignored } = *entry;
                    self.summary.repaired += u64::from(is_repaired);
                    self.summary.ignored.extend(ignored);
                    let waiting = self.waiting.entry(user).or_default();
                    waiting.push(Waiting { line: number, bytes, draft });
                    let full = waiting.len() >= BATCH;
                    self.waiting_count += 1;
                    if full {
                        self.start(user).await?;
                    } else if self.waiting_count >= MAX_WAITING {
                        self.start_all().await?;
                    }
                }
                None => self.bar.inc(bytes),
            }
        }
        Ok(())
    }

    async fn write_entities(&mut self) -> Result<(), BadLine> {
        let line = self.entities_line;
        let entities = std::mem::take(&mut self.entities);
        self.store
            .write_names(&entities)
            .await
            .map_err(|error| BadLine { line, reason: error.into() })?;
        self.summary.entities += entities.len() as u64;
        Ok(())
    }

    async fn start_all(&mut self) -> Result<(), BadLine> {
        let users: Vec<UserId> = self.waiting.keys().copied().collect();
        for user in users {
            self.start(user).await?;
        }
        Ok(())
    }

    /// Starts writing what waits for `user`, once the user's batch before it is written.
    async fn start(&mut self, user: UserId) -> Result<(), BadLine> {
        while self.jobs.len() >= SIDE_BY_SIDE || self.under_way.contains(&user) {
            if self.jobs.is_empty() {
                // The task of the batch before this one has ended without a word.
                self.under_way.remove(&user);
                self.stopped.insert(user);
            }
            self.join().await?;
        }
        let Some(batch) = self.waiting.remove(&user) else { return Ok(()) };
        self.waiting_count -= batch.len();
        if self.stopped.contains(&user) {
            return Ok(());
        }
        let state = self.states.remove(&user).unwrap_or_default();
        self.under_way.insert(user);
        self.jobs.spawn(write(self.store.clone(), Arc::clone(&self.logger), user, state, batch));
        Ok(())
    }

    /// Waits for a batch to be written.
    async fn join(&mut self) -> Result<(), BadLine> {
        let Some(job) = self.jobs.join_next().await else { return Ok(()) };
        let (user, state, bytes, done, outcome) =
            job.map_err(|error| BadLine { line: 0, reason: error.into() })?;
        self.under_way.remove(&user);
        self.states.insert(user, state);
        self.summary.recorded += done.recorded;
        self.summary.skipped += done.skipped;
        self.bar.inc(bytes);
        let count = self.summary.recorded + self.summary.skipped;
        self.bar.set_message(format!("{count} activities"));
        outcome.inspect_err(|_| {
            self.stopped.insert(user);
        })
    }

    /// Writes all that waits, and waits for it. Keeps going after a fault, for what other users
    /// have before it; returns the first one.
    async fn finish(&mut self) -> Result<(), BadLine> {
        let mut faults = Vec::new();
        faults.extend(self.write_entities().await.err());
        let users: Vec<UserId> = self.waiting.keys().copied().collect();
        for user in users {
            // A fault of one that is joined meanwhile leaves this one waiting.
            while self.waiting.contains_key(&user) {
                faults.extend(self.start(user).await.err());
            }
        }
        while !self.jobs.is_empty() {
            faults.extend(self.join().await.err());
        }
        faults.into_iter().min_by_key(|bad| bad.line).map_or(Ok(()), Err)
    }
}

/// Writes one user's batch, but for what is there.
async fn write(
    store: Store,
    logger: Arc<ActivityLogger>,
    user: UserId,
    mut state: UserState,
    batch: Vec<Waiting>,
) -> Job {
    let bytes = batch.iter().map(|numbered| numbered.bytes).sum();
    let mut done = Summary::default();
    let outcome = write_batch(&store, &logger, user, &mut state, batch, &mut done).await;
    (user, state, bytes, done, outcome)
}

async fn write_batch(
    store: &Store,
    logger: &ActivityLogger,
    user: UserId,
    state: &mut UserState,
    batch: Vec<Waiting>,
    done: &mut Summary,
) -> Result<(), BadLine> {
    let line = batch.first().map_or(0, |first| first.line);
    let failed = |reason: Failure| BadLine { line, reason };
    if !state.looked_up {
        let head = store.head(Scope::User(user)).await.map_err(|error| failed(error.into()))?;
        state.newest = head.last;
        state.looked_up = true;
    }
    let present = present(store, user, state.newest, &batch).await.map_err(failed)?;
    let mut absent = Vec::with_capacity(batch.len());
    for numbered in batch {
        let there = is_there(&numbered.draft, &present, &mut state.tied)
            .map_err(|reason| BadLine { line: numbered.line, reason })?;
        if there {
            done.skipped += 1;
        } else {
            absent.push(numbered);
        }
    }
    let lines: Vec<u64> = absent.iter().map(|numbered| numbered.line).collect();
    let drafts: Vec<Draft> = absent.into_iter().map(|numbered| numbered.draft).collect();
    let (recorded, outcome) = match logger.append_drafts(user, drafts).await {
        Ok(recorded) => (recorded, Ok(())),
        Err(batch) => {
            let line = lines.get(batch.recorded.len()).copied().unwrap_or(line);
            (batch.recorded, Err(BadLine { line, reason: batch.error.into() }))
        }
    };
    done.recorded += recorded.len() as u64;
    let last = recorded.last().map(|last| SortKey::of(&last.activity));
    state.newest = state.newest.max(last);
    outcome
}

/// The entries that the log has from the time of the batch, if it reaches that far.
async fn present(
    store: &Store,
    user: UserId,
    newest: Option<SortKey>,
    batch: &[Waiting],
) -> Result<Vec<Activity>, Failure> {
    let times = || batch.iter().filter_map(|numbered| time(&numbered.draft));
    let (Some(since), Some(last)) = (times().min(), times().max()) else { return Ok(Vec::new()) };
    if newest.is_none_or(|newest| newest.created_at < since) {
        return Ok(Vec::new());
    }
    let range = TimeRange {
        since: Some(since),
        until: Some(last.saturating_add(std::time::Duration::from_millis(1))),
    };
    let entries = store.entries(View::of(Scope::User(user)), range, Order::OldestFirst);
    Ok(entries.try_collect().await?)
}

/// When an activity of a file was done.
const fn time(draft: &Draft) -> Option<Timestamp> {
    match draft.placement {
        Placement::Kept { created_at, .. } => Some(created_at),
        Placement::End => None,
    }
}

/// Whether a draft is among the entries `present`: by its id if it has one, else by all it says.
/// Of the same activity several times in the same millisecond, the n-th matches the n-th.
fn is_there(
    draft: &Draft,
    present: &[Activity],
    tied: &mut Vec<(Timestamp, Details)>,
) -> Result<bool, Failure> {
    let details = &draft.activity.details;
    let (created_at, id) = match draft.placement {
        Placement::Kept { created_at, id } => (created_at, id),
        Placement::End => return Ok(false),
    };
    let as_other = details.clone().as_other();
    let says_the_same = |activity: &Activity| {
        activity.created_at == created_at && [details, &as_other].contains(&&activity.details)
    };
    if let Some(id) = id {
        return match present.iter().find(|activity| activity.id == id) {
            None => Ok(false),
            Some(activity) if says_the_same(activity) => Ok(true),
            Some(_) => Err(format!("id {id} is there and says something else").into()),
        };
    }
    tied.retain(|(time, _)| *time == created_at);
    let earlier = tied.iter().filter(|(_, earlier)| earlier == details).count();
    tied.push((created_at, details.clone()));
    let there = present.iter().filter(|activity| says_the_same(activity)).count();
    Ok(there > earlier)
}
