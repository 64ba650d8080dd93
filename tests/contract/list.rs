//! Both list routes.

use serde_json::json;

use crate::support::{Fixture, first_example};

fn pagination(total: u64, limit: u64, offset: u64, more: bool) -> serde_json::Value {
    json!({"total": total, "limit": limit, "offset": offset, "hasMore": more})
}

#[tokio::test]
async fn a_list_is_answered_as_in_the_reference_newest_first() {
    let fixture = Fixture::new().await;
    let answer = fixture.list("").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.body["message"], "Activities retrieved successfully");
    assert_eq!(answer.ids(), [2, 1]);
    assert_eq!(answer.body["data"][1], first_example());
    assert_eq!(answer.body["pagination"], pagination(2, 100, 0, false));
}

#[tokio::test]
async fn the_references_example_requests_are_answered() {
    let fixture = Fixture::new().await;
    for (query, ids) in [
        ("", vec![2, 1]),
        ("resourceType=function&action=create&limit=50", vec![1]),
        ("projectSlug=my-project", vec![2, 1]),
        ("projectSlug=my-project&environmentSlug=production", vec![2, 1]),
        ("limit=20&offset=40", vec![]),
        ("resourceType=function", vec![2, 1]),
        ("action=create", vec![1]),
        (
            "resourceType=function&action=create&projectSlug=my-project&\
             environmentSlug=production&limit=50",
            vec![1],
        ),
        ("limit=100&offset=0", vec![2, 1]),
        ("limit=100&offset=100", vec![]),
    ] {
        assert_eq!(fixture.list(query).await.ids(), ids, "{query}");
    }
    let answer = fixture.project("my-project", "production", "").await;
    assert_eq!(answer.ids(), [2, 1]);
    let answer =
        fixture.project("my-project", "production", "resourceType=function&action=create").await;
    assert_eq!(answer.ids(), [1]);
}

#[tokio::test]
async fn limit_is_100_by_default_1000_at_most_and_0_for_the_total_alone() {
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
        for answer in
            [fixture.list(query).await, fixture.project("my-project", "production", query).await]
        {
            assert_eq!(answer.ids().len(), count, "{query}");
            assert_eq!(answer.body["pagination"], pagination(1_102, limit, 0, true), "{query}");
        }
    }
}

#[tokio::test]
async fn an_offset_past_the_end_is_an_empty_page_with_the_true_total() {
    let fixture = Fixture::new().await;
    for (query, ids, offset, more) in [
        ("offset=0&limit=1", vec![2], 0, true),
        ("offset=1&limit=1", vec![1], 1, false),
        ("offset=2&limit=1", vec![], 2, false),
        ("offset=500&limit=1", vec![], 500, false),
        ("offset=9007199254740991&limit=1", vec![], 9_007_199_254_740_991, false),
    ] {
        let answer = fixture.list(query).await;
        assert_eq!(answer.ids(), ids, "{query}");
        assert_eq!(answer.body["pagination"], pagination(2, 1, offset, more), "{query}");
    }
}

#[tokio::test]
async fn pages_side_by_side_are_the_whole_log() {
    let fixture = Fixture::new().await;
    let mut expected: Vec<u64> =
        fixture.record(250).await.iter().rev().map(|activity| activity.id.get()).collect();
    expected.extend([2, 1]);
    let mut walked = Vec::new();
    for offset in (0..252).step_by(23) {
        let answer = fixture.list(&format!("limit=23&offset={offset}")).await;
        assert_eq!(answer.body["pagination"]["hasMore"], offset + 23 < 252);
        walked.extend(answer.ids());
    }
    assert_eq!(walked, expected);
}

#[tokio::test]
async fn limit_and_offset_that_are_no_counts_are_400() {
    let fixture = Fixture::new().await;
    for name in ["limit", "offset"] {
        for value in ["-1", "1.5", "ten", "%2B1", "1e2", "%20", "0x10", "NaN"] {
            let query = format!("{name}={value}");
            for answer in [
                fixture.list(&query).await,
                fixture.project("my-project", "production", &query).await,
            ] {
                let (status, code, message) = answer.problem();
                assert_eq!((status, code), (400, "invalid_parameter"), "{query}");
                assert!(message.contains(name), "{message}");
                assert_eq!(answer.body["parameter"], name);
            }
        }
    }
}

#[tokio::test]
async fn an_unknown_slug_in_a_filter_is_an_empty_page() {
    let fixture = Fixture::new().await;
    for query in [
        "projectSlug=nothing",
        "projectSlug=theirs",
        "projectSlug=My-Project",
        "projectSlug=my-project&environmentSlug=nothing",
    ] {
        let answer = fixture.list(&format!("{query}&offset=3")).await;
        assert_eq!((answer.status, answer.ids()), (200, vec![]), "{query}");
        assert_eq!(answer.body["pagination"], pagination(0, 100, 3, false), "{query}");
    }
}

#[tokio::test]
async fn an_environment_without_a_project_is_400() {
    let fixture = Fixture::new().await;
    let answer = fixture.list("environmentSlug=production").await;
    assert_eq!(answer.problem().1, "invalid_parameter");
    assert_eq!(answer.body["parameter"], "environmentSlug");
    assert_eq!(fixture.list("environmentSlug=").await.status, 200);
}

#[tokio::test]
async fn an_unknown_or_foreign_project_or_environment_in_the_path_is_one_and_the_same_404() {
    let fixture = Fixture::new().await;
    for (project, environment) in [
        ("nothing", "production"),
        ("my-project", "nothing"),
        ("theirs", "production"),
        ("My-Project", "production"),
        ("", ""),
    ] {
        let answer = fixture.project(project, environment, "").await;
        let message = "Project or environment not found";
        assert_eq!(answer.problem(), (404, "project_or_environment_not_found", message));
    }
    let empty = fixture.project("my-project", "empty", "").await;
    assert_eq!((empty.status, empty.ids()), (200, vec![]));
}

#[tokio::test]
async fn an_unknown_parameter_or_one_given_twice_is_400_and_named() {
    let fixture = Fixture::new().await;
    for (query, parameter) in [
        ("page=2", "page"),
        ("Limit=2", "Limit"),
        ("limit=2&limit=2", "limit"),
        ("action=create&action=", "action"),
        ("limit=%ZZ", "limit"),
        ("action=%FF", "action"),
    ] {
        let answer = fixture.list(query).await;
        assert_eq!(answer.problem().0, 400, "{query}");
        assert_eq!(answer.body["parameter"], parameter, "{query}");
    }
    // What is in the path is not a parameter of the query.
    let answer = fixture.project("my-project", "production", "projectSlug=my-project").await;
    assert_eq!(answer.body["parameter"], "projectSlug");
}

#[tokio::test]
async fn slugs_and_filters_are_decoded_once_and_compared_exactly() {
    let fixture = Fixture::new().await;
    let odd = activity_log::NewActivity::new("sync")
        .environment(7.try_into().unwrap(), 9.try_into().unwrap());
    fixture.logger.append(crate::support::user(3), odd).await.unwrap();
    for (query, total) in [
        ("projectSlug=a%2Bb+%252F+%C3%A9", 1),
        ("projectSlug=a%2Bb%20%252F%20%C3%A9&environmentSlug=x%2Fy", 1),
        ("projectSlug=a%2Bb%20%2F%20%C3%A9", 0),
        ("action=Create", 0),
        ("action=creat", 0),
        ("resourceType=function%20", 0),
        ("action=nothing-has-this", 0),
    ] {
        let answer = fixture.list(query).await;
        assert_eq!(answer.body["pagination"]["total"], total, "{query}");
    }
    // Longer than any key of DynamoDB can be.
    for name in ["action", "resourceType", "projectSlug"] {
        let answer = fixture.list(&format!("{name}={}", "x".repeat(4_000))).await;
        assert_eq!(
            (answer.status, &answer.body["pagination"]["total"]),
            (200, &json!(0)),
            "{name}"
        );
    }
    // API Gateway has decoded the path already.
    let answer = fixture.project("a+b %2F é", "x/y", "").await;
    assert_eq!(answer.body["pagination"]["total"], 1);
}
