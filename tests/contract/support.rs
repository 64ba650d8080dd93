//! An API of its own for every test, with the reference's examples in its log.

use std::io::Read;

use activity_log::NewActivity;
use activity_log::activity::{Activity, Metadata};
use activity_log::api::routes::ROUTES;
use activity_log::api::{Api, lambda};
use activity_log::auth::{Secret, TokenRules, TokenVerifier, issue};
use activity_log::config::PathParameters;
use activity_log::directory::{Entity, NameChange};
use activity_log::logger::ActivityLogger;
use activity_log::store::{Draft, Store};
use activity_log_local::JWT_SECRET;
use activity_log_local::engine::Engine;
use activity_log_local::kit::{
    TEMPLATE, Table, Written, environment, kept, number, person, project, user,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::read::GzDecoder;
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue};
use lambda_http::lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};

pub(crate) const LIST: &str = include_str!("../../events/list-activities.json");
pub(crate) const PROJECT: &str = include_str!("../../events/list-project-activities.json");
pub(crate) const GET: &str = include_str!("../../events/get-activity.json");
pub(crate) const VIEWER: &str = include_str!("../../events/viewer.json");

/// The event of a function, as `events/` has it.
pub(crate) fn event_of(function: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../events");
    std::fs::read_to_string(format!("{folder}/{function}.json")).unwrap()
}

pub(crate) struct Fixture {
    pub(crate) api: Api,
    pub(crate) logger: ActivityLogger,
    pub(crate) engine: Engine,
    /// The lines that the functions have written.
    pub(crate) written: Written,
}

/// What a function hands over to Lambda, read as API Gateway and a client read it.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// How long it is as Lambda is sent it, in bytes: with its headers, as JSON, binary as base64.
    pub(crate) payload: usize,
    /// The body, decompressed.
    pub(crate) text: String,
    /// The same as JSON; null if it is none.
    pub(crate) body: Value,
}

impl Response {
    pub(crate) fn ids(&self) -> Vec<u64> {
        let data = self.body["data"].as_array().unwrap();
        data.iter().map(|entry| entry["id"].as_u64().unwrap()).collect()
    }

    pub(crate) fn pagination(&self) -> &Value {
        &self.body["pagination"]
    }

    /// The cursor of the next page.
    pub(crate) fn next(&self) -> Option<String> {
        self.pagination().get("nextCursor").map(|next| next.as_str().unwrap().to_owned())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Checks that this is a problem document, and returns its status, code and message.
    pub(crate) fn problem(&self) -> (u16, &str, &str) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let text = |member: &str| self.body[member].as_str().unwrap();
        assert_eq!(self.body["status"], self.status, "{self:?}");
        assert!(!text("type").is_empty() && !text("title").is_empty(), "{self:?}");
        assert!(!text("detail").is_empty(), "{self:?}");
        assert_eq!(text("requestId"), "JKJaXmPLvHcESHA=", "{self:?}");
        (self.status, text("code"), text("message"))
    }
}

impl Fixture {
    /// User 3 with the reference's two examples, and user 8 with one entry.
    pub(crate) async fn new() -> Self {
        let engine = Engine::in_memory(TEMPLATE).await.unwrap();
        let store = activity_log_local::store(&engine.endpoint());
        write_names(&store).await;
        let logger = ActivityLogger::new(store.clone());
        logger.append_drafts(user(3), examples()).await.unwrap();
        logger.append_drafts(user(8), [foreign()]).await.unwrap();
        let secret = Secret::new(JWT_SECRET).unwrap();
        let verifier = TokenVerifier::shared_secret(secret, None, TokenRules::default());
        let path_parameters = PathParameters::Decoded;
        let written = Written::default();
        let telemetry = written.telemetry();
        let api = Api { store, verifier, path_parameters, telemetry };
        Self { api, logger, engine, written }
    }

    /// The same API after its database has gone away.
    pub(crate) async fn without_database(self) -> Self {
        self.engine.stop().await;
        let engine = Engine::in_memory("Resources: {}").await.unwrap();
        Self { engine, ..self }
    }

    /// The same API, with an entry of user 3 that cannot be decoded: the one with the id 1.
    pub(crate) async fn with_a_broken_entry(self) -> Self {
        let entries = Table::at(&self.engine.endpoint(), "ActivitiesTable");
        entries.unset(&[("id", number(1))], "action").await;
        self
    }

    /// Records entries of user 3 in `my-project`, `production`; returns them, oldest first.
    pub(crate) async fn record(&self, count: usize) -> Vec<Activity> {
        let batch = (0..count).map(|number| {
            NewActivity::new(if number % 2 == 0 { "invoke" } else { "update" })
                .resource("function", 5.try_into().unwrap())
                .environment(4.try_into().unwrap(), 4.try_into().unwrap())
        });
        let recorded = self.logger.append_batch(user(3), batch).await.unwrap();
        recorded.into_iter().map(|recorded| recorded.activity).collect()
    }

    pub(crate) async fn list(&self, query: &str) -> Response {
        self.list_with(query, &[]).await
    }

    /// Lists with more headers.
    pub(crate) async fn list_with(&self, query: &str, headers: &[(&str, &str)]) -> Response {
        self.send(LIST, |event| {
            event["rawQueryString"] = query.into();
            add_headers(event, headers);
        })
        .await
    }

    /// Both list routes, whose responses are the same for the same entries.
    pub(crate) async fn both(&self, query: &str) -> [Response; 2] {
        [self.list(query).await, self.project("my-project", "production", query).await]
    }

    pub(crate) async fn project(&self, project: &str, environment: &str, query: &str) -> Response {
        self.send(PROJECT, |event| {
            event["rawQueryString"] = query.into();
            event["pathParameters"] =
                json!({"projectSlug": project, "environmentSlug": environment});
        })
        .await
    }

    pub(crate) async fn get(&self, id: &str) -> Response {
        self.send(GET, |event| event["pathParameters"] = json!({ "id": id })).await
    }

    /// Sends an event, changed by `change`, to the function of its route, as Lambda does.
    pub(crate) async fn send(&self, event: &str, change: impl FnOnce(&mut Value)) -> Response {
        let mut event: Value = serde_json::from_str(event).unwrap();
        change(&mut event);
        let route = event["routeKey"].as_str().unwrap();
        let path = route.strip_prefix("ANY ").unwrap();
        let route = ROUTES.into_iter().find(|known| known.path == path).unwrap();
        let payload = serde_json::from_value(event).unwrap();
        let event = LambdaEvent { payload, context: Context::default() };
        let response = lambda::invoke(&self.api, route, event).await.unwrap();
        Response::read(&serde_json::to_string(&response).unwrap())
    }
}

impl Response {
    pub(crate) fn read(payload: &str) -> Self {
        let response: Value = serde_json::from_str(payload).unwrap();
        assert_eq!(response["multiValueHeaders"], json!({}), "API Gateway would ignore them");
        assert_eq!(response["cookies"], json!([]));
        let header = |(name, value): (&String, &Value)| {
            let value: HeaderValue = value.as_str().unwrap().parse().unwrap();
            (name.parse::<HeaderName>().unwrap(), value)
        };
        let headers: HeaderMap =
            response["headers"].as_object().unwrap().iter().map(header).collect();
        let body = response["body"].as_str().unwrap_or_default();
        // Only what is compressed is no text, and nothing else is handed over a third longer. To HEAD
        // the headers are of a body that is not there.
        let coding = headers.get("content-encoding").filter(|_| !body.is_empty());
        let compressed = coding.is_some_and(|coding| coding == "gzip");
        assert_eq!(response["isBase64Encoded"], compressed, "{headers:?}");
        let text = if compressed {
            let bytes = BASE64_STANDARD.decode(body).unwrap();
            let mut text = String::new();
            GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
            text
        } else {
            body.to_owned()
        };
        Self {
            status: response["statusCode"].as_u64().unwrap().try_into().unwrap(),
            headers,
            payload: payload.len(),
            body: serde_json::from_str(&text).unwrap_or_default(),
            text,
        }
    }
}

/// Adds headers to an event, in place of those of the same name.
pub(crate) fn add_headers(event: &mut Value, headers: &[(&str, &str)]) {
    for (name, value) in headers {
        event["headers"][*name] = (*value).into();
    }
}

/// An `Authorization` header of `id` that is good for an hour.
pub(crate) fn bearer(id: u64) -> String {
    format!(
        "Bearer {}",
        issue(JWT_SECRET, &TokenRules::default(), user(id), now() + 3_600).unwrap()
    )
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

/// Writes the names that both users have.
pub(crate) async fn write_names(store: &Store) {
    store.write_names(&names().map(NameChange::Set)).await.unwrap();
}

fn names() -> [Entity; 9] {
    [
        person(3, "John Doe"),
        project(3, 4, "my-project", "My Project"),
        project(3, 7, "a+b %2F é", "Odd"),
        environment(3, 4, 4, "production", "Production"),
        environment(3, 4, 5, "empty", "Empty"),
        environment(3, 7, 9, "x/y?z#", "Odd"),
        person(8, "Ada Example"),
        project(8, 11, "theirs", "Theirs"),
        environment(8, 11, 14, "production", "Production"),
    ]
}

/// The reference's two examples.
fn examples() -> [Draft; 2] {
    let draft = |id: u64, action: &str, description: &str, metadata: &str, at: &str| {
        let mut activity = NewActivity::new(action)
            .resource("function", 5.try_into().unwrap())
            .environment(4.try_into().unwrap(), 4.try_into().unwrap())
            .description(description)
            .client("203.0.113.10".parse().unwrap(), "curl/8.7.1");
        activity.details.metadata = Metadata::from_text(metadata.to_owned()).ok();
        kept(activity, at.parse().unwrap(), Some(id))
    };
    [
        draft(
            1,
            "create",
            "Created function \"my-lambda-function\"",
            concat!(
                r#"{"runtime":"nodejs20.x","architecture":"x86_64","handler":"index.handler","#,
                r#""region":"us-east-1","resourceId":"my-lambda-function","#,
                r#""functionUrl":"https://abc123xyz.lambda-url.us-east-1.on.aws/"}"#
            ),
            "2024-01-15T10:30:00Z",
        ),
        draft(
            2,
            "invoke",
            "Invoked function \"my-lambda-function\"",
            r#"{"statusCode":200,"hasError":false}"#,
            "2024-01-15T10:35:00Z",
        ),
    ]
}

/// User 8's entry.
fn foreign() -> Draft {
    let activity =
        NewActivity::new("create").environment(11.try_into().unwrap(), 14.try_into().unwrap());
    kept(activity, "2024-01-15T10:40:00Z".parse().unwrap(), Some(3))
}

/// The reference's first example, as a response has it.
pub(crate) fn first_example() -> Value {
    json!({
        "id": 1,
        "userId": 3,
        "projectId": 4,
        "environmentId": 4,
        "user": {
            "id": 3,
            "name": "John Doe",
            "profileImage": "https://example.com/profile.jpg"
        },
        "project": {"slug": "my-project", "name": "My Project"},
        "environment": {"slug": "production", "name": "Production"},
        "resourceType": "function",
        "resourceId": 5,
        "action": "create",
        "description": "Created function \"my-lambda-function\"",
        "metadata": {
            "runtime": "nodejs20.x",
            "architecture": "x86_64",
            "handler": "index.handler",
            "region": "us-east-1",
            "resourceId": "my-lambda-function",
            "functionUrl": "https://abc123xyz.lambda-url.us-east-1.on.aws/"
        },
        "createdAt": "2024-01-15T10:30:00.000Z"
    })
}
