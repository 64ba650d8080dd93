//! The systems that can run here, and how each is started and filled.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use activity_log::ActivityLogger;
use activity_log::directory::NameChange;
use activity_log::store::{Draft as Append, Placement};
use activity_log::time::Timestamp;
use activity_log_local::engine::Engine;
use activity_log_local::kit::TEMPLATE;
use activity_log_local::{client, store};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use bench::dynamodb::{Counting, QUIET};
use bench::function::Function;
use bench::machine::said_by;
use bench::results::System;
use bench::{Failure, peer_names, real, sizes};
use peers::Record;
use peers::dynamodb::{TABLE, VARIABLES};
use peers::postgresql::Cluster;

use crate::reads::{Functions, Target};
use crate::requests::{Ids, Route};
use crate::workload::{Draft, Workload};

/// How many entries are appended at once.
const BATCH: usize = 1_000;

/// How many entries are loaded into one system before the next.
const PART: usize = 25_000;

/// Of how many entries the average size is taken. Sizes differ little, and the embedded engine takes a time
/// for a whole scan that grows with the square of the table.
const SAMPLE: i32 = 2_000;

/// Up to which length of a log the calls of the peer in JavaScript are counted. Its lists are read as by
/// the peer in Rust; on a longer log, to count them once more would only take time.
const NODE_COUNTED: u64 = 10_000;

/// The user whose entry is asked for by another.
const OTHER_USER: u64 = 5;

/// The peers in Rust.
const DYNAMODB_PEER: &str = "peer-dynamodb";
const POSTGRESQL_PEER: &str = "peer-postgresql";

/// What can run here.
pub(crate) struct Systems {
    present: Vec<System>,
    /// The version of each that was installed.
    versions: BTreeMap<System, String>,
    /// The folder with our functions and the peers in Rust.
    functions: PathBuf,
    node: Option<peers::node::Peer>,
}

impl Systems {
    /// Those of `wanted` that can run here. What cannot is left out, and named on stderr.
    ///
    /// # Errors
    /// If our functions are not in the folder, or a peer that was built does not start.
    pub(crate) async fn find(wanted: &[System], functions: PathBuf) -> Result<Self, Failure> {
        let mut systems =
            Self { present: Vec::new(), versions: BTreeMap::new(), functions, node: None };
        for system in wanted {
            let missing = match system {
                System::Ours => {
                    for function in Route::FUNCTIONS {
                        systems.program(function)?;
                    }
                    None
                }
                System::Dynamodb => {
                    systems.program(DYNAMODB_PEER)?;
                    None
                }
                System::Node => match peers::node::find() {
                    Ok(peer) => {
                        let version = said_by(peer.program, &["--version"])?;
                        systems.versions.insert(*system, version);
                        systems.node = Some(peer);
                        None
                    }
                    Err(missing) => Some(missing),
                },
                System::Postgresql => {
                    systems.program(POSTGRESQL_PEER)?;
                    match Cluster::start().await? {
                        Some(cluster) => {
                            systems.versions.insert(*system, cluster.version().await?);
                            None
                        }
                        None => Some("PostgreSQL is not installed".to_owned()),
                    }
                }
            };
            match missing {
                None => systems.present.push(*system),
                Some(missing) => eprintln!("{} is left out: {missing}", system.label()),
            }
        }
        Ok(systems)
    }

    /// What is there, in the order of the tables.
    pub(crate) fn present(&self) -> &[System] {
        &self.present
    }

    /// The version of each that is installed rather than built here.
    pub(crate) fn versions(&self) -> &BTreeMap<System, String> {
        &self.versions
    }

    fn has(&self, system: System) -> bool {
        self.present.contains(&system)
    }

    fn program(&self, name: &str) -> Result<PathBuf, Failure> {
        let program = self.functions.join(name);
        if program.is_file() {
            return Ok(program);
        }
        Err(format!("there is no {}", program.display()).into())
    }

    async fn ours(&self, endpoint: &str) -> Result<Functions, Failure> {
        let mut functions = Vec::new();
        for function in Route::FUNCTIONS {
            functions.push(Function::start(&self.program(function)?, &[], endpoint, &[]).await?);
        }
        Ok(Functions(functions))
    }

    async fn dynamodb(&self, endpoint: &str) -> Result<Function, Failure> {
        Function::start(&self.program(DYNAMODB_PEER)?, &[], endpoint, &VARIABLES).await
    }

    /// The peer in JavaScript, with DynamoDB at `endpoint`.
    ///
    /// # Errors
    /// If the peer does not start.
    pub(crate) async fn node(&self, endpoint: &str) -> Result<Function, Failure> {
        let peer = self.node.as_ref().ok_or("the peer in JavaScript is left out")?;
        Function::start(Path::new(peer.program), &[&peer.script], endpoint, &VARIABLES).await
    }

    async fn postgresql(&self, cluster: &Cluster) -> Result<Function, Failure> {
        let connection = cluster.connection_string();
        let variables = [("PEER_DATABASE", connection.as_str())];
        Function::start(&self.program(POSTGRESQL_PEER)?, &[], "", &variables).await
    }
}

/// The databases of a log: of ours, of both peers on DynamoDB, and of PostgreSQL.
pub(crate) struct Databases {
    ours: Engine,
    dynamodb: Option<Engine>,
    postgresql: Option<Cluster>,
    /// Entries that requests ask for.
    pub(crate) ids: Ids,
}

impl Databases {
    /// Starts and fills the databases of `systems` with a log of this many entries. The same activities
    /// have the same ids and times in all.
    ///
    /// # Errors
    /// If a database fails.
    pub(crate) async fn fill(systems: &Systems, entries: u64) -> Result<Self, Failure> {
        let ours = Engine::in_memory(TEMPLATE).await?;
        store(&ours.endpoint()).write_names(&bench::names().map(NameChange::Set)).await?;
        let dynamodb = if systems.has(System::Dynamodb) || systems.has(System::Node) {
            let engine = Engine::in_memory(TEMPLATE).await?;
            let client = client(&engine.endpoint());
            peers::dynamodb::create_tables(&client).await?;
            peers::dynamodb::load_names(&client, &peer_names()).await?;
            Some(engine)
        } else {
            None
        };
        let postgresql =
            if systems.has(System::Postgresql) { Cluster::start().await? } else { None };
        if let Some(cluster) = &postgresql {
            cluster.load_names(&peer_names()).await?;
        }
        let mut databases = Self { ours, dynamodb, postgresql, ids: Ids::default() };
        let mut workload = Workload::of(entries);
        let middle = usize::try_from(entries / 2)?;
        let mut loaded = 0;
        let mut records = Vec::new();
        loop {
            let part: Vec<_> = workload.by_ref().take(PART).collect();
            // The peers get a part while ours gets the next.
            let user = bench::user().get();
            let (ids, ()) =
                tokio::try_join!(databases.append(user, &part), databases.copy(&records))?;
            if part.is_empty() {
                break;
            }
            records = records_of(user, &part, &ids)?;
            if let Some(id) = middle.checked_sub(loaded).and_then(|place| ids.get(place)) {
                databases.ids.own = *id;
            }
            loaded += part.len();
        }
        let foreign = Workload::of(1).map(Draft::without_project).collect::<Result<Vec<_>, _>>()?;
        let ids = databases.append(OTHER_USER, &foreign).await?;
        databases.copy(&records_of(OTHER_USER, &foreign, &ids)?).await?;
        databases.ids.foreign = *ids.first().ok_or("another user's entry is missing")?;
        Ok(databases)
    }

    /// Appends to our log of a user; gives the ids.
    async fn append(&self, user: u64, drafts: &[Draft]) -> Result<Vec<u64>, Failure> {
        let logger = ActivityLogger::new(store(&self.ours.endpoint()));
        let mut ids = Vec::with_capacity(drafts.len());
        for batch in drafts.chunks(BATCH) {
            let batch = batch.iter().map(|draft| {
                let created_at = Timestamp::from_millis(draft.created_at)?;
                let placement = Placement::Kept { created_at, id: None };
                Ok(Append { activity: draft.activity()?, placement })
            });
            let batch = batch.collect::<Result<Vec<_>, Failure>>()?;
            let recorded = logger.append_drafts(user.try_into()?, batch).await?;
            ids.extend(recorded.iter().map(|recorded| recorded.activity.id.get()));
        }
        Ok(ids)
    }

    /// Writes entries to the databases of the peers.
    async fn copy(&self, records: &[Record]) -> Result<(), Failure> {
        if records.is_empty() {
            return Ok(());
        }
        if let Some(engine) = &self.dynamodb {
            peers::dynamodb::load(&client(&engine.endpoint()), records).await?;
        }
        if let Some(cluster) = &self.postgresql {
            cluster.load(records).await?;
        }
        Ok(())
    }

    /// Starts the functions of `systems` on these databases, whose log is of this many entries.
    ///
    /// # Errors
    /// If one does not start.
    pub(crate) async fn targets(
        &self,
        systems: &Systems,
        entries: u64,
    ) -> Result<Vec<Target>, Failure> {
        let mut targets = Vec::new();
        for system in systems.present() {
            let target = match system {
                System::Ours => {
                    let endpoint = self.ours.endpoint();
                    let counting = Counting::before(&endpoint, QUIET).await?;
                    let counted = systems.ours(counting.endpoint()).await?;
                    let timed = systems.ours(&endpoint).await?;
                    Target { system: *system, timed, counted: Some((counting, counted)) }
                }
                System::Dynamodb => {
                    let endpoint = self.of_peers()?.endpoint();
                    let counting = Counting::before(&endpoint, QUIET).await?;
                    let counted = systems.dynamodb(counting.endpoint()).await?;
                    let timed = systems.dynamodb(&endpoint).await?;
                    Target {
                        system: *system,
                        timed: Functions(vec![timed]),
                        counted: Some((counting, Functions(vec![counted]))),
                    }
                }
                System::Node => {
                    let endpoint = self.of_peers()?.endpoint();
                    let counted = if entries <= NODE_COUNTED {
                        let counting = Counting::before(&endpoint, QUIET).await?;
                        let counted = systems.node(counting.endpoint()).await?;
                        Some((counting, Functions(vec![counted])))
                    } else {
                        None
                    };
                    let timed = Functions(vec![systems.node(&endpoint).await?]);
                    Target { system: *system, timed, counted }
                }
                System::Postgresql => {
                    let cluster = self.postgresql.as_ref().ok_or("there is no database")?;
                    let timed = Functions(vec![systems.postgresql(cluster).await?]);
                    Target { system: *system, timed, counted: None }
                }
            };
            targets.push(target);
        }
        Ok(targets)
    }

    /// The database of the peers on DynamoDB.
    fn of_peers(&self) -> Result<&Engine, Failure> {
        self.dynamodb.as_ref().ok_or_else(|| "there is no database".into())
    }

    /// The bytes that each of `systems` stores for an entry of a log of `entries`.
    ///
    /// # Errors
    /// If a database does not answer.
    pub(crate) async fn stored(
        &self,
        systems: &Systems,
        entries: u64,
    ) -> Result<BTreeMap<System, f64>, Failure> {
        let mut stored = BTreeMap::new();
        for system in systems.present() {
            let bytes = match system {
                System::Ours => {
                    let tables = activity_log_local::tables();
                    let client = patient(&self.ours.endpoint());
                    let ledger = sizes::billed(&client, &tables.ledger).await?;
                    sizes::billed_each(&client, &tables.activities, SAMPLE).await?
                        + real(ledger) / real(entries)
                }
                System::Dynamodb => {
                    let client = patient(&self.of_peers()?.endpoint());
                    sizes::billed_each(&client, TABLE, SAMPLE).await?
                }
                // On the tables of the peer in Rust.
                System::Node => continue,
                System::Postgresql => {
                    let cluster = self.postgresql.as_ref().ok_or("there is no database")?;
                    real(cluster.stored_bytes().await?) / real(entries)
                }
            };
            stored.insert(*system, bytes.round());
        }
        Ok(stored)
    }

    /// Stops the databases.
    pub(crate) async fn stop(self) {
        self.ours.stop().await;
        if let Some(engine) = self.dynamodb {
            engine.stop().await;
        }
    }
}

/// A client that waits as long as it takes: the embedded engine counts a table to describe it.
fn patient(endpoint: &str) -> Client {
    let config = activity_log_local::client_config(endpoint);
    Client::from_conf(config.timeout_config(TimeoutConfig::disabled()).build())
}

/// What the peers write for these entries of a user, to which our log gave `ids`.
fn records_of(user: u64, drafts: &[Draft], ids: &[u64]) -> Result<Vec<Record>, Failure> {
    let records = drafts
        .iter()
        .zip(ids)
        .map(|(draft, id)| Ok(Record { user_id: user, ..draft.record(*id)? }));
    records.collect()
}
