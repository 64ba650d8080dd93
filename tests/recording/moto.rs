//! The function between the queues of another engine, moto's SQS, which gives out messages as SQS does.
//! `make test-moto` runs this.

use std::collections::BTreeMap;

use activity_log_local::engine::is_embedded;
use activity_log_local::kit::Log;
use aws_lambda_events::sqs::{SqsMessage, SqsMessageAttribute};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName, QueueAttributeName,
};
use record_activities::DeadLetters;
use serde_json::json;

use crate::sqs::client_config;
use crate::support::{actions, deliver_and_tell};

async fn queue(sqs: &Client, name: &str) -> String {
    let request =
        sqs.create_queue().queue_name(name).attributes(QueueAttributeName::FifoQueue, "true");
    // What is not acknowledged is delivered again at once.
    let request = request.attributes(QueueAttributeName::VisibilityTimeout, "0");
    request.send().await.unwrap().queue_url.unwrap()
}

/// The next messages of a queue.
async fn receive(sqs: &Client, queue_url: &str) -> Vec<Message> {
    let request = sqs
        .receive_message()
        .queue_url(queue_url)
        .max_number_of_messages(10)
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .message_attribute_names("All");
    request.send().await.unwrap().messages.unwrap_or_default()
}

/// A message as Lambda hands it over.
fn as_lambda(message: &Message) -> SqsMessage {
    let mut handed = SqsMessage::default();
    handed.message_id.clone_from(&message.message_id);
    handed.body.clone_from(&message.body);
    for (name, value) in message.attributes.iter().flatten() {
        handed.attributes.insert(name.as_str().to_owned(), value.clone());
    }
    for (name, value) in message.message_attributes.iter().flatten() {
        let given = json!({ "dataType": "String", "stringValue": value.string_value });
        let given: SqsMessageAttribute = serde_json::from_value(given).unwrap();
        handed.message_attributes.insert(name.clone(), given);
    }
    handed
}

#[tokio::test]
async fn good_odd_and_poisoned_messages_of_several_users_each_come_to_their_end() {
    // The other engine is moto, which has queues, too.
    if is_embedded() {
        println!("left out: it needs the SQS of moto (make test-moto)");
        return;
    }
    let log = Log::of_today().await;
    let sqs = Client::from_conf(client_config(&log.engine.endpoint()).build());
    let source = queue(&sqs, "record.fifo").await;
    let dead = queue(&sqs, "record-dead-letters.fifo").await;
    let sent = [
        (3, r#"{"userId":3,"action":"create"}"#),
        (3, r#"{"userId":3,"action":"#),
        (8, r#"{"userId":"8","action":"Sync Now","ipAddress":"203.0.113.9:80","tenant":7}"#),
        (3, r#"{"userId":3,"action":"update","userAgent":"half \ud83d"}"#),
        (8, r#"{"action":"sync"}"#),
        (9, r#"{"userId":9,"action":"delete","idempotencyKey":"k"}"#),
        (9, r#"{"userId":9,"action":"create","idempotencyKey":"k"}"#),
        (3, r#"{"userId":3,"action":"invoke","metadata":[]}"#),
        (8, r#"{"userId":8,"action":"disconnect"}"#),
    ];
    for (number, (group, body)) in sent.into_iter().enumerate() {
        sqs.send_message()
            .queue_url(&source)
            .message_body(body)
            .message_group_id(group.to_string())
            .message_deduplication_id(number.to_string())
            .send()
            .await
            .unwrap();
    }

    let (mut rejected, mut ids) = (0, BTreeMap::new());
    for round in 0.. {
        let messages = receive(&sqs, &source).await;
        if messages.is_empty() {
            break;
        }
        assert!(round < 10, "a message is never acknowledged");
        let handed: Vec<SqsMessage> = messages.iter().map(as_lambda).collect();
        for message in &handed {
            ids.insert(message.body.clone().unwrap(), message.message_id.clone().unwrap());
        }
        for is_again in [false, true] {
            let letters = DeadLetters::new(sqs.clone(), dead.clone());
            let (failed, line) = deliver_and_tell(&log.logger, Some(letters), &handed).await;
            assert_eq!(failed, [""; 0]);
            rejected += line["rejected"].as_u64().unwrap();
            assert!(
                !is_again || line["appends"] == 0,
                "delivered again, and recorded again: {line}"
            );
        }
        let entries = messages.iter().enumerate().map(|(number, message)| {
            let handle = message.receipt_handle.clone().unwrap();
            DeleteMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .receipt_handle(handle)
                .build()
                .unwrap()
        });
        let delete = sqs.delete_message_batch().queue_url(&source);
        delete.set_entries(Some(entries.collect())).send().await.unwrap();
    }

    assert_eq!(ids.len(), sent.len());
    assert_eq!(actions(&log, 3).await, ["create", "update", "invoke"]);
    assert_eq!(actions(&log, 8).await, ["sync_now", "disconnect"]);
    assert_eq!(actions(&log, 9).await, ["delete", "create"]);
    for user in [3, 8, 9] {
        log.verify(user).await;
    }
    assert_eq!(rejected, 4, "two messages, each sent twice");
    let mut found = BTreeMap::new();
    for letter in receive(&sqs, &dead).await {
        let letter = as_lambda(&letter);
        let said = |name: &str| letter.message_attributes[name].string_value.clone().unwrap();
        let body = letter.body.clone().unwrap();
        assert_eq!(said("originalMessageId"), ids[&body]);
        assert!(said("originalSentTimestamp").parse::<u64>().is_ok());
        found.insert(body, (letter.attributes["MessageGroupId"].clone(), said("reason")));
    }
    let letter = |group: &str, reason: &str| (group.to_owned(), reason.to_owned());
    assert_eq!(
        found,
        [
            (sent[1].1.to_owned(), letter("3", "the message is not a JSON object")),
            (sent[4].1.to_owned(), letter("8", "userId is required")),
        ]
        .into(),
    );
}
