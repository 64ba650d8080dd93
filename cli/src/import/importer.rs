//! Writes the lines of an import to the log.
//!
//! Each user's activities are gathered into batches of several transactions. Users are written side by
//! side, the batches of one user in order.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::io::BufRead;
use std::sync::Arc;

use activity_log::directory::NameChange;
use activity_log::id::UserId;
use activity_log::logger::ActivityLogger;
use activity_log::store::{Draft, Store};
use indicatif::ProgressBar;
use tokio::task::JoinSet;

use super::lines::{BadLine, Lines, Numbered};
use super::presence::Presence;
use crate::failure::Failure;
use crate::line::{Entry, Record};

/// How many activities of a user are gathered: several transactions, of which each goes on from the
/// one before.
const BATCH: usize = 1_000;

/// How many activities are held in memory before all are written.
const MAX_WAITING: usize = 50_000;

/// How many users are written to side by side.
const SIDE_BY_SIDE: usize = 8;

/// How many names are written at a time.
const ENTITIES: usize = 500;

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

/// A batch that was written, as its task hands it back.
struct Job {
    user: UserId,
    presence: Presence,
    /// The length of its lines, for the bar.
    bytes: u64,
    done: Summary,
    outcome: Result<(), BadLine>,
}

struct Importer {
    store: Store,
    logger: Arc<ActivityLogger>,
    waiting: HashMap<UserId, Vec<Waiting>>,
    waiting_count: usize,
    entities: Vec<NameChange>,
    /// The line of the first of `entities`.
    entities_line: u64,
    presences: HashMap<UserId, Presence>,
    under_way: HashSet<UserId>,
    /// Users with a line at fault: nothing after it may be written, or it could not be corrected.
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
        presences: HashMap::new(),
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
        let presence = self.presences.remove(&user).unwrap_or_default();
        self.under_way.insert(user);
        self.jobs.spawn(write(self.store.clone(), Arc::clone(&self.logger), user, presence, batch));
        Ok(())
    }

    /// Waits for a batch to be written.
    async fn join(&mut self) -> Result<(), BadLine> {
        let Some(job) = self.jobs.join_next().await else { return Ok(()) };
        let Job { user, presence, bytes, done, outcome } =
            job.map_err(|error| BadLine { line: 0, reason: error.into() })?;
        self.under_way.remove(&user);
        self.presences.insert(user, presence);
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
    mut presence: Presence,
    batch: Vec<Waiting>,
) -> Job {
    let bytes = batch.iter().map(|waiting| waiting.bytes).sum();
    let mut done = Summary::default();
    let outcome = write_batch(&store, &logger, user, &mut presence, batch, &mut done).await;
    Job { user, presence, bytes, done, outcome }
}

async fn write_batch(
    store: &Store,
    logger: &ActivityLogger,
    user: UserId,
    presence: &mut Presence,
    batch: Vec<Waiting>,
    done: &mut Summary,
) -> Result<(), BadLine> {
    let line = batch.first().map_or(0, |first| first.line);
    let drafts: Vec<&Draft> = batch.iter().map(|waiting| &waiting.draft).collect();
    let entries = presence.entries(store, user, &drafts).await;
    let entries = entries.map_err(|reason| BadLine { line, reason })?;
    let (mut lines, mut absent) = (Vec::new(), Vec::new());
    for Waiting { line, draft, .. } in batch {
        let is_there = presence.is_among(&entries, &draft);
        if is_there.map_err(|reason| BadLine { line, reason })? {
            done.skipped += 1;
        } else {
            lines.push(line);
            absent.push(draft);
        }
    }
    let (recorded, outcome) = match logger.append_drafts(user, absent).await {
        Ok(recorded) => (recorded, Ok(())),
        Err(batch) => {
            let line = lines.get(batch.recorded.len()).copied().unwrap_or(line);
            (batch.recorded, Err(BadLine { line, reason: batch.error.into() }))
        }
    };
    done.recorded += recorded.len() as u64;
    if let Some(last) = recorded.last() {
        presence.note(&last.activity);
    }
    outcome
}
