//! How much of DynamoDB a log takes: the sizes of items, as AWS counts them ("DynamoDB item sizes
//! and formats").

use std::collections::{BTreeMap, BTreeSet, HashMap};

use activity_log_local::kit::TEMPLATE;
use activity_log_local::template::{self, Index, Table};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::Failure;
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
    let tables = template::tables(TEMPLATE)?;
    let activities = tables.get(&names.activities).ok_or("no table of activities")?;

    let mut entries = Stored::default();
    let mut indexes: BTreeMap<String, Stored> = BTreeMap::new();
    for item in items(&client, &names.activities).await? {
        entries.add(item_size(&item));
        for index in &activities.global_secondary_indexes {
            let stored = indexes.entry(index.index_name.clone()).or_default();
            if let Some(bytes) = project(&item, index, activities) {
                stored.add(bytes);
            }
        }
    }

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

async fn items(client: &Client, table: &str) -> Result<Vec<Item>, Failure> {
    let pages = client.scan().table_name(table).into_paginator().items().send();
    Ok(pages.collect::<Result<_, _>>().await?)
}

/// The size of what `index` holds of an item, if it holds any.
fn project(item: &Item, index: &Index, table: &Table) -> Option<u64> {
    let keys = || index.key_schema.iter().chain(&table.key_schema).map(|key| &key.attribute_name);
    if !keys().all(|name| item.contains_key(name)) {
        return None;
    }
    if index.projection.projection_type == "ALL" {
        return Some(item_size(item));
    }
    let more = index.projection.non_key_attributes.iter().flatten();
    let names: BTreeSet<_> = keys().chain(more).collect();
    Some(attributes_size(item.iter().filter(|(name, _)| names.contains(name))))
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
