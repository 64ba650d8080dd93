//! Writes items in bulk.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::items::{Item, item, name_items};
use super::tables::{DIRECTORY_TABLE, TABLE};
use crate::{Failure, Name, Record};

/// The most items that one request writes (AWS: `BatchWriteItem`).
const MAX_WRITES: usize = 25;

/// How many requests that write are under way at once.
const CONCURRENCY: usize = 4;

/// Writes entries, as fast as batches of 25 go, four at once.
///
/// # Errors
/// If DynamoDB refuses.
pub async fn load(client: &Client, records: &[Record]) -> Result<(), Failure> {
    put_all(client, TABLE, records.iter().map(item)).await
}

/// Writes names.
///
/// # Errors
/// If DynamoDB refuses.
pub async fn load_names(client: &Client, names: &[Name]) -> Result<(), Failure> {
    let items = names.iter().flat_map(name_items).map(Ok);
    put_all(client, DIRECTORY_TABLE, items).await
}

/// Writes one entry, by one request.
///
/// # Errors
/// If DynamoDB refuses.
pub async fn record(client: &Client, record: &Record) -> Result<(), Failure> {
    let item = item(record)?;
    client.put_item().table_name(TABLE).set_item(Some(item)).send().await?;
    Ok(())
}

/// Puts items into a table, as many at a time as DynamoDB takes.
async fn put(client: &Client, table: &str, items: Vec<Item>) -> Result<(), Failure> {
    let puts = items.into_iter().map(|item| {
        let put = PutRequest::builder().set_item(Some(item)).build()?;
        Ok::<_, Failure>(WriteRequest::builder().put_request(put).build())
    });
    let puts = puts.collect::<Result<Vec<_>, _>>()?;
    let mut unwritten = HashMap::from([(table.to_owned(), puts)]);
    while !unwritten.is_empty() {
        let request = client.batch_write_item().set_request_items(Some(unwritten));
        unwritten = request.send().await?.unprocessed_items.unwrap_or_default();
    }
    Ok(())
}

/// The same for any number of items, some batches at once.
pub(super) async fn put_all(
    client: &Client,
    table: &str,
    items: impl Iterator<Item = Result<Item, Failure>>,
) -> Result<(), Failure> {
    let items = items.collect::<Result<Vec<_>, _>>()?;
    let batches: Vec<_> = items.chunks(MAX_WRITES).map(<[Item]>::to_vec).collect();
    let puts = stream::iter(batches).map(|batch| put(client, table, batch));
    puts.buffer_unordered(CONCURRENCY).try_collect().await
}
