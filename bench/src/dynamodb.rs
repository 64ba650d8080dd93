//! A DynamoDB that counts: it stands before another one, passes every call on, and adds up what the
//! calls consume.
//!
//! The functions of this repository count for themselves what they consume. Others do not, and to trust
//! a system's own count would not be a comparison. So all of them are counted in the same place, from
//! outside.
//!
//! Round trips are told by time: a call that begins after another has ended may depend on that one. For
//! that, calls that could overlap must overlap. The embedded engine is so fast that a call has often
//! ended before the next of the same round is on its way. So a response can be held back until all
//! calls under way have been worked on and no other has arrived for a while.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{CONTENT_LENGTH, HOST};
use axum::http::{HeaderMap, Request, Response, StatusCode, Uri};
use axum::response::IntoResponse;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::failure::Failure;

/// How long no call may have arrived until responses are released, where they are held back: more than
/// a process on a busy machine takes from the first call of a round to the last.
pub const QUIET: Duration = Duration::from_millis(15);

/// How often a response that is held back looks whether it may go.
const LOOK: Duration = Duration::from_millis(1);

/// A counting DynamoDB that is being served. Stops when it is dropped.
pub struct Counting {
    endpoint: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// What calls have consumed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counted {
    /// Read units, as DynamoDB says.
    pub read_units: f64,
    /// Write units, as DynamoDB says.
    pub write_units: f64,
    /// Calls that read.
    pub reads: u32,
    /// Calls that write.
    pub writes: u32,
    /// The longest chain of calls in which each began after the one before had ended.
    pub round_trips: u32,
}

/// One call, from its arrival to its response.
#[derive(Clone, Copy, Debug)]
struct Call {
    began: Instant,
    ended: Instant,
    is_write: bool,
    units: f64,
}

struct Shared {
    backend: String,
    client: Client<HttpConnector, Full<Bytes>>,
    /// How long no call may have arrived until a response goes.
    quiet: Duration,
    state: Mutex<Counts>,
}

struct Counts {
    calls: Vec<Call>,
    /// What could not be counted, for people.
    fault: Option<String>,
    /// How many calls have arrived so far.
    arrived: u64,
    /// How many of them are being worked on.
    working: u32,
    /// When the last one arrived or was done.
    stirred: Instant,
    /// Those that arrived before as many as this may go.
    released: u64,
}

impl Counting {
    /// Serves one before the DynamoDB at `backend`, at a free port of this machine. Each response is held
    /// back until no call has arrived for `quiet`; with zero, it goes at once.
    ///
    /// # Errors
    /// If there is no port.
    pub async fn before(backend: &str, quiet: Duration) -> Result<Self, Failure> {
        let shared = Arc::new(Shared {
            backend: backend.trim_end_matches('/').to_owned(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            quiet,
            state: Mutex::new(Counts {
                calls: Vec::new(),
                fault: None,
                arrived: 0,
                working: 0,
                stirred: Instant::now(),
                released: 0,
            }),
        });
        let router = Router::new()
            .fallback(call)
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&shared));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        // It ends with its task.
        let server = tokio::spawn(async { drop(axum::serve(listener, router).await) });
        Ok(Self { endpoint, shared, server })
    }

    /// Where it is served.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What the calls since the last time have consumed.
    ///
    /// # Errors
    /// If a call could not be passed on, or its response does not say what it consumed.
    pub fn take(&self) -> Result<Counted, Failure> {
        let mut state = self.shared.state();
        let calls = std::mem::take(&mut state.calls);
        match state.fault.take() {
            Some(fault) => Err(fault.into()),
            None => Ok(counted(calls)),
        }
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes a call on, and gives the response and what it says was consumed.
    async fn pass_on(
        &self,
        path: &Uri,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(Response<Bytes>, f64), Failure> {
        let mut body: Map<String, Value> = serde_json::from_slice(body)?;
        body.insert("ReturnConsumedCapacity".to_owned(), "TOTAL".into());
        let mut request = Request::post(format!("{}{path}", self.backend))
            .body(Full::new(Bytes::from(serde_json::to_vec(&body)?)))?;
        let unchanged =
            headers.iter().filter(|(name, _)| **name != HOST && **name != CONTENT_LENGTH);
        for (name, value) in unchanged {
            request.headers_mut().append(name, value.clone());
        }
        let (head, body) = self.client.request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        let units = units(&serde_json::from_slice(&body)?);
        Ok((Response::from_parts(head, body), units))
    }

    /// Waits until the call that was the `number`th to arrive may have its response.
    async fn hold(&self, number: u64) {
        loop {
            {
                let mut state = self.state();
                if state.released >= number {
                    return;
                }
                if state.working == 0 && state.stirred.elapsed() >= self.quiet {
                    // All at once, so that what follows from one does not hold up the others.
                    state.released = state.arrived;
                    return;
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// One call of DynamoDB's API.
async fn call(
    State(shared): State<Arc<Shared>>,
    path: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let began = Instant::now();
    let number = {
        let mut state = shared.state();
        state.arrived += 1;
        state.working += 1;
        state.stirred = began;
        state.arrived
    };
    let outcome = shared.pass_on(&path, &headers, &body).await;
    {
        let mut state = shared.state();
        state.working -= 1;
        state.stirred = Instant::now();
    }
    if !shared.quiet.is_zero() {
        shared.hold(number).await;
    }
    let mut state = shared.state();
    match outcome {
        Ok((response, units)) => {
            let operation = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
            let is_write = operation.is_some_and(writes);
            state.calls.push(Call { began, ended: Instant::now(), is_write, units });
            response.map(Body::from)
        }
        Err(error) => {
            state.fault.get_or_insert_with(|| format!("a call was not counted: {error}"));
            (StatusCode::BAD_GATEWAY, error.to_string()).into_response()
        }
    }
}

/// Whether the operation of this `x-amz-target` writes.
fn writes(target: &str) -> bool {
    let operation = target.rsplit('.').next().unwrap_or_default();
    ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"]
        .contains(&operation)
}

/// The units that a response says were consumed: of one table, or a list of them by table. What is
/// refused, as a transaction whose condition fails, says nothing.
fn units(response: &Value) -> f64 {
    let of = |capacity: &Value| capacity["CapacityUnits"].as_f64().unwrap_or_default();
    match &response["ConsumedCapacity"] {
        Value::Array(tables) => tables.iter().map(of).sum(),
        one => of(one),
    }
}

fn counted(calls: Vec<Call>) -> Counted {
    let mut counted = Counted::default();
    for call in &calls {
        if call.is_write {
            counted.writes += 1;
            counted.write_units += call.units;
        } else {
            counted.reads += 1;
            counted.read_units += call.units;
        }
    }
    let spans = calls.into_iter().map(|call| (call.began, call.ended)).collect();
    Counted { round_trips: longest_chain(spans), ..counted }
}

/// How many of these spans can follow each other without an overlap: the one that ends first, then the
/// one that ends first of those that begin after it, and so on.
fn longest_chain<T: Ord + Copy>(mut spans: Vec<(T, T)>) -> u32 {
    spans.sort_unstable_by_key(|(_, end)| *end);
    let mut chain = 0;
    let mut last = None;
    for (begin, end) in spans {
        if last.is_none_or(|last| begin >= last) {
            chain += 1;
            last = Some(end);
        }
    }
    chain
}

#[cfg(test)]
mod tests {
    use activity_log_local::engine::Engine;
    use activity_log_local::kit::TEMPLATE;
    use activity_log_local::{client, tables};
    use aws_sdk_dynamodb::types::AttributeValue;
    use serde_json::json;

    use super::*;

    #[test]
    fn round_trips_are_the_longest_chain_without_an_overlap() {
        for (spans, expected) in [
            (vec![], 0),
            (vec![(0, 9)], 1),
            // Three side by side, then two, of which one is late.
            (vec![(0, 3), (1, 4), (2, 5), (6, 9), (8, 12)], 2),
            // A long one beside a chain of three.
            (vec![(0, 100), (1, 10), (11, 20), (21, 30)], 3),
            (vec![(21, 30), (1, 10), (0, 25), (26, 40)], 2),
            // One that begins when another ends.
            (vec![(0, 5), (5, 6)], 2),
        ] {
            assert_eq!(longest_chain(spans.clone()), expected, "{spans:?}");
        }
    }

    #[test]
    fn units_are_of_one_table_or_of_several() {
        assert!((units(&json!({"ConsumedCapacity": {"CapacityUnits": 1.5}})) - 1.5).abs() < 1e-9);
        let several = json!({"ConsumedCapacity": [{"CapacityUnits": 1.5}, {"CapacityUnits": 2}]});
        assert!((units(&several) - 3.5).abs() < 1e-9);
        assert!(units(&json!({"__type": "ConditionalCheckFailed"})).abs() < 1e-9);
        assert!(writes("DynamoDB_20120810.TransactWriteItems"));
        assert!(!writes("DynamoDB_20120810.BatchGetItem"));
    }

    #[tokio::test]
    async fn calls_side_by_side_are_one_round_trip_and_calls_in_sequence_are_several() {
        let engine = Engine::in_memory(TEMPLATE).await.unwrap();
        let counting = Counting::before(&engine.endpoint(), QUIET).await.unwrap();
        let client = client(counting.endpoint());
        let table = tables().ledger;
        let get = async || {
            let key = AttributeValue::S("none".to_owned());
            let get = client.get_item().table_name(&table).key("scope", key.clone());
            get.key("item", key).send().await.unwrap()
        };
        // On a connection each, from here on.
        tokio::join!(get(), get(), get());
        counting.take().unwrap();

        tokio::join!(get(), get(), get());
        get().await;
        let counted = counting.take().unwrap();
        assert_eq!((counted.round_trips, counted.reads, counted.writes), (2, 4, 0));
        assert!((counted.read_units - 2.0).abs() < 1e-9, "{counted:?}");
        assert_eq!(counting.take().unwrap(), Counted::default());
        engine.stop().await;
    }

    #[tokio::test]
    async fn a_call_that_is_not_passed_on_is_an_error() {
        let counting = Counting::before("http://127.0.0.1:9", Duration::ZERO).await.unwrap();
        let client = client(counting.endpoint());
        assert!(client.list_tables().send().await.is_err());
        let error = counting.take().unwrap_err();
        assert!(error.to_string().starts_with("a call was not counted"), "{error}");
    }
}
