//! What both peers in Rust share: the event of a request or of a queue, the token, the parameters, and
//! the response.

use aws_lc_rs::digest::{SHA256, digest};
use std::collections::HashMap;
use std::fmt::Display;
use std::future::Future;

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use url::form_urlencoded;

use crate::document::{self, Entry, Page};
use crate::{Failure, Record};

/// A database that the API can be built on.
pub trait Database: Send + Sync {
    /// A page of a list; `None` if its project or environment is not there.
    fn list(&self, list: &List) -> impl Future<Output = Result<Option<Page>, Refusal>> + Send;

    /// The entry with this id, whoever's it is.
    fn get(&self, id: u64) -> impl Future<Output = Result<Option<Entry>, Failure>> + Send;

    /// Writes all of `records`. Where one is there already, it stays or is written again.
    fn write(&self, records: &[Record]) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// What a list is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct List {
    /// Whose list it is.
    pub user: u64,
    /// The slugs of a project and perhaps of an environment of it, if the list is of one.
    pub slugs: Option<(String, Option<String>)>,
    /// Only these resource types.
    pub resource_type: Values,
    /// Only these actions.
    pub action: Values,
    /// From this time on, in milliseconds since 1970.
    pub since: Option<i64>,
    /// Before this time, likewise.
    pub until: Option<i64>,
    /// Oldest first.
    pub ascending: bool,
    /// At most this many entries.
    pub limit: u64,
    /// After this many entries.
    pub offset: u64,
    /// After the entry of this cursor, in place of an offset.
    pub cursor: Option<String>,
    /// With the values that the filters can take.
    pub facets: bool,
    /// With counts over time, in so many parts.
    pub histogram: Option<u32>,
}

/// The values that a filter selects; `None` stands for entries without a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// One of these, if there are any.
    pub only: Vec<Option<String>>,
    /// None of these.
    pub except: Vec<Option<String>>,
}

impl Values {
    /// Whether it selects everything.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.only.is_empty() && self.except.is_empty()
    }
}

/// Why a request is not answered with what it asked for.
#[derive(Debug)]
pub enum Refusal {
    /// There is no token, or it is no good.
    Unauthenticated,
    /// A parameter is not what it must be: its name, and what is wrong with it.
    Invalid(&'static str, &'static str),
    /// There is nothing of that kind: the message of the response.
    NotFound(&'static str),
    /// It is another user's.
    Forbidden,
    /// The peer itself fails.
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// What Lambda hands over: a request of API Gateway (payload format 2.0), or messages of SQS.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Event {
    route_key: String,
    raw_query_string: String,
    headers: HashMap<String, String>,
    path_parameters: HashMap<String, String>,
    #[serde(rename = "Records")]
    records: Vec<Message>,
}

#[derive(Debug, Deserialize)]
struct Message {
    #[serde(rename = "messageId")]
    id: String,
    body: String,
    attributes: Attributes,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    sent_timestamp: String,
}

/// What Lambda takes back from a function behind API Gateway.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    status_code: u16,
    headers: HashMap<&'static str, &'static str>,
    body: String,
}

/// Answers events, one after another, until the process is stopped.
///
/// # Errors
/// If the secret is not set, or the Runtime API does not answer.
pub async fn run(database: impl Database) -> Result<(), Failure> {
    let secret = DecodingKey::from_secret(variable("JWT_SECRET")?.as_bytes());
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Event>| {
        answer(&database, &secret, event.payload).await
    }))
    .await
}

/// A variable of the environment.
///
/// # Errors
/// If it is not set.
pub fn variable(name: &str) -> Result<String, Failure> {
    std::env::var(name).map_err(|_| format!("{name} is not set").into())
}

async fn answer(
    database: &impl Database,
    secret: &DecodingKey,
    event: Event,
) -> Result<Box<RawValue>, Failure> {
    if event.records.is_empty() {
        let response = match respond(database, secret, &event).await {
            Ok(body) => response(200, body),
            Err(refusal) => refused(refusal)?,
        };
        return Ok(serde_json::value::to_raw_value(&response)?);
    }
    let records = event.records.iter().map(record).collect::<Result<Vec<_>, _>>()?;
    database.write(&records).await?;
    Ok(RawValue::from_string(r#"{"batchItemFailures":[]}"#.to_owned())?)
}

/// The activity of a message. Its id is a part of the hash of the message's, and its time is that at
/// which the message was sent: a message that comes twice is the same entry.
fn record(message: &Message) -> Result<Record, Failure> {
    let mut id = [0; 8];
    id.copy_from_slice(&digest(&SHA256, message.id.as_ref()).as_ref()[..8]);
    // 53 bits, and never 0.
    let id = (u64::from_be_bytes(id) >> 11).max(1);
    Ok(Record::parse(&message.body, id, message.attributes.sent_timestamp.parse()?)?)
}

async fn respond(
    database: &impl Database,
    secret: &DecodingKey,
    event: &Event,
) -> Result<String, Refusal> {
    let user = caller(secret, event)?;
    let parameter = |name: &str| event.path_parameters.get(name).cloned().unwrap_or_default();
    let route = event.route_key.split_once(' ').map_or("", |(_, path)| path);
    match route {
        "/api/activities/{id}" => {
            let id = parameter("id")
                .parse()
                .map_err(|_| Refusal::Invalid("id", "must be an integer"))?;
            match database.get(id).await? {
                None => Err(Refusal::NotFound("Activity entry not found")),
                Some(entry) if entry.user_id != user => Err(Refusal::Forbidden),
                Some(entry) => Ok(document::entry(&entry)?),
            }
        }
        "/api/activities" => {
            let list = List::parse(user, &event.raw_query_string)?;
            Ok(document::page(&database.list(&list).await?.unwrap_or_default(), list.limit)?)
        }
        "/api/activities/{projectSlug}/{environmentSlug}" => {
            let mut list = List::parse(user, &event.raw_query_string)?;
            list.slugs = Some((parameter("projectSlug"), Some(parameter("environmentSlug"))));
            let page = database.list(&list).await?;
            let page = page.ok_or(Refusal::NotFound("Project or environment not found"))?;
            Ok(document::page(&page, list.limit)?)
        }
        _ => Err(Refusal::NotFound("Not found")),
    }
}

/// Who sent the request: the `sub` of a valid token.
fn caller(secret: &DecodingKey, event: &Event) -> Result<u64, Refusal> {
    #[derive(Deserialize)]
    struct Claims {
        sub: u64,
    }
    let header = event.headers.get("authorization").ok_or(Refusal::Unauthenticated)?;
    let token = header.strip_prefix("Bearer ").ok_or(Refusal::Unauthenticated)?;
    let token = decode::<Claims>(token, secret, &Validation::new(Algorithm::HS256));
    Ok(token.map_err(|_| Refusal::Unauthenticated)?.claims.sub)
}

fn response(status_code: u16, body: String) -> Response {
    Response { status_code, headers: [("content-type", "application/json")].into(), body }
}

/// The response to a request that is refused.
///
/// # Errors
/// The failure of the peer, which is one of the invocation.
fn refused(refusal: Refusal) -> Result<Response, Failure> {
    let (status, message) = match refusal {
        Refusal::Unauthenticated => (401, "Missing or invalid authentication token".to_owned()),
        Refusal::Invalid(name, reason) => (400, format!("Invalid parameter: {name} {reason}")),
        Refusal::NotFound(message) => (404, message.to_owned()),
        Refusal::Forbidden => {
            (403, "Activity entry does not belong to the authenticated user".to_owned())
        }
        Refusal::Failed(error) => return Err(error),
    };
    Ok(response(status, serde_json::json!({ "message": message }).to_string()))
}

impl List {
    /// Reads the parameters of a list.
    fn parse(user: u64, query: &str) -> Result<Self, Refusal> {
        let query: HashMap<_, _> = form_urlencoded::parse(query.as_bytes())
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let text = |name| query.get(name).map(ToString::to_string);
        let values = |name| {
            let given = text(name).unwrap_or_default();
            let values = given.split(',').filter(|value| !value.is_empty());
            values.map(|value| Some(value.to_owned()).filter(|value| value != "~")).collect()
        };
        let include = text("include").unwrap_or_default();
        let includes = |wanted| include.split(',').any(|one| one == wanted);
        let slugs = text("projectSlug").map(|project| (project, text("environmentSlug")));
        let buckets = number(text("buckets"), "buckets")?;
        Ok(Self {
            user,
            slugs,
            resource_type: Values {
                only: values("resourceType"),
                except: values("excludeResourceType"),
            },
            action: Values { only: values("action"), except: values("excludeAction") },
            since: bound(text("since"), "since")?,
            until: bound(text("until"), "until")?,
            ascending: text("order").is_some_and(|order| order == "asc"),
            limit: number(text("limit"), "limit")?.unwrap_or(100).min(1_000),
            offset: number(text("offset"), "offset")?.unwrap_or(0),
            cursor: text("cursor"),
            facets: includes("facets"),
            histogram: includes("histogram").then_some(buckets.unwrap_or(60)),
        })
    }
}

fn number<T: std::str::FromStr<Err: Display>>(
    text: Option<String>,
    name: &'static str,
) -> Result<Option<T>, Refusal> {
    let number = text.map(|text| text.parse()).transpose();
    number.map_err(|_| Refusal::Invalid(name, "must be an integer from 0"))
}

/// A bound of the time, in milliseconds. A finer one is rounded up, so that it stays half-open.
fn bound(text: Option<String>, name: &'static str) -> Result<Option<i64>, Refusal> {
    let millisecond = TimestampRound::new().smallest(Unit::Millisecond).mode(RoundMode::Ceil);
    let time = text.map(|text| text.parse::<Timestamp>()?.round(millisecond)).transpose();
    let time = time.map_err(|_| Refusal::Invalid(name, "must be an RFC 3339 date and time"))?;
    Ok(time.map(Timestamp::as_millisecond))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(query: &str) -> List {
        List::parse(3, query).unwrap()
    }

    #[test]
    fn parameters_are_read_as_the_api_describes_them() {
        let read =
            list("resourceType=function,~,&excludeAction=sync&limit=5000&offset=7&order=asc");
        assert_eq!(read.resource_type.only, [Some("function".to_owned()), None]);
        assert!(read.resource_type.except.is_empty() && read.action.only.is_empty());
        assert_eq!(read.action.except, [Some("sync".to_owned())]);
        assert_eq!((read.limit, read.offset, read.ascending), (1_000, 7, true));
        assert_eq!((list("").limit, list("limit=").limit, list("limit=0").limit), (100, 100, 0));
        assert_eq!(list("include=facets,histogram").histogram, Some(60));
        assert!(matches!(List::parse(3, "limit=ten"), Err(Refusal::Invalid("limit", _))));
        assert!(matches!(List::parse(3, "since=today"), Err(Refusal::Invalid("since", _))));
    }

    #[test]
    fn a_bound_finer_than_a_millisecond_is_rounded_up() {
        let since = |text: &str| list(&format!("since={text}")).since;
        assert_eq!(since("2024-01-15T10:30:00Z"), Some(1_705_314_600_000));
        assert_eq!(since("2024-01-15T10:30:00.0000001Z"), Some(1_705_314_600_001));
        assert_eq!(since("2024-01-15T11:30:00.001%2B01:00"), Some(1_705_314_600_001));
    }

    #[test]
    fn a_message_that_comes_twice_is_the_same_entry() {
        let message = |id: &str| Message {
            id: id.to_owned(),
            body: r#"{"userId":3,"action":"create","ipAddress":"203.0.113.9"}"#.to_owned(),
            attributes: Attributes { sent_timestamp: "1705314600000".to_owned() },
        };
        let id = |text| record(&message(text)).unwrap().id;
        assert_eq!(id("a"), id("a"));
        assert_ne!(id("a"), id("b"));
        assert!((1..1 << 53).contains(&id("a")));
        let record = record(&message("a")).unwrap();
        assert_eq!((record.user_id, record.created_at), (3, 1_705_314_600_000));
    }
}
