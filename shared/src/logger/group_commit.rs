//! Group commit: one task a user writes what waits for that user, transaction by transaction.
//!
//! A commit runs in a task of the logger's own, never in a caller's future, so that a caller who goes
//! away, or whose time is up, harms nobody. Each transaction takes as much as fits of what waits by
//! then, whoever asked for it. Before it is sent, it stands in the user's queue, so that whoever goes
//! on finds out first whether it was written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::error::Cause;
use super::queue::{Flight, Queues, Taken, Ticket};
use crate::id::{ActivityId, Collisions, IdSource, UserId};
use crate::store::{
    CommitError, Draft, Head, Ids, LogState, Outcome, Plan, Planned, Refusal, Store, StoreError,
    measure, plan, retried,
};
use crate::time::{Clock, Timestamp};
use crate::view::Scope;

/// Writes what waits in the queues.
pub(super) struct Committer {
    store: Store,
    clock: Clock,
    ids: Mutex<IdSource>,
    queues: Queues,
}

/// How often an inconsistent state is read again.
const DOUBTS: u32 = 2;

/// What a task that works at a queue remembers from one attempt to the next.
#[derive(Default)]
struct Memory {
    /// The heads as the last transaction left them. None after anything but success.
    heads: BTreeMap<Scope, Head>,
    collisions: Collisions,
    /// Ids that are taken and that drafts want to keep.
    taken: BTreeSet<ActivityId>,
    /// How often in a row nothing was recorded.
    attempts: u32,
    /// Whether the requests must be tried one by one, to find the one that fails.
    is_alone: bool,
}

/// What an attempt came to.
enum Attempt {
    /// It is known what becomes of the drafts of this transaction.
    Resolved(Arc<Flight>),
    /// Nothing is recorded, and it is known what to do otherwise.
    Again,
    /// Nothing is recorded. It may be the next time, after a while.
    Later(Cause),
    /// Nothing is recorded, nor will be.
    Failed(StoreError),
}

impl From<StoreError> for Attempt {
    fn from(error: StoreError) -> Self {
        if error.is_transient() { Self::Later(Arc::new(error)) } else { Self::Failed(error) }
    }
}

/// The work at a queue. If its task is stopped, or never begins, whoever waits takes it up again.
struct Work {
    queues: Queues,
    user: UserId,
    /// Whether the queue was left already, by the lock under which nobody was found to wait.
    is_over: bool,
}

impl Drop for Work {
    fn drop(&mut self) {
        if !self.is_over {
            self.queues.leave(self.user);
        }
    }
}

impl Committer {
    pub(super) fn new(store: Store, clock: Clock, ids: IdSource) -> Self {
        Self { store, clock, ids: Mutex::new(ids), queues: Queues::default() }
    }

    pub(super) fn with_clock(&self, clock: Clock) -> Self {
        Self::new(self.store.clone(), clock, self.ids().clone())
    }

    pub(super) fn with_ids(&self, ids: IdSource) -> Self {
        Self::new(self.store.clone(), self.clock.clone(), ids)
    }

    /// Adds drafts to the queue, and sees to it that a task works at it.
    pub(super) fn submit(this: &Arc<Self>, user: UserId, drafts: Arc<[Draft]>) -> Ticket {
        let ticket = this.queues.submit(user, drafts);
        Self::take_up(this, user);
        ticket
    }

    /// Begins to work at a queue if somebody waits there and no task is at it, in the runtime of whoever
    /// calls.
    pub(super) fn take_up(this: &Arc<Self>, user: UserId) {
        if this.queues.claim(user) {
            let committer = Arc::clone(this);
            let work = Work { queues: this.queues.clone(), user, is_over: false };
            tokio::spawn(async move { committer.work(work).await });
        }
    }

    /// Reads what an append of `draft` would read.
    pub(super) async fn read_for(&self, user: UserId, draft: &Draft) -> Result<(), StoreError> {
        self.store.append_state(user, &[draft], BTreeMap::new(), self.clock.now()).await?;
        Ok(())
    }

    /// Writes what waits in a queue, until nobody waits.
    async fn work(&self, mut work: Work) {
        let user = work.user;
        let mut memory = Memory::default();
        while let Some(drafts) = self.queues.take(user, memory.is_alone) {
            let (attempt, usage) = measure(self.attempt(user, &drafts, &mut memory)).await;
            self.queues.charge(user, &drafts, usage);
            match attempt {
                Attempt::Resolved(flight) => {
                    self.queues.deliver(user, &flight);
                    let heads = std::mem::take(&mut memory.heads);
                    memory = Memory { heads, ..Memory::default() };
                }
                Attempt::Again => {}
                Attempt::Later(failure) => {
                    self.queues.note(user, failure);
                    memory.attempts += 1;
                    tokio::time::sleep(backoff(memory.attempts)).await;
                }
                Attempt::Failed(error) => self.fail(user, &drafts, &mut memory, error).await,
            }
        }
        work.is_over = true;
    }

    /// Ends the request that fails for good; if it may be any of several, tries them one by one.
    async fn fail(&self, user: UserId, drafts: &[Taken], memory: &mut Memory, error: StoreError) {
        let Some(first) = drafts.first() else { return };
        let is_one = drafts.iter().all(|taken| taken.request == first.request);
        if !is_one {
            memory.is_alone = true;
        } else if self.queues.is_in_flight(user, first.request) {
            // It may be written all the same, so that is asked for until the deadline.
            self.queues.note(user, Arc::new(error));
            memory.attempts += 1;
            tokio::time::sleep(backoff(memory.attempts)).await;
        } else {
            self.queues.fail(user, first.request, error.into());
            *memory = Memory::default();
        }
    }

    /// Reads the state, finds out what became of earlier transactions, plans, and writes, once.
    async fn attempt(&self, user: UserId, drafts: &[Taken], memory: &mut Memory) -> Attempt {
        if memory.attempts > 0 {
            retried();
        }
        let now = self.clock.now();
        let heads = std::mem::take(&mut memory.heads);
        let asked: Vec<&Draft> = drafts.iter().map(Taken::draft).collect();
        let state = match self.store.append_state(user, &asked, heads, now).await {
            Ok(state) => state,
            // Read beside another writer's transaction, and so perhaps from before and after it.
            Err(error @ (StoreError::Corrupt { .. } | StoreError::Missing { .. }))
                if memory.attempts < DOUBTS =>
            {
                return Attempt::Later(Arc::new(error));
            }
            Err(error) => return error.into(),
        };
        // After the heads, never before: a transaction that is written later than they were read
        // changes them, so that the plan made from them now fails, and is found the next time.
        match self.written(user, &state).await {
            Ok(None) => {}
            Ok(Some(flight)) => return Attempt::Resolved(flight),
            Err(error) => return error.into(),
        }
        let flight = match self.send(user, &state, drafts.to_vec(), now, memory) {
            Ok(flight) => flight,
            Err(attempt) => return attempt,
        };
        let failure = match self.store.commit(&flight.plan).await {
            Ok(()) => {
                memory.heads = heads_after(&flight.plan);
                return Attempt::Resolved(flight);
            }
            Err(error @ CommitError::Lost(_)) => return Attempt::Later(Arc::new(error)),
            Err(failure) => failure,
        };
        self.queues.forget(user, &flight);
        match failure {
            CommitError::IdTaken(id) => {
                if drafts.iter().any(|taken| taken.draft().kept_id() == Some(id)) {
                    memory.taken.insert(id);
                } else {
                    memory.collisions.add(id);
                }
                Attempt::Again
            }
            CommitError::Failed(error) => Attempt::Failed(error),
            error => Attempt::Later(Arc::new(error)),
        }
    }

    /// Plans a transaction for drafts, and notes it in the queue. Whoever has gone meanwhile is left
    /// out, and the others need no other state for that.
    ///
    /// # Errors
    /// What the attempt comes to if there is nothing to write.
    fn send(
        &self,
        user: UserId,
        state: &LogState,
        mut drafts: Vec<Taken>,
        now: Timestamp,
        memory: &Memory,
    ) -> Result<Arc<Flight>, Attempt> {
        while !drafts.is_empty() {
            let plan = self.plan(user, state, &drafts, now, memory)?;
            let flight = Arc::new(Flight::new(plan, &drafts));
            if flight.plan.entries.is_empty() {
                return Err(match self.refused_in_flight(user, &drafts, &flight.plan) {
                    // It may be written all the same.
                    Some(refusal) => Attempt::Later(Arc::new(refusal)),
                    None => Attempt::Resolved(flight),
                });
            }
            if self.queues.send(user, &flight) {
                return Ok(flight);
            }
            self.queues.keep_waiting(user, &mut drafts);
        }
        Err(Attempt::Again)
    }

    /// A refusal in a plan that writes nothing, of a draft that may be written already.
    fn refused_in_flight(&self, user: UserId, drafts: &[Taken], plan: &Plan) -> Option<Refusal> {
        drafts.iter().zip(&plan.outcomes).find_map(|(taken, outcome)| match outcome {
            Outcome::Refused(refusal) if self.queues.is_in_flight(user, taken.request) => {
                Some(refusal.clone())
            }
            _ => None,
        })
    }

    /// Of the transactions whose end is not known, one that is written. Forgets those that can no
    /// longer be.
    async fn written(
        &self,
        user: UserId,
        state: &LogState,
    ) -> Result<Option<Arc<Flight>>, StoreError> {
        for flight in self.queues.flights(user) {
            if self.store.is_committed(&flight.plan).await? {
                return Ok(Some(flight));
            }
            if !flight.plan.is_possible(state) {
                self.queues.forget(user, &flight);
            }
        }
        Ok(None)
    }

    fn plan(
        &self,
        user: UserId,
        state: &LogState,
        drafts: &[Taken],
        now: Timestamp,
        memory: &Memory,
    ) -> Result<Plan, StoreError> {
        let mut source = self.ids();
        let mut ids =
            Ids { source: &mut source, collisions: memory.collisions, taken: &memory.taken };
        let planned =
            drafts.iter().map(|taken| Planned { batch: taken.request, draft: taken.draft() });
        plan(user, state, planned, now, &mut ids)
    }

    fn ids(&self) -> MutexGuard<'_, IdSource> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long to wait before trying again: anything up to a limit that doubles from 20 ms to 640 ms
/// ("full jitter").
fn backoff(attempt: u32) -> Duration {
    Duration::from_millis(fastrand::u64(..10 << attempt.min(6)))
}

/// The heads after a plan is written.
fn heads_after(plan: &Plan) -> BTreeMap<Scope, Head> {
    plan.heads.iter().map(|change| (change.head.scope, change.head.clone())).collect()
}

impl fmt::Debug for Committer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Committer").finish_non_exhaustive()
    }
}
