//! Many writes in one call, where no condition ties them together.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{DeleteRequest, PutRequest, WriteRequest};

use super::attributes::Item;
use super::query::pause;
use super::{CAPACITY, Store, StoreError};

/// The most requests in one `BatchWriteItem` (AWS: "Quotas in Amazon DynamoDB").
const MAX_REQUESTS: usize = 25;

/// How often the rest of a batch is sent.
const TRIES: u32 = 8;

impl Store {
    /// Writes items, no two with the same key, over what there was.
    pub(crate) async fn put_items(
        &self,
        table: &str,
        items: impl Iterator<Item = Item>,
    ) -> Result<(), StoreError> {
        let request = |item| {
            let put = PutRequest::builder().set_item(Some(item)).build()?;
            Ok(WriteRequest::builder().put_request(put).build())
        };
        self.write(table, items.map(request)).await
    }

    /// Deletes the items with these keys, no two the same, if they are there.
    pub(crate) async fn delete_items(
        &self,
        table: &str,
        keys: impl Iterator<Item = Item>,
    ) -> Result<(), StoreError> {
        let request = |key| {
            let delete = DeleteRequest::builder().set_key(Some(key)).build()?;
            Ok(WriteRequest::builder().delete_request(delete).build())
        };
        self.write(table, keys.map(request)).await
    }

    async fn write(
        &self,
        table: &str,
        requests: impl Iterator<Item = Result<WriteRequest, BuildError>>,
    ) -> Result<(), StoreError> {
        let requests = requests.collect::<Result<Vec<_>, _>>().map_err(|error| {
            let source = Box::new(error);
            StoreError::Call { operation: "BatchWriteItem", transient: false, source }
        })?;
        for batch in requests.chunks(MAX_REQUESTS) {
            self.write_batch(table, batch.to_vec()).await?;
        }
        Ok(())
    }

    async fn write_batch(
        &self,
        table: &str,
        mut requests: Vec<WriteRequest>,
    ) -> Result<(), StoreError> {
        for attempt in 0..TRIES {
            if attempt > 0 {
                tokio::time::sleep(pause(attempt)).await;
            }
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
