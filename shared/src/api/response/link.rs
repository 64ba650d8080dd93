//! Links from one page of a list to the next (RFC 8288).
//!
//! A link is a reference relative to the request (RFC 3986, section 4.2): only the client knows by which
//! domain, stage and base path it has reached the API.

use lambda_http::http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::api::ApiError;
use crate::api::request::query::Query;

/// What is encoded in a path or query: all but the unreserved characters (RFC 3986, section 2.3).
pub(crate) const RESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The same for the value of a query parameter, where commas and colons stand for themselves (RFC 3986,
/// section 3.4): lists of values and times stay as short as the caller wrote them.
const IN_QUERY: &AsciiSet = &RESERVED.remove(b',').remove(b':');

/// The value of the `Link` header that leads from the page that `query` asked for to the one that
/// starts at `cursor`.
///
/// # Errors
/// [`ApiError::Internal`] if it cannot stand in a header.
pub(crate) fn next_link(query: &Query, cursor: &str) -> Result<HeaderValue, ApiError> {
    let same = query.iter().filter(|(name, _)| !matches!(*name, "cursor" | "offset"));
    let mut target = String::new();
    for (name, value) in same.chain([("cursor", cursor)]) {
        target.push(if target.is_empty() { '?' } else { '&' });
        target.push_str(name);
        target.push('=');
        target.extend(utf8_percent_encode(value, IN_QUERY));
    }
    HeaderValue::try_from(format!("<{target}>; rel=\"next\"")).map_err(ApiError::internal)
}
