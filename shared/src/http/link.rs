//! Links from one page of a list to the next (RFC 8288).

use lambda_http::Request;
use lambda_http::http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::ApiError;
use super::query::QueryString;

/// What is encoded in a path or query: all but the unreserved characters (RFC 3986, section 2.3).
pub(super) const RESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The value of the `Link` header that leads from the page that `request` asked for to the one
/// that starts at `cursor`.
///
/// # Errors
/// [`ApiError::Internal`] if the request's URL cannot stand in a header.
pub(super) fn next_link(
    request: &Request,
    query: &QueryString,
    cursor: &str,
) -> Result<HeaderValue, ApiError> {
    let uri = request.uri();
    let mut target = match (uri.scheme_str(), uri.authority()) {
        (Some(scheme), Some(authority)) => format!("{scheme}://{authority}"),
        _ => String::new(),
    };
    target.push_str(uri.path());
    let same = query.iter().filter(|(name, _)| !matches!(*name, "cursor" | "offset"));
    let mut separator = '?';
    for (name, value) in same.chain([("cursor", cursor)]) {
        target.push(separator);
        target.push_str(name);
        target.push('=');
        target.extend(utf8_percent_encode(value, RESERVED));
        separator = '&';
    }
    HeaderValue::try_from(format!("<{target}>; rel=\"next\""))
        .map_err(|error| ApiError::Internal(Box::new(error)))
}
