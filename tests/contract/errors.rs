//! The order of checks, and failures of our own.

use crate::support::{Fixture, GET, LIST, PROJECT};

#[tokio::test]
async fn checks_are_made_in_order_401_400_404_403() {
    let fixture = Fixture::new().await;
    let answer = fixture
        .send(LIST, |event| {
            event["headers"]["authorization"] = "Bearer x".into();
            event["rawQueryString"] = "limit=x".into();
        })
        .await;
    assert_eq!(answer.status, 401);
    assert_eq!(fixture.project("nothing", "nothing", "limit=x").await.status, 400);
    let answer = fixture
        .send(GET, |event| {
            event["pathParameters"]["id"] = "999".into();
            event["rawQueryString"] = "limit=1".into();
        })
        .await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn a_store_that_fails_is_500_with_the_references_message_and_no_inside() {
    let Fixture { api, logger, engine } = Fixture::new().await;
    let endpoint = engine.endpoint();
    engine.stop().await;
    let fixture = Fixture {
        api,
        logger,
        engine: activity_log_local::engine::Engine::in_memory("Resources: {}").await.unwrap(),
    };
    for (event, message) in [
        (LIST, "Failed to retrieve activities"),
        (PROJECT, "Failed to retrieve activities"),
        (GET, "Failed to retrieve activity"),
    ] {
        let answer = fixture.send(event, |_| {}).await;
        assert_eq!(answer.problem(), (500, "internal_error", message));
        let body = answer.body.to_string();
        for inside in [endpoint.as_str(), "DynamoDB", "Query", "Table"] {
            assert!(!body.contains(inside), "{body}");
        }
    }
}
