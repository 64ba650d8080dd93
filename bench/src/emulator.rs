//! An emulator of Lambda's Runtime API: hands events to a function, one after another, and takes its
//! responses.
//!
//! `cargo lambda watch` has one, too. That one starts its functions itself, from source; here a
//! function may run under another program, and may be of another language.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{Response, StatusCode};
use axum::response::{AppendHeaders, IntoResponse};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::failure::Failure;

/// The version of the Runtime API (AWS: "Using the Lambda runtime API for custom runtimes").
const VERSION: &str = "2018-06-01";

/// How long a function may take to answer. Under valgrind, it takes fifty times what it takes alone.
const PATIENCE: Duration = Duration::from_mins(5);

/// What a function says.
enum Said {
    /// That it wants the next invocation, and where that goes.
    Next(oneshot::Sender<Invocation>),
    /// Its response to the invocation with this id.
    Response { request_id: String, body: Bytes },
    /// That it fails.
    Error(String),
}

struct Invocation {
    request_id: String,
    event: String,
}

/// The response of a function, and how long it took.
#[derive(Clone, Debug)]
pub struct FunctionResponse {
    /// The response, as it was sent.
    pub body: Bytes,
    /// How long it took, from the event handed out to the response taken.
    pub elapsed: Duration,
}

/// A Runtime API that is being served to one function. Stops when it is dropped.
pub struct Emulator {
    address: String,
    said: mpsc::Receiver<Said>,
    /// Where the next invocation goes, if the function waits for it.
    waiting: Option<oneshot::Sender<Invocation>>,
    invocations: u64,
    server: JoinHandle<()>,
}

impl Emulator {
    /// Serves one at a free port of this machine.
    ///
    /// # Errors
    /// If there is no port.
    pub async fn start() -> Result<Self, Failure> {
        let (sender, said) = mpsc::channel(1);
        let router = Router::new()
            .route(&format!("/{VERSION}/runtime/invocation/next"), get(next))
            .route(&format!("/{VERSION}/runtime/invocation/{{id}}/response"), post(response))
            .route(&format!("/{VERSION}/runtime/invocation/{{id}}/error"), post(error))
            .route(&format!("/{VERSION}/runtime/init/error"), post(init_error))
            .layer(DefaultBodyLimit::disable())
            .with_state(sender);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?.to_string();
        // It ends with its task.
        let server = tokio::spawn(async { drop(axum::serve(listener, router).await) });
        Ok(Self { address, said, waiting: None, invocations: 0, server })
    }

    /// Where it is served: what `AWS_LAMBDA_RUNTIME_API` says to a function.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Waits until the function asks for an invocation: it has started, and is done with the one
    /// before.
    ///
    /// # Errors
    /// If it fails or does something else instead, or says nothing for five minutes.
    pub async fn ready(&mut self) -> Result<(), Failure> {
        while self.waiting.as_ref().is_none_or(oneshot::Sender::is_closed) {
            match self.hear().await? {
                Said::Next(sender) => self.waiting = Some(sender),
                Said::Response { request_id, .. } => return Err(unexpected(&request_id)),
                Said::Error(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Hands `event` to the function as soon as it asks, and gives its response.
    ///
    /// # Errors
    /// As of [`Self::ready`].
    pub async fn invoke(&mut self, event: &str) -> Result<FunctionResponse, Failure> {
        self.ready().await?;
        let waiting = self.waiting.take().ok_or("the function is not ready")?;
        self.invocations += 1;
        let wanted = format!("8f507cfc-1c3e-4d1a-9c0b-{:012}", self.invocations);
        let invocation = Invocation { request_id: wanted.clone(), event: event.to_owned() };
        let started = Instant::now();
        waiting.send(invocation).map_err(|_| "the function has gone away")?;
        match self.hear().await? {
            Said::Response { request_id, body } if request_id == wanted => {
                Ok(FunctionResponse { body, elapsed: started.elapsed() })
            }
            Said::Response { request_id, .. } => Err(unexpected(&request_id)),
            Said::Next(_) => Err("the function asks for more before it has answered".into()),
            Said::Error(error) => Err(error.into()),
        }
    }

    async fn hear(&mut self) -> Result<Said, Failure> {
        let said = tokio::time::timeout(PATIENCE, self.said.recv()).await;
        Ok(said.map_err(|_| "the function says nothing")?.ok_or("the server has ended")?)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn unexpected(request_id: &str) -> Failure {
    format!("the function answers {request_id}, which is not under way").into()
}

/// The next invocation. As long as there is none, the request stays open, as it does on Lambda.
async fn next(State(said): State<mpsc::Sender<Said>>) -> Response<Body> {
    let (sender, invocation) = oneshot::channel();
    let gone = StatusCode::SERVICE_UNAVAILABLE;
    if said.send(Said::Next(sender)).await.is_err() {
        return gone.into_response();
    }
    let Ok(Invocation { request_id, event }) = invocation.await else {
        return gone.into_response();
    };
    let deadline = SystemTime::now() + Duration::from_mins(1);
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
    (AppendHeaders(headers), event).into_response()
}

async fn response(
    State(said): State<mpsc::Sender<Said>>,
    Path(request_id): Path<String>,
    body: Bytes,
) -> StatusCode {
    take(&said, Said::Response { request_id, body }).await
}

async fn error(State(said): State<mpsc::Sender<Said>>, body: String) -> StatusCode {
    take(&said, Said::Error(format!("the function fails: {body}"))).await
}

async fn init_error(State(said): State<mpsc::Sender<Said>>, body: String) -> StatusCode {
    take(&said, Said::Error(format!("the function does not start: {body}"))).await
}

/// Passes on what a function says; if nobody listens any more, it learns that.
async fn take(listener: &mpsc::Sender<Said>, said: Said) -> StatusCode {
    match listener.send(said).await {
        Ok(()) => StatusCode::ACCEPTED,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    /// Sends a request on a connection of its own, and reads the whole response.
    async fn exchange(address: &str, line: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nhost: lambda\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        response
    }

    /// Asks for the next invocation, and gives its id and event.
    async fn next_invocation(address: &str) -> (String, String) {
        let response = exchange(address, "GET /2018-06-01/runtime/invocation/next", "").await;
        let (head, event) = response.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{response}");
        let header = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.find(|(key, _)| *key == name).unwrap().1.to_owned()
        };
        let deadline: u128 = header("lambda-runtime-deadline-ms").parse().unwrap();
        assert!(deadline > SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis());
        assert!(header("lambda-runtime-invoked-function-arn").starts_with("arn:aws:lambda:"));
        assert!(header("lambda-runtime-trace-id").starts_with("Root="));
        (header("lambda-runtime-aws-request-id"), event.to_owned())
    }

    async fn respond(address: &str, id: &str, kind: &str, body: &str) -> String {
        let line = format!("POST /2018-06-01/runtime/invocation/{id}/{kind}");
        let response = exchange(address, &line, body).await;
        response.split(' ').nth(1).unwrap().to_owned()
    }

    #[tokio::test]
    async fn a_function_gets_each_event_once_and_is_ready_when_it_asks_for_more() {
        let mut emulator = Emulator::start().await.unwrap();
        let address = emulator.address().to_owned();
        let function = tokio::spawn(async move {
            let mut ids = Vec::new();
            for number in 1..=3 {
                let (id, event) = next_invocation(&address).await;
                assert_eq!(event, format!("event {number}"));
                let body = format!("response {number}{}", " ".repeat(3_000_000));
                assert_eq!(respond(&address, &id, "response", &body).await, "202");
                ids.push(id);
            }
            ids.dedup();
            assert_eq!(ids.len(), 3);
            // Stays open.
            next_invocation(&address).await;
        });
        for number in 1..=3 {
            let FunctionResponse { body, .. } =
                emulator.invoke(&format!("event {number}")).await.unwrap();
            assert!(body.starts_with(format!("response {number} ").as_bytes()));
        }
        emulator.ready().await.unwrap();
        assert!(!function.is_finished());
        function.abort();
    }

    #[tokio::test]
    async fn what_is_no_response_is_an_error() {
        for (id, kind, reason) in
            [(None, "error", "fails: boom"), (Some("other"), "response", "answers other, which")]
        {
            let mut emulator = Emulator::start().await.unwrap();
            let address = emulator.address().to_owned();
            let function = tokio::spawn(async move {
                let (own, _) = next_invocation(&address).await;
                respond(&address, id.unwrap_or(&own), kind, "boom").await
            });
            let failure = emulator.invoke("").await.unwrap_err().to_string();
            assert!(failure.contains(reason), "{failure}");
            function.await.unwrap();
        }
        let mut emulator = Emulator::start().await.unwrap();
        let address = emulator.address().to_owned();
        let line = "POST /2018-06-01/runtime/init/error";
        let function = tokio::spawn(async move { exchange(&address, line, "no table").await });
        let failure = emulator.ready().await.unwrap_err().to_string();
        assert!(failure.contains("does not start: no table"), "{failure}");
        function.await.unwrap();
        // One that asks twice.
        let mut emulator = Emulator::start().await.unwrap();
        let address = emulator.address().to_owned();
        let function = tokio::spawn(async move {
            next_invocation(&address).await;
            next_invocation(&address).await;
        });
        let failure = emulator.invoke("").await.unwrap_err().to_string();
        assert!(failure.contains("before it has answered"), "{failure}");
        function.abort();
    }
}
