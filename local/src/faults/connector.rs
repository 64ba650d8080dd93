//! The HTTP client that carries calls out, or does not.

use std::future::Future;

use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::{Value, json};

use super::Faults;
use super::fault::{Fault, WRITE};
use super::state::{State, patience};

impl HttpClient for Faults {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Connector { inner, faults: self.clone() })
    }
}

#[derive(Clone, Debug)]
struct Connector {
    inner: SharedHttpConnector,
    faults: Faults,
}

type Response = Result<HttpResponse, ConnectorError>;

impl HttpConnector for Connector {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        self.faults.state().note(&operation, &json_of(request.body()));
        let fault = self.faults.state().next(&operation);
        self.renew_token(&mut request);
        match fault {
            None => HttpConnectorFuture::new(self.clone().carry_out(request)),
            Some(Fault::Throttled) => refusal(400, "ThrottlingException", json!({})),
            Some(Fault::CapacityExceeded) if operation == WRITE => {
                cancellation("ProvisionedThroughputExceeded")
            }
            Some(Fault::CapacityExceeded) => {
                refusal(400, "ProvisionedThroughputExceededException", json!({}))
            }
            Some(Fault::ServerError) => refusal(500, "InternalServerError", json!({})),
            Some(Fault::Conflict) => cancellation("TransactionConflict"),
            Some(Fault::InProgress) => {
                let carried_out = self.clone().carry_out(request);
                HttpConnectorFuture::new(async {
                    carried_out.await?;
                    Ok(refused(400, "TransactionInProgressException", json!({})))
                })
            }
            Some(Fault::NotSent) => HttpConnectorFuture::ready(Err(reset())),
            Some(Fault::ResponseLost) => self.lose_response(request),
            Some(Fault::TokenExpired) => {
                if let Some(token) = token(&request) {
                    self.faults.state().expired_tokens.insert(token);
                }
                self.lose_response(request)
            }
            Some(Fault::ResponseLate) => {
                // A task of its own, so that it is carried out even if the client goes away.
                tokio::spawn(self.clone().carry_out(request));
                no_response()
            }
            Some(Fault::RequestLate) => self.send_late(request),
            Some(Fault::KeysUnprocessed) => {
                HttpConnectorFuture::new(self.clone().carry_out_in_part(request))
            }
            Some(Fault::Stalled) => HttpConnectorFuture::new(std::future::pending()),
        }
    }
}

impl Connector {
    /// Sends the request, and makes of the response what a late or damaged index, or a stale copy of a
    /// table, would have.
    fn carry_out(self, request: HttpRequest) -> impl Future<Output = Response> + Send {
        let asked = json_of(request.body());
        self.faults.state().lag.note(&asked);
        let response = self.inner.call(request);
        async move {
            let response = response.await?;
            if !response.status().is_success() {
                return Ok(response);
            }
            let mut body = body_of(response).await?;
            let State { lag, history, damage, random, .. } = &mut *self.faults.state();
            history.note(&asked);
            lag.hide_from(&asked, &mut body, random);
            history.age(&asked, &mut body, random);
            if let Some(damage) = damage {
                damage.apply(&asked, &mut body);
            }
            Ok(HttpResponse::new(OK.try_into().map_err(other)?, SdkBody::from(body.to_string())))
        }
    }

    fn lose_response(&self, request: HttpRequest) -> HttpConnectorFuture {
        let response = self.clone().carry_out(request);
        HttpConnectorFuture::new(async {
            response.await?;
            Err(reset())
        })
    }

    fn send_late(&self, request: HttpRequest) -> HttpConnectorFuture {
        let wait = {
            let mut state = self.faults.state();
            state.late += 1;
            state.too_long()
        };
        let connector = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            let faults = connector.faults.clone();
            // Nobody is left to take the response.
            let _ = connector.carry_out(request).await;
            faults.state().late -= 1;
        });
        no_response()
    }

    /// Reads half of the keys, and says that the others are unprocessed.
    async fn carry_out_in_part(self, mut request: HttpRequest) -> Response {
        let mut asked = json_of(request.body());
        let mut left = json!({});
        let mut read = 0;
        for (table, keys) in asked["RequestItems"].as_object_mut().into_iter().flatten() {
            left[table] = keys.clone();
            let Some(list) = keys["Keys"].as_array_mut() else { continue };
            let rest = list.split_off(list.len() / 2);
            left[table]["Keys"] = rest.into();
            read += list.len();
        }
        let mut body = json!({ "Responses": {} });
        if read > 0 {
            set_body(&mut request, &asked);
            body = body_of(self.carry_out(request).await?).await?;
        }
        body["UnprocessedKeys"] = left;
        Ok(HttpResponse::new(OK.try_into().map_err(other)?, SdkBody::from(body.to_string())))
    }

    /// A token that has expired says nothing to DynamoDB.
    fn renew_token(&self, request: &mut HttpRequest) {
        let Some(token) = token(request) else { return };
        let mut state = self.faults.state();
        if state.expired_tokens.contains(&token) {
            let mut asked = json_of(request.body());
            asked["ClientRequestToken"] = format!("renewed-{:x}", state.random.u64(..)).into();
            set_body(request, &asked);
        }
    }
}

const OK: u16 = 200;

fn token(request: &HttpRequest) -> Option<String> {
    json_of(request.body())["ClientRequestToken"].as_str().map(str::to_owned)
}

fn json_of(body: &SdkBody) -> Value {
    body.bytes().and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default()
}

fn set_body(request: &mut HttpRequest, body: &Value) {
    let body = body.to_string();
    request.headers_mut().insert("content-length", body.len().to_string());
    *request.body_mut() = SdkBody::from(body);
}

async fn body_of(response: HttpResponse) -> Result<Value, ConnectorError> {
    let bytes = ByteStream::new(response.into_body()).collect().await.map_err(other)?;
    serde_json::from_slice(&bytes.into_bytes()).map_err(other)
}

fn other(error: impl std::error::Error + Send + Sync + 'static) -> ConnectorError {
    ConnectorError::other(error.into(), None)
}

fn reset() -> ConnectorError {
    ConnectorError::io("connection reset by peer".into())
}

/// Nothing comes back in time.
fn no_response() -> HttpConnectorFuture {
    HttpConnectorFuture::new(async {
        tokio::time::sleep(patience()).await;
        Err(ConnectorError::timeout("no response".into()))
    })
}

/// A response that refuses.
fn refused(status: u16, code: &str, mut body: Value) -> HttpResponse {
    body["__type"] = format!("com.amazonaws.dynamodb.v20120810#{code}").into();
    body["message"] = "injected".into();
    let mut response = HttpResponse::new(
        status.try_into().unwrap_or_else(|_| unreachable!("the statuses here are of HTTP")),
        SdkBody::from(body.to_string()),
    );
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    response
}

fn refusal(status: u16, code: &str, body: Value) -> HttpConnectorFuture {
    HttpConnectorFuture::ready(Ok(refused(status, code, body)))
}

fn cancellation(reason: &str) -> HttpConnectorFuture {
    let reasons = json!({ "CancellationReasons": [{ "Code": reason }, { "Code": "None" }] });
    refusal(400, "TransactionCanceledException", reasons)
}
