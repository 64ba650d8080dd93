//! The rows of docs/contract.md on facets and histograms, each by its name, held against the entries
//! that the lists themselves show.

use std::collections::BTreeMap;

use activity_log::NewActivity;
use activity_log::activity::Details;
use activity_log_local::kit::{self, kept, user};
use serde_json::{Value, json};

use crate::support::{Fixture, Response};

/// 2024-02-01T00:00:00Z, in milliseconds; after the reference's examples.
const START: i64 = 1_706_745_600_000;

/// A minute, in milliseconds.
const MINUTE: i64 = 60_000;

/// Records 300 entries of user 3, a minute apart but for a few of the same millisecond: of four types,
/// none among them, and of three actions, in two environments and in none.
async fn record(fixture: &Fixture) {
    let types = [Some("function"), Some("database"), None, Some("a\u{e9}")];
    let mut millis = START;
    let drafts = (0..300_u64).map(|number| {
        let place = usize::try_from(number).unwrap();
        let mut activity = NewActivity::new(["create", "invoke", "sync"][place * place % 3]);
        activity.details = Details {
            resource_type: types[place / 2 % 4].map(str::to_owned),
            project_id: [Some(4), Some(4), Some(7), None][place % 4]
                .and_then(|id| id.try_into().ok()),
            environment_id: [Some(4), Some(5), Some(9), None][place % 4]
                .and_then(|id| id.try_into().ok()),
            ..activity.details
        };
        millis += if number % 7 == 0 { 0 } else { MINUTE };
        kept(activity, kit::millis(millis), None)
    });
    for batch in drafts.collect::<Vec<_>>().chunks(20) {
        fixture.logger.append_drafts(user(3), batch.iter().cloned()).await.unwrap();
    }
}

/// A time in the log, as a parameter.
fn time(minutes: i64) -> String {
    let time = activity_log::time::Timestamp::from_millis(START + minutes * MINUTE).unwrap();
    time.to_string()
}

/// Queries of every kind: scope, range, order and page, without a filter.
fn lists() -> Vec<String> {
    let scopes = ["", "&projectSlug=my-project", "&projectSlug=my-project&environmentSlug=empty"];
    let ranges = [
        String::new(),
        format!("&since={}", time(50)),
        format!("&until={}", time(120)),
        format!("&since={}&until={}", time(10), time(200)),
        format!("&since={}&until={}", time(200), time(10)),
        "&since=2030-01-01T00:00:00Z".to_owned(),
    ];
    let mut lists = Vec::new();
    for scope in scopes {
        for range in &ranges {
            lists.push(format!("{scope}{range}"));
        }
    }
    lists
}

/// Filters of types, and of actions.
const TYPES: [&str; 4] =
    ["", "&resourceType=function,~", "&excludeResourceType=~,database", "&resourceType=a%C3%A9"];
const ACTIONS: [&str; 3] = ["", "&action=create,sync", "&excludeAction=create"];

/// The entries that a list has, all of them.
async fn entries(fixture: &Fixture, query: &str) -> Vec<Value> {
    let all = fixture.list(&format!("limit=1000{query}")).await;
    assert_eq!(all.pagination()["hasMore"], false);
    all.body["data"].as_array().unwrap().clone()
}

/// The values of a field of entries, the most frequent first, then by name, nothing at last.
fn counted(entries: &[Value], field: &str) -> Value {
    let mut counts: BTreeMap<String, (Value, u64)> = BTreeMap::new();
    for entry in entries {
        // A character that no name has, so that nothing comes last.
        let name = entry[field].as_str().unwrap_or("\u{10ffff}").to_owned();
        counts.entry(name).or_insert((entry[field].clone(), 0)).1 += 1;
    }
    let mut counts: Vec<_> = counts.into_values().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let counts = counts.into_iter().map(|(value, count)| json!({"value": value, "count": count}));
    counts.collect()
}

#[tokio::test]
async fn include_facets_counts_each_value_under_the_filter_of_the_other_facet() {
    let fixture = Fixture::new().await;
    record(&fixture).await;
    for list in lists() {
        let mut listed = BTreeMap::new();
        for types in TYPES {
            for actions in ACTIONS {
                let query = format!("{list}{types}{actions}");
                listed.insert((types, actions), entries(&fixture, &query).await);
            }
        }
        for ((types, actions), matching) in &listed {
            let query = format!("limit=0&include=facets{list}{types}{actions}");
            let response = fixture.list(&query).await;
            let expected = json!({
                "resourceType": counted(&listed[&("", *actions)], "resourceType"),
                "action": counted(&listed[&(*types, "")], "action"),
            });
            assert_eq!(response.body["facets"], expected, "{query}");
            assert_eq!(response.body.get("histogram"), None, "{query}");
            assert_eq!(response.pagination()["total"], matching.len(), "{query}");
        }
    }
    // On the other route, beside a page, and where there is nothing to count.
    let whole = fixture.list("include=facets&projectSlug=my-project&environmentSlug=empty").await;
    let path = fixture.project("my-project", "empty", "include=facets&limit=3").await;
    assert_eq!(path.body["facets"], whole.body["facets"]);
    assert_eq!(path.ids().len(), 3);
    let nothing = fixture.list("include=facets&projectSlug=nothing").await;
    assert_eq!(nothing.body["facets"], json!({"resourceType": [], "action": []}));
}

/// What a histogram of `entries` must be between two times.
fn bucketed(entries: &[Value], from: i64, to: i64, buckets: i64) -> Vec<u64> {
    let bound = |part: i64| from + part * (to - from) / buckets;
    let mut counts = vec![0; usize::try_from(buckets).unwrap()];
    for entry in entries.iter().filter(|_| to > from) {
        let time = millis(&entry["createdAt"]);
        let part =
            (0..buckets).find(|part| bound(*part) <= time && time < bound(part + 1)).unwrap();
        counts[usize::try_from(part).unwrap()] += 1;
    }
    counts
}

fn millis(time: &Value) -> i64 {
    time.as_str().unwrap().parse::<activity_log::time::Timestamp>().unwrap().as_millis()
}

#[tokio::test]
async fn include_histogram_counts_the_list_in_equal_parts_of_its_time() {
    let fixture = Fixture::new().await;
    record(&fixture).await;
    for list in lists() {
        let scope = list.split("&since").next().unwrap().split("&until").next().unwrap().to_owned();
        let scope = entries(&fixture, &scope).await;
        let (last, first) = (&scope[0]["createdAt"], &scope[scope.len() - 1]["createdAt"]);
        let bound = |name: &str| {
            let given = list.split('&').find_map(|part| part.strip_prefix(name));
            given.map(|time| millis(&time.into()))
        };
        let from = bound("since=").unwrap_or(millis(first));
        let to = bound("until=").unwrap_or(millis(last) + 1);
        for types in TYPES {
            let query = format!("{list}{types}&action=create,sync");
            let listed = entries(&fixture, &query).await;
            for (buckets, parameter) in
                [(60, ""), (1, "&buckets=1"), (7, "&buckets=7"), (100, "&buckets=100")]
            {
                let response =
                    fixture.list(&format!("limit=0&include=histogram{parameter}{query}")).await;
                let histogram = &response.body["histogram"];
                assert_eq!(
                    (millis(&histogram["from"]), millis(&histogram["to"])),
                    (from, to),
                    "{query}"
                );
                let expected = bucketed(&listed, from, to, buckets);
                assert_eq!(histogram["counts"], json!(expected), "{query} {buckets}");
                assert_eq!(response.body.get("facets"), None);
            }
        }
    }
    let path = fixture.project("my-project", "empty", "include=histogram,facets&buckets=3").await;
    let total: u64 = path.body["histogram"]["counts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|count| count.as_u64().unwrap())
        .sum();
    assert_eq!(path.pagination()["total"], total);
    let empty = json!({"from": null, "to": null, "counts": []});
    for query in ["projectSlug=nothing", "projectSlug=nothing&since=2024-01-01T00:00:00Z"] {
        let nothing = fixture.list(&format!("include=histogram&{query}")).await;
        assert_eq!(nothing.body["histogram"], empty, "{query}");
    }
    // Finer than a millisecond counts.
    let finer = fixture.list("include=histogram&buckets=1&since=2024-02-01T00:00:00.0001Z").await;
    assert_eq!(finer.body["histogram"]["from"], "2024-02-01T00:00:00.001Z");
}

#[tokio::test]
async fn buckets_are_1_to_100_and_mean_nothing_without_a_histogram() {
    let fixture = Fixture::new().await;
    for query in [
        "include=histogram&buckets=0",
        "include=histogram&buckets=101",
        "include=histogram&buckets=many",
        "include=facets&buckets=10",
        "buckets=10",
    ] {
        for response in fixture.both(query).await {
            assert_eq!(response.problem().0, 400, "{query}");
            assert_eq!(response.body["parameter"], "buckets", "{query}");
        }
    }
}

#[tokio::test]
async fn facets_and_histograms_are_given_in_json_alone() {
    let fixture = Fixture::new().await;
    let ask = async |include: &str, accept: &str| -> Response {
        fixture.list_with(&format!("include={include}"), &[("accept", accept)]).await
    };
    for include in ["facets", "histogram", "client,facets"] {
        for accept in ["text/csv", "application/x-ndjson"] {
            assert_eq!(ask(include, accept).await.problem().1, "not_acceptable", "{include}");
        }
        let response = ask(include, "text/csv, application/json;q=0.1").await;
        assert_eq!(response.header("content-type"), Some("application/json"), "{include}");
    }
    assert_eq!(ask("client", "text/csv").await.status, 200);
    // One entry has neither.
    for include in ["facets", "histogram", "client,facets"] {
        let query = format!("include={include}");
        let response = fixture
            .send(crate::support::GET, |event| event["rawQueryString"] = query.clone().into())
            .await;
        assert_eq!(response.problem().0, 400, "{include}");
        assert_eq!(response.body["parameter"], "include", "{include}");
    }
}
