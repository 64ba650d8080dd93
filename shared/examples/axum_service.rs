//! A service that records what its users do, with the address and the agent they came from.
//!
//! Four things are easy to get wrong, and stand here once:
//!
//! - The address is the one that the outermost proxy of ours saw. What a client says of itself in
//!   `X-Forwarded-For` stands further to the left, and may be anything. See [`client_address`].
//! - The platform's own write comes first, and the record of it second. The other way round, the log
//!   has entries of what never happened.
//! - The idempotency key names the change, not the request, so that a handler, a repetition and a
//!   nightly job that makes up for both record it once.
//! - A client that hangs up must not take the record with it. So it is made in a task of its own.
//!
//! A process that is killed between the two writes records nothing. Where that matters, the activity is
//! written into an outbox in the transaction of the platform's own write, and recorded from there as
//! in `batch_with_retry.rs`.
//!
//! This runs by itself, against an embedded DynamoDB:
//!
//! ```sh
//! cargo run --package activity-log --example axum_service
//! ```
//!
//! With `ACTIVITIES_TABLE`, `DIRECTORY_TABLE` and `LEDGER_TABLE` it writes to those tables, and
//! `TRUSTED_HOPS=1` says that it is behind one load balancer.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use activity_log::activity::{action, resource_type};
use activity_log::id::{EnvironmentId, ProjectId, ResourceId, UserId};
use activity_log::logger::Recorded;
use activity_log::{ActivityLogger, NewActivity, Report};
use activity_log_local::engine::Engine;
use axum::extract::{ConnectInfo, FromRequestParts, Path, State};
use axum::http::header::{HeaderMap, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::routing::{delete, post};
use axum::{Json, Router};
use tokio::net::TcpListener;

/// What every handler needs.
struct Service {
    platform: Mutex<Platform>,
    logger: ActivityLogger,
    /// How many proxies of ours a request comes through.
    trusted_hops: usize,
}

/// The platform's own database.
#[derive(Default)]
struct Platform {
    functions: BTreeMap<ResourceId, Function>,
    /// How many ids were given away. None is given to two functions.
    last_id: u64,
}

/// A function of the platform.
#[derive(Clone)]
struct Function {
    owner: UserId,
    place: Place,
    name: String,
}

/// The project and the environment in the path of a request.
type Place = (ProjectId, EnvironmentId);

/// What a user sends to have a function created.
#[derive(serde::Deserialize)]
struct NewFunction {
    name: String,
}

/// Who is calling. Stands for the platform's own authentication.
struct Caller(UserId);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        let id = parts.headers.get("x-user-id").and_then(|id| id.to_str().ok()?.parse().ok());
        id.map(Self).ok_or(StatusCode::UNAUTHORIZED)
    }
}

/// Where a request came from, and what sent it.
struct Client {
    address: IpAddr,
    agent: Option<String>,
}

impl FromRequestParts<Arc<Service>> for Client {
    type Rejection = StatusCode;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, StatusCode> {
        let ConnectInfo(peer) = ConnectInfo::<SocketAddr>::from_request_parts(parts, service)
            .await
            .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        let address = client_address(peer.ip(), &parts.headers, service.trusted_hops);
        // Any bytes may stand there. The logger cuts what is too long.
        let text = |agent: &HeaderValue| String::from_utf8_lossy(agent.as_bytes()).into_owned();
        Ok(Self { address, agent: parts.headers.get(USER_AGENT).map(text) })
    }
}

impl Client {
    /// Says of an activity where it came from.
    fn of(self, activity: NewActivity) -> NewActivity {
        let activity = activity.ip_address(self.address);
        match self.agent {
            Some(agent) => activity.user_agent(agent),
            None => activity,
        }
    }
}

/// The address of the client that sent a request through `trusted_hops` proxies, of which the last
/// called from `peer`.
///
/// Each proxy adds at the right end of `X-Forwarded-For` the address that it was called from. So the
/// entry that the outermost one added is as many from the right as there are proxies, and whatever
/// else the client sent stands to the left of it. Where there is no such entry, the request did not come
/// through all of them, and `peer` is all that is known. Without proxies nobody but the client has written
/// the header, and it is ignored.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted_hops: usize) -> IpAddr {
    // Several headers are one list (RFC 9110, section 5.3), whose empty entries do not count (5.6.1).
    // It is split as bytes: one odd byte of the client must not hide what a proxy has added.
    let lines = headers.get_all("x-forwarded-for").iter();
    let entries = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let entries: Vec<_> = entries.map(<[u8]>::trim_ascii).filter(|one| !one.is_empty()).collect();
    let seen = match trusted_hops {
        0 => None,
        hops => entries.iter().rev().nth(hops - 1).and_then(|entry| address(entry)),
    };
    seen.unwrap_or(peer).to_canonical()
}

/// The address of an entry of `X-Forwarded-For`, which may come with a port, in brackets or in quotes.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let entry = std::str::from_utf8(entry).ok()?.trim_matches('"');
    let with_port = || entry.parse().ok().map(|address: SocketAddr| address.ip());
    let in_brackets = || entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    entry.parse().ok().or_else(with_port).or_else(in_brackets)
}

impl Service {
    fn router(self) -> Router {
        Router::new()
            .route(
                "/projects/{project}/environments/{environment}/functions",
                post(create_function),
            )
            .route("/functions/{id}", delete(delete_function))
            .with_state(Arc::new(self))
    }

    fn platform(&self) -> MutexGuard<'_, Platform> {
        self.platform.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records what was done, and waits until it is recorded. It is recorded even if nobody waits any
    /// longer.
    async fn record(self: Arc<Self>, user: UserId, activity: NewActivity) {
        let recording = tokio::spawn(async move { self.keep_recording(user, activity).await });
        if let Err(error) = recording.await {
            eprintln!("the task that records ended: {error}");
        }
    }

    /// The logger tries for ten seconds by itself; this is for when DynamoDB is away for longer. What is
    /// not recorded then is written to standard error, with all that it takes to record it by hand.
    async fn keep_recording(&self, user: UserId, activity: NewActivity) {
        let mut waits = [1, 5, 25].map(Duration::from_secs).into_iter();
        let error = loop {
            let error = match self.logger.append(user, activity.clone()).await {
                Ok(recorded) => return report(&recorded),
                Err(error) => error,
            };
            match waits.next() {
                Some(wait) if !error.is_final() => tokio::time::sleep(wait).await,
                _ => break error,
            }
        };
        eprintln!("NOT RECORDED for user {user}: {activity:?}: {}", Report(&error));
    }
}

/// Tells of an entry that does not say just what was handed over. A key that stands for two activities is
/// a bug of this service; so is a field that had to be altered, unless a client filled it.
fn report(recorded: &Recorded) {
    let id = recorded.activity.id;
    if let Some(other) = recorded.key_stands_for {
        eprintln!("{id} has the idempotency key of {other}, and is another activity");
    }
    for (field, came) in &recorded.activity.details.altered {
        eprintln!("{id} was altered in {field}: {came:?} came");
    }
}

/// An activity that was done to a function. A function is created once and deleted once, so its id and
/// the action name the change.
fn done(action: &str, id: ResourceId, function: &Function) -> NewActivity {
    let (project, environment) = function.place;
    NewActivity::new(action)
        .resource(resource_type::FUNCTION, id)
        .environment(project, environment)
        .idempotency_key(format!("function-{id}-{action}"))
}

async fn create_function(
    State(service): State<Arc<Service>>,
    Caller(owner): Caller,
    Path(place): Path<Place>,
    client: Client,
    Json(NewFunction { name }): Json<NewFunction>,
) -> Result<(StatusCode, String), StatusCode> {
    let function = Function { owner, place, name };
    let id = {
        let mut platform = service.platform();
        platform.last_id += 1;
        let id = ResourceId::try_from(platform.last_id);
        let id = id.map_err(|_| StatusCode::INSUFFICIENT_STORAGE)?;
        platform.functions.insert(id, function.clone());
        id
    };
    let activity = client
        .of(done(action::CREATE, id, &function))
        .description(format!("Created function \"{}\"", function.name));
    service.record(owner, activity).await;
    Ok((StatusCode::CREATED, id.to_string()))
}

async fn delete_function(
    State(service): State<Arc<Service>>,
    Caller(user): Caller,
    Path(id): Path<ResourceId>,
    client: Client,
) -> StatusCode {
    let deleted = {
        let functions = &mut service.platform().functions;
        let is_own = functions.get(&id).is_some_and(|function| function.owner == user);
        if is_own { functions.remove(&id) } else { None }
    };
    let Some(function) = deleted else { return StatusCode::NOT_FOUND };
    let activity = client
        .of(done(action::DELETE, id, &function))
        .description(format!("Deleted function \"{}\"", function.name));
    service.record(user, activity).await;
    StatusCode::NO_CONTENT
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Stops when it is dropped, so it lives as long as the service.
    let engine;
    let logger = if std::env::var_os("ACTIVITIES_TABLE").is_some() {
        ActivityLogger::from_env().await?
    } else {
        engine = Engine::in_memory(activity_log_local::kit::TEMPLATE).await?;
        ActivityLogger::new(activity_log_local::store(&engine.endpoint()))
    };
    // The first request need not wait for the first connection; it will try again if this fails.
    if let Err(error) = logger.warm_up().await {
        eprintln!("DynamoDB did not answer: {}", Report(&error));
    }
    let trusted_hops = match std::env::var("TRUSTED_HOPS") {
        Ok(hops) => hops.parse()?,
        Err(_) => 0,
    };
    let service = Service { platform: Mutex::default(), logger, trusted_hops };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 3000)).await?;
    println!(
        "curl -i -H 'X-User-Id: 3' --json '{{\"name\":\"resize-images\"}}' \
         http://127.0.0.1:3000/projects/4/environments/9/functions"
    );
    println!("curl -i -H 'X-User-Id: 3' -X DELETE http://127.0.0.1:3000/functions/1");
    let service = service.router().into_make_service_with_connect_info::<SocketAddr>();
    Ok(axum::serve(listener, service).await?)
}

#[cfg(test)]
mod tests {
    use activity_log_local::faults::{Fault, Faults, Injection, WRITE};
    use activity_log_local::kit::{Log, user};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    const PEER: &str = "10.0.0.2";
    const CREATE: &str = "POST /projects/4/environments/9/functions";

    fn seen(lines: &[&[u8]], trusted_hops: usize) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(line).unwrap());
        }
        client_address(PEER.parse().unwrap(), &headers, trusted_hops).to_string()
    }

    #[test]
    fn the_address_is_what_the_outermost_proxy_saw_and_never_what_the_client_says() {
        let forged = b"198.51.100.66, 203.0.113.9, 10.0.0.1";
        for (hops, expected) in
            [(0, PEER), (1, "10.0.0.1"), (2, "203.0.113.9"), (3, "198.51.100.66"), (4, PEER)]
        {
            assert_eq!(seen(&[forged], hops), expected, "{hops} hops");
        }
        assert_eq!(seen(&[], 1), PEER);
        assert_eq!(seen(&[b""], 1), PEER);
    }

    #[test]
    fn several_headers_are_one_list_in_their_order() {
        let lines: [&[u8]; 3] = [b"198.51.100.66", b"203.0.113.9 ,", b"\t, 10.0.0.1"];
        assert_eq!(seen(&lines, 1), "10.0.0.1");
        assert_eq!(seen(&lines, 2), "203.0.113.9");
    }

    #[test]
    fn an_entry_may_have_a_port_or_brackets_and_else_the_peer_is_all_that_is_known() {
        for (entry, expected) in [
            ("203.0.113.9:4711", "203.0.113.9"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("\"[2001:db8::1]:443\"", "2001:db8::1"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("unknown", PEER),
            ("203.0.113.999", PEER),
            ("203.0.113.9:port", PEER),
            ("[203.0.113.9", PEER),
            ("fe80::1%eth0", PEER),
        ] {
            assert_eq!(seen(&[entry.as_bytes()], 1), expected, "{entry}");
        }
        assert_eq!(seen(&[b"\xff\xfe, 203.0.113.9"], 1), "203.0.113.9");
        assert_eq!(seen(&[b"203.0.113.9, \xff\xfe"], 1), PEER);
    }

    /// Starts the service behind one proxy, until the test ends. Returns its port.
    async fn start(logger: ActivityLogger) -> u16 {
        let service = Service { platform: Mutex::default(), logger, trusted_hops: 1 };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let service = service.router().into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async { axum::serve(listener, service).await });
        port
    }

    /// Sends a request as a proxy would, and returns its status.
    async fn send(port: u16, request: &str, body: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let request = format!(
            "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-User-Id: 3\r\n\
             User-Agent: Mozilla/5.0\r\nX-Forwarded-For: 198.51.100.66, 203.0.113.9\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        response["HTTP/1.1 ".len()..][..3].to_owned()
    }

    #[tokio::test]
    async fn what_was_done_is_recorded_with_where_it_came_from_and_nothing_else_is() {
        let log = Log::of_today().await;
        let port = start(log.logger.clone()).await;
        assert_eq!(send(port, CREATE, r#"{"name":"a"}"#).await, "201");
        assert_eq!(send(port, CREATE, "{}").await, "422");
        assert_eq!(send(port, "DELETE /functions/1", "").await, "204");
        assert_eq!(send(port, "DELETE /functions/1", "").await, "404");

        let entries = log.entries(3).await;
        let told = entries.iter().map(|entry| entry.details.description.as_deref());
        assert_eq!(
            told.collect::<Vec<_>>(),
            [Some("Created function \"a\""), Some("Deleted function \"a\"")]
        );
        for entry in &entries {
            assert_eq!(entry.user_id, user(3));
            assert_eq!(entry.details.ip_address, "203.0.113.9".parse().ok());
            assert_eq!(entry.details.user_agent.as_deref(), Some("Mozilla/5.0"));
        }
    }

    #[tokio::test]
    async fn a_log_that_is_away_for_longer_than_the_logger_tries_is_tried_again() {
        let log = Log::of_today().await;
        let faults = Faults::new(1);
        let (fault, operation) = (Fault::NotSent, Some(WRITE));
        faults.inject(Some(Injection { fault, operation, after: 0, times: u64::MAX }));
        let logger = ActivityLogger::new(faults.store(&log.engine.endpoint()));
        let port = start(logger.with_deadline(Duration::from_millis(100))).await;
        let sending = tokio::spawn(send(port, CREATE, r#"{"name":"a"}"#));
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(!sending.is_finished());
        faults.inject(None);
        assert_eq!(sending.await.unwrap(), "201");
        assert_eq!(log.entries(3).await.len(), 1);
    }
}
