//! Reads while DynamoDB fails and its indexes lag: every response is right for the log as it was at
//! some moment, or a 503, and comes in time.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use activity_log::NewActivity;
use activity_log::api::DEADLINE;
use activity_log::logger::ActivityLogger;
use activity_log_local::faults::{Fault, Faults, Injection};
use activity_log_local::kit::{silent_store, template, user};
use futures_util::future::join_all;
use serde_json::Value;

use crate::support::{Fixture, Response};

/// How likely a call is to go wrong, and a new entry to be late in an index, and by how much.
const CHANCE: f64 = 0.12;
const LAG_CHANCE: f64 = 0.3;
const LAG: Duration = Duration::from_millis(300);

/// What API Gateway waits for, less a second.
const PATIENCE: Duration = Duration::from_secs(29);

/// An API whose database is reached through `faults`.
async fn faulty(faults: &Faults) -> Fixture {
    let mut fixture = Fixture::new().await;
    let store = faults.store(&fixture.engine.endpoint());
    fixture.api.store = store.clone();
    fixture.logger = ActivityLogger::new(store);
    fixture
}

/// What a list is asked for.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a part of the question")]
struct Question {
    /// Whether by path, or else by query.
    by_path: bool,
    project: bool,
    environment: bool,
    resource_type: Option<&'static str>,
    action: Option<&'static str>,
    since: Option<String>,
    until: Option<String>,
    ascending: bool,
}

impl Question {
    fn random(random: &mut fastrand::Rng, times: &[String]) -> Self {
        let by_path = random.u8(..4) == 0;
        let project = by_path || random.bool();
        let time = |random: &mut fastrand::Rng| match random.u8(..4) {
            0 => random.choice(times).cloned(),
            _ => None,
        };
        Self {
            by_path,
            project,
            environment: by_path || (project && random.bool()),
            resource_type: random
                .choice([None, None, Some("function"), Some("database")])
                .flatten(),
            action: random.choice([None, None, Some("create"), Some("invoke")]).flatten(),
            since: time(random),
            until: time(random),
            ascending: random.bool(),
        }
    }

    /// Its query, without where to start.
    fn query(&self) -> String {
        let mut parts = vec![format!("order={}", if self.ascending { "asc" } else { "desc" })];
        let mut add = |name: &str, value: Option<&str>| {
            parts.extend(value.map(|value| format!("{name}={value}")));
        };
        add("projectSlug", (self.project && !self.by_path).then_some("my-project"));
        add("environmentSlug", (self.environment && !self.by_path).then_some("production"));
        add("resourceType", self.resource_type);
        add("action", self.action);
        add("since", self.since.as_deref());
        add("until", self.until.as_deref());
        parts.join("&")
    }

    async fn ask(&self, fixture: &Fixture, start: &str) -> Response {
        let query = format!("{}&{start}", self.query());
        let response = async {
            if self.by_path {
                fixture.project("my-project", "production", &query).await
            } else {
                fixture.list(&query).await
            }
        };
        tokio::time::timeout(PATIENCE, response).await.expect("a request hangs")
    }

    /// The entries of the whole log, oldest first, that it is about.
    fn select<'a>(&self, log: &'a [Value]) -> Vec<&'a Value> {
        let is = |entry: &Value, name: &str, wanted: Option<&str>| {
            wanted.is_none_or(|wanted| entry[name] == wanted)
        };
        log.iter()
            .filter(|entry| !self.project || entry["projectId"] == 4)
            .filter(|entry| !self.environment || entry["environmentId"] == 4)
            .filter(|entry| is(entry, "resourceType", self.resource_type))
            .filter(|entry| is(entry, "action", self.action))
            .filter(|entry| {
                // All are written alike, so that texts compare like times.
                let at = entry["createdAt"].as_str().unwrap();
                self.since.as_deref().is_none_or(|since| since <= at)
                    && self.until.as_deref().is_none_or(|until| at < until)
            })
            .collect()
    }
}

/// A response, and when it was asked for.
struct Asked {
    question: Question,
    offset: usize,
    limit: usize,
    at: Instant,
    response: Response,
}

/// When entries were acknowledged.
type Acknowledged = Mutex<HashMap<u64, Instant>>;

impl Asked {
    /// Checks the response against the log as it was in the end: it must be that of a log that ends
    /// somewhere, and not before what no index can have been late with.
    fn check(&self, log: &[Value], acknowledged: &HashMap<u64, Instant>) {
        let Self { question, offset, limit, at, response } = self;
        let said = format!("{question:?} offset {offset} limit {limit}: {}", response.text);
        let all = question.select(log);
        let total = usize::try_from(response.pagination()["total"].as_u64().unwrap()).unwrap();
        assert!(total <= all.len(), "{said}");
        let settled = |entry: &&&Value| {
            let id = entry["id"].as_u64().unwrap();
            acknowledged.get(&id).is_some_and(|acknowledged| *acknowledged + LAG < *at)
        };
        assert!(total >= all.iter().filter(settled).count(), "{said}");
        let mut prefix = all[..total].to_vec();
        if !question.ascending {
            prefix.reverse();
        }
        let page: Vec<_> = prefix.into_iter().skip(*offset).take(*limit).cloned().collect();
        assert_eq!(response.body["data"], Value::from(page.clone()), "{said}");
        let more = offset + page.len() < total;
        assert_eq!(response.pagination()["hasMore"], more, "{said}");
        assert_eq!(response.next().is_some(), more && *limit > 0, "{said}");
    }
}

/// Records one or a few at a time, of all kinds, until told to stop.
async fn write(fixture: &Fixture, acknowledged: &Acknowledged, stop: &AtomicBool) {
    let mut random = fastrand::Rng::with_seed(1);
    while !stop.load(Ordering::SeqCst) {
        let batch: Vec<_> = (0..random.usize(1..4))
            .map(|_| {
                let action = random.choice(["create", "invoke", "update"]).unwrap();
                let mut activity = NewActivity::new(action);
                if random.bool() {
                    let kind = random.choice(["function", "database"]).unwrap();
                    activity = activity.resource(kind, 5.try_into().unwrap());
                }
                let environment = random.choice([Some((4, 4)), Some((4, 5)), Some((7, 9)), None]);
                if let Some((project, environment)) = environment.flatten() {
                    let ids: (u64, u64) = (project, environment);
                    activity =
                        activity.environment(ids.0.try_into().unwrap(), ids.1.try_into().unwrap());
                }
                activity
            })
            .collect();
        // What it could not record is not in the log, or is and was not acknowledged.
        if let Ok(recorded) = fixture.logger.append_batch(user(3), batch).await {
            let ids = recorded.iter().map(|recorded| recorded.activity.id.get());
            acknowledged.lock().unwrap().extend(ids.map(|id| (id, Instant::now())));
        }
    }
}

/// The whole log, oldest first, when nothing goes wrong any more.
async fn whole_log(fixture: &Fixture, faults: &Faults) -> Vec<Value> {
    faults.at_random(0.0);
    faults.wait_for_late().await;
    tokio::time::sleep(LAG).await;
    let mut log = Vec::new();
    let mut cursor = String::new();
    loop {
        let response = fixture.list(&format!("order=asc&limit=1000&cursor={cursor}")).await;
        assert_eq!(response.status, 200, "{response:?}");
        log.extend(response.body["data"].as_array().unwrap().iter().cloned());
        match response.next() {
            Some(next) => cursor = next,
            None => return log,
        }
    }
}

fn expect_503(response: &Response) {
    assert_eq!(response.problem().0, 503, "{response:?}");
    assert_eq!(response.problem().1, "unavailable", "{response:?}");
    assert_eq!(response.header("retry-after"), Some("2"), "{response:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_response_is_right_for_a_prefix_of_the_log_or_a_503() {
    const READERS: u64 = 6;
    const REQUESTS: usize = 150;
    let faults = Faults::new(5);
    let fixture = faulty(&faults).await;
    fixture.record(150).await;
    let old: Vec<_> = fixture.list("limit=150").await.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["createdAt"].as_str().unwrap().to_owned())
        .collect();
    faults.lag_at_random(LAG_CHANCE, LAG);
    faults.at_random(CHANCE);

    let acknowledged = Acknowledged::default();
    let stop = AtomicBool::new(false);
    let failed = AtomicU64::new(0);
    let readers = (0..READERS).map(async |reader| {
        let mut random = fastrand::Rng::with_seed(reader);
        let mut responses = Vec::new();
        for _ in 0..REQUESTS {
            let mut times = old.clone();
            times.push(activity_log::time::Timestamp::now().to_string());
            let question = Question::random(&mut random, &times);
            let deep = random.bool();
            let offset = random.usize(..if deep { 300 } else { 20 });
            let limit = random.usize(..40);
            let at = Instant::now();
            let response = question.ask(&fixture, &format!("offset={offset}&limit={limit}")).await;
            if response.status == 200 {
                responses.push(Asked { question, offset, limit, at, response });
            } else {
                expect_503(&response);
                failed.fetch_add(1, Ordering::SeqCst);
            }
            // One that is acknowledged is there, by its id, at once.
            let known: Vec<_> = acknowledged.lock().unwrap().keys().copied().collect();
            if let Some(id) = random.choice(known) {
                let response = fixture.get(&id.to_string()).await;
                match response.status {
                    200 => assert_eq!(response.body["data"]["id"], id),
                    _ => expect_503(&response),
                }
            }
        }
        responses
    });
    let readers = async {
        let responses = join_all(readers).await;
        stop.store(true, Ordering::SeqCst);
        responses
    };
    let (responses, ()) = tokio::join!(readers, write(&fixture, &acknowledged, &stop));
    let counts = faults.counts();
    let log = whole_log(&fixture, &faults).await;
    let acknowledged = acknowledged.into_inner().unwrap();
    let mut right = 0;
    for asked in responses.iter().flatten() {
        asked.check(&log, &acknowledged);
        right += 1;
    }
    let failed = failed.into_inner();
    println!(
        "{right} pages right, {failed} of 503, beside {} appends; faults survived: {}, {counts:?}",
        acknowledged.len(),
        counts.values().sum::<u64>(),
    );
    assert!(right > 2 * failed, "the faults of one call are repaired by repeating it");
    assert!(acknowledged.len() > 50, "there was nothing to be late with");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_skips_and_repeats_nothing_whatever_fails_and_however_late_the_index_is() {
    const BEFORE: usize = 60;
    let faults = Faults::new(6);
    let fixture = faulty(&faults).await;
    fixture.record(BEFORE).await;
    faults.lag_at_random(LAG_CHANCE, LAG);
    faults.at_random(CHANCE);
    let acknowledged = Acknowledged::default();
    let stop = AtomicBool::new(false);
    let walks = (0..8_u64).map(async |seed| {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut question = Question::random(&mut random, &[]);
        question.ascending = seed % 2 == 0;
        let (mut entries, mut cursor): (Vec<Value>, String) = (Vec::new(), String::new());
        for _ in 0..400 {
            let start = format!("limit={}&cursor={cursor}", random.usize(1..6));
            let response = question.ask(&fixture, &start).await;
            if response.status != 200 {
                // Sent again, as a client would.
                expect_503(&response);
                continue;
            }
            entries.extend(response.body["data"].as_array().unwrap().iter().cloned());
            match response.next() {
                Some(next) => cursor = next,
                None => return (question, entries),
            }
            if question.ascending && entries.len() > 150 {
                return (question, entries);
            }
        }
        panic!("a walk does not end: {question:?}");
    });
    let walks = async {
        let walks = join_all(walks).await;
        stop.store(true, Ordering::SeqCst);
        walks
    };
    let (walks, ()) = tokio::join!(walks, write(&fixture, &acknowledged, &stop));
    let log = whole_log(&fixture, &faults).await;
    for (question, mut entries) in walks {
        if !question.ascending {
            entries.reverse();
        }
        let all: Vec<_> = question.select(&log).into_iter().cloned().collect();
        // What was there before the walk began is in it.
        let before = question.select(&log[..BEFORE + 2]).len();
        assert!(entries.len() >= before, "{question:?}: {}", entries.len());
        assert_eq!(entries, all[..entries.len()], "{question:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails_at_whatever_step_the_response_is_the_same_or_a_503() {
    let mut fixture = Fixture::new().await;
    fixture.record(130).await;
    let fixture = &mut fixture;
    let endpoint = fixture.engine.endpoint();
    let queries = [
        "limit=7",
        "limit=7&offset=50",
        "limit=7&action=invoke",
        "limit=7&projectSlug=my-project",
        "limit=7&order=asc&projectSlug=my-project&since=2024-01-16T00:00:00Z",
        "limit=0&include=facets,histogram&since=2024-01-15T10:32:00Z",
    ];
    let mut expected = Vec::new();
    for query in queries {
        expected.push(fixture.list(query).await.text);
    }
    expected.push(fixture.get("1").await.text);
    let mut same = 0;
    for fault in Fault::SURVIVABLE {
        for after in 0..4 {
            for times in [1, 3] {
                let ask = (0..=queries.len()).map(|number| {
                    let faults = Faults::new(7);
                    faults.inject(Some(Injection { fault, operation: None, after, times }));
                    (number, faults.store(&endpoint))
                });
                for (number, store) in ask {
                    fixture.api.store = store;
                    let response = match queries.get(number) {
                        Some(query) => fixture.list(query).await,
                        None => fixture.get("1").await,
                    };
                    if response.status == 200 {
                        assert_eq!(response.text, expected[number], "{fault:?} {after} {times}");
                        same += 1;
                    } else {
                        expect_503(&response);
                        assert!(times > 1, "{fault:?} {after}: one fault is repaired");
                    }
                }
            }
        }
    }
    println!("{same} of {} responses were right", Fault::SURVIVABLE.len() * 4 * 2 * 5);
}

/// Time passes only as fast as it is waited for.
#[tokio::test]
async fn a_database_that_never_answers_is_answered_for_in_time() {
    let mut fixture = Fixture::new().await;
    fixture.api.store = silent_store();
    tokio::time::pause();
    for route in 0..3 {
        let started = tokio::time::Instant::now();
        let response = match route {
            0 => fixture.list("offset=50").await,
            1 => fixture.project("my-project", "production", "action=invoke").await,
            _ => fixture.get("1").await,
        };
        expect_503(&response);
        assert!(started.elapsed() <= DEADLINE, "{:?}", started.elapsed());
    }
}

#[test]
fn a_function_is_not_stopped_before_it_answers_nor_waited_for_in_vain() {
    let template = template();
    let timeout = template["Globals"]["Function"]["Timeout"].as_u64().unwrap();
    assert!(Duration::from_secs(timeout) > DEADLINE);
    assert!(Duration::from_secs(timeout + 8) <= PATIENCE, "with an initialisation before it");
}
