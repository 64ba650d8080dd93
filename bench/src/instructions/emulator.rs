//! An emulator of Lambda's Runtime API: hands one event to a function, again and again, and takes
//! the responses.
//!
//! `cargo lambda watch` has one, too. That one starts its functions itself, from source; here a
//! function must run under another program.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use bench::Failure;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The version of the Runtime API (AWS: "Using the Lambda runtime API for custom runtimes").
const VERSION: &str = "2018-06-01";

/// How long a function may take to answer. Under valgrind, it takes fifty times what it takes alone.
const PATIENCE: Duration = Duration::from_mins(5);

/// How far the function is.
#[derive(Clone, Debug)]
enum Progress {
    UnderWay,
    /// It answered all invocations, and asked for the next one. With its last response.
    Finished(Arc<Value>),
    /// It did not answer as it should, for this reason.
    Failed(String),
}

/// What the handlers share.
struct Shared {
    event: String,
    work: Mutex<Work>,
    progress: watch::Sender<Progress>,
}

#[derive(Default)]
struct Work {
    /// How many invocations are still to be handed out.
    left: u32,
    /// The request id of the one that was handed out and is not answered.
    under_way: Option<String>,
    last_response: Arc<Value>,
}

impl Shared {
    fn fail(&self, reason: String) {
        self.progress.send_replace(Progress::Failed(reason));
    }

    /// Takes the invocation with this id as answered; `false` if it is not under way.
    fn answered(&self, request_id: &str, response: Option<Value>) -> bool {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let is_under_way = work.under_way.as_deref() == Some(request_id);
        if is_under_way {
            work.under_way = None;
            work.last_response = response.map(Arc::new).unwrap_or_default();
        }
        is_under_way
    }
}

/// A Runtime API that is being served. Stops when it is dropped.
pub(crate) struct Emulator {
    address: String,
    progress: watch::Receiver<Progress>,
    server: JoinHandle<()>,
}

impl Emulator {
    /// Serves one at a free port of this machine, which hands out `event` this many times.
    ///
    /// # Errors
    /// If there is no port.
    pub(crate) async fn start(event: &Value, invocations: u32) -> Result<Self, Failure> {
        let (sender, progress) = watch::channel(Progress::UnderWay);
        let work = Mutex::new(Work { left: invocations, ..Work::default() });
        let shared = Arc::new(Shared { event: event.to_string(), work, progress: sender });
        let router = Router::new()
            .route(&format!("/{VERSION}/runtime/invocation/next"), get(next))
            .route(&format!("/{VERSION}/runtime/invocation/{{id}}/response"), post(response))
            .route(&format!("/{VERSION}/runtime/invocation/{{id}}/error"), post(error))
            .route(&format!("/{VERSION}/runtime/init/error"), post(init_error))
            .with_state(shared);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?.to_string();
        // It ends with its task.
        let server = tokio::spawn(async { drop(axum::serve(listener, router).await) });
        Ok(Self { address, progress, server })
    }

    /// Where it is served: what `AWS_LAMBDA_RUNTIME_API` says to a function.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Waits until the function has answered all invocations and asks for another, and gives its last
    /// response.
    ///
    /// # Errors
    /// The first response that is not the function's document with status 200; or that none came.
    pub(crate) async fn finished(&mut self) -> Result<Arc<Value>, Failure> {
        let is_over = |progress: &Progress| !matches!(progress, Progress::UnderWay);
        let over = tokio::time::timeout(PATIENCE, self.progress.wait_for(is_over));
        let over = over.await.map_err(|_| "the function does not answer")??;
        match &*over {
            Progress::Finished(response) => Ok(Arc::clone(response)),
            Progress::Failed(reason) => Err(reason.clone().into()),
            Progress::UnderWay => Err("the function is not ready".into()),
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The next invocation. After the last, none comes, and the request stays open, as it does on Lambda
/// while nothing happens.
async fn next(State(shared): State<Arc<Shared>>) -> Response<Body> {
    let request_id = {
        let mut work = shared.work.lock().unwrap_or_else(PoisonError::into_inner);
        if work.under_way.is_some() {
            shared.fail("the function asks for more before it has answered".to_owned());
            None
        } else if work.left == 0 {
            shared.progress.send_replace(Progress::Finished(Arc::clone(&work.last_response)));
            None
        } else {
            work.left -= 1;
            let request_id = format!("8f507cfc-1c3e-4d1a-9c0b-{:012}", work.left);
            work.under_way = Some(request_id.clone());
            Some(request_id)
        }
    };
    let Some(request_id) = request_id else { return std::future::pending().await };
    let deadline = SystemTime::now() + Duration::from_secs(30);
    let deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", request_id),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:123456789012:function:measured".to_owned(),
        ),
        (
            "lambda-runtime-trace-id",
            "Root=1-65a50a88-0f2b3c4d5e6f708192a3b4c5;Parent=53995c3f42cd8ad8;Sampled=0".to_owned(),
        ),
    ];
    (axum::response::AppendHeaders(headers), shared.event.clone()).into_response()
}

async fn response(
    State(shared): State<Arc<Shared>>,
    Path(request_id): Path<String>,
    body: String,
) -> StatusCode {
    let document: Value = serde_json::from_str(&body).unwrap_or_default();
    if document["statusCode"] != 200 {
        shared.fail(format!("the function answers {body}"));
    }
    if shared.answered(&request_id, Some(document)) {
        StatusCode::ACCEPTED
    } else {
        shared.fail(format!("the function answers {request_id}, which is not under way"));
        StatusCode::BAD_REQUEST
    }
}

async fn error(
    State(shared): State<Arc<Shared>>,
    Path(request_id): Path<String>,
    body: String,
) -> StatusCode {
    shared.fail(format!("the function fails: {body}"));
    if shared.answered(&request_id, None) { StatusCode::ACCEPTED } else { StatusCode::BAD_REQUEST }
}

async fn init_error(State(shared): State<Arc<Shared>>, body: String) -> StatusCode {
    shared.fail(format!("the function does not start: {body}"));
    StatusCode::ACCEPTED
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    /// Sends a request on a connection of its own, and reads the whole answer.
    async fn exchange(emulator: &Emulator, line: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(emulator.address()).await.unwrap();
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nhost: lambda\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn next_id(emulator: &Emulator) -> String {
        let answer = exchange(emulator, "GET /2018-06-01/runtime/invocation/next", "").await;
        let (head, event) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200") && event == r#"{"number":7}"#, "{answer}");
        let header = |name: &str| {
            let lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.into_iter().find(|(key, _)| *key == name).unwrap().1.to_owned()
        };
        let deadline: u128 = header("lambda-runtime-deadline-ms").parse().unwrap();
        assert!(deadline > SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis());
        assert!(header("lambda-runtime-invoked-function-arn").starts_with("arn:aws:lambda:"));
        assert!(header("lambda-runtime-trace-id").starts_with("Root="));
        header("lambda-runtime-aws-request-id")
    }

    async fn answer(emulator: &Emulator, id: &str, kind: &str, body: &str) -> String {
        let line = format!("POST /2018-06-01/runtime/invocation/{id}/{kind}");
        let answer = exchange(emulator, &line, body).await;
        answer.split(' ').nth(1).unwrap().to_owned()
    }

    #[tokio::test]
    async fn a_function_gets_each_invocation_once_and_is_finished_when_it_asks_for_more() {
        let mut emulator = Emulator::start(&json!({"number": 7}), 2).await.unwrap();
        let first = next_id(&emulator).await;
        assert_eq!(answer(&emulator, &first, "response", r#"{"statusCode":200}"#).await, "202");
        let second = next_id(&emulator).await;
        assert_ne!(first, second);
        let body = r#"{"statusCode":200,"body":"2"}"#;
        assert_eq!(answer(&emulator, &second, "response", body).await, "202");
        assert!(matches!(*emulator.progress.borrow(), Progress::UnderWay));
        // The function asks for a third: that request stays open.
        let mut stream = TcpStream::connect(emulator.address()).await.unwrap();
        let request = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: lambda\r\n\r\n";
        stream.write_all(request).await.unwrap();
        assert_eq!(emulator.finished().await.unwrap()["body"], "2");
    }

    #[tokio::test]
    async fn what_is_no_answer_ends_the_measurement() {
        for (kind, body, reason) in [
            ("response", r#"{"statusCode":503}"#, "503"),
            ("response", "no JSON", "no JSON"),
            ("error", r#"{"errorMessage":"boom"}"#, "boom"),
        ] {
            let mut emulator = Emulator::start(&json!({"number": 7}), 1).await.unwrap();
            let id = next_id(&emulator).await;
            assert_eq!(answer(&emulator, &id, kind, body).await, "202");
            let failure = emulator.finished().await.unwrap_err().to_string();
            assert!(failure.contains(reason), "{failure}");
        }
        let mut emulator = Emulator::start(&json!({"number": 7}), 1).await.unwrap();
        next_id(&emulator).await;
        assert_eq!(answer(&emulator, "other", "response", r#"{"statusCode":200}"#).await, "400");
        assert!(emulator.finished().await.unwrap_err().to_string().contains("other"));
        let mut emulator = Emulator::start(&json!({"number": 7}), 1).await.unwrap();
        exchange(&emulator, "POST /2018-06-01/runtime/init/error", "no table").await;
        assert!(emulator.finished().await.unwrap_err().to_string().contains("no table"));
    }
}
