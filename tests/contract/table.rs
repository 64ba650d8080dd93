//! The rows of the first table of docs/contract.md, each by its name.

use activity_log_local::kit::user;
use serde_json::{Value, json};

use crate::support::{Fixture, GET, LIST, PROJECT, bearer, first_example};

const UNAUTHENTICATED: &str = "Missing or invalid authentication token";

fn pagination(total: u64, limit: u64, offset: u64, more: bool) -> Value {
    json!({"total": total, "limit": limit, "offset": offset, "hasMore": more})
}

/// The pagination of a response, without its cursor, which is there if and only if it must be.
fn paged(response: &crate::support::Response) -> Value {
    let mut pagination = response.pagination().clone();
    let cursor = pagination.as_object_mut().unwrap().remove("nextCursor");
    let leads_on = pagination["hasMore"] == true && pagination["limit"] != 0;
    assert_eq!(cursor.is_some(), leads_on, "{pagination}");
    pagination
}

#[tokio::test]
async fn order_of_checks_is_401_405_400_406_404_403() {
    type Fault<'a> = (&'a str, &'a dyn Fn(&mut Value));
    let fixture = Fixture::new().await;
    // Each request has every fault from some point on, and is answered with the first.
    let faults: [Fault; 6] = [
        ("401", &|event| event["headers"]["authorization"] = "Bearer x".into()),
        ("405", &|event| event["requestContext"]["http"]["method"] = "POST".into()),
        ("400", &|event| event["rawQueryString"] = "limit=x&include=x".into()),
        ("406", &|event| event["headers"]["accept"] = "text/html".into()),
        ("404", &|event| {
            let nowhere = json!({"projectSlug": "x", "environmentSlug": "x", "id": "999"});
            event["pathParameters"] = nowhere;
        }),
        ("403", &|event| event["pathParameters"] = json!({"id": "3"})),
    ];
    for event in [LIST, PROJECT, GET] {
        for first in 0..faults.len() {
            let (status, _) = faults[first];
            let applies = match status {
                "404" => event != LIST,
                "403" => event == GET,
                _ => true,
            };
            if applies {
                let response = fixture
                    .send(event, |event| {
                        // The later ones first, so that a 404 is not undone by a 403.
                        for (_, fault) in faults[first..].iter().rev() {
                            fault(event);
                        }
                    })
                    .await;
                assert_eq!(response.problem().0.to_string(), status, "{response:?}");
            }
        }
    }
}

#[tokio::test]
async fn status_401_asks_for_a_token_and_does_not_say_why_one_is_bad() {
    let fixture = Fixture::new().await;
    for event in [LIST, PROJECT, GET] {
        for header in [None, Some(""), Some("Basic dTpw"), Some("Bearer"), Some("Bearer ")] {
            let response = fixture
                .send(event, |event| {
                    let headers = event["headers"].as_object_mut().unwrap();
                    match &header {
                        None => headers.remove("authorization"),
                        Some(header) => headers.insert("authorization".into(), (*header).into()),
                    };
                })
                .await;
            assert_eq!(response.problem(), (401, "unauthenticated", UNAUTHENTICATED), "{header:?}");
            assert_eq!(response.header("www-authenticate"), Some("Bearer"), "{header:?}");
        }
        let good = bearer(3);
        let (unsigned, _) = good.rsplit_once('.').unwrap();
        for token in [format!("{unsigned}."), format!("{unsigned}.AAAA"), "Bearer x".to_owned()] {
            let response = fixture
                .send(event, |event| event["headers"]["authorization"] = token.clone().into())
                .await;
            assert_eq!(response.problem(), (401, "unauthenticated", UNAUTHENTICATED));
            let challenge =
                r#"Bearer error="invalid_token", error_description="the token is not valid""#;
            assert_eq!(response.header("www-authenticate"), Some(challenge));
            assert_eq!(response.body["detail"], "The token is not valid.");
        }
    }
}

#[tokio::test]
async fn error_body_is_a_problem_document_and_a_500_says_nothing_of_the_inside() {
    let fixture = Fixture::new().await.with_a_broken_entry().await;
    let endpoint = fixture.engine.endpoint();
    for (event, message) in [
        (LIST, "Failed to retrieve activities"),
        (PROJECT, "Failed to retrieve activities"),
        (GET, "Failed to retrieve activity"),
    ] {
        let response = fixture.send(event, |_| {}).await;
        assert_eq!(response.problem(), (500, "internal_error", message));
        let expected = json!({
            "type": "about:blank",
            "title": "Internal Server Error",
            "status": 500,
            "detail": message,
            "message": message,
            "code": "internal_error",
            "requestId": "JKJaXmPLvHcESHA=",
        });
        assert_eq!(response.body, expected);
        for inside in [endpoint.as_str(), "DynamoDB", "Query", "Table"] {
            assert!(!response.text.contains(inside), "{response:?}");
        }
    }
}

#[tokio::test]
async fn what_may_succeed_when_it_is_sent_again_is_503_and_says_when() {
    let fixture = Fixture::new().await;
    let endpoint = fixture.engine.endpoint();
    let fixture = fixture.without_database().await;
    for (event, message) in [
        (LIST, "Failed to retrieve activities"),
        (PROJECT, "Failed to retrieve activities"),
        (GET, "Failed to retrieve activity"),
    ] {
        let response = fixture.send(event, |_| {}).await;
        assert_eq!(response.problem(), (503, "unavailable", message));
        assert_eq!(response.header("retry-after"), Some("2"));
        for inside in [endpoint.as_str(), "DynamoDB", "Query", "Table"] {
            assert!(!response.text.contains(inside), "{response:?}");
        }
    }
}

#[tokio::test]
async fn list_limit_is_100_by_default_1000_at_most_and_0_for_the_total_alone() {
    let fixture = Fixture::new().await;
    fixture.record(1_100).await;
    for (query, count, limit) in [
        ("", 100, 100),
        ("limit=", 100, 100),
        ("limit=7", 7, 7),
        ("limit=1000", 1_000, 1_000),
        ("limit=1001", 1_000, 1_000),
        ("limit=99999999999999999999999", 1_000, 1_000),
        ("limit=0", 0, 0),
    ] {
        for response in fixture.both(query).await {
            assert_eq!(response.ids().len(), count, "{query}");
            assert_eq!(paged(&response), pagination(1_102, limit, 0, true), "{query}");
        }
    }
    no_count_is_400(&fixture, "limit").await;
}

#[tokio::test]
async fn list_offset_past_the_end_is_an_empty_page_with_the_true_total() {
    let fixture = Fixture::new().await;
    for (query, ids, offset, more) in [
        ("limit=1", vec![2], 0, true),
        ("offset=0&limit=1", vec![2], 0, true),
        ("offset=1&limit=1", vec![1], 1, false),
        ("offset=2&limit=1", vec![], 2, false),
        ("offset=500&limit=1", vec![], 500, false),
        ("offset=9007199254740991&limit=1", vec![], 9_007_199_254_740_991, false),
    ] {
        for response in fixture.both(query).await {
            assert_eq!(response.ids(), ids, "{query}");
            assert_eq!(paged(&response), pagination(2, 1, offset, more), "{query}");
        }
    }
    no_count_is_400(&fixture, "offset").await;
    assert_eq!(fixture.list("offset=9007199254740992").await.body["parameter"], "offset");
}

async fn no_count_is_400(fixture: &Fixture, name: &str) {
    for value in ["-1", "1.5", "ten", "%2B1", "1e2", "%20", "+1", "0x10", "NaN", "%D9%A3"] {
        let query = format!("{name}={value}");
        for response in fixture.both(&query).await {
            let (status, code, message) = response.problem();
            assert_eq!((status, code), (400, "invalid_parameter"), "{query}");
            assert!(message.contains(name), "{message}");
            assert_eq!(response.body["parameter"], name);
        }
    }
}

#[tokio::test]
async fn list_unknown_project_or_environment_slug_is_an_empty_page() {
    let fixture = Fixture::new().await;
    for query in [
        "projectSlug=nothing",
        "projectSlug=theirs",
        "projectSlug=My-Project",
        "projectSlug=my-project&environmentSlug=nothing",
        "projectSlug=theirs&environmentSlug=production",
    ] {
        let response = fixture.list(&format!("{query}&offset=3")).await;
        assert_eq!((response.status, response.ids()), (200, vec![]), "{query}");
        assert_eq!(paged(&response), pagination(0, 100, 3, false), "{query}");
    }
}

#[tokio::test]
async fn list_environment_slug_without_project_slug_is_400() {
    let fixture = Fixture::new().await;
    let response = fixture.list("environmentSlug=production").await;
    assert_eq!(response.problem().1, "invalid_parameter");
    assert_eq!(response.body["parameter"], "environmentSlug");
    assert_eq!(fixture.list("environmentSlug=production&projectSlug=").await.status, 400);
    assert_eq!(fixture.list("environmentSlug=").await.status, 200);
}

#[tokio::test]
async fn path_route_unknown_project_or_environment_or_not_the_callers_is_one_and_the_same_404() {
    let fixture = Fixture::new().await;
    for (project, environment) in [
        ("nothing", "production"),
        ("my-project", "nothing"),
        ("theirs", "production"),
        ("My-Project", "production"),
        ("", ""),
    ] {
        let response = fixture.project(project, environment, "").await;
        let message = "Project or environment not found";
        assert_eq!(response.problem(), (404, "project_or_environment_not_found", message));
        assert_eq!(response.body["detail"], message);
    }
    let empty = fixture.project("my-project", "empty", "").await;
    assert_eq!((empty.status, empty.ids()), (200, vec![]));
}

#[tokio::test]
async fn unknown_query_parameter_or_one_given_twice_is_400_and_named() {
    let fixture = Fixture::new().await;
    for (query, parameter) in [
        ("page=2", "page"),
        ("Limit=2", "Limit"),
        ("limit=2&limit=2", "limit"),
        ("action=create&action=", "action"),
        ("since=&since=", "since"),
        ("limit=%ZZ", "limit"),
        ("action=%FF", "action"),
        ("userId=8", "userId"),
        ("=2", ""),
    ] {
        for response in fixture.both(query).await {
            assert_eq!(response.problem().1, "invalid_parameter", "{query}");
            assert_eq!(response.body["parameter"], parameter, "{query}");
        }
    }
    for response in fixture.both("limit=1&_=1441835249458&_=2").await {
        assert_eq!((response.status, response.ids().len()), (200, 1), "against caches");
        assert!(!response.header("link").unwrap().contains("_="));
    }
    // What is in the path is not a parameter of the query.
    let response = fixture.project("my-project", "production", "projectSlug=my-project").await;
    assert_eq!(response.body["parameter"], "projectSlug");
    let response = fixture.send(GET, |event| event["rawQueryString"] = "limit=1".into()).await;
    assert_eq!((response.status, &response.body["parameter"]), (400, &"limit".into()));
    // An empty value counts as absent.
    let names = "limit=&offset=&cursor=&resourceType=&action=&since=&until=&order=&include=";
    assert_eq!(fixture.list(names).await.ids(), [2, 1]);
}

#[tokio::test]
async fn get_id_not_an_integer_from_1_to_2_53_minus_1_is_400() {
    let fixture = Fixture::new().await;
    for id in ["0", "-1", "1.0", "01", "+1", "abc", " 1", "1e3", "9007199254740992", "", "٣"] {
        let response = fixture.get(id).await;
        let problem = (400, "invalid_activity_id", "Invalid activity ID");
        assert_eq!(response.problem(), problem, "{id:?}");
        assert_eq!(response.body["parameter"], "id");
    }
    assert_eq!(fixture.get("9007199254740991").await.status, 404);
}

#[tokio::test]
async fn get_another_users_id_is_403_and_one_that_does_not_exist_is_404() {
    let fixture = Fixture::new().await;
    let response = fixture.get("3").await;
    let message = "Activity entry does not belong to the authenticated user";
    assert_eq!(response.problem(), (403, "not_your_activity", message));
    let theirs = fixture
        .send(GET, |event| {
            event["headers"]["authorization"] = bearer(8).into();
            event["pathParameters"]["id"] = "3".into();
        })
        .await;
    assert_eq!((theirs.status, &theirs.body["data"]["userId"]), (200, &json!(8)));
    let response = fixture.get("999").await;
    assert_eq!(response.problem(), (404, "activity_not_found", "Activity entry not found"));
}

#[tokio::test]
async fn slugs_are_decoded_once_and_compared_exactly() {
    let fixture = Fixture::new().await;
    let odd = activity_log::NewActivity::new("sync")
        .environment(7.try_into().unwrap(), 9.try_into().unwrap());
    fixture.logger.append(user(3), odd).await.unwrap();
    for (query, total) in [
        ("projectSlug=a%2Bb+%252F+%C3%A9", 1),
        ("projectSlug=a%2Bb%20%252F%20%C3%A9&environmentSlug=x%2Fy%3Fz%23", 1),
        ("projectSlug=a%2Bb%20%2F%20%C3%A9", 0),
        ("projectSlug=a%2Bb%20%252F%20e", 0),
        ("projectSlug=MY-PROJECT", 0),
        ("projectSlug=my-project%20", 0),
    ] {
        assert_eq!(fixture.list(query).await.pagination()["total"], total, "{query}");
    }
    // API Gateway has decoded the path already.
    let response = fixture.project("a+b %2F é", "x/y?z#", "").await;
    assert_eq!(response.pagination()["total"], 1);
    assert_eq!(fixture.project("a%2Bb %252F é", "x/y?z#", "").await.status, 404);
}

#[tokio::test]
async fn filters_are_compared_exactly_and_a_value_nothing_has_is_an_empty_page() {
    let fixture = Fixture::new().await;
    for (query, total) in [
        ("action=create", 1),
        ("action=Create", 0),
        ("action=creat", 0),
        ("action=create%20", 0),
        ("resourceType=function", 2),
        ("resourceType=Function", 0),
        ("resourceType=function&action=invoke", 1),
        ("resourceType=database&action=invoke", 0),
        ("action=nothing-has-this", 0),
        ("action=%00", 0),
        ("action=%F0%9F%98%80", 0),
    ] {
        for response in fixture.both(query).await {
            assert_eq!(response.pagination()["total"], total, "{query}");
        }
    }
    // Longer than any key of DynamoDB can be.
    for name in ["action", "resourceType"] {
        for response in fixture.both(&format!("{name}={}", "x".repeat(4_000))).await {
            assert_eq!((response.status, response.pagination()["total"].as_u64()), (200, Some(0)));
        }
    }
}

#[tokio::test]
async fn data_order_is_newest_first() {
    let fixture = Fixture::new().await;
    let recorded = fixture.record(250).await;
    let mut expected: Vec<u64> = recorded.iter().rev().map(|entry| entry.id.get()).collect();
    expected.extend([2, 1]);
    let mut walked = Vec::new();
    for offset in (0..252).step_by(23) {
        for response in fixture.both(&format!("limit=23&offset={offset}")).await {
            assert_eq!(response.pagination()["hasMore"], offset + 23 < 252);
            walked.push(response.ids());
        }
    }
    // Pages side by side are the whole log, on both routes.
    let side_by_side = |route: usize| walked.iter().skip(route).step_by(2).flatten().copied();
    assert!(side_by_side(0).eq(expected.iter().copied()));
    assert!(side_by_side(1).eq(expected));
}

#[tokio::test]
async fn nulls_stand_for_what_is_not_there_and_every_field_is() {
    let fixture = Fixture::new().await;
    let recorded = fixture.logger.append(user(77), activity_log::NewActivity::new("sync")).await;
    let id = recorded.unwrap().activity.id;
    let as_77 = |event: &mut Value| {
        event["headers"]["authorization"] = bearer(77).into();
        event["rawQueryString"] = "".into();
        event["pathParameters"]["id"] = id.to_string().into();
    };
    let entry = fixture.send(GET, as_77).await.body["data"].clone();
    let created_at = entry["createdAt"].clone();
    let expected = json!({
        "id": id.get(), "userId": 77, "projectId": null, "environmentId": null, "user": null,
        "project": null, "environment": null, "resourceType": null, "resourceId": null,
        "action": "sync", "description": null, "metadata": null, "createdAt": created_at,
    });
    assert_eq!(entry, expected);
    assert_eq!(fixture.send(LIST, as_77).await.body["data"], json!([expected]));
    let names = |entry: &Value| entry.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&entry), names(&first_example()));
}
