//! Records what services have sent to the queue: an SQS FIFO queue whose message groups are users.
//!
//! Each user's messages of a batch are recorded in order, in one transaction where they fit; users
//! go side by side. There are three ends to a message:
//!
//! - It is recorded, repaired where it had to be.
//! - It can never be recorded: it is no JSON object, has no user or no action, or two different ones,
//!   or is of an unknown version. It is sent to the dead-letter queue at once, and acknowledged. What is
//!   behind it goes on.
//! - The log cannot be written, or the dead-letter queue cannot. The message fails, and SQS delivers it
//!   again, until it has failed often enough for the dead-letter queue. If it was the log, everything
//!   behind it in its group fails, too, so that the order is kept (AWS: "Using Lambda with Amazon
//!   SQS", on FIFO queues).
//!
//! A message is recorded once however often it is delivered: its idempotency key is its own or else
//! the message id.

mod dead_letters;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use activity_log::activity::NewActivity;
use activity_log::config::{self, ConfigError};
use activity_log::function;
use activity_log::id::UserId;
use activity_log::logger::Recorded;
use activity_log::message::Message;
use activity_log::store::measure;
use activity_log::telemetry::{RecordedBatch, Telemetry, Work};
use activity_log::time::Timestamp;
use activity_log::{ActivityLogger, Report};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::future::join_all;
use lambda_runtime::{Error, LambdaEvent};
use tokio::time::{Instant, timeout_at};

pub use dead_letters::DeadLetters;
use dead_letters::Origin;

/// How long a batch may take. Less than the timeout of the function in template.yaml, so that what
/// was recorded by then is acknowledged.
pub const DEADLINE: Duration = Duration::from_secs(25);

/// What the function needs for every batch. Made once, before the first.
#[derive(Debug)]
pub struct Recorder {
    /// The log.
    pub logger: ActivityLogger,
    /// Where messages go that can never be recorded. Without it they fail, and SQS moves them.
    pub dead_letters: Option<DeadLetters>,
    /// What the operator sees of it.
    pub telemetry: Telemetry,
}

/// A message as it is recorded.
struct Queued {
    message: SqsMessage,
    origin: Origin,
    activity: NewActivity,
}

/// What became of messages.
#[derive(Default)]
struct Outcome {
    /// How many entries were written.
    appends: usize,
    /// How many messages had been recorded before.
    repeated: usize,
    /// How many of the entries were altered.
    altered: usize,
    /// How many were altered in which field.
    repairs: BTreeMap<String, usize>,
    /// How many entries have a key that stands for another.
    reused_keys: usize,
    /// Members of messages that mean nothing.
    ignored: BTreeSet<String>,
    /// How many can never be recorded, and are in the dead-letter queue.
    rejected: usize,
    /// The ids of those that failed.
    postponed: Vec<String>,
}

impl Outcome {
    fn add(&mut self, other: Self) {
        self.appends += other.appends;
        self.repeated += other.repeated;
        self.altered += other.altered;
        for (field, count) in other.repairs {
            *self.repairs.entry(field).or_default() += count;
        }
        self.reused_keys += other.reused_keys;
        self.ignored.extend(other.ignored);
        self.rejected += other.rejected;
        self.postponed.extend(other.postponed);
    }

    /// Counts what a message was recorded as.
    fn count(&mut self, queued: &Queued, recorded: &Recorded) {
        if recorded.is_repeated {
            self.repeated += 1;
            return;
        }
        self.appends += 1;
        let altered = &recorded.activity.details.altered;
        self.altered += usize::from(!altered.is_empty());
        for field in altered.keys() {
            *self.repairs.entry(field.clone()).or_default() += 1;
        }
        if let Some(other) = recorded.key_stands_for {
            self.reused_keys += 1;
            let (message_id, id) = (&queued.origin.message_id, recorded.activity.id);
            tracing::warn!(message_id, %id, %other, "an idempotency key stands for two activities");
        }
    }
}

impl Recorder {
    /// Reads the configuration from the environment and connects, so that no batch waits for it.
    ///
    /// # Errors
    /// [`ConfigError`] with the variable that is missing.
    pub async fn from_env() -> Result<Self, ConfigError> {
        let telemetry = config::telemetry(&config::environment);
        let dead_letters = DeadLetters::from_env();
        let logger = ActivityLogger::new(function::store()?);
        // The first batch tries again, and fails by itself.
        if let Err(error) = logger.warm_up().await {
            tracing::warn!(error = %Report(&error), "DynamoDB is unavailable");
        }
        Ok(Self { logger, dead_letters, telemetry })
    }

    /// Records messages of any users.
    async fn record_all(&self, event: SqsEvent) -> Result<Outcome, Error> {
        let give_up = Instant::now() + DEADLINE;
        let mut outcome = Outcome::default();
        let mut users: BTreeMap<UserId, Vec<Queued>> = BTreeMap::new();
        let mut poison = Vec::new();
        for message in event.records {
            let origin = Origin::of(&message)?;
            match Message::parse(message.body.as_deref().unwrap_or_default()) {
                Ok(parsed) => {
                    outcome.ignored.extend(parsed.ignored);
                    let activity = complete(parsed.activity, &origin);
                    let queued = Queued { message, origin, activity };
                    users.entry(parsed.user_id).or_default().push(queued);
                }
                Err(error) => poison.push((message, origin, error.to_string())),
            }
        }
        let users = users.into_iter().map(|(user, queued)| self.record(user, queued, give_up));
        let rejected = poison.iter().map(|(message, origin, reason)| async move {
            self.reject(message, origin, reason, give_up).await
        });
        let (users, rejected) = tokio::join!(join_all(users), join_all(rejected));
        users.into_iter().chain(rejected).for_each(|other| outcome.add(other));
        Ok(outcome)
    }

    /// Records the messages of one user in order.
    async fn record(&self, user: UserId, queued: Vec<Queued>, give_up: Instant) -> Outcome {
        let mut outcome = Outcome::default();
        let mut left = queued;
        loop {
            let activities: Vec<_> = left.iter().map(|queued| queued.activity.clone()).collect();
            let append = self.logger.append_batch(user, activities);
            let Ok(batch) = timeout_at(give_up, append).await else {
                tracing::warn!(messages = left.len(), "not recorded in time");
                break;
            };
            let (recorded, error) = match batch {
                Ok(recorded) => (recorded, None),
                Err(batch) => (batch.recorded, Some(batch.error)),
            };
            for (queued, recorded) in left.drain(..recorded.len()).zip(&recorded) {
                outcome.count(&queued, recorded);
            }
            let Some(error) = error.filter(|_| !left.is_empty()) else { break };
            let reason = Report(&error).to_string();
            if !error.is_final() {
                let message_id = &left[0].origin.message_id;
                tracing::warn!(message_id, messages = left.len(), error = reason, "not recorded");
                break;
            }
            let Queued { message, origin, .. } = left.remove(0);
            outcome.add(self.reject(&message, &origin, &reason, give_up).await);
        }
        outcome.postponed.extend(left.into_iter().map(|queued| queued.origin.message_id));
        outcome
    }

    /// Sends a message that can never be recorded to the dead-letter queue. If that fails, the message
    /// does.
    async fn reject(
        &self,
        message: &SqsMessage,
        origin: &Origin,
        reason: &str,
        give_up: Instant,
    ) -> Outcome {
        let message_id = &origin.message_id;
        tracing::error!(message_id, reason, "a message can never be recorded");
        let failed = || Outcome { postponed: vec![message_id.clone()], ..Outcome::default() };
        let Some(dead_letters) = &self.dead_letters else { return failed() };
        match timeout_at(give_up, dead_letters.send(message, origin, reason)).await {
            Ok(Ok(())) => Outcome { rejected: 1, ..Outcome::default() },
            Ok(Err(error)) => {
                let error = Report(&error);
                tracing::warn!(message_id, %error, "the dead-letter queue did not take a message");
                failed()
            }
            Err(_) => {
                tracing::warn!(message_id, "the dead-letter queue did not take a message in time");
                failed()
            }
        }
    }
}

/// Records a batch of messages, and returns which of them failed.
///
/// # Errors
/// If a message has no id, so that its failure could not be reported. All are delivered again.
pub async fn handler(
    recorder: &Recorder,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, Error> {
    let started = Instant::now();
    let messages = event.payload.records.len();
    let (outcome, usage) = measure(recorder.record_all(event.payload)).await;
    let outcome = outcome?;
    recorder.telemetry.batch(&RecordedBatch {
        function: env!("CARGO_PKG_NAME"),
        request_id: &event.context.request_id,
        messages,
        appends: outcome.appends,
        repeated: outcome.repeated,
        altered: outcome.altered,
        repairs: outcome.repairs,
        reused_keys: outcome.reused_keys,
        ignored: outcome.ignored,
        rejected: outcome.rejected,
        postponed: outcome.postponed.len(),
        work: Work::new(usage, started.into_std()),
    });
    let mut response = SqsBatchResponse::default();
    response.set_failures(outcome.postponed);
    Ok(response)
}

/// The activity of a message, with what the queue knows of it: when it was sent, and its id.
fn complete(mut activity: NewActivity, origin: &Origin) -> NewActivity {
    // The clocks of SQS and of this machine may differ by a little.
    let sent = origin.sent.map(|sent| sent.min(Timestamp::now()));
    activity.details.occurred_at = activity.details.occurred_at.or(sent);
    activity.idempotency_key.get_or_insert_with(|| origin.first_id.clone());
    activity
}
