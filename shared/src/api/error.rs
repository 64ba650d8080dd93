//! Errors of the API, and the one place that says how each is answered.

use lambda_http::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use lambda_http::http::{HeaderName, HeaderValue, StatusCode};
use lambda_http::{Body, Response};
use serde::Serialize;

use crate::Report;
use crate::api::request::accept::Format;
use crate::api::request::query::MAX_LENGTH;
use crate::auth::TokenError;
use crate::id::MAX_ID;
use crate::store::StoreError;

/// What the API does: one operation is one route and one function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Lists the caller's activities.
    ListActivities,
    /// Lists the caller's activities in one environment.
    ListProjectActivities,
    /// Gets one activity.
    GetActivity,
}

impl Operation {
    /// All there are.
    pub const ALL: [Self; 3] =
        [Self::ListActivities, Self::ListProjectActivities, Self::GetActivity];

    /// The function that does it.
    #[must_use]
    pub const fn function(self) -> &'static str {
        match self {
            Self::ListActivities => "list-activities",
            Self::ListProjectActivities => "list-project-activities",
            Self::GetActivity => "get-activity",
        }
    }

    /// The path that leads to it.
    #[must_use]
    pub const fn route(self) -> &'static str {
        match self {
            Self::ListActivities => "/api/activities",
            Self::ListProjectActivities => "/api/activities/{projectSlug}/{environmentSlug}",
            Self::GetActivity => "/api/activities/{id}",
        }
    }

    /// What is said when it fails.
    const fn failure(self) -> &'static str {
        match self {
            Self::ListActivities | Self::ListProjectActivities => "Failed to retrieve activities",
            Self::GetActivity => "Failed to retrieve activity",
        }
    }
}

/// Why a request is not answered with what it asked for.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No valid token.
    #[error("unauthenticated: {0}")]
    Unauthenticated(#[source] TokenError),
    /// Another method than GET or HEAD.
    #[error("method not allowed")]
    MethodNotAllowed,
    /// A query string that is too long to be read.
    #[error("query too long")]
    QueryTooLong,
    /// A query parameter that cannot be.
    #[error("parameter {name} {reason}")]
    InvalidParameter {
        /// The parameter.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An activity id that cannot be.
    #[error("invalid activity id")]
    InvalidActivityId,
    /// None of the forms that this can be given in is acceptable to the caller.
    #[error("not acceptable")]
    NotAcceptable {
        /// The forms there are.
        available: &'static [Format],
    },
    /// The caller has no project and environment of these slugs.
    #[error("no such project or environment")]
    ScopeNotFound,
    /// There is no activity with this id.
    #[error("no such activity")]
    ActivityNotFound,
    /// The activity is another user's.
    #[error("another user's activity")]
    NotTheCallers,
    /// What we need failed, for now: the same request may succeed when it is sent again.
    #[error("unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// We failed, and will fail again.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// After how many seconds a request that failed for now may be sent again (RFC 9110, section 10.2.3).
/// The repetitions of a call to DynamoDB have taken about as long by then.
const RETRY_AFTER_SECONDS: &str = "2";

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if error.is_transient() {
            Self::Unavailable(Box::new(error))
        } else {
            Self::Internal(Box::new(error))
        }
    }
}

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

/// How an error is answered.
struct Answer {
    status: StatusCode,
    code: &'static str,
    message: String,
    detail: Option<String>,
}

impl ApiError {
    /// What is sent for it.
    #[must_use]
    pub fn response(&self, operation: Operation, request_id: &str) -> Response<Body> {
        let Answer { status, code, message, detail } = self.answer(operation);
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
        let mut response = crate::api::response::document::answer(status, Body::Text(document));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.extend(self.header());
        response
    }

    /// The stable name that its answer has.
    pub(super) fn code(&self, operation: Operation) -> &'static str {
        self.answer(operation).code
    }

    /// Why a token was refused, if that is the error.
    pub(super) const fn refusal(&self) -> Option<&'static str> {
        match self {
            Self::Unauthenticated(error) => Some(error.reason()),
            _ => None,
        }
    }

    /// What went wrong with us, with its causes; for the operator.
    pub(super) fn cause(&self) -> Option<String> {
        match self {
            Self::Unavailable(cause) | Self::Internal(cause) => {
                Some(Report(cause.as_ref()).to_string())
            }
            _ => None,
        }
    }

    /// The one mapping from error to answer.
    fn answer(&self, operation: Operation) -> Answer {
        let answer = |status, code, message: &str, detail| Answer {
            status,
            code,
            message: message.to_owned(),
            detail,
        };
        match self {
            Self::Unauthenticated(error) => answer(
                StatusCode::UNAUTHORIZED,
                "unauthenticated",
                "Missing or invalid authentication token",
                Some(sentence(&error.to_string())),
            ),
            Self::MethodNotAllowed => answer(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "Method not allowed",
                Some("This can only be read, with GET or HEAD.".to_owned()),
            ),
            Self::QueryTooLong => answer(
                StatusCode::BAD_REQUEST,
                "query_too_long",
                "Query too long",
                Some(format!("A query string has at most {MAX_LENGTH} bytes.")),
            ),
            Self::InvalidParameter { name, reason } => answer(
                StatusCode::BAD_REQUEST,
                "invalid_parameter",
                &format!("Invalid parameter: {name} {reason}"),
                Some(format!("{name} {reason}.")),
            ),
            Self::InvalidActivityId => answer(
                StatusCode::BAD_REQUEST,
                "invalid_activity_id",
                "Invalid activity ID",
                Some(format!("An activity ID is an integer from 1 to {MAX_ID}.")),
            ),
            Self::NotAcceptable { available } => answer(
                StatusCode::NOT_ACCEPTABLE,
                "not_acceptable",
                "Not acceptable",
                Some(format!("This can be given as {}.", alternatives(available))),
            ),
            Self::ScopeNotFound => answer(
                StatusCode::NOT_FOUND,
                "project_or_environment_not_found",
                "Project or environment not found",
                None,
            ),
            Self::ActivityNotFound => answer(
                StatusCode::NOT_FOUND,
                "activity_not_found",
                "Activity entry not found",
                None,
            ),
            Self::NotTheCallers => answer(
                StatusCode::FORBIDDEN,
                "not_your_activity",
                "Activity entry does not belong to the authenticated user",
                None,
            ),
            Self::Unavailable(_) => answer(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                operation.failure(),
                Some("The log cannot be read now. Send the request again.".to_owned()),
            ),
            Self::Internal(_) => answer(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal_error",
                operation.failure(),
                None,
            ),
        }
    }

    /// The header that its status calls for.
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
            | Self::ActivityNotFound
            | Self::NotTheCallers
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
            | Self::ActivityNotFound
            | Self::NotTheCallers
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
        TokenError::Invalid | TokenError::Claims | TokenError::User => HeaderValue::from_static(
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
