//! What services send and nobody expects: it is recorded, and every page that shows it can be read.
//!
//! The reader is Python's, which is strict: it refuses half a surrogate pair as text, more digits than a
//! number may have, and nesting beyond its stack.

use std::process::Command;

use activity_log::activity::limit;
use activity_log_local::kit::{entries, run, user};
use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use lambda_http::Context;
use lambda_http::lambda_runtime::LambdaEvent;
use record_activities::Recorder;
use serde_json::{Value, json};

use crate::support::Fixture;

/// Has messages recorded, each of which must be.
async fn record(fixture: &Fixture, bodies: &[String]) {
    let messages = bodies.iter().enumerate().map(|(number, body)| {
        let mut message = SqsMessage::default();
        message.message_id = Some(format!("{number}"));
        message.body = Some(body.clone());
        message
    });
    let mut event = SqsEvent::default();
    event.records = messages.collect();
    let recorder = Recorder {
        logger: fixture.logger.clone(),
        dead_letters: None,
        telemetry: activity_log::telemetry::Telemetry::with(None, |_| ()),
    };
    let event = LambdaEvent::new(event, Context::default());
    let response = record_activities::handler(&recorder, event).await.unwrap();
    assert!(response.batch_item_failures.is_empty(), "{bodies:?}");
}

/// Every format of the whole log of user 3, as the functions send it.
async fn pages(fixture: &Fixture) -> Vec<(&'static str, String)> {
    let mut pages = Vec::new();
    for query in ["limit=1000", "limit=1000&include=client"] {
        for (format, accept) in
            [("json", "application/json"), ("ndjson", "application/x-ndjson"), ("csv", "text/csv")]
        {
            let response = fixture.list_with(query, &[("accept", accept)]).await;
            assert_eq!(response.status, 200, "{response:?}");
            pages.push((format, response.text));
        }
    }
    pages
}

/// How many entries Python reads in each page.
fn read_by_python(pages: &[(&str, String)]) -> Vec<usize> {
    const READER: &str = r#"
import csv, io, json, sys

def whole(value):
    """Fails if a text in it has half a surrogate pair."""
    json.dumps(value, ensure_ascii=False).encode()
    return value

def entries(format, page):
    if format == "json":
        return whole(json.loads(page))["data"]
    if format == "ndjson":
        return [whole(json.loads(line)) for line in page.splitlines()]
    return list(csv.DictReader(io.StringIO(page, newline="")))

print(json.dumps([len(entries(*page)) for page in json.load(sys.stdin)]))
"#;
    let output = run(Command::new("python3").args(["-c", READER]), &json!(pages).to_string());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "Python cannot read a page: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// JSON as it is never seen, but may be.
fn any_json(random: &mut fastrand::Rng, depth: u32) -> String {
    const LETTERS: [&str; 12] = [
        "a",
        "B",
        " ",
        "é",
        "\u{2028}",
        "\u{2029}",
        "\u{85}",
        "\u{1f600}",
        "\\n",
        "\\u0000",
        "\\ud83d",
        "\\ude00",
    ];
    let text = |random: &mut fastrand::Rng| {
        let length = [3, 40, 600, 1_500][random.usize(..4)];
        let letters: String =
            (0..random.usize(..=length)).map(|_| LETTERS[random.usize(..LETTERS.len())]).collect();
        format!("\"{letters}\"")
    };
    let list = |random: &mut fastrand::Rng, member: &dyn Fn(&mut fastrand::Rng) -> String| {
        (0..random.usize(..6)).map(|_| member(random)).collect::<Vec<_>>().join(" ,\n")
    };
    match random.u32(..if depth > 3 { 6 } else { 9 }) {
        0 => "null".to_owned(),
        1 => ["true", "false", "1e999", "-0.0", "0.1e-400", "123456789012345678901234567890"]
            [random.usize(..6)]
        .to_owned(),
        2 => random.i64(..).to_string(),
        3 | 4 => text(random),
        5 => {
            let deep = random.usize(..3_000);
            "[".repeat(deep) + &"]".repeat(deep)
        }
        6 => format!("[ {} ]", list(random, &|random| any_json(random, depth + 1))),
        _ => format!(
            "{{\t{}}}",
            list(random, &|random| format!("{}: {}", text(random), any_json(random, depth + 1)))
        ),
    }
}

#[tokio::test]
async fn whatever_stands_in_an_optional_field_every_page_that_shows_it_can_be_read() {
    const FIELDS: [&str; 11] = [
        "projectId",
        "environmentId",
        "resourceType",
        "resourceId",
        "description",
        "metadata",
        "ipAddress",
        "userAgent",
        "occurredAt",
        "idempotencyKey",
        "unknown",
    ];
    let fixture = Fixture::new().await;
    let before = entries(&fixture.api.store, 3).await.len();
    let mut random = fastrand::Rng::with_seed(1);
    let mut sent = 0;
    for batch in 0..30 {
        let bodies: Vec<String> = (0..10)
            .map(|number| {
                // Keys of their own, so that each counts; some of them odd.
                let own = format!(r#""idempotencyKey":"{batch} {number} \ud83d","#);
                let fields = (0..random.usize(1..5)).map(|_| {
                    let field = FIELDS[random.usize(..FIELDS.len())];
                    format!(r#","{field}":{}"#, any_json(&mut random, 0))
                });
                let fields: String =
                    fields.filter(|field| !field.contains("idempotency")).collect();
                format!(r#"{{{own}"userId":3,"action":"act {number}"{fields}}}"#)
            })
            .collect();
        sent += bodies.len();
        record(&fixture, &bodies).await;
    }
    let recorded = entries(&fixture.api.store, 3).await;
    assert_eq!(recorded.len() - before, sent);
    for entry in &recorded {
        let activity =
            activity_log::NewActivity { details: entry.details.clone(), idempotency_key: None };
        assert_eq!(activity.validate(), Ok(()), "{entry:?}");
        let came = entry.details.altered.values().flatten();
        assert!(came.map(String::len).max() <= Some(limit::ALTERED), "{entry:?}");
    }
    assert_eq!(read_by_python(&pages(&fixture).await), [recorded.len(); 6]);
    fixture.api.store.verify(user(3), &activity_log::store::Verification::default()).await.unwrap();
}

/// What `include=client` shows of the newest entry of user 3.
async fn newest(fixture: &Fixture) -> Value {
    fixture.list("limit=1&include=client").await.body["data"][0].clone()
}

#[tokio::test]
async fn a_line_break_in_metadata_breaks_no_line() {
    let fixture = Fixture::new().await;
    let body = "{\"userId\":3,\"action\":\"sync\",\"metadata\": {\n  \"before\": 1.0\n}}";
    record(&fixture, &[body.to_owned()]).await;
    let pages = pages(&fixture).await;
    assert_eq!(read_by_python(&pages), [3; 6]);
    assert!(pages[1].1.lines().next().unwrap().contains(r#""metadata":{"before":1.0}"#));
    assert_eq!(newest(&fixture).await["altered"], Value::Null);
}

#[tokio::test]
async fn what_came_in_the_place_of_a_field_is_shown_with_the_client() {
    let fixture = Fixture::new().await;
    for (member, field, kept, came) in [
        (
            r#""description":"deployed \ud83d""#,
            "description",
            json!("deployed \u{fffd}"),
            json!(r#""deployed \ud83d""#),
        ),
        (
            r#""metadata":{"note":"\ud83d"}"#,
            "metadata",
            json!({"note": "\u{fffd}"}),
            json!(r#"{"note":"\ud83d"}"#),
        ),
        (r#""metadata":[1]"#, "metadata", json!({"value": [1]}), json!("[1]")),
        (r#""ipAddress":"1.2.3.4:51008""#, "ipAddress", json!("1.2.3.4"), json!("1.2.3.4:51008")),
        (r#""ipAddress":"unknown""#, "ipAddress", json!(null), json!("unknown")),
        (
            r#""resourceType":"EC2 Instance""#,
            "resourceType",
            json!("ec2_instance"),
            json!("EC2 Instance"),
        ),
        (r#""resourceId":"i-0abc""#, "resourceId", json!(null), json!("i-0abc")),
    ] {
        let key = member.replace(['"', '\\'], "");
        let body = format!(r#"{{"userId":3,"action":"sync","idempotencyKey":"{key}",{member}}}"#);
        record(&fixture, &[body]).await;
        let entry = newest(&fixture).await;
        assert_eq!(
            (&entry[field], &entry["altered"]),
            (&kept, &json!({ field: came })),
            "{member}"
        );
    }
    let agent = format!(r#"{{"userId":3,"action":"a","userAgent":"{}"}}"#, "x".repeat(513));
    let future = r#"{"userId":3,"action":"b","occurredAt":"2124-01-15T10:30:00Z"}"#;
    record(&fixture, &[agent, future.to_owned()]).await;
    let response = fixture.list("limit=2&include=client").await;
    let [future, agent] = [&response.body["data"][0], &response.body["data"][1]];
    assert_eq!(
        (agent["userAgent"].as_str().unwrap().len(), &agent["altered"]),
        (512, &json!({"userAgent": null}))
    );
    assert_eq!(future["altered"], json!({"occurredAt": "2124-01-15T10:30:00.000Z"}));
    assert!(future["createdAt"].as_str().unwrap() < "2100", "and nothing after it is dated so");
}
