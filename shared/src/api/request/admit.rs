//! Who may go further: a caller with a valid token, who wants to read.

use lambda_http::Request;
use lambda_http::http::header::AUTHORIZATION;
use lambda_http::http::{HeaderValue, Method};

use crate::api::ApiError;
use crate::auth::{AuthError, Caller, TokenError, TokenVerifier};

/// Lets a request in: says who sent it.
///
/// # Errors
/// [`ApiError::Unauthenticated`] if no valid token says so; two `Authorization` headers are none.
/// [`ApiError::MethodNotAllowed`] if it is neither GET nor HEAD. [`ApiError::Unavailable`] if no token
/// can be verified.
pub(crate) async fn admit(verifier: &TokenVerifier, request: &Request) -> Result<Caller, ApiError> {
    let mut headers = request.headers().get_all(AUTHORIZATION).iter();
    let header = headers.next().map(HeaderValue::as_bytes);
    let caller = match headers.next() {
        Some(_) => Err(TokenError::Invalid.into()),
        None => verifier.caller(header).await,
    };
    let caller = caller.map_err(|error| match error {
        AuthError::Token(error) => ApiError::Unauthenticated(error),
        AuthError::Keys(_) => ApiError::Unavailable(Box::new(error)),
    })?;
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if is_read { Ok(caller) } else { Err(ApiError::MethodNotAllowed) }
}
