//! `verify` finds what was changed behind the log's back.

use std::collections::BTreeMap;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use activity_log::logger::Recorded;
use activity_log::store::{INDEXES, Verification, VerifyError};
use activity_log_local::faults::Faults;
use activity_log_local::kit::{
    Item, Log, START, as_printed, full, full_in_time, item, ledger_key, number, run, text, user,
};
use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

async fn inconsistency(log: &Log) -> String {
    match log.try_verify(3).await {
        Err(VerifyError::Inconsistent(found)) => found.to_string(),
        Err(error) => error.to_string(),
        Ok(verified) => panic!("nothing was found: {verified:?}"),
    }
}

#[tokio::test]
async fn a_log_that_was_only_appended_to_is_proven() {
    let log = Log::new().await;
    log.logger.append_batch(user(3), (0..250).map(full)).await.unwrap();
    log.logger.append(user(3), full(1).idempotency_key("k")).await.unwrap();
    let verified = log.verify(3).await;
    assert_eq!(verified.entries, 251);
    assert_eq!((verified.scopes, verified.blocks), (3, 3 * 3));
    let users = log.store.users().await.unwrap();
    assert_eq!(users.keys().copied().collect::<Vec<_>>(), [user(3)]);
    assert_eq!(users[&user(3)].len(), 3);
}

#[tokio::test]
async fn whatever_is_changed_is_named() {
    let of_user = |item| ledger_key("user#3", item);
    for fault in 0..9 {
        let log = Log::new().await;
        let recorded = log.logger.append_batch(user(3), (0..120).map(full)).await.unwrap();
        let id = recorded[50].activity.id.get();
        let entry = [("id", number(id))];
        let expected = match fault {
            0 => {
                log.activities().set(&entry, "p", number(999)).await;
                format!("activity {id}")
            }
            1 => {
                log.activities().delete(&entry).await;
                format!("activity {}", recorded[51].activity.id)
            }
            2 => {
                log.activities().set(&entry, "action", text("update")).await;
                format!("activity {id}")
            }
            3 => {
                log.activities().set(&entry, "ipAddress", text("nowhere")).await;
                format!("id {id}")
            }
            4 => {
                // Of an older head, whole in itself.
                let head = of_user("head");
                let older = log.ledger().get(&head).await;
                log.logger.append(user(3), full(1)).await.unwrap();
                log.ledger().put(older).await;
                "the head counts 120 entries".to_owned()
            }
            5 => {
                let block = of_user("block#0000000000");
                log.ledger().delete(&block).await;
                "user 3: block#0000000000 is missing".to_owned()
            }
            6 => {
                let block = ledger_key("user#3/project#4", "block#0000000000");
                let mut item = log.ledger().get(&block).await;
                let mut bytes = item["data"].as_b().unwrap().clone().into_inner();
                *bytes.last_mut().unwrap() ^= 2;
                item.insert("data".to_owned(), AttributeValue::B(Blob::new(bytes)));
                log.ledger().put(item).await;
                "user 3, project 4: block#0000000000 is not that of its entries".to_owned()
            }
            7 => {
                let node = of_user("node#1#0000000000");
                log.ledger().delete(&node).await;
                "user 3: node#1#0000000000 is missing".to_owned()
            }
            _ => {
                let mut key = item(&of_user("idempotency#k"));
                key.insert("id".to_owned(), number(7));
                key.insert("expiresAt".to_owned(), number(7));
                log.ledger().put(key).await;
                "idempotency#k names activity 7".to_owned()
            }
        };
        let found = inconsistency(&log).await;
        assert!(found.contains(&expected), "fault {fault}: {found}, not {expected}");
    }
}

#[tokio::test]
async fn what_no_entry_explains_in_the_ledger_is_named() {
    for (entries, surplus) in [
        (63, ["block#0000000000", "node#1#0000000000"]),
        (64, ["block#0000000001", "node#1#0000000001"]),
        (130, ["block#0000000009", "node#2#0000000001"]),
    ] {
        let (log, _) = log_of(entries).await;
        for name in surplus {
            let key = ledger_key("user#3", name);
            log.ledger().put(item(&key)).await;
            let expected = format!("user 3: the ledger has {name}, of no entry");
            assert_eq!(inconsistency(&log).await, expected, "{entries}");
            log.ledger().delete(&key).await;
        }
        log.verify(3).await;
    }
}

#[tokio::test]
async fn a_copy_that_is_not_that_of_the_table_is_named_in_whichever_index_it_is() {
    let (log, ids) = log_of(30).await;
    for (index, scope) in
        INDEXES.iter().zip(["user 3", "user 3, project 4", "user 3, environment 9"])
    {
        for at in [0, 12, 29] {
            let faults = Faults::new(1);
            faults.damage(index.name, ids[at], "action", "forged");
            let store = faults.store(&log.engine.endpoint());
            let lag = Duration::from_millis(1);
            let verification = Verification { lag, ..Verification::default() };
            let found = store.verify(user(3), &verification).await.unwrap_err().to_string();
            let expected =
                format!("activity {} in {scope}: the index and the table differ", ids[at]);
            assert_eq!(found, expected);
        }
    }
}

#[tokio::test]
async fn an_index_that_is_late_is_no_inconsistency() {
    let (log, ids) = log_of(30).await;
    let faults = Faults::new(1);
    let store = faults.store(&log.engine.endpoint());
    // The newest, one before it, and both: in any of the indexes that are asked first.
    for hidden in [&ids[29..], &ids[28..29], &ids[28..]] {
        for queries in 1..6 {
            faults.hide(hidden.iter().copied(), queries);
            let told = AtomicU64::new(0);
            let progress = |entries| {
                told.fetch_add(entries, Ordering::Relaxed);
            };
            let lag = Duration::from_millis(1);
            let verification = Verification { progress: &progress, lag, ..Verification::default() };
            let verified = store.verify(user(3), &verification).await.unwrap();
            assert_eq!((verified.entries, told.into_inner()), (30, 30), "{hidden:?} {queries}");
        }
    }
}

#[tokio::test]
async fn a_log_that_is_written_to_all_the_while_is_not_called_inconsistent() {
    let (log, _) = log_of(30).await;
    let faults = Faults::new(1);
    let store = faults.store(&log.engine.endpoint());
    // Late all the time, and written to each time that it was read.
    faults.lag_at_random(1.0, Duration::from_mins(10));
    let logger = log.logger_of(store.clone());
    logger.append(user(3), full(1)).await.unwrap();
    let verification = Verification { lag: Duration::from_millis(20), ..Verification::default() };
    let verify = store.verify(user(3), &verification);
    let write = async {
        loop {
            logger.append(user(3), full(1)).await.unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        verified = verify => assert!(matches!(verified, Err(VerifyError::Busy)), "{verified:?}"),
        () = write => unreachable!("it never ends"),
    }
}

/// A log of `count` entries, a millisecond apart.
async fn log_of(count: u64) -> (Log, Vec<u64>) {
    let log = Log::new().await;
    log.advance(1_000_000);
    let recorded = log.logger.append_batch(user(3), full_in_time(count)).await.unwrap();
    let ids = recorded.iter().map(|Recorded { activity, .. }| activity.id.get()).collect();
    (log, ids)
}

/// Gives an entry this hash.
fn seal(item: &mut Item, hash: AttributeValue) {
    let prefix = hash.as_b().unwrap().as_ref()[..8].to_vec();
    item.insert("h".to_owned(), AttributeValue::B(Blob::new(prefix)));
    item.insert("hash".to_owned(), hash);
}

async fn stored(log: &Log, id: u64) -> Item {
    log.activities().get(&[("id", number(id))]).await
}

/// The hash of an item as docs/integrity.md says it.
fn hash(previous: &AttributeValue, item: &Item) -> AttributeValue {
    let mut bytes = previous.as_b().unwrap().clone().into_inner();
    for (name, value) in item.iter().collect::<BTreeMap<_, _>>() {
        let (kind, value) = match value {
            AttributeValue::N(number) => ('N', number),
            AttributeValue::S(text) => ('S', text),
            _ => continue,
        };
        bytes.extend(format!("{name}:{kind}:{}:{value}\n", value.len()).bytes());
    }
    AttributeValue::B(Blob::new(digest(&SHA256, &bytes).as_ref()))
}

#[tokio::test]
async fn an_entry_that_was_changed_is_named_whatever_was_changed() {
    let (log, ids) = log_of(30).await;
    for at in [0, 12, 29] {
        let entry = [("id", number(ids[at]))];
        let original = stored(&log, ids[at]).await;
        for (name, value) in [
            ("description", text("Did nothing of the kind")),
            ("resourceId", number(6)),
            ("metadata", text("{}")),
            ("e", number(12)),
            ("note", text("an attribute that entries do not have")),
            ("flag", AttributeValue::Bool(true)),
        ] {
            log.activities().set(&entry, name, value).await;
            let found = inconsistency(&log).await;
            let expected = format!("activity {} of user 3: it is not as it was recorded", ids[at]);
            assert!(found.starts_with(&expected), "{at} {name}: {found}");
            log.activities().put(original.clone()).await;
        }
        let mut other = original.clone();
        seal(&mut other, AttributeValue::B(Blob::new([9; 32])));
        log.activities().put(other).await;
        let found = inconsistency(&log).await;
        let expected = format!("activity {} of user 3: it is not as it was recorded", ids[at]);
        assert!(found.starts_with(&expected), "{at}: {found}");
        log.activities().put(original.clone()).await;
        // The hash and its first bytes stand side by side, and only both can be right.
        for (name, bytes) in [("hash", vec![9; 32]), ("h", vec![9; 8])] {
            log.activities().set(&entry, name, AttributeValue::B(Blob::new(bytes))).await;
            let found = inconsistency(&log).await;
            let is_named = found.contains(&format!("id {}", ids[at]));
            assert!(is_named && found.contains("hash does not begin with h"), "{name}: {found}");
            log.activities().put(original.clone()).await;
        }
        // And hashed anew, as one who knows the format would.
        let mut forged = original.clone();
        forged.insert("resourceId".to_owned(), number(6));
        let previous = match at {
            0 => AttributeValue::B(Blob::new([0; 32])),
            _ => stored(&log, ids[at - 1]).await["hash"].clone(),
        };
        let sealed = hash(&previous, &forged);
        seal(&mut forged, sealed);
        log.activities().put(forged).await;
        let found = inconsistency(&log).await;
        let expected = match ids.get(at + 1) {
            Some(next) => format!("activity {next} of user 3: it is not as it was recorded (or"),
            None => "user 3: the head says".to_owned(),
        };
        assert!(found.starts_with(&expected), "{at}: {found}");
        log.activities().put(original).await;
    }
    log.verify(3).await;
}

#[tokio::test]
async fn entries_that_were_removed_are_told_by_the_one_after_them() {
    for (gone, expected) in [
        (0..1, "the 1 before it, from position 1, was removed"),
        (12..13, "the 1 before it, from position 13, was removed"),
        (12..15, "the 3 before it, from position 13, were removed"),
        (28..29, "the 1 before it, from position 29, was removed"),
        (29..30, "it was removed: it was the newest of 30 entries, and 29 are left"),
        (27..30, "it was removed: it was the newest of 30 entries, and 27 are left"),
    ] {
        let (log, ids) = log_of(30).await;
        for id in &ids[gone.clone()] {
            log.activities().delete(&[("id", number(*id))]).await;
        }
        let named = ids.get(gone.end).or(ids.last()).unwrap();
        let found = inconsistency(&log).await;
        assert_eq!(found, format!("activity {named} of user 3: {expected}"), "{gone:?}");
    }
}

#[tokio::test]
async fn an_entry_that_was_inserted_is_named_however_well_it_is_made() {
    let (log, ids) = log_of(30).await;
    for at in [0, 12, 29] {
        let forged_id = 7;
        let after = stored(&log, ids[at]).await;
        // Just after that entry, as a copy of it.
        let mut forged = after.clone();
        forged.insert("id".to_owned(), number(forged_id));
        forged.insert("createdAt".to_owned(), number(u64::try_from(START).unwrap() + at as u64));
        // The larger id of the same millisecond comes later; this one is smaller.
        let (previous, named) = match at {
            0 => (AttributeValue::B(Blob::new([0; 32])), forged_id),
            _ => (stored(&log, ids[at - 1]).await["hash"].clone(), forged_id),
        };
        for (value, expected) in [
            (after["hash"].clone(), "it was inserted: it has the hash of activity"),
            (AttributeValue::B(Blob::new([1; 32])), "it was inserted: no entry"),
            (hash(&previous, &forged), "it was inserted: it was not there before"),
        ] {
            seal(&mut forged, value);
            log.activities().put(forged.clone()).await;
            let found = inconsistency(&log).await;
            let expected = format!("activity {named} of user 3: {expected}");
            assert!(found.starts_with(&expected), "{at}: {found}");
        }
        log.activities().delete(&[("id", number(forged_id))]).await;
    }
    // At the end, chained as it must be; only the head knows nothing of it.
    let newest = stored(&log, ids[29]).await;
    let mut forged = newest.clone();
    forged.insert("id".to_owned(), number(ids[29] + 1));
    for index in INDEXES {
        let position: u64 = forged[index.position].as_n().unwrap().parse().unwrap();
        forged.insert(index.position.to_owned(), number(position + 1));
    }
    let sealed = hash(&newest["hash"], &forged);
    seal(&mut forged, sealed);
    log.activities().put(forged).await;
    let found = inconsistency(&log).await;
    let expected = format!("activity {} of user 3: it was inserted: the head", ids[29] + 1);
    assert!(found.starts_with(&expected), "{found}");
}

#[tokio::test]
async fn an_entry_that_was_moved_is_named_wherever_it_went() {
    for (from, to) in [(12, 20), (12, 11), (20, 12), (0, 29), (29, 0), (29, 28)] {
        let (log, ids) = log_of(30).await;
        let mut moved = stored(&log, ids[from]).await;
        // Between two others: entries are a millisecond apart, and ids grow with the positions.
        let at = START + i64::try_from(to).unwrap() - i64::from(to < from);
        moved.insert("createdAt".to_owned(), number(u64::try_from(at).unwrap()));
        log.activities().put(moved).await;
        let found = inconsistency(&log).await;
        let expected = format!("activity {} of user 3: it was moved", ids[from]);
        assert!(found.starts_with(&expected), "{from} to {to}: {found}");
    }
}

/// Runs the program of docs/integrity.md on what `aws dynamodb query` would print.
async fn second_verifier(log: &Log) -> Output {
    let document = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/integrity.md"));
    let program = document.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let items: Vec<Value> = log.activities().of_user(3).await.iter().map(as_printed).collect();
    let input = json!({ "Items": items }).to_string();
    run(Command::new("python3").args(["-c", program]), &input)
}

#[tokio::test]
async fn the_verifier_in_the_documentation_comes_to_the_same() {
    let (log, ids) = log_of(60).await;
    let verified = log.verify(3).await;
    let output = second_verifier(&log).await;
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed.trim(), verified.hash.unwrap().to_string());
    log.activities().set(&[("id", number(ids[7]))], "description", text("é")).await;
    let output = second_verifier(&log).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert_eq!(said.trim(), format!("activity {}: the chain is broken", ids[7]));
}
