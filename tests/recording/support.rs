//! A log of its own for every test, and messages for it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use activity_log::Activity;
use activity_log::id::UserId;
use activity_log::logger::ActivityLogger;
use activity_log::store::{Order, PageRequest, Start, Store, TimeRange};
use activity_log::telemetry::Telemetry;
use activity_log::view::{Scope, View};
use activity_log_local::engine::Engine;
use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use lambda_http::Context;
use lambda_http::lambda_runtime::LambdaEvent;
use record_activities::handler;
use serde_json::{Value, json};

pub(crate) const TEMPLATE: &str = include_str!("../../template.yaml");
pub(crate) const EVENT: &str = include_str!("../../events/record-activities.json");

/// 2026-01-01T00:00:00Z: when messages are sent unless they say otherwise.
pub(crate) const SENT: i64 = 1_767_225_600_000;

pub(crate) struct Log {
    pub(crate) engine: Engine,
    pub(crate) store: Store,
    pub(crate) logger: ActivityLogger,
}

impl Log {
    pub(crate) async fn new() -> Self {
        let engine = Engine::in_memory(TEMPLATE).await.unwrap();
        let store = activity_log_local::store(&engine.endpoint());
        let logger = ActivityLogger::new(store.clone());
        Self { engine, store, logger }
    }

    /// Delivers messages; returns the ids of those that are reported as failed.
    pub(crate) async fn deliver(&self, messages: &[SqsMessage]) -> Vec<String> {
        deliver(&self.logger, messages).await
    }

    /// The whole log of a user, oldest first.
    pub(crate) async fn entries(&self, id: u64) -> Vec<Activity> {
        let mut entries = Vec::new();
        let mut start = Some(Start::Offset(0));
        while let Some(from) = start {
            let request = PageRequest {
                view: View::of(Scope::User(user(id))),
                range: TimeRange::default(),
                order: Order::OldestFirst,
                start: from,
                limit: 1_000,
            };
            let page = self.store.page(&request).await.unwrap();
            entries.extend(page.activities);
            start = page.next.map(Start::After);
        }
        entries
    }

    /// What was done, oldest first.
    pub(crate) async fn actions(&self, id: u64) -> Vec<String> {
        self.entries(id).await.into_iter().map(|activity| activity.action).collect()
    }

    pub(crate) async fn verify(&self, id: u64) {
        self.store.verify(user(id), &BTreeSet::new()).await.unwrap();
    }
}

/// Hands messages to the function; returns the ids of those that it reports as failed.
pub(crate) async fn deliver(logger: &ActivityLogger, messages: &[SqsMessage]) -> Vec<String> {
    deliver_and_tell(logger, messages).await.0
}

/// The same, and what the function tells of it.
pub(crate) async fn deliver_and_tell(
    logger: &ActivityLogger,
    messages: &[SqsMessage],
) -> (Vec<String>, Value) {
    let mut event = SqsEvent::default();
    event.records = messages.to_vec();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let telemetry = Telemetry::with(Some("ActivityLogs/test".into()), {
        let lines = Arc::clone(&lines);
        move |line| lines.lock().unwrap().push(serde_json::from_str(line).unwrap())
    });
    let response = handler(logger, &telemetry, invocation(event)).await.unwrap();
    let failed = response.batch_item_failures.into_iter().map(|failure| failure.item_identifier);
    let mut lines = lines.lock().unwrap();
    assert_eq!(lines.len(), 1, "one line a batch: {lines:?}");
    (failed.collect(), lines.remove(0))
}

/// An event as Lambda hands it over.
pub(crate) fn invocation(event: SqsEvent) -> LambdaEvent<SqsEvent> {
    let mut context = Context::default();
    context.request_id = "7c1e6a6b".into();
    LambdaEvent::new(event, context)
}

pub(crate) fn user(id: u64) -> UserId {
    id.try_into().unwrap()
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
