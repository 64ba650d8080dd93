//! What a request is, before anybody asks who sent it.

use lambda_http::http::Method;
use lambda_http::http::header::ACCESS_CONTROL_REQUEST_METHOD;
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};

/// Whether a browser asks if a page may call the API (Fetch Standard, "CORS-preflight request"). The
/// browser sends no token with it. API Gateway invokes the function if its route takes any method, and adds
/// by itself which origins, methods and headers there are.
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
