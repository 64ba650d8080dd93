//! What an append takes in each system: counted once, then timed.
//!
//! Ours is what a service imports, `ActivityLogger`; the peers in Rust write as a service on theirs
//! would, from this process, too. The peer in JavaScript gets messages of the queue, as its function
//! would, one invocation at a time: so it has no figures for callers side by side.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use activity_log::ActivityLogger;
use activity_log_local::engine::Engine;
use activity_log_local::kit::TEMPLATE;
use activity_log_local::{client, store};
use aws_sdk_dynamodb::Client;
use bench::dynamodb::Counting;
use bench::function::Function;
use bench::results::{Case, System, Write};
use bench::{Failure, real};
use futures_util::future::try_join_all;
use peers::api::Database;
use peers::postgresql::{Cluster, Peer};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::systems::Systems;
use crate::workload::{Draft, Workload};

/// How many entries a kind of append is measured with.
const ENTRIES: u64 = 500;

/// A way to append.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    /// How many entries are handed over at a time.
    batch: usize,
    /// How many callers do so side by side.
    at_once: usize,
}

const KINDS: [Kind; 5] = [
    Kind { name: "one after another", batch: 1, at_once: 1 },
    Kind { name: "in batches of 10", batch: 10, at_once: 1 },
    Kind { name: "in batches of 25", batch: 25, at_once: 1 },
    Kind { name: "10 callers at once", batch: 1, at_once: 10 },
    Kind { name: "50 callers at once", batch: 1, at_once: 50 },
];

/// What appends to the log of a system.
enum Writer {
    Ours(ActivityLogger),
    Dynamodb(Client),
    Node(Box<Mutex<Function>>),
    /// A connection for each caller.
    Postgresql(Vec<Peer>),
}

impl Writer {
    /// Appends these, for the caller of this number.
    async fn append(&self, caller: usize, drafts: &[Numbered]) -> Result<(), Failure> {
        match self {
            Self::Ours(logger) => {
                let activities = drafts.iter().map(|numbered| numbered.draft.activity());
                let activities = activities.collect::<Result<Vec<_>, _>>()?;
                logger.append_batch(bench::user(), activities).await?;
            }
            Self::Dynamodb(client) => match &records(drafts)?[..] {
                [one] => peers::dynamodb::record(client, one).await?,
                several => peers::dynamodb::load(client, several).await?,
            },
            Self::Node(function) => {
                let (response, _) = function.lock().await.invoke(&queue_event(drafts)).await?;
                let response: Value = serde_json::from_slice(&response.body)?;
                if response != json!({"batchItemFailures": []}) {
                    return Err(format!("the response of the function is {response}").into());
                }
            }
            Self::Postgresql(connections) => {
                let connection = connections.get(caller).ok_or("there is no connection")?;
                connection.write(&records(drafts)?).await?;
            }
        }
        Ok(())
    }

    /// Appends all of `drafts` in this way, and gives the time that it took.
    async fn append_all(&self, kind: Kind, drafts: &[Numbered]) -> Result<Duration, Failure> {
        let share = drafts.len().div_ceil(kind.at_once);
        let started = Instant::now();
        try_join_all(drafts.chunks(share).enumerate().map(async |(caller, share)| {
            for batch in share.chunks(kind.batch) {
                self.append(caller, batch).await?;
            }
            Ok::<_, Failure>(())
        }))
        .await?;
        Ok(started.elapsed())
    }
}

/// A draft under a number that no other has, for systems that need an id from whoever writes.
struct Numbered {
    number: u64,
    draft: Draft,
}

/// What a peer writes for these.
fn records(drafts: &[Numbered]) -> Result<Vec<peers::Record>, Failure> {
    drafts.iter().map(|Numbered { number, draft }| draft.record(*number)).collect()
}

/// Messages of the queue, as Lambda hands them over.
fn queue_event(drafts: &[Numbered]) -> String {
    let records = drafts.iter().map(|Numbered { number, draft }| {
        json!({
            "messageId": format!("059f36b4-87a3-44ab-83d2-{number:012}"),
            "receiptHandle": number.to_string(),
            "body": draft.message,
            "attributes": {
                "SentTimestamp": draft.created_at.to_string(),
                "MessageGroupId": "3",
            },
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        })
    });
    json!({ "Records": records.collect::<Vec<_>>() }).to_string()
}

/// Drafts under numbers from `first` on.
fn drafts(first: u64) -> Vec<Numbered> {
    let drafts = (first..).zip(Workload::of(ENTRIES));
    drafts.map(|(number, draft)| Numbered { number, draft }).collect()
}

/// The database of one system, empty at first, and what appends to it.
struct Target {
    writer: Writer,
    /// The same before a DynamoDB that counts.
    counted: Option<(Writer, Counting)>,
    // A database runs as long as it is held.
    _engine: Option<Engine>,
    _cluster: Option<Cluster>,
}

/// Starts the database and the writers of a system.
async fn target(systems: &Systems, system: System) -> Result<Target, Failure> {
    if system == System::Postgresql {
        let cluster = Cluster::start().await?.ok_or("PostgreSQL has gone away")?;
        let most = KINDS.iter().map(|kind| kind.at_once).max().unwrap_or(1);
        let mut connections = Vec::with_capacity(most);
        for _ in 0..most {
            connections.push(Peer::connect(&cluster.connection_string()).await?);
        }
        let writer = Writer::Postgresql(connections);
        return Ok(Target { writer, counted: None, _engine: None, _cluster: Some(cluster) });
    }
    let engine = Engine::in_memory(TEMPLATE).await?;
    if system != System::Ours {
        peers::dynamodb::create_tables(&client(&engine.endpoint())).await?;
    }
    let counting = Counting::before(&engine.endpoint(), Duration::ZERO).await?;
    let writer = async |endpoint: &str| {
        Ok::<_, Failure>(match system {
            System::Ours => Writer::Ours(ActivityLogger::new(store(endpoint))),
            System::Node => Writer::Node(Box::new(Mutex::new(systems.node(endpoint).await?))),
            System::Dynamodb | System::Postgresql => Writer::Dynamodb(client(endpoint)),
        })
    };
    Ok(Target {
        writer: writer(&engine.endpoint()).await?,
        counted: Some((writer(counting.endpoint()).await?, counting)),
        _engine: Some(engine),
        _cluster: None,
    })
}

/// Measures all kinds of appends in each of `systems`, of one user, whose log is empty at first.
///
/// # Errors
/// If a system fails.
pub(crate) async fn measure(systems: &Systems) -> Result<Vec<Case<Write>>, Failure> {
    let mut cases: Vec<_> = KINDS
        .iter()
        .map(|kind| Case { name: kind.name.to_owned(), systems: BTreeMap::new() })
        .collect();
    for system in systems.present() {
        let target = target(systems, *system).await?;
        let mut first = 1;
        for (kind, case) in KINDS.iter().zip(&mut cases) {
            if *system == System::Node && kind.at_once > 1 {
                continue;
            }
            case.systems.insert(*system, target.measure(*kind, first).await?);
            first += 2 * ENTRIES;
        }
    }
    Ok(cases)
}

impl Target {
    /// Measures one kind, with entries whose numbers begin with `first`.
    async fn measure(&self, kind: Kind, first: u64) -> Result<Write, Failure> {
        let counted = match &self.counted {
            None => None,
            Some((writer, counting)) => {
                counting.take()?;
                writer.append_all(kind, &drafts(first)).await?;
                Some(counting.take()?)
            }
        };
        let took = self.writer.append_all(kind, &drafts(first + ENTRIES)).await?;
        Ok(Write {
            write_units: counted.map(|counted| each(counted.write_units)),
            requests: counted.map(|counted| each(counted.writes.into())),
            entries_a_second: (real(ENTRIES) / took.as_secs_f64()).round(),
        })
    }
}

/// The part of one entry, rounded to thousandths.
fn each(all: f64) -> f64 {
    (all / real(ENTRIES) * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_drafts_have_one_number() {
        let numbers = |first| drafts(first).into_iter().map(|numbered| numbered.number);
        assert!(numbers(1).eq(1..=ENTRIES));
        assert!(numbers(1 + ENTRIES).eq(ENTRIES + 1..=2 * ENTRIES));
    }

    #[test]
    fn a_message_carries_the_activity_and_an_id_of_its_own() {
        let drafts = drafts(7);
        let event: Value = serde_json::from_str(&queue_event(&drafts[..2])).unwrap();
        let records = event["Records"].as_array().unwrap();
        assert_eq!(records.len(), 2);
        assert_ne!(records[0]["messageId"], records[1]["messageId"]);
        let body: Value = serde_json::from_str(records[0]["body"].as_str().unwrap()).unwrap();
        assert_eq!(body["userId"], 3);
    }

    #[tokio::test]
    async fn ten_in_a_batch_are_one_transaction() {
        let engine = Engine::in_memory(TEMPLATE).await.unwrap();
        let counting = Counting::before(&engine.endpoint(), Duration::ZERO).await.unwrap();
        let logger = |endpoint| Writer::Ours(ActivityLogger::new(store(endpoint)));
        let target = Target {
            writer: logger(&engine.endpoint()),
            counted: Some((logger(counting.endpoint()), counting)),
            _engine: Some(engine),
            _cluster: None,
        };
        let write = target.measure(KINDS[1], 1).await.unwrap();
        assert!((write.requests.unwrap() - 0.1).abs() < 1e-9, "{write:?}");
        let units = write.write_units.unwrap();
        assert!((4.0..7.0).contains(&units) && write.entries_a_second > 0.0, "{write:?}");
    }
}
