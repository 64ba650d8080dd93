//! Calls to DynamoDB, with what each needs to come to its end: the next megabyte of a query, the
//! keys and items that a batch left unprocessed. A scan is not among them: only `admin::users` has one.

use std::time::Duration;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeValue, DeleteRequest, KeysAndAttributes, ReturnConsumedCapacity, WriteRequest,
};
use futures_util::future::try_join_all;

use super::deserialize::{BatchGetItemResponse, Found, GetItemResponse, Items, QueryResponse};
use super::item::attribute::Item;
use super::{Store, StoreError};

/// Every call asks what it consumed, so that whoever listens on the client can add it up.
pub(super) const CAPACITY: ReturnConsumedCapacity = ReturnConsumedCapacity::Total;

/// The most keys in one `BatchGetItem` (AWS: "Quotas in Amazon DynamoDB").
const BATCH_GET_KEYS: usize = 100;

/// How often the rest of a batch of reads is asked for.
const BATCH_GET_TRIES: u32 = 6;

/// The most requests in one `BatchWriteItem` (AWS: "Quotas in Amazon DynamoDB").
const BATCH_WRITE_REQUESTS: usize = 25;

/// How often the rest of a batch of writes is sent.
const BATCH_WRITE_TRIES: u32 = 8;

/// What a query asks for.
#[derive(Clone, Debug)]
pub(crate) struct Query<'a> {
    pub(crate) table: &'a str,
    pub(crate) index: Option<&'static str>,
    /// The partition key, attribute by attribute.
    pub(crate) partition: Vec<(&'static str, AttributeValue)>,
    /// A condition on the first attribute of the sort key.
    pub(crate) condition: Option<(&'static str, Condition)>,
    pub(crate) is_ascending: bool,
    pub(crate) is_consistent: bool,
    /// Where to start, exclusively: a whole key, of an item or not.
    pub(crate) start: Option<Item>,
    /// At most this many items.
    pub(crate) limit: Option<usize>,
    /// The attributes to read; all that there are if there are none here.
    pub(crate) attributes: &'static [&'static str],
}

/// A condition on a sort key.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    AtLeast(AttributeValue),
    AtMost(AttributeValue),
    Between(AttributeValue, AttributeValue),
}

impl<'a> Query<'a> {
    /// All items of a partition, in order.
    pub(crate) fn all(table: &'a str, partition: Vec<(&'static str, AttributeValue)>) -> Self {
        Self {
            table,
            index: None,
            partition,
            condition: None,
            is_ascending: true,
            is_consistent: false,
            start: None,
            limit: None,
            attributes: &[],
        }
    }
}

impl Store {
    /// The items that a query finds, to its end or limit: a round trip for each megabyte.
    pub(super) async fn query(&self, mut query: Query<'_>) -> Result<Vec<Item>, StoreError> {
        let mut found = Vec::new();
        loop {
            let (items, next) = self.query_page(&query).await?;
            query.limit = query.limit.map(|limit| limit.saturating_sub(items.len()));
            found.extend(items);
            query.start = next;
            if query.start.is_none() || query.limit == Some(0) {
                return Ok(found);
            }
        }
    }

    /// The next items that a query finds, up to a megabyte or its limit, and where those after them
    /// start.
    pub(super) async fn query_page(
        &self,
        query: &Query<'_>,
    ) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        if query.limit == Some(0) {
            return Ok((Vec::new(), None));
        }
        let mut request = self
            .client
            .query()
            .table_name(query.table)
            .set_index_name(query.index.map(str::to_owned))
            .scan_index_forward(query.is_ascending)
            .consistent_read(query.is_consistent)
            .set_exclusive_start_key(query.start.clone().map(Item::into))
            .set_limit(query.limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)))
            .return_consumed_capacity(CAPACITY);
        // By number, because names may be reserved words.
        let mut conditions = Vec::new();
        for (number, (name, value)) in query.partition.iter().enumerate() {
            conditions.push(format!("#k{number} = :k{number}"));
            request = request
                .expression_attribute_names(format!("#k{number}"), *name)
                .expression_attribute_values(format!(":k{number}"), value.clone());
        }
        if let Some((name, condition)) = &query.condition {
            let (text, values) = match condition {
                Condition::AtLeast(low) => ("#s >= :low", [Some((":low", low)), None]),
                Condition::AtMost(high) => ("#s <= :high", [None, Some((":high", high))]),
                Condition::Between(low, high) => {
                    ("#s BETWEEN :low AND :high", [Some((":low", low)), Some((":high", high))])
                }
            };
            conditions.push(text.to_owned());
            request = request.expression_attribute_names("#s", *name);
            for (name, value) in values.into_iter().flatten() {
                request = request.expression_attribute_values(name, value.clone());
            }
        }
        for (alias, attribute) in aliases(query.attributes) {
            request = request.expression_attribute_names(alias, attribute);
        }
        let read = Items::<QueryResponse>::new();
        request
            .key_condition_expression(conditions.join(" AND "))
            .set_projection_expression(projection(query.attributes))
            .customize()
            .interceptor(read.clone())
            .send()
            .await
            .map_err(StoreError::call("Query"))?;
        let Found { items, next, .. } = read.take();
        Ok((items, next))
    }

    /// The item with this key, or `None` if there is none.
    pub(super) async fn get(
        &self,
        table: &str,
        key: Item,
        is_consistent: bool,
    ) -> Result<Option<Item>, StoreError> {
        let read = Items::<GetItemResponse>::new();
        self.client
            .get_item()
            .table_name(table)
            .set_key(Some(key.into()))
            .consistent_read(is_consistent)
            .return_consumed_capacity(CAPACITY)
            .customize()
            .interceptor(read.clone())
            .send()
            .await
            .map_err(StoreError::call("GetItem"))?;
        Ok(read.take().items.pop())
    }

    /// The items with these keys, no two the same, in any order, leaving out those that are not
    /// there. Up to 100 a call, the calls side by side.
    pub(super) async fn batch_get(
        &self,
        table: &str,
        keys: Vec<Item>,
        is_consistent: bool,
    ) -> Result<Vec<Item>, StoreError> {
        self.batch_get_attributes(table, keys, &[], is_consistent).await
    }

    /// The same with these attributes only, or with all that there are if there are none here.
    pub(super) async fn batch_get_attributes(
        &self,
        table: &str,
        keys: Vec<Item>,
        attributes: &'static [&'static str],
        is_consistent: bool,
    ) -> Result<Vec<Item>, StoreError> {
        let calls = keys
            .chunks(BATCH_GET_KEYS)
            .map(|keys| self.batch_get_call(table, keys.to_vec(), attributes, is_consistent));
        Ok(try_join_all(calls).await?.into_iter().flatten().collect())
    }

    async fn batch_get_call(
        &self,
        table: &str,
        mut keys: Vec<Item>,
        attributes: &'static [&'static str],
        is_consistent: bool,
    ) -> Result<Vec<Item>, StoreError> {
        let mut found = Vec::with_capacity(keys.len());
        for attempt in 0..BATCH_GET_TRIES {
            pause(attempt).await;
            let names = aliases(attributes);
            let names = names.map(|(alias, attribute)| (alias, attribute.to_owned())).collect();
            let request = KeysAndAttributes::builder()
                .set_keys(Some(keys.into_iter().map(Item::into).collect()))
                .set_projection_expression(projection(attributes))
                .set_expression_attribute_names((!attributes.is_empty()).then_some(names))
                .consistent_read(is_consistent)
                .build()
                .map_err(unbuildable("BatchGetItem"))?;
            let read = Items::<BatchGetItemResponse>::new();
            self.client
                .batch_get_item()
                .request_items(table, request)
                .return_consumed_capacity(CAPACITY)
                .customize()
                .interceptor(read.clone())
                .send()
                .await
                .map_err(StoreError::call("BatchGetItem"))?;
            let Found { items, unprocessed, .. } = read.take();
            found.extend(items);
            if unprocessed.is_empty() {
                return Ok(found);
            }
            keys = unprocessed;
        }
        Err(StoreError::Unprocessed { operation: "BatchGetItem" })
    }

    /// Deletes the items with these keys, no two the same, if they are there.
    pub(super) async fn delete_items(
        &self,
        table: &str,
        keys: impl Iterator<Item = Item>,
    ) -> Result<(), StoreError> {
        let request = |key: Item| {
            let delete = DeleteRequest::builder().set_key(Some(key.into())).build()?;
            Ok(WriteRequest::builder().delete_request(delete).build())
        };
        let requests = keys.map(request).collect::<Result<Vec<_>, _>>();
        let requests = requests.map_err(unbuildable("BatchWriteItem"))?;
        for batch in requests.chunks(BATCH_WRITE_REQUESTS) {
            self.batch_write_call(table, batch.to_vec()).await?;
        }
        Ok(())
    }

    async fn batch_write_call(
        &self,
        table: &str,
        mut requests: Vec<WriteRequest>,
    ) -> Result<(), StoreError> {
        for attempt in 0..BATCH_WRITE_TRIES {
            pause(attempt).await;
            let output = self
                .client
                .batch_write_item()
                .request_items(table, requests)
                .return_consumed_capacity(CAPACITY)
                .send()
                .await
                .map_err(StoreError::call("BatchWriteItem"))?;
            match output.unprocessed_items.and_then(|mut tables| tables.remove(table)) {
                Some(left) if !left.is_empty() => requests = left,
                _ => return Ok(()),
            }
        }
        Err(StoreError::Unprocessed { operation: "BatchWriteItem" })
    }
}

/// The expression that asks for these attributes by their [`aliases`]; `None` for all that there are.
fn projection(attributes: &[&str]) -> Option<String> {
    let aliases: Vec<String> = aliases(attributes).map(|(alias, _)| alias).collect();
    (!aliases.is_empty()).then(|| aliases.join(", "))
}

/// What stands for each of these attributes in an expression: a number, because their names may be
/// reserved words.
fn aliases<'a>(attributes: &'a [&'a str]) -> impl Iterator<Item = (String, &'a str)> {
    let numbered = attributes.iter().enumerate();
    numbered.map(|(number, attribute)| (format!("#a{number}"), *attribute))
}

/// The error of a request of `operation` that lacks something it must have.
pub(super) fn unbuildable(operation: &'static str) -> impl Fn(BuildError) -> StoreError {
    move |error| StoreError::Call { operation, transient: false, source: Box::new(error) }
}

/// Waits before the `attempt`th repetition of a call: at most 20 ms, doubling to 320 ms, and at least
/// half of that, so that those who were refused together do not come back together; not before the
/// first try.
pub(super) async fn pause(attempt: u32) {
    if attempt > 0 {
        let most = 10 << attempt.min(5);
        tokio::time::sleep(Duration::from_millis(fastrand::u64(most / 2..=most))).await;
    }
}
