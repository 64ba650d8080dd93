//! Records what services have sent to the queue: an SQS FIFO queue whose message groups are users.
//!
//! Each user's messages of a batch are recorded in order, in one transaction where they fit; users
//! go side by side. What could not be recorded is reported message by message, and SQS delivers it
//! again:
//!
//! - A message that can never be recorded (malformed, or over a limit) fails alone in its batch. It
//!   comes again until it has failed often enough for the dead-letter queue. What is behind it in
//!   the batch is recorded all the same: it would only end up there, too. Between its tries SQS
//!   hands out no other message of its group.
//! - If the log cannot be written, the message fails and so does everything behind it in its group,
//!   so that the order is kept (AWS: "Using Lambda with Amazon SQS", on FIFO queues).
//!
//! A message is recorded once however often it is delivered: its idempotency key is its own or else
//! the message id.

use std::collections::BTreeMap;
use std::time::Duration;

use activity_log::activity::NewActivity;
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

/// How long a batch may take. Less than the timeout of the function in template.yaml, so that what
/// was recorded by then is acknowledged.
pub const DEADLINE: Duration = Duration::from_secs(25);

/// A message as it is recorded.
struct Queued {
    message_id: String,
    activity: NewActivity,
}

/// What became of messages.
#[derive(Default)]
struct Outcome {
    /// How many entries were written.
    appends: usize,
    /// How many messages had been recorded before.
    repeated: usize,
    /// The ids of those that can never be recorded.
    rejected: Vec<String>,
    /// The ids of those that could not be recorded now.
    postponed: Vec<String>,
}

impl Outcome {
    fn add(&mut self, other: Self) {
        self.appends += other.appends;
        self.repeated += other.repeated;
        self.rejected.extend(other.rejected);
        self.postponed.extend(other.postponed);
    }

    fn count(&mut self, recorded: &[Recorded]) {
        let repeated = recorded.iter().filter(|recorded| recorded.repeated).count();
        self.repeated += repeated;
        self.appends += recorded.len() - repeated;
    }
}

/// Records a batch of messages; answers which of them failed.
///
/// # Errors
/// If a message has no id, so that its failure could not be reported. All are delivered again.
pub async fn handler(
    logger: &ActivityLogger,
    telemetry: &Telemetry,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, Error> {
    let started = Instant::now();
    let messages = event.payload.records.len();
    let (outcome, usage) = measure(record_all(logger, event.payload)).await;
    let Outcome { appends, repeated, rejected, postponed } = outcome?;
    telemetry.batch(&RecordedBatch {
        function: env!("CARGO_PKG_NAME"),
        request_id: &event.context.request_id,
        messages,
        appends,
        repeated,
        rejected: rejected.len(),
        postponed: postponed.len(),
        work: Work::new(usage, started.into_std()),
    });
    let mut response = SqsBatchResponse::default();
    response.set_failures(rejected.into_iter().chain(postponed));
    Ok(response)
}

/// Records messages of any users.
async fn record_all(logger: &ActivityLogger, event: SqsEvent) -> Result<Outcome, Error> {
    let give_up = Instant::now() + DEADLINE;
    let mut outcome = Outcome::default();
    let mut users: BTreeMap<UserId, Vec<Queued>> = BTreeMap::new();
    for message in event.records {
        let message_id = message.message_id.clone().ok_or("a message has no messageId")?;
        match Message::parse(message.body.as_deref().unwrap_or_default()) {
            Ok(Message { user_id, activity }) => {
                let activity = complete(activity, &message, &message_id);
                users.entry(user_id).or_default().push(Queued { message_id, activity });
            }
            Err(error) => {
                tracing::error!(message_id, %error, "a message cannot be recorded");
                outcome.rejected.push(message_id);
            }
        }
    }
    let users = users.into_iter().map(|(user, queued)| record(logger, user, queued, give_up));
    join_all(users).await.into_iter().for_each(|of_user| outcome.add(of_user));
    Ok(outcome)
}

/// The activity of a message, with what the queue knows of it: when it was sent, and its id.
fn complete(mut activity: NewActivity, message: &SqsMessage, message_id: &str) -> NewActivity {
    let sent = message.attributes.get("SentTimestamp");
    let sent = sent.and_then(|millis| Timestamp::from_millis(millis.parse().ok()?).ok());
    activity.details.occurred_at = activity.details.occurred_at.or(sent);
    activity.idempotency_key.get_or_insert_with(|| message_id.to_owned());
    activity
}

/// Records the messages of one user in order.
async fn record(
    logger: &ActivityLogger,
    user: UserId,
    queued: Vec<Queued>,
    give_up: Instant,
) -> Outcome {
    let ids = |queued: &[Queued]| queued.iter().map(|queued| queued.message_id.clone()).collect();
    let mut outcome = Outcome::default();
    let mut left = queued;
    while !left.is_empty() {
        let activities = left.iter().map(|queued| queued.activity.clone());
        let batch = match timeout_at(give_up, logger.append_batch(user, activities)).await {
            Ok(Ok(recorded)) => {
                outcome.count(&recorded);
                break;
            }
            Ok(Err(batch)) => batch,
            Err(_) => {
                let message_id = &left[0].message_id;
                tracing::warn!(message_id, messages = left.len(), "not recorded in time");
                outcome.postponed = ids(&left);
                break;
            }
        };
        outcome.count(&batch.recorded);
        let error = Report(&batch.error);
        if batch.error.is_final() {
            let Queued { message_id, .. } = left.remove(batch.index);
            tracing::error!(message_id, %error, "a message cannot be recorded");
            outcome.rejected.push(message_id);
            left.drain(..batch.recorded.len());
        } else {
            let message_id = &left[batch.index].message_id;
            let behind = left.len() - batch.index - 1;
            tracing::warn!(message_id, behind, %error, "messages are not recorded");
            outcome.postponed = ids(&left[batch.recorded.len()..]);
            break;
        }
    }
    outcome
}
