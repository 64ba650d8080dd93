//! What a response shows besides what it always shows.

use super::query::Query;
use crate::api::ApiError;

/// What is shown of an activity besides what is always shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Include {
    /// Where the request came from and what sent it; when the action happened, where that is not
    /// when it was entered in the log; and what was altered on the way into the log.
    pub(crate) client: bool,
}

impl Include {
    /// Reads it from a query string.
    ///
    /// # Errors
    /// [`ApiError::InvalidParameter`] if it is not `client`.
    pub(crate) fn read(query: &mut Query) -> Result<Self, ApiError> {
        Ok(Self { client: query.choice("include", &[("client", true)])?.unwrap_or(false) })
    }
}
