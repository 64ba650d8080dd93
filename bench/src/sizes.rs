//! How much of DynamoDB a log takes: the sizes of items, as AWS counts them ("DynamoDB item sizes
//! and formats").

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, KeySchemaElement, ProjectionType};

use crate::failure::Failure;
use crate::numbers::real;
use crate::prices::ITEM_OVERHEAD;

type Item = HashMap<String, AttributeValue>;

/// What is stored under one name.
#[derive(Clone, Copy, Default)]
pub struct Stored {
    /// How many items.
    pub items: u64,
    /// The bytes of their attributes.
    pub bytes: u64,
    /// The size of the largest item.
    largest: u64,
}

impl Stored {
    fn add(&mut self, bytes: u64) {
        self.items += 1;
        self.bytes += bytes;
        self.largest = self.largest.max(bytes);
    }

    /// Bytes to pay for.
    #[must_use]
    pub const fn billed(&self) -> u64 {
        self.bytes + self.items * ITEM_OVERHEAD
    }

    /// Write units of an item, outside of a transaction: one for each KB of the largest.
    #[must_use]
    pub const fn units(&self) -> u64 {
        self.largest.div_ceil(1_024)
    }
}

/// What a log takes.
pub struct Sizes {
    /// The entries themselves.
    pub entries: Stored,
    /// What each index holds of them.
    pub indexes: BTreeMap<String, Stored>,
    /// The heads of the scopes.
    pub heads: Stored,
    /// Their blocks.
    pub blocks: Stored,
    /// Their nodes.
    pub nodes: Stored,
    /// Idempotency keys.
    pub keys: Stored,
}

/// Measures everything in the tables at `endpoint`.
///
/// # Errors
/// If DynamoDB does not answer, or there is an item of no known kind.
pub async fn measure(endpoint: &str) -> Result<Sizes, Failure> {
    let client = activity_log_local::client(endpoint);
    let names = activity_log_local::tables();
    let (entries, indexes) = of_table(&client, &names.activities).await?;

    let mut ledger = BTreeMap::from(
        ["head", "block", "node", "idempotency"].map(|kind| (kind, Stored::default())),
    );
    for item in items(&client, &names.ledger).await? {
        let key = item.get("item").and_then(|key| key.as_s().ok()).ok_or("no key")?;
        let kind = key.split('#').next().unwrap_or_default();
        ledger.get_mut(kind).ok_or_else(|| format!("unknown: {key}"))?.add(item_size(&item));
    }
    let [heads, blocks, nodes, keys] =
        ["head", "block", "node", "idempotency"].map(|kind| ledger[kind]);
    Ok(Sizes { entries, indexes, heads, blocks, nodes, keys })
}

/// The bytes to pay for in a table and its indexes.
///
/// # Errors
/// If DynamoDB does not answer.
pub async fn billed(client: &Client, table: &str) -> Result<u64, Failure> {
    let (items, indexes) = of_table(client, table).await?;
    Ok(items.billed() + indexes.values().map(Stored::billed).sum::<u64>())
}

/// The bytes to pay for in a table and its indexes, an item of the table: on average of at most `sample`
/// items, which are those with the smallest keys.
///
/// # Errors
/// If DynamoDB does not answer, or the table is empty.
pub async fn billed_each(client: &Client, table: &str, sample: i32) -> Result<f64, Failure> {
    let indexes = indexes(client, table).await?;
    let output = client.scan().table_name(table).limit(sample).send().await?;
    if output.items().is_empty() {
        return Err("an empty table has no average".into());
    }
    let (items, in_indexes) = sum(output.items(), &indexes);
    let billed = items.billed() + in_indexes.values().map(Stored::billed).sum::<u64>();
    Ok(real(billed) / real(items.items))
}

/// What is stored in a table, and in each of its indexes.
async fn of_table(
    client: &Client,
    table: &str,
) -> Result<(Stored, BTreeMap<String, Stored>), Failure> {
    Ok(sum(&items(client, table).await?, &indexes(client, table).await?))
}

async fn items(client: &Client, table: &str) -> Result<Vec<Item>, Failure> {
    let pages = client.scan().table_name(table).into_paginator().items().send();
    Ok(pages.collect::<Result<_, _>>().await?)
}

/// What these items take in their table, and in each of its indexes.
fn sum(items: &[Item], indexes: &[Index]) -> (Stored, BTreeMap<String, Stored>) {
    let mut in_table = Stored::default();
    let mut in_indexes: BTreeMap<_, _> =
        indexes.iter().map(|index| (index.name.clone(), Stored::default())).collect();
    for item in items {
        in_table.add(item_size(item));
        for (index, stored) in indexes.iter().zip(in_indexes.values_mut()) {
            if let Some(bytes) = index.size(item) {
                stored.add(bytes);
            }
        }
    }
    (in_table, in_indexes)
}

/// A global secondary index.
struct Index {
    name: String,
    /// The attributes of its key and of the table's.
    keys: BTreeSet<String>,
    /// What else it holds; `None` if it holds everything.
    more: Option<BTreeSet<String>>,
}

impl Index {
    /// The size of what the index holds of an item, if it holds any.
    fn size(&self, item: &Item) -> Option<u64> {
        if !self.keys.iter().all(|name| item.contains_key(name)) {
            return None;
        }
        Some(match &self.more {
            None => item_size(item),
            Some(more) => attributes_size(
                item.iter().filter(|(name, _)| self.keys.contains(*name) || more.contains(*name)),
            ),
        })
    }
}

/// The indexes of a table, by name.
async fn indexes(client: &Client, table: &str) -> Result<Vec<Index>, Failure> {
    let described = client.describe_table().table_name(table).send().await?;
    let described = described.table().ok_or("a table has no description")?;
    let names = |schema: &[KeySchemaElement]| -> BTreeSet<String> {
        schema.iter().map(|key| key.attribute_name().to_owned()).collect()
    };
    let own = names(described.key_schema());
    let mut indexes = Vec::new();
    for index in described.global_secondary_indexes() {
        let projection = index.projection().ok_or("an index has no projection")?;
        let is_whole = projection.projection_type() == Some(&ProjectionType::All);
        indexes.push(Index {
            name: index.index_name().ok_or("an index has no name")?.to_owned(),
            keys: own.union(&names(index.key_schema())).cloned().collect(),
            more: (!is_whole).then(|| projection.non_key_attributes().iter().cloned().collect()),
        });
    }
    indexes.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(indexes)
}

fn item_size(item: &Item) -> u64 {
    attributes_size(item.iter())
}

fn attributes_size<'a>(attributes: impl Iterator<Item = (&'a String, &'a AttributeValue)>) -> u64 {
    attributes.map(|(name, value)| name.len() as u64 + value_size(value)).sum()
}

fn value_size(value: &AttributeValue) -> u64 {
    match value {
        AttributeValue::S(text) => text.len() as u64,
        AttributeValue::B(bytes) => bytes.as_ref().len() as u64,
        // A byte for two significant digits, and one more.
        AttributeValue::N(number) => (number.trim_matches(['-', '0']).len() as u64).div_ceil(2) + 1,
        other => unreachable!("no item has {other:?}"),
    }
}
