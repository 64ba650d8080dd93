//! Each peer as a process, against a plain list of the same thousand entries: what it answers is what the
//! API says, so that what it takes can be compared.
//!
//! The peer in JavaScript is skipped where Node.js or its modules are not installed, the one on PostgreSQL
//! where there is no server.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod expected;
mod peer;

use std::io::Write;
use std::path::Path;

use activity_log_local::engine::Engine;
use activity_log_local::kit::TEMPLATE;
use bench::{START, body};
use peers::document::time;
use peers::postgresql::Cluster;
use peers::{Record, dynamodb, node};
use serde_json::{Value, json};

use expected::{USER, facet, list, names, page, records, shown};
use peer::{LIST, Peer};

/// A document without its cursor, which each design writes in its own way.
fn without_cursor(mut document: Value) -> Value {
    let pagination = document["pagination"].as_object_mut().unwrap();
    let cursor = pagination.remove("nextCursor");
    let is_last = pagination["hasMore"] == false || pagination["limit"] == 0;
    assert_eq!(cursor.is_none(), is_last, "{pagination:?}");
    document
}

/// Holds a page that was answered against the one that it must be, and says what differs in few words.
#[track_caller]
fn hold_page(answered: (u64, Value), expected: &Value, request: &str) {
    let (status, document) = answered;
    assert_eq!(status, 200, "{request}: {document}");
    let document = without_cursor(document);
    assert_eq!(document["pagination"], expected["pagination"], "{request}");
    let ids = |page: &Value| {
        page["data"].as_array().unwrap().iter().map(|entry| entry["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&document), ids(expected), "{request}");
    assert!(document == *expected, "{request}: {document} is not {expected}");
}

/// Whether a record has one of these types, or these actions.
fn has(value: Option<&str>, values: &[&str]) -> bool {
    value.is_some_and(|value| values.contains(&value))
}

/// Holds everything that a peer reads, then what it writes, against the list.
async fn hold(peer: &mut Peer, records: &[Record]) {
    lists(peer, records).await;
    walks(peer, records).await;
    projects(peer, records).await;
    entries(peer, records).await;
    writes(peer, records).await;
}

/// Whether an entry is in a list.
type Wanted<'a> = &'a dyn Fn(&Record) -> bool;

async fn lists(peer: &mut Peer, records: &[Record]) {
    let at = |number: usize| records[number].created_at;
    let [since, until] = [at(300), at(700)].map(|millis| time(millis).unwrap());
    let all = list(records, |_| true);
    assert!(all.len() > 500 && all.len() < records.len());
    for (query, limit, offset) in [
        ("", 100, 0),
        ("limit=7", 7, 0),
        ("limit=1000", 1_000, 0),
        ("limit=5000", 1_000, 0),
        ("limit=0", 0, 0),
        ("limit=0&offset=20", 0, 20),
        ("limit=10&offset=75", 10, 75),
        ("limit=10&offset=370", 10, 370),
        ("limit=10&offset=700", 10, 700),
        ("limit=10&offset=5000", 10, 5_000),
    ] {
        hold_page(peer.list(query).await, &page(&all, limit, offset), query);
    }
    let kind = |record: &Record, values: &[&str]| has(record.resource_type.as_deref(), values);
    let action = |record: &Record, values: &[&str]| has(Some(&record.action), values);
    let filters: [(&str, Wanted); 16] = [
        ("resourceType=function", &|one| kind(one, &["function"])),
        ("action=create", &|one| action(one, &["create"])),
        ("action=delete", &|one| action(one, &["delete"])),
        ("action=nothing", &|_| false),
        ("resourceType=function&action=sync", &|one| {
            kind(one, &["function"]) && action(one, &["sync"])
        }),
        ("resourceType=function,database", &|one| kind(one, &["function", "database"])),
        ("action=create,,sync,create", &|one| action(one, &["create", "sync"])),
        ("resourceType=~", &|one| one.resource_type.is_none()),
        ("resourceType=function,~", &|one| !kind(one, &["database"])),
        ("excludeResourceType=function", &|one| !kind(one, &["function"])),
        ("excludeResourceType=~", &|one| one.resource_type.is_some()),
        ("excludeResourceType=~,function", &|one| kind(one, &["database"])),
        ("excludeAction=create,sync&resourceType=database", &|one| {
            !action(one, &["create", "sync"]) && kind(one, &["database"])
        }),
        (&format!("since={since}"), &|one| one.created_at >= at(300)),
        (&format!("until={until}&action=sync"), &|one| {
            one.created_at < at(700) && action(one, &["sync"])
        }),
        (&format!("since={since}&until={until}&excludeAction=sync"), &|one| {
            (at(300)..at(700)).contains(&one.created_at) && !action(one, &["sync"])
        }),
    ];
    for (query, is_wanted) in filters {
        let wanted = list(records, is_wanted);
        for (limit, offset) in [(20, 0), (20, 30), (0, 0)] {
            let query = format!("{query}&limit={limit}&offset={offset}");
            hold_page(peer.list(&query).await, &page(&wanted, limit, offset), &query);
        }
    }
    // A range that ends before it begins, and bounds that are finer than the times.
    let query = format!("since={until}&until={since}");
    hold_page(peer.list(&query).await, &page(&[], 100, 0), &query);
    let finer = since.replace('Z', "001Z");
    let query = format!("since={finer}&limit=0");
    let wanted = list(records, |one| one.created_at > at(300));
    hold_page(peer.list(&query).await, &page(&wanted, 0, 0), &query);
    for query in ["limit=ten", "since=today", "cursor=AAAA"] {
        let (status, document) = peer.list(query).await;
        assert_eq!(status, 400, "{query}: {document}");
    }
}

async fn walks(peer: &mut Peer, records: &[Record]) {
    let since = records[100].created_at;
    for (query, is_filtered) in [
        ("limit=97".to_owned(), false),
        ("limit=97&order=asc".to_owned(), false),
        (format!("limit=40&action=sync&since={}", time(since).unwrap()), true),
    ] {
        let mut wanted =
            list(records, |one| !is_filtered || one.action == "sync" && one.created_at >= since);
        if query.ends_with("asc") {
            wanted.reverse();
        }
        let limit = if is_filtered { 40 } else { 97 };
        let mut cursor = String::new();
        for offset in (0..wanted.len()).step_by(limit) {
            let query = format!("{query}&cursor={cursor}");
            let answered = peer.list(&query).await;
            let next = &answered.1["pagination"]["nextCursor"];
            cursor = next.as_str().map(str::to_owned).unwrap_or_default();
            hold_page(answered, &page(&wanted, limit, offset), &query);
        }
        assert_eq!(cursor, "");
    }
}

async fn projects(peer: &mut Peer, records: &[Record]) {
    let slugs = ["my-project", "production"];
    let production = list(records, |one| one.environment_id == Some(4));
    let answered = peer.list_project(slugs, "limit=30").await;
    let cursor = answered.1["pagination"]["nextCursor"].as_str().unwrap_or_default().to_owned();
    hold_page(answered, &page(&production, 30, 0), "a project's first page");
    let answered = peer.list_project(slugs, &format!("limit=30&cursor={cursor}")).await;
    hold_page(answered, &page(&production, 30, 30), "a project's second page");
    let query = "limit=10&offset=5&action=create&resourceType=function,database";
    let wanted = list(records, |one| {
        one.environment_id == Some(4) && one.action == "create" && one.resource_type.is_some()
    });
    hold_page(peer.list_project(slugs, query).await, &page(&wanted, 10, 5), query);
    for slugs in [["my-project", "nothing"], ["nothing", "production"], ["other", "staging"]] {
        let (status, _) = peer.list_project(slugs, "").await;
        assert_eq!(status, 404, "{slugs:?}");
    }
    for (query, limit, offset, wanted) in [
        (
            "projectSlug=my-project&limit=20&offset=50",
            20,
            50,
            list(records, |one| one.project_id == Some(4)),
        ),
        (
            "projectSlug=other&environmentSlug=production",
            100,
            0,
            list(records, |one| one.environment_id == Some(7)),
        ),
        ("projectSlug=nothing", 100, 0, Vec::new()),
    ] {
        hold_page(peer.list(query).await, &page(&wanted, limit, offset), query);
    }
}

async fn entries(peer: &mut Peer, records: &[Record]) {
    for record in list(records, |_| true).iter().take(10) {
        let (status, document) = peer.get(record.id).await;
        let expected = json!({"message": "Activity retrieved successfully", "data": shown(record)});
        assert_eq!((status, document), (200, expected));
    }
    let other = records.iter().find(|record| record.user_id != USER).unwrap();
    let (status, document) = peer.get(other.id).await;
    assert_eq!(status, 403);
    assert_eq!(document["message"], "Activity entry does not belong to the authenticated user");
    let (status, document) = peer.get(1).await;
    assert_eq!((status, &document["message"]), (404, &json!("Activity entry not found")));
    let mut event: Value = serde_json::from_str(LIST).unwrap();
    let token = event["headers"]["authorization"].as_str().unwrap().to_owned();
    for token in
        [None, Some("Bearer "), Some("Bearer e30.e30.e30"), Some(&token[..token.len() - 4])]
    {
        event["headers"]["authorization"] = token.into();
        if token.is_none() {
            event["headers"].as_object_mut().unwrap().remove("authorization");
        }
        let (status, document) = peer.send(&event).await;
        assert_eq!(status, 401, "{token:?}");
        assert_eq!(document["message"], "Missing or invalid authentication token");
    }
}

async fn writes(peer: &mut Peer, records: &[Record]) {
    let before = list(records, |_| true).len();
    // One alone, more than a request to DynamoDB takes, and some of them again.
    for numbers in [0..1, 1..40, 0..10] {
        peer.record(numbers).await;
    }
    let (_, document) = peer.list("limit=40").await;
    assert_eq!(document["pagination"]["total"], before + 40);
    for (number, entry) in (0..40).rev().zip(document["data"].as_array().unwrap()) {
        let id = entry["id"].as_u64().unwrap();
        let created_at = START + 10_000_000 + i64::try_from(number).unwrap();
        let record = Record::parse(&body(number).to_string(), id, created_at).unwrap();
        assert_eq!(*entry, shown(&record));
    }
}

/// An engine with the tables and entries of the peers on DynamoDB.
async fn engine(records: &[Record]) -> Engine {
    let engine = Engine::in_memory(TEMPLATE).await.unwrap();
    let client = activity_log_local::client(&engine.endpoint());
    dynamodb::create_tables(&client).await.unwrap();
    dynamodb::load_names(&client, &names()).await.unwrap();
    dynamodb::load(&client, records).await.unwrap();
    engine
}

#[tokio::test(flavor = "multi_thread")]
async fn the_peer_on_dynamodb_answers_as_the_api_says() {
    let records = records();
    let engine = engine(&records).await;
    let program = Path::new(env!("CARGO_BIN_EXE_peer-dynamodb"));
    let mut peer = Peer::start(program, None, &engine.endpoint(), &dynamodb::VARIABLES).await;
    hold(&mut peer, &records).await;
    for include in ["facets", "histogram"] {
        let (status, _) = peer.list(&format!("include={include}")).await;
        assert_eq!(status, 400);
    }
}

/// Whether every test must run, with all that it needs.
fn is_ci() -> bool {
    std::env::var_os("CI").is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_peer_in_javascript_answers_as_the_api_says() {
    let found = match node::find() {
        Ok(found) => found,
        Err(missing) => {
            assert!(!is_ci(), "{missing}");
            // Not by a macro that prints, whose output a test that passes keeps to itself.
            std::io::stderr().write_all(format!("skipped: {missing}\n").as_bytes()).unwrap();
            return;
        }
    };
    let records = records();
    let engine = engine(&records).await;
    let program = Path::new(found.program);
    let mut peer =
        Peer::start(program, Some(&found.script), &engine.endpoint(), &dynamodb::VARIABLES).await;
    hold(&mut peer, &records).await;
    for include in ["facets", "histogram"] {
        let (status, _) = peer.list(&format!("include={include}")).await;
        assert_eq!(status, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_peer_on_postgresql_answers_as_the_api_says() {
    let Some(cluster) = Cluster::start().await.unwrap() else {
        assert!(!is_ci(), "PostgreSQL is not installed");
        return;
    };
    let records = records();
    cluster.load_names(&names()).await.unwrap();
    cluster.load(&records).await.unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_peer-postgresql"));
    let database = cluster.connection_string();
    let mut peer = Peer::start(program, None, "", &[("PEER_DATABASE", &database)]).await;
    summaries(&mut peer, &records).await;
    hold(&mut peer, &records).await;
}

async fn summaries(peer: &mut Peer, records: &[Record]) {
    let (_, document) = peer.list("include=facets&action=create,sync&resourceType=function").await;
    let kinds = list(records, |one| one.action == "create" || one.action == "sync");
    let actions = list(records, |one| one.resource_type.as_deref() == Some("function"));
    let expected = json!({
        "resourceType": facet(&kinds, |one| one.resource_type.clone()),
        "action": facet(&actions, |one| Some(one.action.clone())),
    });
    assert_eq!(document["facets"], expected);
    let all = list(records, |_| true);
    let [first, last] = [all.last(), all.first()].map(|one| one.unwrap().created_at);
    let since = records[300].created_at;
    for (query, from, action) in [
        ("include=histogram&buckets=7".to_owned(), first, None),
        (
            format!("include=histogram&action=create&since={}", time(since).unwrap()),
            since,
            Some("create"),
        ),
    ] {
        let buckets = if action.is_none() { 7 } else { 60 };
        let to = last + 1;
        let begin = |part: i64| from + part * (to - from) / buckets;
        let count = |part| {
            let times = begin(part)..begin(part + 1);
            let has_action = |one: &Record| action.is_none_or(|action| action == one.action);
            all.iter().filter(|one| times.contains(&one.created_at) && has_action(one)).count()
        };
        let expected = json!({
            "from": time(from).unwrap(),
            "to": time(to).unwrap(),
            "counts": (0..buckets).map(count).collect::<Vec<_>>(),
        });
        let (_, document) = peer.list(&query).await;
        assert_eq!(document["histogram"], expected, "{query}");
    }
}
