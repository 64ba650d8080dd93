//! `GET /api/activities/{id}`.

use serde_json::json;

use crate::support::{Fixture, bearer, first_example, user};

#[tokio::test]
async fn an_entry_is_answered_as_in_the_reference() {
    let fixture = Fixture::new().await;
    let answer = fixture.get("1").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
    let expected = json!({"message": "Activity retrieved successfully", "data": first_example()});
    assert_eq!(answer.body, expected);
}

#[tokio::test]
async fn an_id_that_is_no_integer_from_1_to_2_53_minus_1_is_400() {
    let fixture = Fixture::new().await;
    for id in ["0", "-1", "1.0", "01", "+1", "abc", " 1", "1e3", "9007199254740992", "", "٣"] {
        let answer = fixture.get(id).await;
        let problem = (400, "invalid_activity_id", "Invalid activity ID");
        assert_eq!(answer.problem(), problem, "{id:?}");
        assert_eq!(answer.body["parameter"], "id");
    }
    assert_eq!(fixture.get("9007199254740991").await.status, 404);
}

#[tokio::test]
async fn an_id_that_does_not_exist_is_404() {
    let fixture = Fixture::new().await;
    let answer = fixture.get("999").await;
    assert_eq!(answer.problem(), (404, "activity_not_found", "Activity entry not found"));
}

#[tokio::test]
async fn another_users_id_is_403() {
    let fixture = Fixture::new().await;
    let answer = fixture.get("3").await;
    let message = "Activity entry does not belong to the authenticated user";
    assert_eq!(answer.problem(), (403, "not_your_activity", message));
    let theirs = fixture
        .send(crate::support::GET, |event| {
            event["headers"]["authorization"] = bearer(8).into();
            event["pathParameters"]["id"] = "3".into();
        })
        .await;
    assert_eq!((theirs.status, &theirs.body["data"]["userId"]), (200, &json!(8)));
}

#[tokio::test]
async fn what_has_no_name_any_more_is_null_and_every_field_is_there() {
    let fixture = Fixture::new().await;
    let recorded = fixture.logger.append(user(77), activity_log::NewActivity::new("sync")).await;
    let id = recorded.unwrap().activity.id.to_string();
    let answer = fixture
        .send(crate::support::GET, |event| {
            event["headers"]["authorization"] = bearer(77).into();
            event["pathParameters"]["id"] = id.into();
        })
        .await;
    let data = answer.body["data"].as_object().unwrap();
    let names: Vec<&str> = data.keys().map(String::as_str).collect();
    let mut expected: Vec<String> = first_example().as_object().unwrap().keys().cloned().collect();
    expected.sort();
    assert_eq!(names, expected);
    for name in ["projectId", "environmentId", "user", "project", "environment", "resourceType"] {
        assert!(data[name].is_null(), "{name}");
    }
}
