//! What a response costs: calls to DynamoDB, how many of them one after another, and the capacity
//! that DynamoDB says they consumed.

use std::cell::RefCell;
use std::future::Future;

use aws_sdk_dynamodb::config::interceptors::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
    FinalizerInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemOutput;
use aws_sdk_dynamodb::operation::batch_write_item::BatchWriteItemOutput;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsOutput;
use aws_sdk_dynamodb::types::ConsumedCapacity;
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_types::config_bag::{Storable, StoreReplace};

/// What was done to come to a response.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Usage {
    /// Calls to DynamoDB, including those that were repeated.
    pub calls: u32,
    /// The most calls of which each began after the one before it had ended.
    pub round_trips: u32,
    /// How often something was tried again: a call by the SDK, an append by the logger.
    pub retries: u32,
    /// Read capacity units, as DynamoDB says.
    pub read_units: f64,
    /// Write capacity units, as DynamoDB says.
    pub write_units: f64,
}

tokio::task_local! {
    static USAGE: RefCell<Usage>;
}

/// Runs `work`, and counts what all stores do for it in this task, and what a logger does for its
/// appends. In other tasks that it spawns, nothing is counted.
///
/// ```
/// use activity_log::NewActivity;
/// use activity_log::store::measure;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let log = activity_log_local::kit::Log::new().await;
/// # let logger = log.logger.clone();
/// let append = logger.append(3.try_into()?, NewActivity::new("create"));
/// let (recorded, usage) = measure(append).await;
/// recorded?;
/// // The head and then the transaction.
/// assert_eq!((usage.calls, usage.round_trips, usage.retries), (2, 2, 0));
/// assert!(usage.write_units > 0.0);
/// # Ok(())
/// # }
/// ```
pub async fn measure<F: Future>(work: F) -> (F::Output, Usage) {
    let counted = async {
        let output = work.await;
        (output, USAGE.with(RefCell::take))
    };
    USAGE.scope(RefCell::default(), counted).await
}

/// Counts something, if it is done within [`measure`].
fn count(change: impl FnOnce(&mut Usage)) {
    // Nobody measures; there is nothing to count for.
    let _ = USAGE.try_with(|usage| change(&mut usage.borrow_mut()));
}

/// How many round trips there were so far, if it is counted within [`measure`].
pub(crate) fn round_trips() -> u32 {
    USAGE.try_with(|usage| usage.borrow().round_trips).unwrap_or_default()
}

/// Counts what another task has done for this one, which began when there were `before` round trips.
pub(crate) fn absorb(done: Usage, before: u32) {
    count(|usage| {
        usage.calls += done.calls;
        usage.round_trips = usage.round_trips.max(before + done.round_trips);
        usage.retries += done.retries;
        usage.read_units += done.read_units;
        usage.write_units += done.write_units;
    });
}

/// Counts that something more than one call is tried again.
pub(crate) fn retried() {
    count(|usage| usage.retries += 1);
}

/// The interceptor of every store's client that counts.
#[derive(Debug)]
pub(super) struct Meter;

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

    /// Before anything is waited for, so that calls made side by side are told from calls made one
    /// after another, however long each takes.
    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        count(|usage| {
            bag.interceptor_state().store_put(Depth(usage.round_trips + 1));
        });
        Ok(())
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let again = bag.load::<RequestAttempts>().is_some_and(|attempts| attempts.attempts() > 1);
        count(|usage| {
            usage.calls += 1;
            usage.retries += u32::from(again);
        });
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        count(|usage| {
            if let Some(Depth(depth)) = bag.load::<Depth>() {
                usage.round_trips = usage.round_trips.max(*depth);
            }
            let Some(Ok(output)) = context.output_or_error() else { return };
            let one = |capacity: Option<&ConsumedCapacity>| units(capacity.into_iter());
            if let Some(output) = output.downcast_ref::<QueryOutput>() {
                usage.read_units += one(output.consumed_capacity());
            } else if let Some(output) = output.downcast_ref::<GetItemOutput>() {
                usage.read_units += one(output.consumed_capacity());
            } else if let Some(output) = output.downcast_ref::<BatchGetItemOutput>() {
                usage.read_units += units(output.consumed_capacity().iter());
            } else if let Some(output) = output.downcast_ref::<TransactWriteItemsOutput>() {
                usage.write_units += units(output.consumed_capacity().iter());
            } else if let Some(output) = output.downcast_ref::<BatchWriteItemOutput>() {
                usage.write_units += units(output.consumed_capacity().iter());
            }
        });
        Ok(())
    }
}

fn units<'a>(capacity: impl Iterator<Item = &'a ConsumedCapacity>) -> f64 {
    capacity.filter_map(ConsumedCapacity::capacity_units).sum()
}
