//! Who may go further: a caller with a valid token, who wants to read.

use lambda_http::http::header::{ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION};
use lambda_http::http::{HeaderValue, Method};
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};

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

/// Whether a browser asks if a page may call the API (Fetch Standard, "CORS-preflight request"). It
/// sends no token with that. API Gateway sends it on to the function of a route for every method,
/// and answers by itself which origins, methods and headers there are.
pub(crate) fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The id that API Gateway gave the request, or an empty text if it did not come from there.
pub(crate) fn request_id(request: &Request) -> String {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => {
            context.request_id.clone().unwrap_or_default()
        }
        _ => String::new(),
    }
}
