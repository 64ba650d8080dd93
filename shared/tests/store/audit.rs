//! `verify` finds what was changed behind the log's back.

use std::collections::{BTreeSet, HashMap};

use activity_log::store::VerifyError;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::support::{Log, full, user};

type Key<'a> = [(&'a str, AttributeValue)];

fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn key(parts: &Key<'_>) -> HashMap<String, AttributeValue> {
    parts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

async fn set(log: &Log, table: &str, parts: &Key<'_>, name: &str, value: AttributeValue) {
    log.client
        .update_item()
        .table_name(table)
        .set_key(Some(key(parts)))
        .update_expression("SET #name = :value")
        .expression_attribute_names("#name", name)
        .expression_attribute_values(":value", value)
        .send()
        .await
        .unwrap();
}

async fn delete(log: &Log, table: &str, parts: &Key<'_>) {
    log.client.delete_item().table_name(table).set_key(Some(key(parts))).send().await.unwrap();
}

async fn contradiction(log: &Log) -> String {
    match log.store.verify(user(3), &BTreeSet::new()).await {
        Err(VerifyError::Contradiction(found)) => found.to_string(),
        Err(VerifyError::Store(error)) => error.to_string(),
        Ok(verified) => panic!("nothing was found: {verified:?}"),
    }
}

#[tokio::test]
async fn a_log_that_was_only_appended_to_is_proven() {
    let log = Log::new().await;
    log.logger.append_batch(user(3), (0..250).map(full)).await.unwrap();
    log.logger.append(user(3), full(1).idempotency_key("k")).await.unwrap();
    let verified = log.store.verify(user(3), &BTreeSet::new()).await.unwrap();
    assert_eq!(verified.entries, 251);
    // Three scopes of: everything, two types, two actions, and the three pairs that occur.
    assert_eq!(verified.views, 3 * 8);
    let users = log.store.users().await.unwrap();
    assert_eq!(users.keys().copied().collect::<Vec<_>>(), [user(3)]);
    assert_eq!(users[&user(3)].len(), 3);
}

#[tokio::test]
async fn whatever_is_changed_is_named() {
    let scope = ("scope", text("user#3"));
    for fault in 0..7 {
        let log = Log::new().await;
        let recorded = log.logger.append_batch(user(3), (0..120).map(full)).await.unwrap();
        let id = recorded[50].activity.id.get();
        let entry = [("id", number(id))];
        let expected = match fault {
            0 => {
                set(&log, "ActivitiesTable", &entry, "pta", number(999)).await;
                format!("activity {id}")
            }
            1 => {
                delete(&log, "ActivitiesTable", &entry).await;
                format!("activity {}", recorded[51].activity.id)
            }
            2 => {
                set(&log, "ActivitiesTable", &entry, "action", text("update")).await;
                format!("activity {id}")
            }
            3 => {
                set(&log, "ActivitiesTable", &entry, "ipAddress", text("nowhere")).await;
                format!("id {id}")
            }
            4 => {
                let head = [scope.clone(), ("entry", text("head"))];
                set(&log, "LedgerTable", &head, "id", number(1)).await;
                "user 3: the head".to_owned()
            }
            5 => {
                let milestone = [scope.clone(), ("entry", text("milestone###20"))];
                delete(&log, "LedgerTable", &milestone).await;
                "milestone 20".to_owned()
            }
            _ => {
                let milestone = [scope.clone(), ("entry", text("milestone#function##40"))];
                set(&log, "LedgerTable", &milestone, "id", number(id)).await;
                set(&log, "LedgerTable", &milestone, "createdAt", number(1)).await;
                "resourceType function: milestone 40".to_owned()
            }
        };
        let found = contradiction(&log).await;
        assert!(found.contains(&expected), "fault {fault}: {found}, not {expected}");
    }
}
