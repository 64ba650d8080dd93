//! What can go wrong between this crate and DynamoDB.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::id::ActivityId;

/// A read or write that failed. Its text is for the operator, not for the caller of the API.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// DynamoDB could not be reached, refused the call, or kept failing after retries.
    #[error("DynamoDB {operation} failed")]
    Call {
        /// The DynamoDB operation.
        operation: &'static str,
        /// Whether the same call may succeed later.
        transient: bool,
        /// The SDK's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An item is not in the format that this crate writes.
    #[error("{item} cannot be decoded: {reason}")]
    Corrupt {
        /// Which item.
        item: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An index or the ledger names an activity that the Activities table does not have.
    #[error("activity {id} is missing from the Activities table")]
    Missing {
        /// The activity.
        id: ActivityId,
    },
    /// DynamoDB refused a transaction at each of several tries: others that write the same items were
    /// first, or it had too much to do.
    #[error("DynamoDB refused {operation} each time it was tried")]
    Refused {
        /// The DynamoDB operation.
        operation: &'static str,
        /// What it said last.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// DynamoDB left part of a batch unprocessed after several tries.
    #[error("DynamoDB {operation} left items unprocessed")]
    Unprocessed {
        /// The DynamoDB operation.
        operation: &'static str,
    },
}

impl StoreError {
    /// Wraps the SDK's error of `operation`.
    pub(crate) fn call<E>(operation: &'static str) -> impl FnOnce(SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        move |error| Self::Call {
            operation,
            transient: is_transient(&error),
            source: Box::new(error),
        }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Call { transient, .. } => *transient,
            Self::Refused { .. } | Self::Unprocessed { .. } => true,
            Self::Corrupt { .. } | Self::Missing { .. } => false,
        }
    }
}

/// What DynamoDB says of a transaction that came a second time while the first is under way.
pub(crate) const IN_PROGRESS: &str = "TransactionInProgressException";

/// Whether a failed call may succeed when it is made again: everything but a response of
/// DynamoDB that blames the request.
pub(crate) fn is_transient<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => false,
        SdkError::ServiceError(service) => {
            let is_passing = |code: &str| code == IN_PROGRESS || is_throttling(code);
            service.raw().status().is_server_error() || service.err().code().is_some_and(is_passing)
        }
        _ => true,
    }
}

/// Whether an error code means: too much at once, try later. (AWS: "Error handling with DynamoDB".)
pub(crate) fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "ProvisionedThroughputExceededException"
            | "ProvisionedThroughputExceeded"
            | "RequestLimitExceeded"
            | "ThrottlingException"
            | "ThrottlingError"
            | "LimitExceededException"
    )
}
