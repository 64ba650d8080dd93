//! What verification finds: an inconsistency of a log, or why nothing is proven.

use std::fmt;

use crate::store::StoreError;

/// Something in the tables that the appends of a log do not write.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inconsistency {
    /// What it is about: a scope or an entry.
    pub subject: String,
    /// What is wrong with it.
    pub fault: String,
}

impl fmt::Display for Inconsistency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.fault)
    }
}

/// A log that is not proven.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The log is inconsistent.
    #[error("{0}")]
    Inconsistent(Inconsistency),
    /// The log was written to all the while, so that nothing is proven.
    #[error("the log was written to while it was read; nothing is proven")]
    Busy,
    /// The log could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The error that says `fault` of `subject`.
pub(super) fn inconsistent(subject: impl fmt::Display, fault: impl Into<String>) -> VerifyError {
    VerifyError::Inconsistent(Inconsistency { subject: subject.to_string(), fault: fault.into() })
}
