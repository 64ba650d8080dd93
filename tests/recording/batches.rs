//! What becomes of a batch of messages.

use activity_log::logger::ActivityLogger;
use activity_log::telemetry::Telemetry;
use activity_log::{Activity, NewActivity};
use activity_log_local::faults::Faults;
use activity_log_local::kit::{Log, ledger_key, number, silent_store, text, user};
use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use record_activities::{DEADLINE, Recorder, handler};
use serde_json::{Value, json};

use crate::logged::Logged;
use crate::sqs::DeadLetterQueue;
use crate::support::{
    EVENT, SENT, actions, deliver_and_tell, deliver_to, did, invocation, message, raw_message,
};

/// The function without a dead-letter queue, and without anybody who reads what it writes.
fn recorder(log: &Log) -> Recorder {
    let telemetry = Telemetry::with(None, |_| ());
    Recorder { logger: log.logger.clone(), dead_letters: None, telemetry }
}

#[tokio::test]
async fn the_example_event_is_recorded() {
    let log = Log::of_today().await;
    let event: SqsEvent = serde_json::from_str(EVENT).unwrap();
    let response = handler(&recorder(&log), invocation(event)).await.unwrap();
    assert_eq!(serde_json::to_value(response).unwrap(), json!({ "batchItemFailures": [] }));
    let [update, invoke] = log.entries(3).await.try_into().unwrap();
    assert_eq!(
        (update.details.action.as_str(), invoke.details.action.as_str()),
        ("update", "invoke")
    );
    assert_eq!(update.created_at.to_string(), "2024-01-24T09:00:00.000Z", "when it occurred");
    assert_eq!(invoke.created_at.to_string(), "2024-01-24T09:00:00.250Z", "when it was sent");
    assert_eq!(update.details.metadata.unwrap().as_text(), r#"{"codeSize":48213}"#);
    assert_eq!(update.details.ip_address, "203.0.113.10".parse().ok());
    assert_eq!(actions(&log, 8).await, ["sync"]);
}

#[tokio::test]
async fn a_message_is_recorded_once_however_often_it_is_delivered() {
    let log = Log::of_today().await;
    let keyed = |id| message(id, &json!({"userId": 3, "action": "sync", "idempotencyKey": "k"}));
    let batch = [did("a", 3, "create"), keyed("b"), keyed("c"), did("d", 3, "delete")];
    for delivered in [&batch[..], &batch[..], &batch[1..], &batch[3..]] {
        assert_eq!(deliver_to(&log, delivered).await, [""; 0]);
        assert_eq!(actions(&log, 3).await, ["create", "sync", "delete"]);
    }
}

#[tokio::test]
async fn a_user_is_written_in_one_transaction_and_users_side_by_side() {
    let log = Log::of_today().await;
    let batch: Vec<_> = (0..10).map(|n| did(&n.to_string(), 3 + n % 3, "sync")).collect();
    let faults = Faults::new(1);
    let logger = ActivityLogger::new(faults.store(&log.engine.endpoint()));
    let (failed, line) = deliver_and_tell(&logger, None, &batch).await;
    assert_eq!(failed, [""; 0]);
    assert_eq!(
        (faults.calls(), &line["roundTrips"]),
        (6, &json!(2)),
        "one read and one write each"
    );
    for (id, count) in [(3, 4), (4, 3), (5, 3)] {
        assert_eq!(log.entries(id).await.len(), count);
    }
}

#[tokio::test]
async fn a_batch_is_told_of_in_one_line_with_its_metrics() {
    let log = Log::of_today().await;
    let keyed =
        |id, action| message(id, &json!({"userId": 3, "action": action, "idempotencyKey": "k"}));
    deliver_to(&log, &[did("0", 3, "create"), keyed("k", "create")]).await;
    let odd =
        json!({"userId": "8", "action": "sync", "ipAddress": "Secret:80", "tenant": "Secret"});
    let batch = [
        did("0", 3, "create"),
        did("1", 3, "update"),
        did("2", 8, "sync"),
        message("3", &json!({"userId": 3, "action": ""})),
        message("4", &odd),
        keyed("5", "delete"),
    ];
    let queue = DeadLetterQueue::default();
    let (failed, line) = deliver_and_tell(&log.logger, Some(queue.dead_letters()), &batch).await;
    assert_eq!(failed, [""; 0]);
    for (member, value) in [
        ("level", json!("WARN")),
        ("function", json!("record-activities")),
        ("requestId", json!("7c1e6a6b")),
        ("messages", json!(6)),
        ("appends", json!(4)),
        ("repeated", json!(1)),
        ("altered", json!(2)),
        ("repairs", json!({ "idempotencyKey": 1, "ipAddress": 1, "userId": 1 })),
        ("reusedKeys", json!(1)),
        ("ignored", json!(["tenant"])),
        ("rejected", json!(1)),
        ("postponed", json!(0)),
        ("roundTrips", json!(4)),
        ("retries", json!(0)),
    ] {
        assert_eq!(line[member], value, "{member}: {line}");
    }
    assert!(!line.to_string().contains("Secret"), "{line}");
    let metrics = &line["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(metrics["Dimensions"], json!([["function"]]));
    for metric in metrics["Metrics"].as_array().unwrap() {
        assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{metric}: {line}");
    }
    assert!(line["writeUnits"].as_f64() > line["readUnits"].as_f64(), "{line}");
}

/// Messages of which five can never be recorded, and hold a word that nobody may see.
fn with_poison() -> [SqsMessage; 9] {
    [
        did("1", 3, "create"),
        message("2", &json!({"userId": 3, "action": "", "description": "hush"})),
        did("3", 3, "update"),
        raw_message("4", r#"{"userId":3,"action":"hush""#),
        message("5", &json!({"userId": 0, "action": "hush"})),
        raw_message("6", r#"{"userId":3,"action":"hush","action":"b"}"#),
        did("7", 8, "sync"),
        message("8", &json!({"user": "hush", "action": "sync"})),
        did("9", 3, "delete"),
    ]
}

const REASONS: [(&str, &str); 5] = [
    ("2", "action must not be empty"),
    ("4", "the message is not a JSON object"),
    ("5", "userId must be an integer from 1 to 2^53 - 1"),
    ("6", "action is given twice, with different values"),
    ("8", "userId is required"),
];

#[tokio::test]
async fn a_message_that_can_never_be_recorded_is_a_dead_letter_at_once_and_delays_nobody() {
    let log = Log::of_today().await;
    let queue = DeadLetterQueue::default();
    for _ in 0..2 {
        let letters = Some(queue.dead_letters());
        let (failed, line) = deliver_and_tell(&log.logger, letters, &with_poison()).await;
        assert_eq!((failed.len(), &line["rejected"]), (0, &json!(5)));
        assert_eq!(actions(&log, 3).await, ["create", "update", "delete"]);
        assert_eq!(actions(&log, 8).await, ["sync"]);
        let sent = queue.messages();
        assert_eq!(sent.len(), REASONS.len());
        for (id, reason) in REASONS {
            let came = with_poison().into_iter().find(|one| one.message_id.as_deref() == Some(id));
            let (came, text) = (
                came.unwrap(),
                |value: &str| json!({ "DataType": "String", "StringValue": value }),
            );
            assert_eq!(
                sent[id],
                json!({
                    "QueueUrl": "http://127.0.0.1:1/1/dead",
                    "MessageBody": came.body.unwrap(),
                    "MessageGroupId": came.attributes["MessageGroupId"],
                    "MessageDeduplicationId": id,
                    "MessageAttributes": {
                        "reason": text(reason),
                        "originalMessageId": text(id),
                        "originalSentTimestamp": text(&SENT.to_string()),
                    },
                })
            );
        }
    }
}

#[tokio::test]
async fn a_dead_letter_that_comes_back_is_recorded_as_what_it_was_first() {
    let log = Log::of_today().await;
    let back = |id: &str, body: &str| {
        let mut message = raw_message(id, body);
        for (name, value) in
            [("originalMessageId", "first"), ("originalSentTimestamp", "1704067200000")]
        {
            let attribute = json!({ "dataType": "String", "stringValue": value });
            let attribute = serde_json::from_value(attribute).unwrap();
            message.message_attributes.insert(name.to_owned(), attribute);
        }
        message
    };
    let good = r#"{"userId":3,"action":"sync"}"#;
    assert_eq!(deliver_to(&log, &[raw_message("first", good)]).await, [""; 0]);
    assert_eq!(deliver_to(&log, &[back("second", good)]).await, [""; 0]);
    assert_eq!(actions(&log, 3).await, ["sync"], "it had been recorded after all");
    assert_eq!(
        deliver_to(&log, &[back("third", r#"{"userId":8,"action":"sync"}"#)]).await,
        [""; 0]
    );
    let [entry] = log.entries(8).await.try_into().unwrap();
    assert_eq!(entry.created_at.to_string(), "2024-01-01T00:00:00.000Z", "when it was first sent");
    // If it still cannot be recorded, it is another message to the queue, with the same origin.
    let queue = DeadLetterQueue::default();
    deliver_and_tell(&log.logger, Some(queue.dead_letters()), &[back("fourth", "{}")]).await;
    let attributes = &queue.messages()["fourth"]["MessageAttributes"];
    assert_eq!(attributes["originalMessageId"]["StringValue"], "first");
    assert_eq!(attributes["originalSentTimestamp"]["StringValue"], "1704067200000");
}

#[tokio::test]
async fn without_its_dead_letter_queue_a_message_fails_alone_and_says_why_without_its_body() {
    let log = Log::of_today().await;
    let (logged, guard) = Logged::start();
    let queue = DeadLetterQueue::default();
    queue.refuse(true);
    for letters in [None, Some(queue.dead_letters())] {
        let (failed, line) = deliver_and_tell(&log.logger, letters, &with_poison()).await;
        assert_eq!(failed, ["2", "4", "5", "6", "8"]);
        assert_eq!((&line["rejected"], &line["postponed"]), (&json!(0), &json!(5)));
    }
    drop(guard);
    assert!(queue.messages().is_empty());
    assert_eq!(actions(&log, 3).await, ["create", "update", "delete"]);
    assert_eq!(actions(&log, 8).await, ["sync"]);
    let text = logged.text();
    assert!(!text.contains("hush"), "{text}");
    let never = text.lines().filter(|line| line.contains("a message can never be recorded"));
    for (line, (id, reason)) in never.zip(REASONS) {
        assert!(line.contains(&format!("message_id=\"{id}\"")) && line.contains(reason), "{line}");
    }
    assert_eq!(text.matches("the dead-letter queue did not take a message").count(), 5, "{text}");
}

#[tokio::test]
async fn two_activities_under_one_key_are_both_recorded_and_a_warning_names_them() {
    let log = Log::of_today().await;
    let (logged, guard) = Logged::start();
    let keyed =
        |id, action| message(id, &json!({"userId": 3, "action": action, "idempotencyKey": "k"}));
    for _ in 0..2 {
        let batch = [keyed("1", "create"), keyed("2", "delete"), keyed("3", "create")];
        assert_eq!(deliver_to(&log, &batch).await, [""; 0]);
    }
    drop(guard);
    let entries = log.entries(3).await;
    assert_eq!(actions(&log, 3).await, ["create", "delete"]);
    let text = logged.text();
    assert_eq!(text.matches("an idempotency key stands for two activities").count(), 1, "{text}");
    let named = format!("message_id=\"2\" id={} other={}", entries[1].id, entries[0].id);
    assert!(text.contains(&named), "{text}");
}

#[tokio::test]
async fn a_message_whose_pair_the_log_has_no_room_for_is_recorded_as_other_and_says_so() {
    let log = Log::of_today().await;
    let pairs = (0..2_000).map(|number| NewActivity::new(format!("action-{number}")));
    log.logger.append_batch(user(3), pairs).await.unwrap();
    let batch = [
        did("1", 3, "action-1"),
        did("2", 3, "one-too-many"),
        did("3", 3, "action-3"),
        did("4", 3, "two-too-many"),
        did("5", 8, "sync"),
    ];
    assert_eq!(deliver_to(&log, &batch).await, [""; 0]);
    let recorded = ["action-1", "other", "action-3", "other"];
    assert_eq!(actions(&log, 3).await[2_000..], recorded);
    assert_eq!(actions(&log, 8).await, ["sync"]);
    let entries = log.entries(3).await;
    let came = |entry: &Activity| entry.details.altered.get("action").cloned().flatten();
    let altered: Vec<_> = entries[2_000..].iter().map(came).collect();
    let once = |action: &str| Some(action.to_owned());
    assert_eq!(altered, [None, once("one-too-many"), None, once("two-too-many")]);
    log.verify(3).await;
}

#[tokio::test]
async fn if_a_log_cannot_be_written_all_of_its_messages_fail_in_order_and_others_go_on() {
    let log = Log::of_today().await;
    deliver_to(&log, &[did("0", 3, "create")]).await;
    let newest = number(log.entries(3).await[0].id.get());
    let head = async |id| log.ledger().set(&ledger_key("user#3", "head"), "id", id).await;
    head(text("no number")).await;
    let batch = [did("1", 3, "update"), did("2", 8, "sync"), did("3", 3, "delete")];
    assert_eq!(deliver_to(&log, &batch).await, ["1", "3"]);
    assert_eq!(actions(&log, 8).await, ["sync"]);
    head(newest).await;
    assert_eq!(deliver_to(&log, &batch).await, [""; 0], "delivered again");
    assert_eq!(actions(&log, 3).await, ["create", "update", "delete"]);
    assert_eq!(actions(&log, 8).await, ["sync"]);
    log.verify(3).await;
}

#[tokio::test]
async fn a_message_without_an_id_fails_the_whole_batch() {
    let log = Log::of_today().await;
    let mut event: Value = serde_json::from_str(EVENT).unwrap();
    event["Records"][1]["messageId"] = Value::Null;
    let event = invocation(serde_json::from_value(event).unwrap());
    let error = handler(&recorder(&log), event).await.unwrap_err();
    assert_eq!(error.to_string(), "a message has no messageId");
}

#[tokio::test]
async fn a_message_is_never_dated_later_than_now_nor_before_the_one_ahead_of_it() {
    let log = Log::of_today().await;
    let at = |id, occurred_at| {
        message(id, &json!({"userId": 3, "action": "sync", "occurredAt": occurred_at}))
    };
    let batch = [
        at("1", "2024-01-15T10:30:00Z"),
        at("2", "1970-01-01T00:00:00Z"),
        did("3", 3, "create"),
        at("4", "2099-01-01T00:00:00Z"),
    ];
    assert_eq!(deliver_to(&log, &batch).await, [""; 0]);
    let now = activity_log::time::Timestamp::now();
    let times: Vec<_> = log.entries(3).await.iter().map(|entry| entry.created_at).collect();
    assert_eq!(times[0].to_string(), "2024-01-15T10:30:00.000Z");
    assert_eq!(times[1], times[0]);
    assert_eq!(times[2].as_millis(), SENT);
    assert!(times[3] > times[2] && times[3] <= now, "{times:?}");
}

/// Time passes only as fast as it is waited for.
#[tokio::test(start_paused = true)]
async fn a_database_that_never_answers_fails_every_message_before_the_function_is_stopped() {
    // A logger that would go on for longer.
    let logger = ActivityLogger::new(silent_store()).with_deadline(DEADLINE * 2);
    let started = tokio::time::Instant::now();
    let batch = [did("1", 3, "sync"), did("2", 8, "sync"), did("3", 3, "sync")];
    assert_eq!(crate::support::deliver(&logger, &batch).await, ["1", "3", "2"]);
    assert!(started.elapsed() <= DEADLINE, "{:?}", started.elapsed());
}
