//! Who is calling.

use serde_json::Value;

use crate::support::{Fixture, GET, LIST, PROJECT, bearer};

const MESSAGE: &str = "Missing or invalid authentication token";

#[tokio::test]
async fn without_a_token_every_route_is_401_and_asks_for_one() {
    let fixture = Fixture::new().await;
    for event in [LIST, PROJECT, GET] {
        for header in [None, Some(""), Some("Basic dTpw"), Some("Bearer")] {
            let answer = fixture
                .send(event, |event| {
                    let headers = event["headers"].as_object_mut().unwrap();
                    match &header {
                        None => headers.remove("authorization"),
                        Some(header) => headers.insert("authorization".into(), (*header).into()),
                    };
                })
                .await;
            assert_eq!(answer.problem(), (401, "unauthenticated", MESSAGE), "{header:?}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{header:?}");
        }
    }
}

#[tokio::test]
async fn a_bad_token_is_401_and_the_answer_does_not_say_why() {
    let fixture = Fixture::new().await;
    let good = bearer(3);
    let (unsigned, _) = good.rsplit_once('.').unwrap();
    for token in [format!("{unsigned}."), format!("{unsigned}.AAAA"), "Bearer x".to_owned()] {
        for event in [LIST, PROJECT, GET] {
            let answer = fixture
                .send(event, |event| event["headers"]["authorization"] = token.clone().into())
                .await;
            assert_eq!(answer.problem(), (401, "unauthenticated", MESSAGE));
            let challenge =
                r#"Bearer error="invalid_token", error_description="the token is not valid""#;
            assert_eq!(answer.header("www-authenticate"), Some(challenge));
            assert_eq!(answer.body["detail"], "The token is not valid.");
        }
    }
}

#[tokio::test]
async fn the_user_comes_from_the_token_alone() {
    let fixture = Fixture::new().await;
    let answer = fixture
        .send(LIST, |event| {
            event["headers"]["authorization"] = bearer(8).into();
            event["rawQueryString"] = "".into();
        })
        .await;
    assert_eq!(answer.ids(), [3]);
    let answer = fixture.list("userId=8").await;
    assert_eq!((answer.status, &answer.body["parameter"]), (400, &Value::from("userId")));
}
