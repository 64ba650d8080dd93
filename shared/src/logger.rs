//! Recording activities: what a service imports to write to the log.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

use crate::activity::action::SYNC;
use crate::activity::{Activity, InvalidActivity, NewActivity};
use crate::config::{self, ConfigError};
use crate::id::{ActivityId, Collisions, IdSource, UserId};
use crate::store::{
    CommitError, Draft, LogState, Outcome, Plan, Refusal, Store, StoreError, plan, reach, retried,
};
use crate::time::{Clock, Timestamp};
use crate::turns::Turns;

/// How long an append is tried for, unless [`ActivityLogger::with_deadline`] says otherwise.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);

/// Appends activities to users' logs. Make one per process and share it.
///
/// An append gives each activity its id, its time and its position in up to twelve views, and
/// writes all of it in one transaction. Another writer of the same user who is first, a conflict,
/// throttling or a lost answer are met by reading again and trying again, until the deadline. One
/// logger appends to a user's log one thing at a time, in the order in which it was asked to.
#[derive(Debug)]
pub struct ActivityLogger {
    store: Store,
    clock: Clock,
    ids: Mutex<IdSource>,
    deadline: Duration,
    turns: Turns,
}

/// A recorded activity.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The entry, as it stands in the log.
    pub activity: Activity,
    /// Whether it had been recorded before, under the same idempotency key.
    pub repeated: bool,
}

/// Why an activity was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// It breaks a limit.
    #[error(transparent)]
    Invalid(#[from] InvalidActivity),
    /// It has no place in the log.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The id that it was to keep is taken by another activity.
    #[error("id {id} is taken by another activity")]
    IdTaken {
        /// The id.
        id: ActivityId,
    },
    /// It could not be recorded in time.
    #[error("not recorded within {deadline:?}{}", if *.unsettled { "; an answer was lost, so it may be recorded after all" } else { "" })]
    Deadline {
        /// The time there was.
        deadline: Duration,
        /// Whether it may be recorded all the same, because an answer was lost and DynamoDB could
        /// not be asked. Only an idempotency key makes it safe to try again.
        unsettled: bool,
        /// What the last try came to.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The log could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AppendError {
    /// Whether it is the activity's own fault, so that to try again is in vain.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Invalid(_) | Self::Refused(_) | Self::IdTaken { .. } => true,
            Self::Deadline { .. } | Self::Store(_) => false,
        }
    }
}

/// A batch that was not recorded to its end.
#[derive(Debug, thiserror::Error)]
#[error("activity {} of the batch", .index + 1)]
pub struct BatchError {
    /// The activities that were recorded: the first ones of the batch.
    pub recorded: Vec<Recorded>,
    /// The activity at fault, counted from 0.
    pub index: usize,
    /// Why it was not recorded.
    #[source]
    pub error: AppendError,
}

impl ActivityLogger {
    /// A logger that writes to `store`, by the system's clock.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self {
            store,
            clock: Clock::system(),
            ids: Mutex::new(IdSource::new(fastrand::Rng::new())),
            deadline: DEFAULT_DEADLINE,
            turns: Turns::default(),
        }
    }

    /// A logger that writes to the tables that the environment names; see
    /// [`config::Tables`](crate::config) for the variables.
    ///
    /// # Errors
    /// [`ConfigError`] naming the variable that is missing.
    pub async fn from_env() -> Result<Self, ConfigError> {
        Ok(Self::new(Store::connect(config::tables(&config::environment)?).await))
    }

    /// Tells the time by `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Draws ids from `ids`.
    #[must_use]
    pub fn with_ids(mut self, ids: IdSource) -> Self {
        self.ids = Mutex::new(ids);
        self
    }

    /// Tries each transaction for at most this long.
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Makes the first call, which pays for name resolution, TLS and credentials, so that no append
    /// has to. For a function's initialisation.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not answer.
    pub async fn warm_up(&self) -> Result<(), StoreError> {
        // What an append of somebody new would read: no user has the largest id there is.
        self.store
            .append_state(UserId::MAX, &[NewActivity::new(SYNC).into()], self.clock.now())
            .await?;
        Ok(())
    }

    /// Records one activity of `user`.
    ///
    /// # Errors
    /// [`AppendError`]; nothing is recorded then, except as [`AppendError::Deadline`] says.
    pub async fn append(
        &self,
        user: UserId,
        activity: NewActivity,
    ) -> Result<Recorded, AppendError> {
        let mut recorded =
            self.append_drafts(user, &[activity.into()]).await.map_err(|batch| batch.error)?;
        match recorded.pop() {
            Some(recorded) => Ok(recorded),
            None => unreachable!("a batch of one that succeeds records one"),
        }
    }

    /// Records activities of `user` in this order, in as few transactions as hold them.
    ///
    /// # Errors
    /// [`BatchError`]: which were recorded, and why the next one was not. An activity that breaks
    /// a limit is found before any is recorded.
    pub async fn append_batch(
        &self,
        user: UserId,
        activities: impl IntoIterator<Item = NewActivity>,
    ) -> Result<Vec<Recorded>, BatchError> {
        let drafts: Vec<Draft> = activities.into_iter().map(Draft::from).collect();
        self.append_drafts(user, &drafts).await
    }

    /// Records drafts, which may keep the time and id that they come with.
    ///
    /// # Errors
    /// As [`Self::append_batch`].
    pub async fn append_drafts(
        &self,
        user: UserId,
        drafts: &[Draft],
    ) -> Result<Vec<Recorded>, BatchError> {
        let mut recorded: Vec<Recorded> = Vec::with_capacity(drafts.len());
        for (index, draft) in drafts.iter().enumerate() {
            if let Err(error) = draft.activity.validate() {
                return Err(BatchError { recorded, index, error: error.into() });
            }
        }
        while recorded.len() < drafts.len() {
            match self.append_some(user, &drafts[recorded.len()..]).await {
                Ok(plan) => recorded.extend(results(&plan)),
                Err(error) => {
                    let index = recorded.len();
                    return Err(BatchError { recorded, index, error });
                }
            }
        }
        Ok(recorded)
    }

    /// Records as many of the first drafts as fit one transaction.
    async fn append_some(&self, user: UserId, drafts: &[Draft]) -> Result<Plan, AppendError> {
        let mut drafts = &drafts[..reach(user, drafts)];
        let give_up = Instant::now() + self.deadline;
        let place = self.turns.line_up(user);
        let turn = timeout_at(give_up, place.wait()).await;
        let _turn = turn.map_err(|late| AppendError::Deadline {
            deadline: self.deadline,
            unsettled: false,
            source: late.into(),
        })?;
        let mut lost: Vec<Plan> = Vec::new();
        let mut collisions = Collisions::default();
        let mut attempt = 0;
        loop {
            let failure: Box<dyn std::error::Error + Send + Sync> =
                match self.attempt(user, drafts, &mut lost, collisions, give_up).await {
                    Ok(plan) => return Ok(plan),
                    Err(Attempt::Final(error)) if lost.is_empty() => return Err(error),
                    // What was lost may be written, so it is asked for until the deadline.
                    Err(Attempt::Final(error)) => Box::new(error),
                    Err(Attempt::IdTaken(id)) => {
                        let keeps = |draft: &Draft| draft.placement.kept_id() == Some(id);
                        match drafts.iter().position(keeps) {
                            // Nobody is in the way: another id is tried at once.
                            None if Instant::now() < give_up => {
                                collisions.add(id);
                                continue;
                            }
                            None => {}
                            Some(0) => return Err(AppendError::IdTaken { id }),
                            // What comes before it is recorded first.
                            Some(before) => drafts = &drafts[..before],
                        }
                        Box::new(CommitError::IdTaken(id))
                    }
                    Err(Attempt::Again(source)) => source,
                };
            attempt += 1;
            let wait = self.backoff(attempt);
            if Instant::now() + wait >= give_up {
                return Err(AppendError::Deadline {
                    deadline: self.deadline,
                    unsettled: !lost.is_empty(),
                    source: failure,
                });
            }
            tokio::time::sleep(wait).await;
            retried();
        }
    }

    /// Reads the state, settles what was lost, plans, and writes, once; all of it before `give_up`.
    async fn attempt(
        &self,
        user: UserId,
        drafts: &[Draft],
        lost: &mut Vec<Plan>,
        collisions: Collisions,
        give_up: Instant,
    ) -> Result<Plan, Attempt> {
        let now = self.clock.now();
        let reading = async {
            let state = self.store.append_state(user, drafts, now).await?;
            // After the heads, never before: a lost plan that is written later than they were read
            // changes them, so that the plan made from them now fails, and is found the next time.
            let settled = self.settle(lost, &state).await?;
            Ok::<_, StoreError>((state, settled))
        };
        let (state, settled) = timeout_at(give_up, reading).await.map_err(Attempt::late)??;
        if let Some(plan) = settled {
            return Ok(plan);
        }
        let plan = self.plan(user, &state, drafts, now, collisions)?;
        if plan.entries.is_empty() {
            return Ok(plan);
        }
        let written = timeout_at(give_up, self.store.commit(&plan)).await;
        match written.unwrap_or_else(|late| Err(CommitError::late(late))) {
            Ok(()) => Ok(plan),
            Err(CommitError::IdTaken(id)) => Err(Attempt::IdTaken(id)),
            Err(CommitError::Failed(error)) => Err(Attempt::Final(error.into())),
            Err(error @ (CommitError::Race | CommitError::Throttled)) => {
                Err(Attempt::Again(error.into()))
            }
            Err(error @ CommitError::Lost(_)) => {
                lost.push(plan);
                Err(Attempt::Again(error.into()))
            }
        }
    }

    /// The lost plan that is written after all, if one is. Forgets those that can no longer be.
    async fn settle(
        &self,
        lost: &mut Vec<Plan>,
        state: &LogState,
    ) -> Result<Option<Plan>, StoreError> {
        for subscript in 0..lost.len() {
            if self.store.is_committed(&lost[subscript]).await? {
                return Ok(Some(lost.swap_remove(subscript)));
            }
        }
        lost.retain(|plan| plan.is_possible(state));
        Ok(None)
    }

    fn plan(
        &self,
        user: UserId,
        state: &LogState,
        drafts: &[Draft],
        now: Timestamp,
        collisions: Collisions,
    ) -> Result<Plan, Refusal> {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        plan(user, state, drafts, now, collisions, &mut ids)
    }

    /// How long to wait before trying again: anything up to a limit that doubles from 20 ms to
    /// 640 ms ("full jitter").
    fn backoff(&self, attempt: u32) -> Duration {
        let limit = 10 << attempt.min(6);
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        Duration::from_millis(ids.jitter(limit))
    }
}

/// Why one attempt did not record.
enum Attempt {
    Final(AppendError),
    IdTaken(ActivityId),
    Again(Box<dyn std::error::Error + Send + Sync>),
}

impl Attempt {
    /// The time was up while DynamoDB was asked.
    fn late(elapsed: Elapsed) -> Self {
        Self::Again(elapsed.into())
    }
}

impl From<StoreError> for Attempt {
    fn from(error: StoreError) -> Self {
        if error.is_transient() { Self::Again(error.into()) } else { Self::Final(error.into()) }
    }
}

impl From<Refusal> for Attempt {
    fn from(refusal: Refusal) -> Self {
        Self::Final(refusal.into())
    }
}

/// What a written plan made of its drafts, in order.
fn results(plan: &Plan) -> Vec<Recorded> {
    let entry = |subscript: usize| plan.entries[subscript].activity.clone();
    plan.outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::New(subscript) => Recorded { activity: entry(*subscript), repeated: false },
            Outcome::Repeats(subscript) => Recorded { activity: entry(*subscript), repeated: true },
            Outcome::Known(activity) => Recorded { activity: (**activity).clone(), repeated: true },
        })
        .collect()
}
