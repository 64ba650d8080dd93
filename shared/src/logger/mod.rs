//! Recording activities: what a service imports to write to the log.

mod error;
mod group_commit;
mod queue;
mod recorded;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

pub use error::{AppendError, BatchError, Cause};
use group_commit::Committer;
use queue::{Event, Reply, Ticket};
pub use recorded::Recorded;

use crate::activity::NewActivity;
use crate::activity::action::SYNC;
use crate::config::{self, ConfigError};
use crate::id::{IdSource, UserId};
use crate::store::{Draft, Store, StoreError, absorb, round_trips};
use crate::time::Clock;

/// How long an append is tried for, unless [`ActivityLogger::with_deadline`] says otherwise.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);

/// Appends activities to users' logs. Make one per process and share it, within a Tokio runtime that
/// runs as long as appends wait.
///
/// An append gives each activity its id, its time and its position in up to three scopes, and
/// writes all of it in one transaction. Another writer of the same user who is first, a conflict,
/// throttling or a lost response are met by reading again and trying again, until the deadline.
///
/// Appends of one user are recorded in the order in which they were asked for. What is asked for
/// while a transaction of that user is under way goes into the next one together (group commit), so
/// that a busy user's log takes many more appends a second than transactions.
///
/// Sent again under the same idempotency key, an activity is not recorded again. Content that
/// differs is recorded all the same, since to drop it would lose it without a word:
///
/// ```
/// use activity_log::NewActivity;
/// use activity_log::id::UserId;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let log = activity_log_local::kit::Log::new().await;
/// # let logger = log.logger.clone();
/// let user = UserId::try_from(3)?;
/// let created = NewActivity::new("create").idempotency_key("order-7");
/// let first = logger.append(user, created.clone()).await?;
/// assert!(!first.is_repeated);
///
/// let again = logger.append(user, created).await?;
/// assert!(again.is_repeated);
/// assert_eq!(again.activity, first.activity);
///
/// let other = NewActivity::new("delete").idempotency_key("order-7");
/// let recorded = logger.append(user, other).await?;
/// assert_eq!(recorded.key_stands_for, Some(first.activity.id));
/// assert_eq!(recorded.activity.details.action, "delete");
/// # Ok(())
/// # }
/// ```
///
/// What breaks a limit is repaired, and the entry says what came:
///
/// ```
/// use activity_log::NewActivity;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let log = activity_log_local::kit::Log::new().await;
/// # let logger = log.logger.clone();
/// let odd = NewActivity::new("Create Function");
/// let details = logger.append(3.try_into()?, odd).await?.activity.details;
/// assert_eq!(details.action, "create_function");
/// assert_eq!(details.altered["action"].as_deref(), Some("Create Function"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ActivityLogger {
    committer: Arc<Committer>,
    deadline: Duration,
    is_strict: bool,
}

impl ActivityLogger {
    /// A logger that writes to `store`, by the system's clock.
    #[must_use]
    pub fn new(store: Store) -> Self {
        let ids = IdSource::new(fastrand::Rng::new());
        let committer = Arc::new(Committer::new(store, Clock::system(), ids));
        Self { committer, deadline: DEFAULT_DEADLINE, is_strict: false }
    }

    /// A logger that writes to the tables that the environment names; see
    /// [`config`] for the variables.
    ///
    /// # Errors
    /// [`ConfigError`] naming the variable that is missing.
    pub async fn from_env() -> Result<Self, ConfigError> {
        Ok(Self::new(Store::connect(config::tables(&config::environment)?).await))
    }

    /// Tells the time by `clock`.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { committer: Arc::new(self.committer.with_clock(clock)), ..self }
    }

    /// Draws ids from `ids`.
    #[must_use]
    pub fn with_ids(self, ids: IdSource) -> Self {
        Self { committer: Arc::new(self.committer.with_ids(ids)), ..self }
    }

    /// Gives up on an append of which nothing was recorded for this long.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Refuses an activity that breaks a limit, instead of
    /// [repairing](crate::NewActivity::repair) it. An `occurred_at` later than now is no limit: clocks
    /// differ, so that it is taken for now all the same, and noted.
    ///
    /// ```
    /// use activity_log::NewActivity;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let log = activity_log_local::kit::Log::new().await;
    /// # let logger = log.logger.clone();
    /// let odd = NewActivity::new("Create Function");
    /// let error = logger.strict().append(3.try_into()?, odd).await.unwrap_err();
    /// assert!(error.is_final());
    /// assert_eq!(error.to_string(), "action must be 1 to 64 characters of a-z 0-9 _ . : -");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn strict(self) -> Self {
        Self { is_strict: true, ..self }
    }

    /// Makes the first call, which pays for name resolution, TLS and credentials, so that no append
    /// has to. For a function's initialisation.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not respond.
    pub async fn warm_up(&self) -> Result<(), StoreError> {
        // What an append of somebody new would read: no user has the largest id there is.
        self.committer.read_for(UserId::MAX, &NewActivity::new(SYNC).into()).await
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
            self.append_drafts(user, [activity.into()]).await.map_err(|batch| batch.error)?;
        match recorded.pop() {
            Some(recorded) => Ok(recorded),
            None => unreachable!("a batch of one that succeeds records one"),
        }
    }

    /// Records activities of `user` in this order, in as few transactions as hold them.
    ///
    /// ```
    /// use activity_log::NewActivity;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let log = activity_log_local::kit::Log::new().await;
    /// # let logger = log.logger.clone();
    /// // The third says nothing that could be recorded.
    /// let batch = ["create", "update", "", "delete"].map(NewActivity::new);
    /// let stopped = logger.append_batch(3.try_into()?, batch).await.unwrap_err();
    /// assert_eq!(stopped.recorded.len(), 2);
    /// assert!(stopped.error.is_final());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BatchError`]: which were recorded, and why the next one was not.
    pub async fn append_batch(
        &self,
        user: UserId,
        activities: impl IntoIterator<Item = NewActivity>,
    ) -> Result<Vec<Recorded>, BatchError> {
        self.append_drafts(user, activities.into_iter().map(Draft::from)).await
    }

    /// Records drafts, which may keep the time and id that they come with.
    ///
    /// If the future is dropped, what is not yet in a transaction is withdrawn; what is in one may be
    /// recorded.
    ///
    /// # Errors
    /// As [`Self::append_batch`].
    pub async fn append_drafts(
        &self,
        user: UserId,
        drafts: impl IntoIterator<Item = Draft>,
    ) -> Result<Vec<Recorded>, BatchError> {
        let mut sound = Vec::new();
        let mut fault = None;
        for mut draft in drafts {
            let activity = &mut draft.activity;
            let checked = if self.is_strict { activity.validate() } else { activity.repair() };
            if let Err(error) = checked {
                // What comes before it is recorded, as it is before one that fails later.
                fault = Some(AppendError::from(error));
                break;
            }
            sound.push(draft);
        }
        let (recorded, error) = self.submit(user, sound).await;
        match error.or(fault) {
            None => Ok(recorded),
            Some(error) => Err(BatchError { recorded, error }),
        }
    }

    /// Has drafts appended. Returns what the first of them were recorded as, and why the next one was
    /// not.
    async fn submit(
        &self,
        user: UserId,
        drafts: Vec<Draft>,
    ) -> (Vec<Recorded>, Option<AppendError>) {
        if drafts.is_empty() {
            return (Vec::new(), None);
        }
        let before = round_trips();
        let mut ticket = Committer::submit(&self.committer, user, drafts.into());
        let Reply { recorded, error, usage } = self.wait(user, &mut ticket).await;
        absorb(usage, before);
        (recorded, error)
    }

    /// Waits for an append to end, as long as some of it is recorded before each deadline.
    async fn wait(&self, user: UserId, ticket: &mut Ticket) -> Reply {
        loop {
            match timeout(self.deadline, self.news(user, ticket)).await {
                Ok(None) => {}
                Ok(Some(reply)) => return reply,
                Err(late) => return ticket.withdraw(self.deadline, Arc::new(late)),
            }
        }
    }

    /// What became of an append, or `None` when some of it is recorded. If the task that was at it ends
    /// first, for example with another caller's runtime, this one goes on.
    async fn news(&self, user: UserId, ticket: &mut Ticket) -> Option<Reply> {
        loop {
            match ticket.event().await {
                Event::Progress => return None,
                Event::Done(reply) => return Some(reply),
                Event::Abandoned => Committer::take_up(&self.committer, user),
            }
        }
    }
}
