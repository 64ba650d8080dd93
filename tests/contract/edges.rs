//! Requests that no client should send.

use activity_log::NewActivity;
use activity_log_local::kit::user;
use lambda_http::http::StatusCode;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Fixture, GET, LIST, PROJECT, Response};

/// What every response is, whatever was asked.
fn check(response: &Response) {
    match response.status {
        200 => assert!(response.header("content-type").is_some(), "{response:?}"),
        304 => assert_eq!(response.text, "", "{response:?}"),
        400 | 401 | 403 | 404 | 405 | 406 | 409 => {
            let (status, ..) = response.problem();
            let title = StatusCode::from_u16(status).unwrap().canonical_reason();
            assert_eq!(response.body["title"].as_str(), title);
        }
        _ => panic!("{response:?}"),
    }
}

#[tokio::test]
async fn another_method_is_405_and_told_what_is_allowed() {
    let fixture = Fixture::new().await;
    for event in [LIST, PROJECT, GET] {
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"] {
            let response = fixture
                .send(event, |event| event["requestContext"]["http"]["method"] = method.into())
                .await;
            assert_eq!(response.problem(), (405, "method_not_allowed", "Method not allowed"));
            assert_eq!(response.header("allow"), Some("GET, HEAD"));
        }
    }
}

#[tokio::test]
async fn link_of_the_longest_query_leads_to_the_next_page_and_the_one_after() {
    let fixture = Fixture::new().await;
    fixture.logger.append_batch(user(3), ["a", "b", "c"].map(NewActivity::new)).await.unwrap();
    let mut query = "limit=1&since=2024-01-15T10:30:00Z&action=a,b,c,".to_owned();
    while query.len() + 11 <= 8_192 {
        query.push_str("absent.abc,");
    }
    query.push_str(&"x".repeat(8_192 - query.len()));
    for number in (1..=3).rev() {
        let response = fixture.list(&query).await;
        assert_eq!(response.status, 200, "{:?}", response.body);
        assert_eq!(response.body["data"].as_array().unwrap().len(), 1, "{number}");
        let link = response.header("link").map(str::to_owned);
        assert_eq!(link.is_some(), number > 1);
        query = link.map_or(query, |link| {
            link.strip_prefix("<?").unwrap().split_once('>').unwrap().0.to_owned()
        });
    }
}

#[tokio::test]
async fn a_query_that_is_too_long_is_400() {
    let fixture = Fixture::new().await;
    for (query, status) in [
        (format!("action={}", "x".repeat(8_192 - 7)), 200),
        (format!("action={}", "x".repeat(8_192 - 6)), 400),
        (format!("action={}", "é".repeat(5_000)), 400),
        (format!("action={}", "<".repeat(100_000)), 400),
        ("&".repeat(1_000_000), 400),
    ] {
        for response in fixture.both(&query).await {
            assert_eq!(response.status, status, "{query:.20}");
            if status == 400 {
                assert_eq!(response.problem().1, "query_too_long");
            }
        }
    }
}

#[tokio::test]
async fn what_is_no_url_is_answered_all_the_same() {
    let fixture = Fixture::new().await;
    for query in [
        "action=<script>",
        "action=a b",
        "action=\"",
        "action=é",
        "action={}|\\^`",
        "action=#x",
        "action=%",
        "action=%0",
        "action=\u{1}\u{7f}",
        "action=?&limit=1",
        "%%%",
        "=",
        "&=&",
        "?",
    ] {
        for event in [LIST, PROJECT, GET] {
            check(&fixture.send(event, |event| event["rawQueryString"] = query.into()).await);
        }
    }
    // They mean what they would if they had been encoded.
    assert_eq!(fixture.list("action=create#x").await.pagination()["total"], 0);
    assert_eq!(fixture.list("projectSlug=a%2Bb %252F é").await.status, 200);
    for path in
        ["", "x", "//", "/ é<>\"{}|\\^`?#", "/%zz/%", "/api/../..", "\n\t", &"/é".repeat(50_000)]
    {
        for event in [LIST, PROJECT, GET] {
            let response = fixture.send(event, |event| event["rawPath"] = path.into()).await;
            assert_eq!(response.status, 200, "{path:.20}");
        }
    }
    for host in [
        "",
        "a b",
        "[",
        "{",
        "xn--a",
        "1.2.3.999",
        "example.com:99999",
        "a/b?c",
        "é",
        &"x".repeat(70_000),
    ] {
        for protocol in ["https", "", "javascript", ":"] {
            let response = fixture
                .send(LIST, |event| {
                    event["rawQueryString"] = "limit=1".into();
                    event["headers"]["host"] = host.into();
                    event["headers"]["x-forwarded-proto"] = protocol.into();
                    event["requestContext"]["domainName"] = host.into();
                })
                .await;
            assert_eq!(response.status, 200, "{host:.20} {protocol}");
            let link = response.header("link").unwrap();
            assert!(link.starts_with("<?limit=1&cursor="), "{link:.100}");
        }
    }
}

#[tokio::test]
async fn an_event_with_little_in_it_is_answered() {
    let fixture = Fixture::new().await;
    for event in [LIST, PROJECT, GET] {
        for name in
            ["rawPath", "rawQueryString", "queryStringParameters", "pathParameters", "headers"]
        {
            let response = fixture
                .send(event, |event| {
                    event.as_object_mut().unwrap().remove(name);
                })
                .await;
            check(&response);
        }
    }
}

/// Something like a query string: names and values, right and wrong, and what stands between.
fn query() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "limit",
        "offset",
        "cursor",
        "resourceType",
        "excludeResourceType",
        "action",
        "excludeAction",
        "since",
        "until",
        "order",
        "include",
        "buckets",
        "projectSlug",
        "environmentSlug",
        "x",
        "",
    ]);
    let value = prop_oneof![
        4 => prop::sample::select(vec![
            "0", "1", "2", "1000", "create", "function", "my-project", "production", "asc", "desc",
            "client", "2024-01-15T10:30:00Z", "2024-01-15T10:35:00.5%2B00:00",
            "facets,histogram", "histogram", "100", "function,~",
            // Of the whole log, newest and oldest first.
            "AQfMoxw8t_4yAAAAAAAAAAIAAAGNDLBYIAAAAAAAAAAC5MFgkvu5_OE",
            "ARnkNXSHIO0SAAAAAAAAAAIAAAGNDLBYIAAAAAAAAAAC5MFgkvu5_OE",
        ]).prop_map(str::to_owned),
        1 => "[0-9]{1,25}",
        1 => "\\PC{0,12}",
        1 => "[%a-fA-F0-9+&=;]{0,12}",
    ];
    let pair = (name, value).prop_map(|(name, value)| format!("{name}={value}"));
    prop_oneof![
        4 => prop::collection::vec(pair, 0..4).prop_map(|pairs| pairs.join("&")),
        1 => "\\PC{0,40}",
    ]
}

#[test]
fn no_request_makes_it_fail() {
    const EVENTS: [&str; 3] = [LIST, PROJECT, GET];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let fixture = runtime.block_on(Fixture::new());
    let text = || prop_oneof![3 => "[a-z0-9-]{0,12}", 2 => "[0-9]{1,20}", 1 => "\\PC{0,12}"];
    let headers = prop::collection::vec(
        (
            prop::sample::select(vec!["accept", "accept-encoding", "if-none-match", "host"]),
            prop_oneof![
                prop::sample::select(vec![
                    "*/*",
                    "text/csv",
                    "gzip",
                    "*",
                    "application/x-ndjson;q=0.5",
                    "W/\"x\"",
                ])
                .prop_map(str::to_owned),
                "[ -~]{0,20}",
            ],
        ),
        0..3,
    );
    let strategy = (0..3_usize, query(), text(), text(), headers, "[A-Z]{3,7}", 0..20_u8);
    let config =
        ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |((route, query, first, second, headers, method, odd) in strategy)| {
        let response = runtime.block_on(fixture.send(EVENTS[route], |event: &mut Value| {
            event["rawQueryString"] = query.into();
            if odd % 4 == 0 {
                event["pathParameters"] =
                    json!({"projectSlug": first, "environmentSlug": second, "id": first});
            }
            if odd == 1 {
                event["requestContext"]["http"]["method"] = method.into();
            }
            for (name, value) in headers {
                event["headers"][name] = value.into();
            }
        }));
        check(&response);
    });
}
