//! Entries by id.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::attributes::{Item, Reader, number};
use super::entry::{self, Entry};
use super::query::pause;
use super::{CAPACITY, Store, StoreError};
use crate::activity::Activity;
use crate::id::{ActivityId, UserId};

impl Store {
    /// The activity with this id, whoever's it is; `None` if there is none. One trip of half a
    /// read unit for an entry up to 4 KB; an absence is confirmed by a second, consistent one.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read or decoded.
    pub async fn activity(&self, id: ActivityId) -> Result<Option<Activity>, StoreError> {
        let found = match self.entry(id, false).await? {
            Some(entry) => Some(entry),
            None => self.entry(id, true).await?,
        };
        Ok(found.map(|entry| entry.activity))
    }

    /// The entry with this id.
    pub(crate) async fn entry(
        &self,
        id: ActivityId,
        consistent: bool,
    ) -> Result<Option<Entry>, StoreError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.tables.activities)
            .key("id", number(id))
            .consistent_read(consistent)
            .return_consumed_capacity(CAPACITY)
            .send()
            .await
            .map_err(StoreError::call("GetItem"))?;
        output.item.as_ref().map(entry::decode).transpose()
    }

    /// The entries of `user` with these ids, in that order.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if one is not there, [`StoreError::Corrupt`] if it is another
    /// user's.
    pub(crate) async fn entries(
        &self,
        user: UserId,
        ids: &[ActivityId],
    ) -> Result<Vec<Entry>, StoreError> {
        let items = self.items(ids).await?;
        let entries = ids.iter().zip(&items).map(|(id, item)| {
            let entry = entry::decode(item)?;
            if entry.activity.user_id == user {
                Ok(entry)
            } else {
                Err(StoreError::Corrupt {
                    item: format!("Activities item with id {id}"),
                    reason: format!("it is not of user {user}, as an index says"),
                })
            }
        });
        entries.collect()
    }

    /// The items of the Activities table with these ids, in that order. One that an eventually
    /// consistent read does not find is read again consistently.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if one is not there.
    pub(crate) async fn items(&self, ids: &[ActivityId]) -> Result<Vec<Item>, StoreError> {
        let mut found: HashMap<ActivityId, Item> = HashMap::with_capacity(ids.len());
        for consistent in [false, true] {
            let wanted: Vec<Item> = ids
                .iter()
                .filter(|id| !found.contains_key(id))
                .map(|id| Item::from([("id".to_owned(), number(id))]))
                .collect();
            for item in self.batch_get(&self.tables.activities, wanted, consistent).await? {
                let reader = Reader::new(&item, "Activities", ["id", "userId"]);
                found.insert(reader.number("id")?, item);
            }
        }
        let in_order = |id| found.remove(id).ok_or(StoreError::Missing { id: *id });
        ids.iter().map(in_order).collect()
    }

    /// Reads items by key, in any order, leaving out those that are not there. Up to 100 a call,
    /// the calls side by side.
    pub(crate) async fn batch_get(
        &self,
        table: &str,
        wanted: Vec<Item>,
        consistent: bool,
    ) -> Result<Vec<Item>, StoreError> {
        let calls = wanted
            .chunks(BATCH_GET_KEYS)
            .map(|keys| self.batch_get_call(table, keys.to_vec(), consistent));
        let found = futures_util::future::try_join_all(calls).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn batch_get_call(
        &self,
        table: &str,
        mut wanted: Vec<Item>,
        consistent: bool,
    ) -> Result<Vec<Item>, StoreError> {
        let mut found = Vec::with_capacity(wanted.len());
        for attempt in 0..BATCH_GET_TRIES {
            if attempt > 0 {
                tokio::time::sleep(pause(attempt)).await;
            }
            let request = KeysAndAttributes::builder()
                .set_keys(Some(wanted))
                .consistent_read(consistent)
                .build()
                .map_err(|error| StoreError::Call {
                    operation: "BatchGetItem",
                    transient: false,
                    source: Box::new(error),
                })?;
            let mut output = self
                .client
                .batch_get_item()
                .request_items(table, request)
                .return_consumed_capacity(CAPACITY)
                .send()
                .await
                .map_err(StoreError::call("BatchGetItem"))?;
            if let Some(items) = output.responses.as_mut().and_then(|tables| tables.remove(table)) {
                found.extend(items);
            }
            let left = output.unprocessed_keys.as_mut().and_then(|tables| tables.remove(table));
            match left {
                Some(left) if !left.keys.is_empty() => wanted = left.keys,
                _ => return Ok(found),
            }
        }
        Err(StoreError::Unprocessed { operation: "BatchGetItem" })
    }
}

/// The most keys in one `BatchGetItem` (AWS: "Quotas in Amazon DynamoDB").
const BATCH_GET_KEYS: usize = 100;

/// How often the rest of a batch is asked for.
const BATCH_GET_TRIES: u32 = 6;
