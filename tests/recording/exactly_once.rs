//! Thousands of activities through a connection that fails in every way, from services that repeat
//! themselves, from a queue that delivers twice, by clocks that disagree: each is recorded once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use activity_log::id::IdSource;
use activity_log::logger::{ActivityLogger, AppendError, DEFAULT_DEADLINE, Recorded};
use activity_log::time::{Clock, Timestamp};
use activity_log::{Activity, NewActivity};
use activity_log_local::faults::{Fault, Faults};
use activity_log_local::kit::{Log, TEMPLATE, user};
use activity_log_local::template::permissions;
use serde_json::json;

use crate::queue::Queue;
use crate::sqs::DeadLetterQueue;
use crate::support::{deliver_and_tell, message, raw_message};

const USERS: u64 = 4;
/// Services that write directly, each to every user.
const SERVICES: u64 = 4;
/// How many activities each of them records, and how many are sent to the queue.
const DIRECT: u64 = 400;
const QUEUED: u64 = 1_600;
/// Copies of the function.
const CONSUMERS: u64 = 4;
/// How likely a call is to go wrong.
const CHANCE: f64 = 0.2;

/// A clock that is up to an hour off, and by how much changes each time it is read.
fn restless_clock(seed: u64) -> Clock {
    let random = std::sync::Mutex::new(fastrand::Rng::with_seed(seed));
    Clock::new(move || {
        let off = random.lock().unwrap().i64(-3_600_000..=3_600_000);
        Timestamp::from_millis(Timestamp::now().as_millis() + off).unwrap()
    })
}

/// The logger of one process. Two processes draw the same ids.
fn logger(log: &Log, faults: &Faults, process: u64, deadline: Duration) -> ActivityLogger {
    ActivityLogger::new(faults.store(&log.engine.endpoint()))
        .with_clock(restless_clock(process))
        .with_ids(IdSource::new(fastrand::Rng::with_seed(process / 2)))
        .with_deadline(deadline)
}

fn activity(marker: &str, number: u64) -> NewActivity {
    let activity =
        NewActivity::new(["create", "invoke", "delete"][(number % 3) as usize]).description(marker);
    if number.is_multiple_of(4) {
        return activity;
    }
    activity
        .resource("function", 5.try_into().unwrap())
        .environment((number % 2 + 1).try_into().unwrap(), (number % 3 + 1).try_into().unwrap())
}

/// What is known of the activities that were to be recorded, by their markers.
#[derive(Default)]
struct Known {
    acknowledged: BTreeMap<String, Activity>,
    /// May be recorded, or not.
    unsettled: BTreeSet<String>,
}

/// A service that records one by one and in batches, with idempotency keys and without.
async fn service(logger: ActivityLogger, number: u64) -> Known {
    let mut random = fastrand::Rng::with_seed(number);
    let mut known = Known::default();
    let mut next = 0;
    while next < DIRECT {
        let count = if random.bool() { 1 } else { random.u64(2..8).min(DIRECT - next).max(1) };
        let keyed = random.bool();
        let markers: Vec<_> =
            (next..next + count).map(|n| format!("service {number}: {n}")).collect();
        let batch: Vec<_> = (next..)
            .zip(&markers)
            .map(|(number, marker)| {
                let activity = activity(marker, number);
                if keyed { activity.idempotency_key(marker) } else { activity }
            })
            .collect();
        next += count;
        let owner = user(random.u64(1..=USERS));
        let mut from = 0;
        while from < markers.len() {
            let (recorded, error) = match logger.append_batch(owner, batch[from..].to_vec()).await {
                Ok(recorded) => (recorded, None),
                Err(stopped) => (stopped.recorded, Some(stopped.error)),
            };
            for (marker, Recorded { activity, .. }) in markers[from..].iter().zip(&recorded) {
                assert_eq!(activity.details.description.as_ref(), Some(marker));
                known.acknowledged.insert(marker.clone(), activity.clone());
            }
            from += recorded.len();
            match error {
                // To try again could record it twice.
                Some(AppendError::Deadline { may_be_recorded: true, .. }) if !keyed => {
                    known.unsettled.extend(markers[from..].iter().cloned());
                    from = markers.len();
                }
                None | Some(AppendError::Deadline { .. }) => {}
                Some(error) => panic!("{error:?}"),
            }
            // What has succeeded is sent again, too: the service does not know.
            if keyed && random.u8(..10) == 0 {
                from = 0;
            }
        }
    }
    known
}

/// A copy of the function, which now and then is stopped in the middle or cannot say that it is
/// done.
async fn consumer(
    logger: ActivityLogger,
    dead: DeadLetterQueue,
    queue: Arc<Queue>,
    open: Arc<AtomicU64>,
    seed: u64,
) {
    let mut random = fastrand::Rng::with_seed(seed);
    while open.load(Ordering::SeqCst) > 0 || !queue.is_empty() {
        let Some(batch) = queue.receive(&mut random) else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let messages = batch.messages();
        let patience = match random.u8(..10) {
            0 => Duration::from_millis(random.u64(1..40)),
            _ => Duration::from_mins(1),
        };
        let delivery = deliver_and_tell(&logger, Some(dead.dead_letters()), &messages);
        match tokio::time::timeout(patience, delivery).await {
            Ok((failed, _)) if random.u8(..10) > 0 => queue.done(batch, &failed),
            _ => queue.lost(batch),
        }
    }
}

/// Sends messages of all users, some of which can never be recorded, and some twice.
fn send(queue: &Queue) -> (BTreeMap<u64, Vec<String>>, BTreeSet<String>) {
    let mut random = fastrand::Rng::with_seed(99);
    let mut markers: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    let mut poison = BTreeSet::new();
    for number in 0..QUEUED {
        let owner = number % USERS + 1;
        let id = format!("message {number}");
        match random.u8(..40) {
            0 => {
                queue.send(owner, raw_message(&id, "{}"));
                poison.insert(id);
                continue;
            }
            1 => {
                // A producer that repeated itself after SQS had forgotten the first.
                let body = json!({"userId": owner, "action": "sync", "description": &id,
                    "idempotencyKey": &id});
                queue.send(owner, message(&format!("{id} once"), &body));
                queue.send(owner, message(&format!("{id} again"), &body));
            }
            2 => {
                // A producer that used a key for two activities.
                let other = format!("{id} other");
                for said in [&id, &other] {
                    let body = json!({"userId": owner, "action": "sync", "description": said,
                        "idempotencyKey": &id});
                    queue.send(owner, message(said, &body));
                }
                markers.entry(owner).or_default().extend([id, other]);
                continue;
            }
            _ => {
                let body = json!({"userId": owner, "action": "sync", "description": &id,
                    "projectId": number % 2 + 1});
                queue.send(owner, message(&id, &body));
            }
        }
        markers.entry(owner).or_default().push(id);
    }
    (markers, poison)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_activity_is_recorded_once_whatever_breaks() {
    let log = Log::of_today().await;
    let faults = Faults::new(4);
    faults.at_random(CHANCE);

    let queue = Arc::new(Queue::default());
    let dead = DeadLetterQueue::default();
    let (sent, poison) = send(&queue);
    let open = Arc::new(AtomicU64::new(0));
    let consumers: Vec<_> = (0..CONSUMERS)
        .map(|number| {
            let logger = logger(&log, &faults, 100 + number, DEFAULT_DEADLINE);
            let (queue, open) = (Arc::clone(&queue), Arc::clone(&open));
            tokio::spawn(consumer(logger, dead.clone(), queue, open, number))
        })
        .collect();
    let services: Vec<_> = (0..SERVICES)
        .map(|number| {
            // One of them gives up soon, and cannot always tell what became of it.
            let deadline = if number == 0 { Duration::from_millis(300) } else { DEFAULT_DEADLINE };
            tokio::spawn(service(logger(&log, &faults, number, deadline), number))
        })
        .collect();
    let mut known = Known::default();
    for service in services {
        let of_one = service.await.unwrap();
        known.acknowledged.extend(of_one.acknowledged);
        known.unsettled.extend(of_one.unsettled);
    }
    for consumer in consumers {
        consumer.await.unwrap();
    }
    faults.at_random(0.0);
    faults.settle().await;

    let mut found: HashMap<String, Vec<Activity>> = HashMap::new();
    let mut total = 0;
    for id in 1..=USERS {
        log.verify(id).await;
        let entries = log.entries(id).await;
        total += entries.len();
        // The messages of a group are in the order in which they were sent.
        let queued: Vec<_> = entries
            .iter()
            .filter_map(|entry| entry.details.description.clone())
            .filter(|marker| marker.starts_with("message"))
            .collect();
        assert_eq!(queued, sent[&id], "user {id}");
        for entry in entries {
            found.entry(entry.details.description.clone().unwrap()).or_default().push(entry);
        }
    }
    for (marker, activity) in &known.acknowledged {
        assert_eq!(found.get(marker), Some(&vec![activity.clone()]), "{marker}");
    }
    for (marker, entries) in &found {
        assert_eq!(entries.len(), 1, "{marker}");
        let expected = marker.starts_with("message")
            || known.acknowledged.contains_key(marker)
            || known.unsettled.contains(marker);
        assert!(expected, "{marker}");
    }
    assert_eq!(dead.messages().into_keys().collect::<BTreeSet<_>>(), poison);
    assert_eq!(queue.dead(), BTreeSet::new(), "what can be recorded is, however often it fails");
    let settled = known.acknowledged.len() as u64 + known.unsettled.len() as u64;
    assert_eq!(settled, SERVICES * DIRECT);

    let permissions = permissions(TEMPLATE, "RecordActivitiesRole").unwrap();
    assert_eq!(faults.actions(), permissions, "no more, no less");
    let counts = faults.counts();
    println!(
        "{total} entries of {} activities recorded directly ({} unsettled) and {QUEUED} messages \
         ({} poisoned); {} calls; faults survived: {}, {counts:?}",
        SERVICES * DIRECT,
        known.unsettled.len(),
        poison.len(),
        faults.calls(),
        counts.values().sum::<u64>(),
    );
    for fault in Fault::SURVIVABLE {
        assert!(counts.contains_key(&fault), "{fault:?} was never met");
    }
}
