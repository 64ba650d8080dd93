//! Why an activity, or a batch of them, was not recorded.

use std::sync::Arc;
use std::time::Duration;

use super::recorded::Recorded;
use crate::activity::InvalidActivity;
use crate::store::{Refusal, StoreError};

/// What went wrong for all who waited for it.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// Why an activity was not recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// It has no action; or, if the logger is [strict](crate::ActivityLogger::strict), it breaks a limit.
    #[error(transparent)]
    Invalid(#[from] InvalidActivity),
    /// It has no place in the log.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It could not be recorded in time.
    #[error("not recorded within {deadline:?}{}", if *.may_be_recorded { "; a response was lost, so it may be recorded after all" } else { "" })]
    Deadline {
        /// The time there was.
        deadline: Duration,
        /// Whether it may be recorded all the same, because a response was lost and DynamoDB could
        /// not be asked. Only an idempotency key makes it safe to try again.
        may_be_recorded: bool,
        /// What the last try came to.
        source: Cause,
    },
    /// The log could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AppendError {
    /// Whether it is the activity's own fault, so that to try again is in vain.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Invalid(_) | Self::Refused(_) => true,
            Self::Deadline { .. } | Self::Store(_) => false,
        }
    }
}

/// A batch that was not recorded to its end. The activity at fault is the one after those that were
/// recorded. It and those behind it were not recorded, unless the error is
/// a deadline that says that they may be.
#[derive(Debug, thiserror::Error)]
#[error("activity {} of the batch", .recorded.len() + 1)]
#[non_exhaustive]
pub struct BatchError {
    /// The activities that were recorded: the first ones of the batch.
    pub recorded: Vec<Recorded>,
    /// Why the next one was not.
    #[source]
    pub error: AppendError,
}
