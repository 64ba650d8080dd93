//! Errors as HTTP responses: the one place that says which status, code and words each has.

use std::error::Error as _;

use lambda_http::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use lambda_http::http::{HeaderName, HeaderValue, StatusCode};
use lambda_http::{Body, Response};
use serde::Serialize;

use crate::Report;
use crate::api::request::query::MAX_LENGTH;
use crate::api::response::document::private;
use crate::api::{ApiError, Format};
use crate::auth::TokenError;
use crate::id::MAX_ID;

/// After how many seconds a request that failed for now may be sent again (RFC 9110, section 10.2.3).
/// The repetitions of a call to DynamoDB have taken about as long by then.
const RETRY_AFTER_SECONDS: &str = "2";

/// A problem document (RFC 9457), with the reference's `message` and our own members.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Problem<'a> {
    /// "about:blank": the status says what kind of problem it is, `code` says which.
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    message: &'a str,
    code: &'static str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<&'a str>,
}

/// An error in the words of HTTP.
struct Rendered {
    status: StatusCode,
    code: &'static str,
    message: String,
    detail: Option<String>,
}

impl ApiError {
    /// The response to a request that it ends. `failure` is what the caller is told when it is ours.
    pub(crate) fn response(&self, failure: &str, request_id: &str) -> Response<Body> {
        let Rendered { status, code, message, detail } = self.rendered(failure);
        let problem = Problem {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: detail.as_deref().unwrap_or(&message),
            message: &message,
            code,
            request_id,
            parameter: self.parameter(),
        };
        let document = serde_json::to_string(&problem).unwrap_or_default();
        let mut response = private(status, Body::Text(document));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.extend(self.header());
        response
    }

    /// The stable name of the error.
    pub(crate) fn code(&self) -> &'static str {
        self.rendered("").code
    }

    /// Why a token was refused, if that is the error.
    pub(crate) const fn refusal(&self) -> Option<TokenError> {
        match self {
            Self::Unauthenticated(error) => Some(*error),
            _ => None,
        }
    }

    /// What went wrong with us, with its causes; for the operator. A refused token is the caller's matter.
    pub(crate) fn cause(&self) -> Option<String> {
        let cause = self.source().filter(|_| self.refusal().is_none())?;
        Some(Report(cause).to_string())
    }

    /// The one mapping from errors to HTTP.
    fn rendered(&self, failure: &str) -> Rendered {
        let rendered = |status, code, message: &str, detail| Rendered {
            status,
            code,
            message: message.to_owned(),
            detail,
        };
        match self {
            Self::Unauthenticated(error) => rendered(
                StatusCode::UNAUTHORIZED,
                "unauthenticated",
                "Missing or invalid authentication token",
                Some(sentence(&error.to_string())),
            ),
            Self::MethodNotAllowed => rendered(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "Method not allowed",
                Some("This can only be read, with GET or HEAD.".to_owned()),
            ),
            Self::QueryTooLong => rendered(
                StatusCode::BAD_REQUEST,
                "query_too_long",
                "Query too long",
                Some(format!("A query string has at most {MAX_LENGTH} bytes, without its cursor.")),
            ),
            Self::InvalidParameter { name, reason } => rendered(
                StatusCode::BAD_REQUEST,
                "invalid_parameter",
                &format!("Invalid parameter: {name} {reason}"),
                Some(format!("{name} {reason}.")),
            ),
            Self::InvalidActivityId => rendered(
                StatusCode::BAD_REQUEST,
                "invalid_activity_id",
                "Invalid activity ID",
                Some(format!("An activity ID is an integer from 1 to {MAX_ID}.")),
            ),
            Self::NotAcceptable { available } => rendered(
                StatusCode::NOT_ACCEPTABLE,
                "not_acceptable",
                "Not acceptable",
                Some(format!("This can be given as {}.", alternatives(available))),
            ),
            Self::ScopeNotFound => rendered(
                StatusCode::NOT_FOUND,
                "project_or_environment_not_found",
                "Project or environment not found",
                None,
            ),
            Self::LogRewritten => rendered(
                StatusCode::CONFLICT,
                "log_rewritten",
                "The log was rewritten",
                Some(
                    "The log up to this cursor is not what it was when the cursor was given out. \
                     Begin again without a cursor."
                        .to_owned(),
                ),
            ),
            Self::ActivityNotFound => rendered(
                StatusCode::NOT_FOUND,
                "activity_not_found",
                "Activity entry not found",
                None,
            ),
            Self::NotTheCallers => rendered(
                StatusCode::FORBIDDEN,
                "not_your_activity",
                "Activity entry does not belong to the authenticated user",
                None,
            ),
            Self::FileNotFound => {
                rendered(StatusCode::NOT_FOUND, "file_not_found", "File not found", None)
            }
            Self::Unavailable(_) => rendered(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                failure,
                Some("The log cannot be read now. Send the request again.".to_owned()),
            ),
            Self::Internal(_) => {
                rendered(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", failure, None)
            }
        }
    }

    /// The header that the status calls for.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::Unauthenticated(error) => Some((WWW_AUTHENTICATE, challenge(*error))),
            Self::MethodNotAllowed => Some((ALLOW, HeaderValue::from_static("GET, HEAD"))),
            Self::Unavailable(_) => {
                Some((RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS)))
            }
            Self::QueryTooLong
            | Self::InvalidParameter { .. }
            | Self::InvalidActivityId
            | Self::NotAcceptable { .. }
            | Self::ScopeNotFound
            | Self::LogRewritten
            | Self::ActivityNotFound
            | Self::NotTheCallers
            | Self::FileNotFound
            | Self::Internal(_) => None,
        }
    }

    fn parameter(&self) -> Option<&str> {
        match self {
            Self::InvalidParameter { name, .. } => Some(name),
            Self::InvalidActivityId => Some("id"),
            Self::Unauthenticated(_)
            | Self::MethodNotAllowed
            | Self::QueryTooLong
            | Self::NotAcceptable { .. }
            | Self::ScopeNotFound
            | Self::LogRewritten
            | Self::ActivityNotFound
            | Self::NotTheCallers
            | Self::FileNotFound
            | Self::Unavailable(_)
            | Self::Internal(_) => None,
        }
    }
}

/// The challenge of RFC 6750, section 3: an error code only if a token was sent.
fn challenge(error: TokenError) -> HeaderValue {
    match error {
        TokenError::Absent => HeaderValue::from_static("Bearer"),
        TokenError::Expired => HeaderValue::from_static(
            r#"Bearer error="invalid_token", error_description="the token has expired""#,
        ),
        TokenError::NotYetValid => HeaderValue::from_static(
            r#"Bearer error="invalid_token", error_description="the token is not valid yet""#,
        ),
        TokenError::Invalid | TokenError::Claims(_) | TokenError::User => HeaderValue::from_static(
            r#"Bearer error="invalid_token", error_description="the token is not valid""#,
        ),
    }
}

/// Media types as one would say them.
fn alternatives(formats: &[Format]) -> String {
    let names: Vec<_> = formats.iter().map(|format| format.media_type()).collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, first)) => format!("{} or {last}", first.join(", ")),
        None => String::new(),
    }
}

/// A reason as a sentence.
fn sentence(reason: &str) -> String {
    let mut letters = reason.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).chain(['.']).collect())
        .unwrap_or_default()
}
