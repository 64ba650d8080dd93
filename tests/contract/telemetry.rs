//! What the functions tell of each request: one line, without the token, with its metrics.

use std::collections::BTreeSet;

use activity_log::api::routes::{GET_ACTIVITY, LIST_ACTIVITIES, LIST_PROJECT_ACTIVITIES};
use activity_log::auth::{ClaimPath, Secret, TokenError, TokenRules, TokenVerifier, issue};
use activity_log_local::JWT_SECRET;
use activity_log_local::kit::{NAMESPACE, user};
use serde_json::{Value, json};

use crate::support::{Fixture, GET, LIST, PROJECT, now};

impl Fixture {
    /// The line of the one request since the last time.
    pub(crate) fn line(&self) -> Value {
        self.written.one()
    }
}

/// The metrics of a line, by dimension and its value: each a number of the line.
fn metrics(line: &Value) -> Vec<(String, String, Vec<String>)> {
    let aws = &line["_aws"];
    let age = (now() + 1) * 1_000 - aws["Timestamp"].as_u64().unwrap();
    assert!(age < 60_000, "{aws}");
    let set = |set: &Value| {
        assert_eq!(set["Namespace"], NAMESPACE);
        let dimension = set["Dimensions"][0][0].as_str().unwrap();
        let names = set["Metrics"].as_array().unwrap().iter().map(|metric| {
            let name = metric["Name"].as_str().unwrap();
            assert!(line[name].is_number(), "{name}: {line}");
            name.to_owned()
        });
        (dimension.to_owned(), line[dimension].as_str().unwrap().to_owned(), names.collect())
    };
    aws["CloudWatchMetrics"].as_array().unwrap().iter().map(set).collect()
}

fn of_function(name: &str) -> (String, String, Vec<String>) {
    let metrics = ["latency", "readUnits", "retries"].map(str::to_owned);
    ("function".into(), name.into(), metrics.into())
}

#[tokio::test]
async fn a_request_is_told_of_in_one_line_with_what_it_took() {
    let fixture = Fixture::new().await;
    fixture.record(200).await;
    for (event, route, entries, round_trips) in [
        // The names that only the entries reveal; two slugs; the names again.
        (LIST, &LIST_ACTIVITIES, 100, 2),
        (PROJECT, &LIST_PROJECT_ACTIVITIES, 100, 3),
        (GET, &GET_ACTIVITY, 1, 2),
    ] {
        let response = fixture.send(event, |event| event["rawQueryString"] = "".into()).await;
        let line = fixture.line();
        for (member, value) in [
            ("level", json!("INFO")),
            ("message", json!("request answered")),
            ("function", json!(route.function)),
            ("route", json!(route.path)),
            ("requestId", json!("JKJaXmPLvHcESHA=")),
            ("method", json!("GET")),
            ("status", json!(response.status)),
            ("userId", json!(3)),
            ("entries", json!(entries)),
            ("roundTrips", json!(round_trips)),
            ("retries", json!(0)),
            ("writeUnits", json!(0.0)),
        ] {
            assert_eq!(line[member], value, "{member}: {line}");
        }
        assert!(line["readUnits"].as_f64().unwrap() >= 1.0, "{line}");
        assert!(line["latency"].as_f64().unwrap() > 0.0, "{line}");
        assert_eq!(metrics(&line), [of_function(route.function)]);
        for absent in ["code", "reason", "authFailures", "error"] {
            assert_eq!(line.get(absent), None, "{line}");
        }
    }
}

#[tokio::test]
async fn what_the_caller_sent_is_not_in_the_line() {
    let fixture = Fixture::new().await;
    for event in [LIST, PROJECT, GET] {
        let mut token = String::new();
        fixture
            .send(event, |event| {
                token =
                    event["headers"]["authorization"].as_str().unwrap()["Bearer ".len()..].into();
                event["rawQueryString"] = "resourceType=hush".into();
            })
            .await;
        let line = fixture.line().to_string();
        assert!(!line.contains(&token) && !line.contains("hush"), "{line}");
        let signature = token.rsplit('.').next().unwrap();
        assert!(!line.contains(signature) && !line.contains("my-project"), "{line}");
    }
}

#[tokio::test]
async fn a_refused_token_is_counted_by_its_reason() {
    let fixture = Fixture::new().await;
    let token = |expiry| {
        let token = issue(JWT_SECRET, &TokenRules::default(), user(3), expiry).unwrap();
        format!("Bearer {token}")
    };
    for (header, reason) in [
        ("Basic dTpw".to_owned(), TokenError::Absent),
        ("Bearer x".to_owned(), TokenError::Invalid),
        (token(now() - 3_600), TokenError::Expired),
    ] {
        fixture.send(LIST, |event| event["headers"]["authorization"] = header.into()).await;
        let line = fixture.line();
        assert_eq!(line["reason"], reason.reason());
        assert_eq!((&line["status"], &line["code"]), (&json!(401), &json!("unauthenticated")));
        assert_eq!(line.get("userId"), None, "{line}");
        let refused = ("reason".into(), reason.reason().into(), vec!["authFailures".into()]);
        assert_eq!(metrics(&line), [refused]);
    }
    // Neither a refusal nor a preflight shows in what requests take.
    fixture
        .send(LIST, |event| {
            event["requestContext"]["http"]["method"] = "OPTIONS".into();
            event["headers"]["access-control-request-method"] = "GET".into();
        })
        .await;
    let line = fixture.line();
    assert_eq!((&line["status"], line.get("_aws")), (&json!(204), None));
}

#[tokio::test]
async fn the_line_names_the_claim_that_failed_and_the_caller_is_not_told() {
    let mut fixture = Fixture::new().await;
    let rules = TokenRules {
        user_id_claim: ClaimPath::new("app.user_id").unwrap(),
        issuers: vec!["https://id.example".into()],
        audiences: vec!["activities".into()],
        leeway_seconds: 0,
    };
    let secret = || Secret::new(JWT_SECRET).unwrap();
    fixture.api.verifier = TokenVerifier::shared_secret(secret(), None, rules);
    let good = json!({
        "app": {"user_id": 3}, "exp": now() + 600, "iss": "https://id.example", "aud": "activities",
    });
    let ask = async |claims: &Value| {
        let key = jsonwebtoken::EncodingKey::from_secret(JWT_SECRET.as_bytes());
        let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), claims, &key).unwrap();
        let response =
            fixture.list_with("", &[("authorization", &format!("Bearer {token}"))]).await;
        (response, fixture.line())
    };
    let (response, line) = ask(&good).await;
    assert_eq!((response.status, line.get("claim")), (200, None));

    let message = "Missing or invalid authentication token";
    let mut details = BTreeSet::new();
    for (member, value, reason, claim) in [
        ("exp", json!(now() - 77), "expired", "exp"),
        ("exp", json!(null), "claims", "exp"),
        ("exp", json!("hush"), "claims", "exp"),
        ("nbf", json!(now() + 77), "not_yet_valid", "nbf"),
        ("nbf", json!("hush"), "claims", "nbf"),
        ("iss", json!("https://hush.example"), "claims", "iss"),
        ("iss", json!(null), "claims", "iss"),
        ("aud", json!("hush"), "claims", "aud"),
        ("aud", json!(["hush"]), "claims", "aud"),
        ("aud", json!(null), "claims", "aud"),
        ("app", json!({"user_id": "hush"}), "user", "app.user_id"),
        ("app", json!(null), "user", "app.user_id"),
    ] {
        let mut claims = good.clone();
        claims[member] = value;
        let (response, line) = ask(&claims).await;
        assert_eq!((&line["reason"], &line["claim"]), (&json!(reason), &json!(claim)), "{claims}");
        assert_eq!(line.get("error"), None, "it is no error of ours");
        let refused = ("reason".into(), reason.into(), vec!["authFailures".into()]);
        assert_eq!(metrics(&line), [refused]);
        assert!(!line.to_string().contains("hush"), "{line}");
        // Not one of its words is a claim's name.
        assert_eq!(response.problem(), (401, "unauthenticated", message));
        details.insert(response.body["detail"].as_str().unwrap().to_owned());
    }
    let claims = json!({"client_id": "hush", "aud": null});
    let mut other = good.clone();
    other.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    let (_, line) = ask(&other).await;
    assert_eq!((&line["reason"], &line["claim"]), (&json!("claims"), &json!("client_id")));
    let expected = [
        "A claim of the token is missing or not accepted.",
        "The token does not name a user.",
        "The token has expired.",
        "The token is not valid yet.",
    ];
    assert_eq!(details, expected.map(str::to_owned).into());

    // A token that is not signed by our key is not looked into.
    fixture.list_with("", &[("authorization", "Bearer x")]).await;
    assert_eq!(fixture.line().get("claim"), None);
}

#[tokio::test]
async fn an_error_is_told_with_its_causes_and_what_was_tried() {
    let fixture = Fixture::new().await;
    fixture.list("limit=ten").await;
    let line = fixture.line();
    assert_eq!((&line["level"], &line["code"]), (&json!("INFO"), &json!("invalid_parameter")));
    assert_eq!(line.get("error"), None, "the caller's errors are not ours");

    let fixture = fixture.without_database().await;
    fixture.list("").await;
    let line = fixture.line();
    assert_eq!((&line["level"], &line["status"]), (&json!("ERROR"), &json!(503)));
    assert_eq!(line["userId"], 3);
    assert!(line["retries"].as_u64().unwrap() > 0, "{line}");
    let error = line["error"].as_str().unwrap();
    assert!(
        error.starts_with("DynamoDB ") && error.contains(" failed: ") && error.len() > 40,
        "{line}"
    );
}
