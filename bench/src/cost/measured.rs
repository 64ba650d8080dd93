//! What requests and appends take, measured on an embedded DynamoDB through the handlers of the
//! functions.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use activity_log::api::routes::{GET_ACTIVITY, LIST_ACTIVITIES, LIST_PROJECT_ACTIVITIES};
use activity_log::api::{Api, Route, lambda};
use activity_log::auth::{Secret, TokenRules, TokenVerifier};
use activity_log::config::PathParameters;
use activity_log::directory::NameChange;
use activity_log::id::IdSource;
use activity_log::store::measure;
use activity_log::telemetry::Telemetry;
use activity_log::time::{Clock, Timestamp};
use activity_log::{ActivityLogger, NewActivity};
use activity_log_local::engine::Engine;
use activity_log_local::kit::TEMPLATE;
use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use bench::{Failure, START, activities, activity, body, names, real, user};
use lambda_runtime::{Context, LambdaEvent};
use record_activities::Recorder;
use serde_json::{Value, json};

/// How many entries the log has before anything is measured: thirty whole blocks.
const ENTRIES: u64 = 1_920;

/// How many appends of a kind are measured: ten whole blocks.
const APPENDS: u64 = 640;

const LIST: &str = include_str!("../../../events/list-activities.json");
const PROJECT: &str = include_str!("../../../events/list-project-activities.json");
const GET: &str = include_str!("../../../events/get-activity.json");

/// What something takes, on average.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taken {
    pub(crate) read_units: f64,
    pub(crate) write_units: f64,
    /// Round trips to DynamoDB.
    pub(crate) round_trips: f64,
    /// Bytes of the function's line in the log.
    pub(crate) line: f64,
    /// Bytes of the response, compressed.
    pub(crate) sent: f64,
}

/// A log to measure on.
pub(crate) struct Log {
    engine: Engine,
    api: Api,
    recorder: Recorder,
    /// What the functions write to their logs.
    lines: Receiver<String>,
    now: Arc<AtomicI64>,
    /// The metrics of all lines so far: dimension, its value, name.
    pub(crate) metrics: BTreeSet<[String; 3]>,
}

/// What a function writes, sent on.
fn telemetry(lines: Sender<String>) -> Telemetry {
    Telemetry::with(Some("ActivityLogs/activity-logs".to_owned()), move |line| {
        // Who has gone away reads no more.
        let _ = lines.send(line.to_owned());
    })
}

impl Log {
    /// One of [`ENTRIES`].
    pub(crate) async fn new() -> Result<Self, Failure> {
        Self::of(ENTRIES).await
    }

    /// One of this many entries, twenty a minute.
    pub(crate) async fn of(entries: u64) -> Result<Self, Failure> {
        let engine = Engine::in_memory(TEMPLATE).await?;
        let store = activity_log_local::store(&engine.endpoint());
        store.write_names(&names().map(NameChange::Set)).await?;
        let now = Arc::new(AtomicI64::new(START));
        let logger = ActivityLogger::new(store.clone())
            .with_ids(IdSource::new(fastrand::Rng::with_seed(1)))
            .with_clock({
                let now = Arc::clone(&now);
                Clock::new(move || {
                    Timestamp::from_millis(now.load(Ordering::SeqCst)).unwrap_or(Timestamp::MIN)
                })
            });
        let secret = Secret::new(activity_log_local::JWT_SECRET)?;
        let (sender, lines) = channel();
        let api = Api {
            store,
            verifier: TokenVerifier::shared_secret(secret, None, TokenRules::default()),
            path_parameters: PathParameters::Decoded,
            telemetry: telemetry(sender.clone()),
        };
        let recorder = Recorder { logger, dead_letters: None, telemetry: telemetry(sender) };
        let log = Self { engine, api, recorder, lines, now, metrics: BTreeSet::new() };
        for first in (0..entries).step_by(20) {
            log.tick();
            log.recorder.logger.append_batch(user(), activities(first..first + 20)?).await?;
        }
        Ok(log)
    }

    pub(crate) fn endpoint(&self) -> String {
        self.engine.endpoint()
    }

    /// Lets a minute pass.
    fn tick(&self) {
        self.now.fetch_add(60_000, Ordering::SeqCst);
    }

    /// A request to `/api/activities`.
    pub(crate) async fn list(&mut self, query: &str) -> Result<Taken, Failure> {
        self.request(&LIST_ACTIVITIES, LIST, query, None).await
    }

    /// A request for the total alone, with the entity tag of the last response, that finds nothing new.
    pub(crate) async fn poll(&mut self) -> Result<Taken, Failure> {
        let query = |event: &mut Value| event["rawQueryString"] = "limit=0".into();
        let (response, _) = self.send(&LIST_ACTIVITIES, LIST, query).await?;
        let tag = response["headers"]["etag"].clone();
        let again = |event: &mut Value| {
            query(event);
            event["headers"]["if-none-match"] = tag;
        };
        let (response, taken) = self.send(&LIST_ACTIVITIES, LIST, again).await?;
        expect_status(&response, 304)?;
        Ok(taken)
    }

    /// A request to `/api/activities/{projectSlug}/{environmentSlug}`.
    pub(crate) async fn list_environment(&mut self) -> Result<Taken, Failure> {
        self.request(&LIST_PROJECT_ACTIVITIES, PROJECT, "", None).await
    }

    /// A request to `/api/activities/{id}`.
    pub(crate) async fn get(&mut self) -> Result<Taken, Failure> {
        self.tick();
        let recorded = self.recorder.logger.append(user(), activity(0)?).await?;
        let id = recorded.activity.id.to_string();
        self.request(&GET_ACTIVITY, GET, "", Some(&id)).await
    }

    /// An append by a service of the next of `activities`, in batches of `size`.
    pub(crate) async fn append(
        &self,
        mut activities: impl FnMut(u64) -> Result<NewActivity, Failure>,
        size: u64,
    ) -> Result<Taken, Failure> {
        let mut taken = Taken::default();
        for first in (0..APPENDS).step_by(usize::try_from(size)?) {
            self.tick();
            let batch =
                (first..first + size).map(&mut activities).collect::<Result<Vec<_>, _>>()?;
            let (recorded, usage) = measure(self.recorder.logger.append_batch(user(), batch)).await;
            recorded?;
            taken.read_units += usage.read_units / real(APPENDS);
            taken.write_units += usage.write_units / real(APPENDS);
        }
        Ok(taken)
    }

    /// An append through the queue, in batches of `size` of one user.
    pub(crate) async fn record(&mut self, size: u64) -> Result<Taken, Failure> {
        let mut taken = Taken::default();
        for first in (0..APPENDS).step_by(usize::try_from(size)?) {
            self.tick();
            let mut event = SqsEvent::default();
            for number in first..first + size {
                event.records.push(message(size, number)?);
            }
            let mut context = Context::default();
            context.request_id = "8f507cfc-1c3e-4d1a-9c0b-6f7f5b3c2a10".into();
            let invocation = LambdaEvent::new(event, context);
            let failed = record_activities::handler(&self.recorder, invocation);
            if !failed.await?.batch_item_failures.is_empty() {
                return Err("a message was not recorded".into());
            }
            let line = self.line()?;
            let batches = real(APPENDS / size);
            taken.read_units += line.read_units / real(APPENDS);
            taken.write_units += line.write_units / real(APPENDS);
            taken.round_trips += line.round_trips / batches;
            taken.line += line.line / batches;
        }
        Ok(taken)
    }

    /// A request as API Gateway hands it over, of a browser: compressed responses, one caller.
    async fn request(
        &mut self,
        route: &'static Route,
        event: &str,
        query: &str,
        id: Option<&str>,
    ) -> Result<Taken, Failure> {
        let change = |event: &mut Value| {
            event["rawQueryString"] = query.into();
            if let Some(id) = id {
                event["pathParameters"] = json!({ "id": id });
            }
        };
        let (response, taken) = self.send(route, event, change).await?;
        expect_status(&response, 200)?;
        Ok(taken)
    }

    /// The response to an event, changed by `change`, with what it took.
    async fn send(
        &mut self,
        route: &'static Route,
        event: &str,
        change: impl FnOnce(&mut Value),
    ) -> Result<(Value, Taken), Failure> {
        let mut event: Value = serde_json::from_str(event)?;
        event["headers"]["accept-encoding"] = "gzip, deflate, br".into();
        change(&mut event);
        let event = LambdaEvent::new(serde_json::from_value(event)?, Context::default());
        let response = serde_json::to_value(lambda::invoke(&self.api, route, event).await?)?;
        let sent = sent(&response);
        Ok((response, Taken { sent, ..self.line()? }))
    }

    /// What the line of a request or batch says.
    fn line(&mut self) -> Result<Taken, Failure> {
        let line: Value = serde_json::from_str(&self.lines.try_recv()?)?;
        for set in line["_aws"]["CloudWatchMetrics"].as_array().into_iter().flatten() {
            let dimension = set["Dimensions"][0][0].as_str().unwrap_or_default();
            for metric in set["Metrics"].as_array().into_iter().flatten() {
                let value = &line[dimension];
                let metric = [
                    dimension,
                    value.as_str().unwrap_or_default(),
                    metric["Name"].as_str().unwrap_or_default(),
                ];
                self.metrics.insert(metric.map(str::to_owned));
            }
        }
        Taken::of_line(line)
    }
}

impl Taken {
    /// What a line says, without what was sent.
    ///
    /// # Errors
    /// If a member is not there.
    pub(crate) fn of_line(mut line: Value) -> Result<Self, Failure> {
        // The only member whose length differs from run to run.
        line["latency"] = json!(12.345);
        let number = |name: &str| line[name].as_f64().ok_or_else(|| format!("no {name}: {line}"));
        Ok(Self {
            read_units: number("readUnits")?,
            write_units: number("writeUnits")?,
            round_trips: number("roundTrips")?,
            line: real(line.to_string().len() as u64),
            sent: 0.0,
        })
    }
}

/// The bytes of a response's body as the caller gets it.
pub(crate) fn sent(response: &Value) -> f64 {
    let body = response["body"].as_str().unwrap_or_default();
    let bytes = match response["isBase64Encoded"].as_bool() {
        Some(true) => body.trim_end_matches('=').len() * 3 / 4,
        _ => body.len(),
    };
    real(bytes as u64)
}

/// # Errors
/// If the response has another status.
pub(crate) fn expect_status(response: &Value, status: u16) -> Result<(), Failure> {
    if response["statusCode"] == status { Ok(()) } else { Err(response.to_string().into()) }
}

/// A message as SQS delivers it; its id is its idempotency key.
fn message(batch: u64, number: u64) -> Result<SqsMessage, Failure> {
    Ok(serde_json::from_value(json!({
        "messageId": format!("059f36b4-87a3-44ab-83d2-{batch:04}{number:08}"),
        "body": body(number).to_string(),
        "attributes": {"SentTimestamp": START.to_string(), "MessageGroupId": "3"},
        "eventSource": "aws:sqs",
    }))?)
}
