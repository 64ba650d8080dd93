//! Messages, and how they are delivered.

use activity_log::logger::ActivityLogger;
use activity_log_local::kit::{Log, START, Written};
use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use lambda_http::Context;
use lambda_http::lambda_runtime::LambdaEvent;
use record_activities::{DeadLetters, Recorder, handler};
use serde_json::{Value, json};

pub(crate) const EVENT: &str = include_str!("../../events/record-activities.json");

/// 2026-01-01T00:00:00Z: when messages are sent unless they say otherwise.
pub(crate) const SENT: i64 = START;

/// Delivers messages to a log; returns the ids of those that are reported as failed.
pub(crate) async fn deliver_to(log: &Log, messages: &[SqsMessage]) -> Vec<String> {
    deliver(&log.logger, messages).await
}

/// What was done by a user, oldest first.
pub(crate) async fn actions(log: &Log, id: u64) -> Vec<String> {
    log.entries(id).await.into_iter().map(|activity| activity.details.action).collect()
}

/// Hands messages to the function; returns the ids of those that it reports as failed.
pub(crate) async fn deliver(logger: &ActivityLogger, messages: &[SqsMessage]) -> Vec<String> {
    deliver_and_tell(logger, None, messages).await.0
}

/// The same, with a dead-letter queue to send to, and what the function tells of it.
pub(crate) async fn deliver_and_tell(
    logger: &ActivityLogger,
    dead_letters: Option<DeadLetters>,
    messages: &[SqsMessage],
) -> (Vec<String>, Value) {
    let mut event = SqsEvent::default();
    event.records = messages.to_vec();
    let written = Written::default();
    let recorder =
        Recorder { logger: logger.clone(), dead_letters, telemetry: written.telemetry() };
    let response = handler(&recorder, invocation(event)).await.unwrap();
    let failed = response.batch_item_failures.into_iter().map(|failure| failure.item_identifier);
    (failed.collect(), written.one())
}

/// An event as Lambda hands it over.
pub(crate) fn invocation(event: SqsEvent) -> LambdaEvent<SqsEvent> {
    let mut context = Context::default();
    context.request_id = "7c1e6a6b".into();
    LambdaEvent::new(event, context)
}

/// A message as SQS delivers it.
pub(crate) fn message(id: &str, body: &Value) -> SqsMessage {
    raw_message(id, &body.to_string())
}

/// A message with any body.
pub(crate) fn raw_message(id: &str, body: &str) -> SqsMessage {
    let mut record = serde_json::from_str::<Value>(EVENT).unwrap()["Records"][0].take();
    record["messageId"] = id.into();
    record["body"] = body.into();
    record["attributes"]["SentTimestamp"] = SENT.to_string().into();
    serde_json::from_value(record).unwrap()
}

/// A message of a user who did something.
pub(crate) fn did(id: &str, user: u64, action: &str) -> SqsMessage {
    message(id, &json!({ "userId": user, "action": action }))
}
