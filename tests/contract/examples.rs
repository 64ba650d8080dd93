//! The examples of openapi.yaml and of the reference: requests, and their responses.

use std::collections::BTreeSet;

use activity_log::activity::FIELDS;
use activity_log::api::Route;
use activity_log::api::routes::ROUTES;
use activity_log_local::kit::user;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::support::{Fixture, Response, add_headers, event_of, first_example};

const EXAMPLES: &str = include_str!("../../docs/api.md");

/// An example of openapi.yaml.
struct Example {
    /// The status it is an example of.
    status: u16,
    /// The media type it is an example of.
    media_type: String,
    /// The request and its response.
    content: Value,
}

/// Every example below `node`, which is a part of responses.
fn collect(node: &Value, status: Option<u16>, media_type: &str, found: &mut Vec<Example>) {
    match node {
        Value::Object(members) if members.contains_key("x-request") => {
            let stated = members["value"]["status"].as_u64();
            let status = status.or_else(|| stated?.try_into().ok()).unwrap();
            let media_type = media_type.to_owned();
            found.push(Example { status, media_type, content: node.clone() });
        }
        Value::Object(members) => {
            for (name, member) in members {
                let status = name.parse().ok().filter(|code| *code >= 100).or(status);
                let is_media_type = name.contains('/') && !name.starts_with('/');
                collect(member, status, if is_media_type { name } else { media_type }, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                collect(item, status, media_type, found);
            }
        }
        _ => {}
    }
}

/// The route of a path and its parameters, decoded, as API Gateway finds them: of two routes, the one that
/// has more of the path written out.
fn routed(path: &str) -> (&'static Route, Value) {
    let given: Vec<&str> = path.split('/').collect();
    let found = ROUTES.into_iter().filter_map(|route| {
        let mut parameters = serde_json::Map::new();
        let parts: Vec<&str> = route.path.split('/').collect();
        let is_it = parts.len() == given.len()
            && parts.iter().zip(&given).all(|(part, given)| match part.strip_prefix('{') {
                Some(name) => {
                    let value = percent_decode_str(given).decode_utf8().unwrap();
                    parameters.insert(name.trim_end_matches('}').to_owned(), value.into());
                    true
                }
                None => part == given,
            });
        is_it.then_some((route, parameters))
    });
    let (route, parameters) = found.min_by_key(|(_, parameters)| parameters.len()).expect(path);
    (route, parameters.into())
}

/// Sends what an example says is sent.
async fn ask(fixture: &Fixture, example: &Value) -> Response {
    let (method, target) = example["x-request"].as_str().unwrap().split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (route, parameters) = routed(path);
    fixture
        .send(&event_of(route.function), |event| {
            event["requestContext"]["http"]["method"] = method.into();
            event["rawPath"] = path.into();
            event["rawQueryString"] = query.into();
            event["pathParameters"] = parameters;
            if example["x-anonymous"] == true {
                event["headers"].as_object_mut().unwrap().remove("authorization");
            }
            for (name, value) in example["x-headers"].as_object().into_iter().flatten() {
                add_headers(event, &[(&name.to_ascii_lowercase(), value.as_str().unwrap())]);
            }
        })
        .await
}

fn openapi() -> Value {
    serde_saphyr::from_str(include_str!("../../openapi.yaml")).unwrap()
}

/// The names of the members of an object.
fn names(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The texts of a list.
fn listed(list: &Value) -> BTreeSet<&str> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

#[tokio::test]
async fn openapi_yaml_has_every_route_and_every_field_of_an_entry() {
    let document = openapi();
    let paths = BTreeSet::from(ROUTES.map(|route| route.path));
    assert_eq!(names(&document["paths"]), paths);
    let entry = &document["components"]["schemas"]["Activity"];
    let others = ["id", "userId", "user", "project", "environment", "createdAt"];
    let all: BTreeSet<&str> = FIELDS.iter().map(|field| field.name).chain(others).collect();
    assert_eq!(names(&entry["properties"]), all);
    // Those of the client come together, and are there only where they are asked for.
    let of_client = FIELDS.iter().filter(|field| field.is_of_client);
    let of_client: BTreeSet<&str> = of_client.map(|field| field.name).collect();
    let always = &all - &of_client;
    assert_eq!(listed(&entry["required"]), always);
    assert_eq!(names(&entry["dependentRequired"]), of_client);
    for field in &of_client {
        let others = &of_client - &BTreeSet::from([*field]);
        assert_eq!(listed(&entry["dependentRequired"][*field]), others, "{field}");
    }
    let fixture = Fixture::new().await;
    for (query, shown) in [("", always), ("?include=client", all)] {
        let example = json!({"x-request": format!("GET /api/activities/1{query}")});
        let response = ask(&fixture, &example).await;
        assert_eq!(names(&response.body["data"]), shown, "{query}");
    }
}

#[tokio::test]
async fn openapi_yaml_has_every_query_parameter_that_a_route_reads() {
    let document = openapi();
    let fixture = Fixture::new().await;
    for route in ROUTES {
        let response = fixture
            .send(&event_of(route.function), |event| event["rawQueryString"] = "unknown=1".into())
            .await;
        let (_, known) = response.problem().2.split_once("known are ").unwrap();
        let declared = document["paths"][route.path]["get"]["parameters"].as_array().unwrap();
        let declared = declared.iter().map(|parameter| match parameter["$ref"].as_str() {
            Some(place) => document.pointer(place.trim_start_matches('#')).unwrap(),
            None => parameter,
        });
        let of_query = declared.filter(|parameter| parameter["in"] == "query");
        let declared: BTreeSet<&str> =
            of_query.map(|parameter| parameter["name"].as_str().unwrap()).collect();
        assert_eq!(declared, known.split(", ").collect(), "{}", route.path);
        let missing = known.split(", ").find(|name| !EXAMPLES.contains(&format!("`{name}`")));
        assert_eq!(missing, None, "docs/api.md");
    }
}

#[tokio::test]
async fn every_example_of_openapi_yaml_is_what_is_answered() {
    let document = openapi();
    let mut examples = Vec::new();
    for part in [&document["paths"], &document["components"]["responses"]] {
        collect(part, None, "", &mut examples);
    }
    let statuses: BTreeSet<u16> = examples.iter().map(|example| example.status).collect();
    assert!(
        statuses.iter().eq(&[200, 400, 401, 403, 404, 405, 406, 409, 500, 503]),
        "{statuses:?}"
    );
    let working = Fixture::new().await;
    let failing = Fixture::new().await.without_database().await;
    let broken = Fixture::new().await.with_a_broken_entry().await;
    let erased = Fixture::new().await;
    erased.api.store.erase(user(3)).await.unwrap();
    for Example { status, media_type, content } in examples {
        let fixture = match ["x-store-down", "x-entry-broken", "x-log-erased"]
            .into_iter()
            .find(|flag| content[*flag] == true)
        {
            Some("x-store-down") => &failing,
            Some("x-entry-broken") => &broken,
            Some(_) => &erased,
            None => &working,
        };
        let response = ask(fixture, &content).await;
        let request = &content["x-request"];
        assert_eq!(response.status, status, "{request} {response:?}");
        assert_eq!(response.header("content-type"), Some(media_type.as_str()), "{request}");
        if let Some(text) = content["value"].as_str() {
            assert_eq!(response.text, text, "{request}");
        } else {
            let body = response.body;
            assert_eq!(body, content["value"], "{request}");
        }
    }
}

/// The reference's second example, as a response has it.
fn second_example() -> Value {
    let mut example = first_example();
    example["id"] = 2.into();
    example["action"] = "invoke".into();
    example["description"] = "Invoked function \"my-lambda-function\"".into();
    example["metadata"] = json!({"statusCode": 200, "hasError": false});
    example["createdAt"] = "2024-01-15T10:35:00.000Z".into();
    example
}

#[tokio::test]
async fn the_references_example_requests_are_answered_with_its_responses() {
    let fixture = Fixture::new().await;
    let (created, invoked) = (first_example(), second_example());
    for (request, data, total, limit, offset) in [
        ("", json!([invoked, created]), 2, 100, 0),
        ("?resourceType=function&action=create&limit=50", json!([created]), 1, 50, 0),
        ("?projectSlug=my-project", json!([invoked, created]), 2, 100, 0),
        (
            "?projectSlug=my-project&environmentSlug=production",
            json!([invoked, created]),
            2,
            100,
            0,
        ),
        ("?limit=20&offset=40", json!([]), 2, 20, 40),
        ("?resourceType=function", json!([invoked, created]), 2, 100, 0),
        ("?action=create", json!([created]), 1, 100, 0),
        (
            "?resourceType=function&action=create&projectSlug=my-project&environmentSlug=production\
             &limit=50",
            json!([created]),
            1,
            50,
            0,
        ),
        ("?limit=100&offset=0", json!([invoked, created]), 2, 100, 0),
        ("?limit=100&offset=100", json!([]), 2, 100, 100),
        ("/my-project/production", json!([invoked, created]), 2, 100, 0),
        ("/my-project/production?resourceType=function&action=create", json!([created]), 1, 100, 0),
    ] {
        let example = json!({"x-request": format!("GET /api/activities{request}")});
        let response = ask(&fixture, &example).await;
        let pagination =
            json!({"total": total, "limit": limit, "offset": offset, "hasMore": false});
        let message = "Activities retrieved successfully";
        let expected = json!({"message": message, "data": data, "pagination": pagination});
        assert_eq!((response.status, response.body), (200, expected), "{request}");
    }
    let response = ask(&fixture, &json!({"x-request": "GET /api/activities/1"})).await;
    let expected = json!({"message": "Activity retrieved successfully", "data": created});
    assert_eq!((response.status, response.body), (200, expected));
}
