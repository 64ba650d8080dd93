//! A user who is erased is gone, and nobody else is.

use activity_log::NewActivity;
use activity_log::directory::NameChange;
use activity_log::store::Erased;
use activity_log::view::Scope;
use activity_log_local::faults::{Fault, Faults, Injection};
use activity_log_local::kit::{Log, Table, full, person, project, user, whole};
use aws_sdk_dynamodb::types::AttributeValue;

/// Users 3 and 30, each with as many entries of the same projects, with blocks, idempotency
/// keys and names.
async fn two_users(entries: u64) -> Log {
    let log = Log::new().await;
    for id in [3, 30] {
        let activities = (0..entries).map(|number| match number % 3 {
            0 => full(number).idempotency_key(format!("key {number}")),
            1 => NewActivity::new("sync"),
            _ => full(number),
        });
        log.logger.append_batch(user(id), activities).await.unwrap();
        let names = [person(id, "Name"), project(id, 4, "slug", "Name")];
        log.store.write_names(&names.map(NameChange::Set)).await.unwrap();
    }
    log
}

/// How many items the tables hold of a user.
async fn items(log: &Log, id: u64) -> u64 {
    entries(log, id).await + items_of(log.directory(), id).await + items_of(log.ledger(), id).await
}

/// How many of them are entries.
async fn entries(log: &Log, id: u64) -> u64 {
    items_of(log.activities(), id).await
}

async fn items_of(table: Table, id: u64) -> u64 {
    let items = table.scan().await;
    let of_user = items.iter().filter(|item| match (item.get("userId"), item.get("scope")) {
        (Some(AttributeValue::N(user)), None) => *user == id.to_string(),
        (None, Some(AttributeValue::S(scope))) => {
            *scope == format!("user#{id}") || scope.starts_with(&format!("user#{id}/"))
        }
        _ => panic!("whose is {item:?}?"),
    });
    of_user.count() as u64
}

#[tokio::test]
async fn a_user_who_is_erased_is_gone_and_nobody_else_is() {
    let log = two_users(90).await;
    let (before, other) = (items(&log, 3).await, items(&log, 30).await);
    let page = log.page(whole(30), 0, 100).await;
    let erased = log.store.erase(user(3)).await.unwrap();
    assert_eq!((erased.entries, erased.names), (90, 2));
    let slugs = 1;
    assert_eq!(erased.entries + erased.ledger + erased.names + slugs, before);
    assert_eq!((items(&log, 3).await, items(&log, 30).await), (0, other));
    assert_eq!(log.page(whole(30), 0, 100).await, page);
    assert_eq!(log.verify(30).await.entries, 90);
    assert_eq!(log.page(whole(3), 0, 100).await.total, 0);
    assert_eq!(log.store.erase(user(3)).await.unwrap(), Erased::default());

    // Who comes back begins anew, with the same idempotency keys.
    log.logger.append(user(3), full(0).idempotency_key("key 0")).await.unwrap();
    assert_eq!(log.verify(3).await.entries, 1);
}

#[tokio::test]
async fn an_erasure_that_fails_half_way_goes_on_when_it_is_called_again() {
    let (mut after, mut partly) = (0, 0);
    loop {
        let log = two_users(45).await;
        let other = items(&log, 30).await;
        let faults = Faults::new(after);
        let operation = Some("BatchWriteItem");
        faults.inject(Some(Injection { fault: Fault::ServerError, operation, after, times: 9 }));
        let store = faults.store(&log.engine.endpoint());
        let failed = store.erase(user(3)).await.is_err();
        faults.inject(None);
        if failed {
            assert_ne!(items(&log, 3).await, 0, "after {after} batches");
            // As long as there are entries, there is the head that counts them.
            let head = log.store.head(Scope::User(user(3))).await.unwrap();
            let left = entries(&log, 3).await;
            assert!(left == 0 || head.last.is_some(), "after {after} batches");
            partly += u32::from(left > 0 && left < 45);
            store.erase(user(3)).await.unwrap();
        }
        assert_eq!((items(&log, 3).await, items(&log, 30).await), (0, other), "{after} batches");
        if !failed {
            break;
        }
        after += 1;
    }
    assert!(partly > 0, "it never failed among the entries");
    assert!(after >= 6, "two scopes, the user's ledger, entries, the head, names: {after}");
}
