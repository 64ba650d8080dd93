//! Counts what a client does: calls to DynamoDB, how many of them one after another, and the
//! capacity that DynamoDB says they consumed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::config::interceptors::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
    FinalizerInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemOutput;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsOutput;
use aws_sdk_dynamodb::types::ConsumedCapacity;
use aws_smithy_types::config_bag::{Storable, StoreReplace};

use crate::faults::WRITE;

/// An interceptor that counts. Give a clone to the client's configuration.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Mutex<Usage>>);

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Calls to DynamoDB, including those that were repeated.
    pub calls: u32,
    /// Those of them that were to write a transaction.
    pub transactions: u32,
    /// The longest chain of calls that each began after the one before it had ended: trips in
    /// sequence.
    pub trips: u32,
    /// Read and write capacity units, as DynamoDB says.
    pub units: f64,
}

impl Meter {
    /// What was counted since the last time, or since the beginning.
    #[must_use]
    pub fn take(&self) -> Usage {
        std::mem::take(&mut self.usage())
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many calls in sequence there were with the one under way.
#[derive(Debug)]
struct Depth(u32);

impl Storable for Depth {
    type Storer = StoreReplace<Self>;
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    /// Before anything is waited for, so that on one thread calls made side by side are told from
    /// calls made one after another, however long each takes.
    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        bag.interceptor_state().store_put(Depth(self.usage().trips + 1));
        Ok(())
    }

    fn read_before_attempt(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let target = context.request().headers().get("x-amz-target").unwrap_or_default();
        let mut usage = self.usage();
        usage.calls += 1;
        usage.transactions += u32::from(target.ends_with(WRITE));
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut usage = self.usage();
        if let Some(Depth(depth)) = bag.load::<Depth>() {
            usage.trips = usage.trips.max(*depth);
        }
        if let Some(Ok(output)) = context.output_or_error() {
            let one = |capacity: Option<&ConsumedCapacity>| units(capacity.into_iter());
            if let Some(output) = output.downcast_ref::<QueryOutput>() {
                usage.units += one(output.consumed_capacity());
            } else if let Some(output) = output.downcast_ref::<GetItemOutput>() {
                usage.units += one(output.consumed_capacity());
            } else if let Some(output) = output.downcast_ref::<BatchGetItemOutput>() {
                usage.units += units(output.consumed_capacity().iter());
            } else if let Some(output) = output.downcast_ref::<TransactWriteItemsOutput>() {
                usage.units += units(output.consumed_capacity().iter());
            }
        }
        Ok(())
    }
}

fn units<'a>(capacity: impl Iterator<Item = &'a ConsumedCapacity>) -> f64 {
    capacity.filter_map(ConsumedCapacity::capacity_units).sum()
}
