//! Why a request is not answered with what it asked for. How each reason is put into HTTP is said in
//! one place, `response/problem.rs`.

use super::format::Format;
use crate::auth::TokenError;
use crate::store::{PageError, StoreError};

/// Why a request is not answered with what it asked for.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No valid token.
    #[error("unauthenticated: {0}")]
    Unauthenticated(#[source] TokenError),
    /// A request that is not for reading.
    #[error("method not allowed")]
    MethodNotAllowed,
    /// A query string that is too long to be read.
    #[error("query too long")]
    QueryTooLong,
    /// A query parameter that is invalid.
    #[error("parameter {name} {reason}")]
    InvalidParameter {
        /// The parameter.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A text that is no activity id.
    #[error("invalid activity id")]
    InvalidActivityId,
    /// None of the formats of the response is acceptable to the caller.
    #[error("not acceptable")]
    NotAcceptable {
        /// The formats there are.
        available: &'static [Format],
    },
    /// The caller has no project and environment of these slugs.
    #[error("no such project or environment")]
    ScopeNotFound,
    /// The log is no longer the one that a cursor was made of, up to where the cursor leads.
    #[error("the log was rewritten")]
    LogRewritten,
    /// There is no activity with this id.
    #[error("no such activity")]
    ActivityNotFound,
    /// The activity is another user's.
    #[error("another user's activity")]
    NotTheCallers,
    /// The viewer has no file of this name.
    #[error("no such file")]
    FileNotFound,
    /// What we need failed, for now: the same request may succeed when it is sent again.
    #[error("unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// We failed, and will fail again.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ApiError {
    /// What is ours failed with `error`, and will fail again.
    pub(crate) fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Internal(Box::new(error))
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if error.is_transient() {
            Self::Unavailable(Box::new(error))
        } else {
            Self::internal(error)
        }
    }
}

impl From<PageError> for ApiError {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Rewritten => Self::LogRewritten,
            PageError::Store(error) => error.into(),
        }
    }
}
