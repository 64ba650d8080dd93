//! Faults between the SDK and DynamoDB, for tests: an HTTP client that refuses calls, loses them,
//! loses or delays their answers, hides recent entries from the indexes, and reads tables as they
//! were a while ago.
//!
//! Faults happen at random, or at a certain call. All randomness comes from one seed.

mod lag;
mod stale;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use activity_log::store::Store;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::{Value, json};

use lag::Lag;
use stale::History;

/// Something that goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// It is refused: too many calls.
    Throttled,
    /// It is refused: the table has no capacity left.
    CapacityExceeded,
    /// It fails inside DynamoDB, and nothing was done.
    ServerError,
    /// The transaction is refused: another one is at one of its items.
    Conflict,
    /// The transaction is said to be in progress, and is carried out.
    InProgress,
    /// The connection is reset before the request.
    NotSent,
    /// The call is carried out, and the connection is reset before the answer.
    AnswerLost,
    /// The call is carried out, and the answer comes when nobody waits for it any more.
    AnswerLate,
    /// The call is carried out when nobody waits for it any more.
    RequestLate,
    /// Some keys of the batch are read, and the others are returned as unprocessed.
    KeysUnprocessed,
    /// The transaction is carried out, its answer is lost, and its `ClientRequestToken` is
    /// forgotten, as DynamoDB forgets it after ten minutes.
    TokenExpired,
    /// Nothing ever comes back.
    Stalled,
}

impl Fault {
    /// All that a caller can survive.
    pub const SURVIVABLE: [Self; 11] = [
        Self::Throttled,
        Self::CapacityExceeded,
        Self::ServerError,
        Self::Conflict,
        Self::InProgress,
        Self::NotSent,
        Self::AnswerLost,
        Self::AnswerLate,
        Self::RequestLate,
        Self::KeysUnprocessed,
        Self::TokenExpired,
    ];

    /// Whether a call of `operation` can meet it.
    #[must_use]
    pub fn can_meet(self, operation: &str) -> bool {
        match self {
            Self::Conflict | Self::InProgress | Self::TokenExpired => operation == WRITE,
            Self::KeysUnprocessed => operation == "BatchGetItem",
            _ => true,
        }
    }
}

/// The operation that appends.
pub const WRITE: &str = "TransactWriteItems";

/// How long a client of [`Faults::client`] waits for an answer: much longer than it takes.
fn patience() -> Duration {
    Duration::from_millis(if crate::engine::is_embedded() { 250 } else { 1_000 })
}

/// A source of faults; a clone makes the same ones. Without any until told otherwise.
#[derive(Clone, Debug)]
pub struct Faults {
    inner: SharedHttpClient,
    state: Arc<Mutex<State>>,
}

/// A fault at certain calls.
#[derive(Clone, Copy, Debug)]
pub struct Injection {
    /// What goes wrong.
    pub fault: Fault,
    /// With calls of which operation; of any if absent.
    pub operation: Option<&'static str>,
    /// After how many of those calls.
    pub after: u64,
    /// How many times in a row.
    pub times: u64,
}

#[derive(Debug)]
struct State {
    random: fastrand::Rng,
    /// How likely a call is to go wrong.
    chance: f64,
    injection: Option<Injection>,
    calls: u64,
    counts: BTreeMap<Fault, u64>,
    actions: BTreeSet<(String, String)>,
    expired_tokens: BTreeSet<String>,
    lag: Lag,
    history: History,
    /// Calls that will be carried out late.
    late: u64,
}

impl Faults {
    /// No faults; those to come depend on `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let state = State {
            random: fastrand::Rng::with_seed(seed),
            chance: 0.0,
            injection: None,
            calls: 0,
            counts: BTreeMap::new(),
            actions: BTreeSet::new(),
            expired_tokens: BTreeSet::new(),
            lag: Lag::default(),
            history: History::default(),
            late: 0,
        };
        let inner = aws_smithy_http_client::Builder::new().build_http();
        Self { inner, state: Arc::new(Mutex::new(state)) }
    }

    /// A client for a DynamoDB at `endpoint` on this machine that meets these faults. It is less
    /// patient than those of the functions, so that tests are short.
    #[must_use]
    pub fn client(&self, endpoint: &str) -> Client {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(patience())
            .operation_timeout(patience() * 4)
            .build();
        let retries = RetryConfig::standard()
            .with_max_attempts(3)
            .with_initial_backoff(Duration::from_millis(5));
        let config = crate::client_config(endpoint)
            .http_client(self.clone())
            .timeout_config(timeouts)
            .retry_config(retries);
        Client::from_conf(config.build())
    }

    /// The log behind [`Self::client`].
    #[must_use]
    pub fn store(&self, endpoint: &str) -> Store {
        Store::new(&self.client(endpoint), crate::tables())
    }

    /// From now on a call goes wrong with this probability.
    pub fn at_random(&self, chance: f64) {
        self.state().chance = chance;
    }

    /// Makes one fault happen, counted from the next call; `None` takes it back.
    pub fn inject(&self, injection: Option<Injection>) {
        self.state().injection = injection;
    }

    /// Entries that are written from now on, through these clients, are hidden by the indexes with
    /// this probability: by each copy of each index for a time of its own.
    pub fn lag_at_random(&self, chance: f64, at_most: Duration) {
        self.state().lag.at_random(chance, at_most);
    }

    /// From now on an eventually consistent read of a table finds each item, with this probability,
    /// as some write of its own left it, of all those through these clients, or as it was before
    /// the first.
    pub fn stale_at_random(&self, chance: f64) {
        self.state().history.serve(chance);
    }

    /// Hides entries from the next `queries` of any index.
    pub fn hide(&self, ids: impl IntoIterator<Item = u64>, queries: u32) {
        self.state().lag.hide(ids.into_iter().collect(), queries, 0);
    }

    /// Hides an entry from the next `batches` of reads by key.
    pub fn hide_body(&self, id: u64, batches: u32) {
        self.state().lag.hide([id].into(), 0, batches);
    }

    /// How often each fault has happened so far.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<Fault, u64> {
        self.state().counts.clone()
    }

    /// How many calls there were so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// What was asked for so far, as IAM calls it, each with the table, or the table and index.
    #[must_use]
    pub fn actions(&self) -> BTreeSet<(String, String)> {
        self.state().actions.clone()
    }

    /// Waits until no call is left that will be carried out late.
    pub async fn settle(&self) {
        while self.state().late > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What happens to the next call.
    fn next(&mut self, operation: &str) -> Option<Fault> {
        self.calls += 1;
        let mut fault = None;
        if let Some(injection) = &mut self.injection
            && injection.operation.is_none_or(|only| only == operation)
        {
            if injection.after > 0 {
                injection.after -= 1;
            } else if injection.times > 0 {
                injection.times -= 1;
                fault = Some(injection.fault);
            }
        } else if self.random.f64() < self.chance {
            let mut faults = Fault::SURVIVABLE.to_vec();
            faults.retain(|fault| fault.can_meet(operation));
            fault = self.random.choice(faults);
        }
        let fault = fault.filter(|fault| fault.can_meet(operation))?;
        *self.counts.entry(fault).or_default() += 1;
        Some(fault)
    }

    /// Notes what is asked for: the permission to write a transaction is that of each action of it.
    fn note(&mut self, operation: &str, asked: &Value) {
        let one = asked["TableName"].as_str().map(|table| match asked["IndexName"].as_str() {
            None => (operation, table.to_owned()),
            Some(index) => (operation, format!("{table}/index/{index}")),
        });
        let batch = asked["RequestItems"].as_object().into_iter().flatten();
        let transaction = asked["TransactItems"].as_array().into_iter().flatten();
        let parts =
            transaction.filter_map(Value::as_object).flatten().filter_map(|(kind, part)| {
                let action = match kind.as_str() {
                    "Put" => "PutItem",
                    "Update" => "UpdateItem",
                    "Delete" => "DeleteItem",
                    _ => "ConditionCheckItem",
                };
                Some((action, part["TableName"].as_str()?.to_owned()))
            });
        let all = one.into_iter().chain(batch.map(|(table, _)| (operation, table.clone())));
        let all = all.chain(parts).map(|(action, table)| (action.to_owned(), table));
        self.actions.extend(all);
    }

    /// A time that is longer than a client waits.
    fn too_long(&mut self) -> Duration {
        patience().mul_f64(1.2 + self.random.f64())
    }
}

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

type Answer = Result<HttpResponse, ConnectorError>;

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
            Some(Fault::AnswerLost) => self.lose_answer(request),
            Some(Fault::TokenExpired) => {
                if let Some(token) = token(&request) {
                    self.faults.state().expired_tokens.insert(token);
                }
                self.lose_answer(request)
            }
            Some(Fault::AnswerLate) => {
                // A task of its own, so that it is carried out even if the client goes away.
                let answer = tokio::spawn(self.clone().carry_out(request));
                let wait = self.faults.state().too_long();
                HttpConnectorFuture::new(async move {
                    tokio::time::sleep(wait).await;
                    answer.await.unwrap_or_else(|_| Err(reset()))
                })
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
    /// Sends the request, and hides from the answer what an index does not show yet, and what a
    /// stale copy of a table does not know.
    fn carry_out(self, request: HttpRequest) -> impl Future<Output = Answer> + Send {
        let asked = json_of(request.body());
        self.faults.state().lag.note(&asked);
        let answer = self.inner.call(request);
        async move {
            let answer = answer.await?;
            if !answer.status().is_success() {
                return Ok(answer);
            }
            let mut body = body_of(answer).await?;
            let State { lag, history, random, .. } = &mut *self.faults.state();
            history.note(&asked);
            lag.hide_from(&asked, &mut body, random);
            history.age(&asked, &mut body, random);
            Ok(HttpResponse::new(OK.try_into().map_err(other)?, SdkBody::from(body.to_string())))
        }
    }

    fn lose_answer(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.clone().carry_out(request);
        HttpConnectorFuture::new(async {
            answer.await?;
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
            // Nobody is left to take the answer.
            let _ = connector.carry_out(request).await;
            faults.state().late -= 1;
        });
        HttpConnectorFuture::new(std::future::pending())
    }

    /// Reads half of the keys, and says that the others are unprocessed.
    async fn carry_out_in_part(self, mut request: HttpRequest) -> Answer {
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

async fn body_of(answer: HttpResponse) -> Result<Value, ConnectorError> {
    let bytes = ByteStream::new(answer.into_body()).collect().await.map_err(other)?;
    serde_json::from_slice(&bytes.into_bytes()).map_err(other)
}

fn other(error: impl std::error::Error + Send + Sync + 'static) -> ConnectorError {
    ConnectorError::other(error.into(), None)
}

fn reset() -> ConnectorError {
    ConnectorError::io("connection reset by peer".into())
}

/// An answer that refuses.
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
