//! Events of API Gateway in, what Lambda sends back out.

use std::future::{Future, ready};
use std::pin::Pin;

use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_http::http::HeaderValue;
use lambda_http::http::header::{HOST, HeaderName};
use lambda_http::lambda_runtime::{self, LambdaEvent};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Body, Error, IntoResponse, Request, Response, Service, service_fn};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode, utf8_percent_encode};
use serde::Serialize;
use url::Url;

use super::request::query::MAX_LENGTH_WITH_CURSOR;
use super::response::link::RESERVED;
use super::viewer::{File, Viewer};
use super::{Api, Route};
use crate::config::{self, PathParameters};
use crate::function;

/// What cannot stand in a query as it is (RFC 3986, section 3.4).
const NOT_IN_QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// What cannot stand in a path as it is (section 3.3).
const NOT_IN_PATH: &AsciiSet = &NOT_IN_QUERY.add(b'?');

const FORWARDED_PROTOCOL: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Runs the function of `route`: configuration and connections first, then an event at a time, until
/// the function is stopped. This is all that a function that reads does, and on one thread: on several,
/// `cargo lambda watch` loses responses (docs/architecture.md, "Quirks").
///
/// ```no_run
/// use activity_log::api::{lambda, routes};
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() -> Result<(), lambda_http::Error> {
///     lambda::run(&routes::GET_ACTIVITY).await
/// }
/// ```
///
/// # Errors
/// [`ConfigError`](crate::config::ConfigError) if the environment is not what it must be; an error of
/// the Lambda runtime if that cannot be reached.
pub async fn run(route: &'static Route) -> Result<(), Error> {
    function::init_log();
    let api = Api::from_env(route.calls).await?;
    lambda_runtime::run(service_fn(|event| invoke(&api, route, event))).await
}

/// Answers one event: what Lambda hands over, as it takes it back.
///
/// # Errors
/// None; the type is the Lambda runtime's.
pub async fn invoke(
    api: &Api,
    route: &'static Route,
    event: LambdaEvent<LambdaRequest>,
) -> Result<impl Serialize + use<>, Error> {
    let LambdaEvent { payload, context } = event;
    let payload = readable(payload, api.path_parameters);
    let service = service_fn(|request: Request| async move {
        Ok::<_, Error>(Ready(route.answer(api, &request).await))
    });
    Adapter::from(service).call(LambdaEvent { payload, context }).await
}

/// Runs the function that serves the viewer of these files: an event at a time, until it is stopped.
///
/// # Errors
/// An error of the Lambda runtime if that cannot be reached.
pub async fn run_viewer(files: &'static [File]) -> Result<(), Error> {
    function::init_log();
    let viewer = &Viewer::new(files, config::telemetry(&config::environment));
    lambda_runtime::run(service_fn(|event| invoke_viewer(viewer, event))).await
}

/// Answers one event with a file of the viewer; see [`invoke`].
///
/// # Errors
/// None; the type is the Lambda runtime's.
pub async fn invoke_viewer(
    viewer: &Viewer,
    event: LambdaEvent<LambdaRequest>,
) -> Result<impl Serialize + use<>, Error> {
    let LambdaEvent { payload, context } = event;
    // The names of files have nothing to decode.
    let payload = readable(payload, PathParameters::Decoded);
    let service =
        service_fn(|request: Request| ready(Ok::<_, Error>(Ready(viewer.answer(&request)))));
    Adapter::from(service).call(LambdaEvent { payload, context }).await
}

/// A response whose body is text or binary already. `lambda_http` would decide by the content type,
/// of which it knows few, and hand over all others as base64, a third longer.
struct Ready(Response<Body>);

impl IntoResponse for Ready {
    fn into_response(self) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        Box::pin(ready(self.0))
    }
}

/// An event that `lambda_http` can make a request of. It panics where the parts of the URL do not
/// make one; so what cannot stand there is percent-encoded, cut, or left out.
fn readable(event: LambdaRequest, path_parameters: PathParameters) -> LambdaRequest {
    match event {
        LambdaRequest::ApiGatewayV2(mut event) => {
            let path = event.raw_path.unwrap_or_default();
            let path = cut(path.strip_prefix('/').unwrap_or(&path));
            let path = match path_parameters {
                // API Gateway decodes this one, too; a slash in it is one that it matched.
                PathParameters::Decoded => {
                    let encode = |part| utf8_percent_encode(part, RESERVED).to_string();
                    path.split('/').map(encode).collect::<Vec<_>>().join("/")
                }
                PathParameters::Encoded => utf8_percent_encode(path, NOT_IN_PATH).to_string(),
            };
            event.raw_path = Some(format!("/{path}"));
            let query = event.raw_query_string.unwrap_or_default();
            let query = percent_encode(cut(&query).as_bytes(), NOT_IN_QUERY).to_string();
            event.raw_query_string = Some(query);
            check_origin(&mut event);
            LambdaRequest::ApiGatewayV2(event)
        }
        other => other,
    }
}

/// `text`, or as much of it as is enough to see that it is too long to be read.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_LENGTH_WITH_CURSOR + 4)]
}

/// Leaves out a host that is none, and says which protocol it was: API Gateway does, and where it
/// does not stand in between, on one's own machine, it is plain HTTP.
fn check_origin(event: &mut ApiGatewayV2httpRequest) {
    let is_host = |host: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
        host.len() < 256
            && host.bytes().all(known)
            && Url::parse(&format!("http://{host}/")).is_ok()
    };
    let named = event.headers.get(HOST).map(|host| host.to_str().is_ok_and(is_host));
    if named == Some(false) {
        event.headers.remove(HOST);
    }
    if event.request_context.domain_name.as_deref().is_some_and(|name| !is_host(name)) {
        event.request_context.domain_name = None;
    }
    let https = event.headers.get(&FORWARDED_PROTOCOL).is_some_and(|value| value == "https");
    let protocol = HeaderValue::from_static(if https { "https" } else { "http" });
    event.headers.insert(FORWARDED_PROTOCOL, protocol);
}
