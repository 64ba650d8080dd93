//! Appends while the connection to DynamoDB fails: an HTTP client that refuses calls, or loses
//! the answers to calls that were carried out.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use activity_log::id::IdSource;
use activity_log::logger::{ActivityLogger, AppendError};
use activity_log::store::Store;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;

use crate::support::{Log, full, user, whole};

/// What happens to a `TransactWriteItems`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Nothing: it is carried out and answered.
    None,
    /// It is refused because another transaction is at one of its items.
    Conflict,
    /// It is refused because there is too much to do.
    Throttled,
    /// It fails before anything is done.
    ServerError,
    /// The connection breaks before it is sent.
    NotSent,
    /// It is carried out, and the connection breaks before the answer.
    AnswerLost,
}

/// Makes the faults of a list, one for each `TransactWriteItems`, then none.
#[derive(Clone, Debug)]
struct Faulty {
    inner: SharedHttpClient,
    faults: Arc<Mutex<VecDeque<Fault>>>,
}

#[derive(Debug)]
struct FaultyConnector {
    inner: SharedHttpConnector,
    faults: Arc<Mutex<VecDeque<Fault>>>,
}

impl HttpClient for Faulty {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(FaultyConnector { inner, faults: Arc::clone(&self.faults) })
    }
}

impl HttpConnector for FaultyConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let fault = if target.ends_with("TransactWriteItems") {
            self.faults.lock().unwrap().pop_front().unwrap_or(Fault::None)
        } else {
            Fault::None
        };
        let broken = || ConnectorError::io("the connection is broken".into());
        match fault {
            Fault::None => self.inner.call(request),
            Fault::Conflict => refusal(
                400,
                r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                    "Message":"Transaction cancelled",
                    "CancellationReasons":[{"Code":"TransactionConflict"},{"Code":"None"}]}"#,
            ),
            Fault::Throttled => refusal(
                400,
                r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException",
                    "message":"Rate exceeded"}"#,
            ),
            Fault::ServerError => refusal(
                500,
                r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError",
                    "message":"Internal server error"}"#,
            ),
            Fault::NotSent => HttpConnectorFuture::ready(Err(broken())),
            Fault::AnswerLost => {
                let answer = self.inner.call(request);
                HttpConnectorFuture::new(async move {
                    answer.await?;
                    Err(broken())
                })
            }
        }
    }
}

fn refusal(status: u16, body: &'static str) -> HttpConnectorFuture {
    let status = status.try_into().unwrap();
    HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body))))
}

/// A log, and a logger whose connection can be made to fail.
async fn faulty_log() -> (Log, ActivityLogger, Arc<Mutex<VecDeque<Fault>>>) {
    let log = Log::new().await;
    let faults = Arc::new(Mutex::new(VecDeque::new()));
    let client = Faulty {
        inner: aws_smithy_http_client::Builder::new().build_http(),
        faults: Arc::clone(&faults),
    };
    let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(5));
    let config = activity_log_local::client_config(&log.engine.endpoint())
        .http_client(client)
        .retry_config(retries);
    let logger = ActivityLogger::new(Store::new(
        Client::from_conf(config.build()),
        activity_log_local::tables(),
    ))
    .with_ids(IdSource::new(fastrand::Rng::with_seed(7)));
    (log, logger, faults)
}

/// Enough faults of a kind that the SDK's own retries do not get past them.
fn times(fault: Fault, count: usize) -> VecDeque<Fault> {
    std::iter::repeat_n(fault, count).collect()
}

#[tokio::test]
async fn whatever_fails_an_append_is_recorded_once() {
    use Fault::{AnswerLost, Conflict, None, NotSent, ServerError, Throttled};
    let (log, logger, faults) = faulty_log().await;
    let mut expected = 0;
    for fault in [None, Conflict, Throttled, ServerError, NotSent, AnswerLost] {
        // Within the SDK's retries, and beyond them.
        for count in [1, 2, 7] {
            for key in [false, true] {
                *faults.lock().unwrap() = times(fault, count);
                let mut batch: Vec<_> = (0..3).map(full).collect();
                if key {
                    let name = |number| format!("{fault:?}-{count}-{number}");
                    for (number, activity) in batch.iter_mut().enumerate() {
                        activity.idempotency_key = Some(name(number));
                    }
                }
                let recorded = logger.append_batch(user(3), batch.clone()).await.unwrap();
                assert_eq!(recorded.len(), 3, "{fault:?} {count}");
                expected += 3;
                if key {
                    // Sent again, as a queue would.
                    *faults.lock().unwrap() = times(fault, count);
                    let again = logger.append_batch(user(3), batch).await.unwrap();
                    let same = recorded.iter().zip(&again).all(|(first, second)| {
                        second.repeated && first.activity == second.activity
                    });
                    assert!(same, "{fault:?} {count}");
                }
                faults.lock().unwrap().clear();
                let total = log.page(whole(3), 0, 0).await.total;
                assert_eq!(total, expected, "{fault:?} {count} key {key}");
            }
        }
    }
    log.store.verify(user(3), &BTreeSet::new()).await.unwrap();
}

#[tokio::test]
async fn an_append_that_never_succeeds_ends_at_its_deadline_and_says_what_it_knows() {
    for (fault, unsettled) in
        [(Fault::Conflict, false), (Fault::Throttled, false), (Fault::NotSent, true)]
    {
        let (log, logger, faults) = faulty_log().await;
        let logger = logger.with_deadline(Duration::from_millis(400));
        *faults.lock().unwrap() = times(fault, 10_000);
        let error = logger.append(user(3), full(1)).await.unwrap_err();
        match error {
            AppendError::Deadline { unsettled: said, .. } => {
                assert_eq!(said, unsettled, "{fault:?}");
            }
            other => panic!("{fault:?}: {other:?}"),
        }
        assert_eq!(log.page(whole(3), 0, 0).await.total, 0);
    }
}
