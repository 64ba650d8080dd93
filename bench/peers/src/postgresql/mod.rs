//! The same API on PostgreSQL: a table with composite indexes, `count(*)`, `LIMIT` and `OFFSET`.
//!
//! Statements are prepared once for each form of a list. A page is joined with names once it is cut, so
//! that what an offset skips is not. To find a page in an index alone, and then its rows by id, makes deep
//! pages a little faster and the first page slower: a log is stored in the order of time, so the rows of
//! a page are near together in the table.
//! A cursor is the time and id of the last entry, compared as a row. The total is asked for beside the
//! page, on the same connection, without waiting.
//!
//! A function answers one event at a time, and so has one connection.

mod cluster;

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::value::RawValue;
use tokio_postgres::types::{Json, ToSql};
use tokio_postgres::{Client, NoTls, Row, Statement};

use crate::api::{Database, List, Refusal, Values, variable};
use crate::document::{Count, Entry, Facets, Histogram, Named, Page, User, time};
use crate::{Failure, Record};

pub use cluster::Cluster;

/// The tables and indexes. The first index has a user's log, the next two its lists by one filter, the
/// last what the user did in an environment. There are no references from entries to names: an entry outlives them.
const SCHEMA: &str = "
    CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, profile_image text);
    CREATE TABLE projects (
        id bigint PRIMARY KEY, user_id bigint NOT NULL, slug text NOT NULL, name text NOT NULL,
        UNIQUE (user_id, slug)
    );
    CREATE TABLE environments (
        id bigint PRIMARY KEY, project_id bigint NOT NULL, slug text NOT NULL, name text NOT NULL,
        UNIQUE (project_id, slug)
    );
    CREATE TABLE activities (
        id bigint PRIMARY KEY, user_id bigint NOT NULL, project_id bigint, environment_id bigint,
        resource_type text, resource_id bigint, action text NOT NULL, description text,
        metadata jsonb, ip_address inet, user_agent text, created_at timestamptz NOT NULL
    );
    CREATE INDEX ON activities (user_id, created_at DESC, id DESC);
    CREATE INDEX ON activities (user_id, resource_type, created_at DESC, id DESC);
    CREATE INDEX ON activities (user_id, action, created_at DESC, id DESC);
    CREATE INDEX ON activities (user_id, project_id, environment_id, created_at DESC, id DESC);
";

/// Writes any number of entries in one statement. One that is there stays as it is.
const INSERT: &str = "
    INSERT INTO activities
    SELECT * FROM unnest(
        $1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::text[],
        $8::text[], $9::jsonb[], $10::inet[], $11::text[], $12::timestamptz[]
    )
    ON CONFLICT (id) DO NOTHING";

/// What an entry shows, with its names. The entries are those of `a`.
const SHOWN: &str = "
    SELECT a.id, a.user_id, a.project_id, a.environment_id, u.name, u.profile_image, p.slug, p.name,
        e.slug, e.name, a.resource_type, a.resource_id, a.action, a.description, a.metadata, a.created_at";

/// The names of those entries.
const NAMES: &str = "
    LEFT JOIN users u ON u.id = a.user_id
    LEFT JOIN projects p ON p.id = a.project_id
    LEFT JOIN environments e ON e.id = a.environment_id";

/// The peer: a connection, and the statements prepared on it.
#[derive(Debug)]
pub struct Peer {
    client: Client,
    prepared: Mutex<HashMap<String, Statement>>,
}

/// A parameter of a statement.
type Parameter = Box<dyn ToSql + Send + Sync>;

impl Peer {
    /// Connects to the database that the environment describes.
    ///
    /// # Errors
    /// If it is not set, or the server does not answer.
    pub async fn from_env() -> Result<Self, Failure> {
        Self::connect(&variable("PEER_DATABASE")?).await
    }

    /// Connects to a database.
    ///
    /// # Errors
    /// If the server does not answer.
    pub async fn connect(database: &str) -> Result<Self, Failure> {
        let (client, connection) = tokio_postgres::connect(database, NoTls).await?;
        // What ends the connection ends every statement on it, and those say why.
        tokio::spawn(connection);
        Ok(Self { client, prepared: Mutex::default() })
    }

    /// Writes one entry.
    ///
    /// # Errors
    /// If PostgreSQL refuses.
    pub async fn record(&self, record: &Record) -> Result<(), Failure> {
        self.write(std::slice::from_ref(record)).await
    }

    async fn query(&self, text: &str, parameters: &[Parameter]) -> Result<Vec<Row>, Failure> {
        let statement = self.prepare(text).await?;
        let parameters: Vec<_> =
            parameters.iter().map(|parameter| parameter.as_ref() as &(dyn ToSql + Sync)).collect();
        Ok(self.client.query(&statement, &parameters).await?)
    }

    async fn prepare(&self, text: &str) -> Result<Statement, Failure> {
        let prepared = || self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(statement) = prepared().get(text) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(text).await?;
        prepared().insert(text.to_owned(), statement.clone());
        Ok(statement)
    }
}

impl Database for Peer {
    async fn list(&self, list: &List) -> Result<Option<Page>, Refusal> {
        let Some(scope) = self.scope(list).await? else { return Ok(None) };
        let cursor = match list.cursor.as_deref().map(Place::decode) {
            Some(None) => {
                return Err(Refusal::Invalid("cursor", "must be the nextCursor of a page"));
            }
            cursor => cursor.flatten(),
        };
        let (rows, (total, before), facets, histogram) = tokio::try_join!(
            self.rows(list, &scope, cursor),
            self.count(list, &scope, cursor),
            self.facets(list, &scope),
            self.histogram(list, &scope),
        )?;
        let entries = rows.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        let place = rows.last().map(Place::of).transpose()?;
        let offset = if cursor.is_some() { before } else { list.offset };
        Ok(Some(Page { entries, total, offset, last: place.map(Place::encode), facets, histogram }))
    }

    async fn get(&self, id: u64) -> Result<Option<Entry>, Failure> {
        let rows = self
            .query(&format!("{SHOWN} FROM activities a {NAMES} WHERE a.id = $1"), &[integer(id)?])
            .await?;
        rows.first().map(entry).transpose()
    }

    async fn write(&self, records: &[Record]) -> Result<(), Failure> {
        let integers = |of: fn(&Record) -> Option<u64>| {
            records
                .iter()
                .map(|record| of(record).map(i64::try_from).transpose())
                .collect::<Result<Vec<_>, _>>()
        };
        let ids = integers(|record| Some(record.id))?;
        let users = integers(|record| Some(record.user_id))?;
        let projects = integers(|record| record.project_id)?;
        let environments = integers(|record| record.environment_id)?;
        let resources = integers(|record| record.resource_id)?;
        let texts = |of: fn(&Record) -> Option<&str>| records.iter().map(of).collect::<Vec<_>>();
        let metadata: Vec<_> =
            records.iter().map(|record| record.metadata.as_ref().map(Json)).collect();
        let addresses: Vec<_> = records.iter().map(|record| record.ip_address).collect();
        let times = records.iter().map(|record| system_time(record.created_at)).collect::<Vec<_>>();
        let statement = self.prepare(INSERT).await?;
        let parameters: [&(dyn ToSql + Sync); 12] = [
            &ids,
            &users,
            &projects,
            &environments,
            &texts(|record| record.resource_type.as_deref()),
            &resources,
            &texts(|record| Some(&record.action)),
            &texts(|record| record.description.as_deref()),
            &metadata,
            &addresses,
            &texts(|record| record.user_agent.as_deref()),
            &times,
        ];
        self.client.execute(&statement, &parameters).await?;
        Ok(())
    }
}

/// Which part of the log a list is of.
#[derive(Clone, Copy, Debug)]
struct Scope {
    user: i64,
    project: Option<i64>,
    environment: Option<i64>,
}

/// Where an entry is in the order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    created_at: i64,
    id: i64,
}

impl Place {
    fn of(row: &Row) -> Result<Self, Failure> {
        Ok(Self { created_at: millis(row.try_get("created_at")?)?, id: row.try_get(0)? })
    }

    fn encode(self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(format!("{}:{}", self.created_at, self.id))
    }

    fn decode(text: &str) -> Option<Self> {
        let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (created_at, id) = text.split_once(':')?;
        Some(Self { created_at: created_at.parse().ok()?, id: id.parse().ok()? })
    }
}

/// A condition, and the parameters that it has so far.
#[derive(Default)]
struct Condition {
    text: String,
    parameters: Vec<Parameter>,
}

impl Condition {
    /// What of a scope is of the time of a list, without its filters.
    fn new(list: &List, scope: Scope) -> Self {
        let mut condition = Self::default();
        condition.and("user_id =", scope.user);
        if let Some(project) = scope.project {
            condition.and("project_id =", project);
        }
        if let Some(environment) = scope.environment {
            condition.and("environment_id =", environment);
        }
        if let Some(since) = list.since {
            condition.and("created_at >=", system_time(since));
        }
        if let Some(until) = list.until {
            condition.and("created_at <", system_time(until));
        }
        condition
    }

    /// The same with both filters.
    fn filtered(list: &List, scope: Scope) -> Self {
        let mut condition = Self::new(list, scope);
        condition.select("resource_type", &list.resource_type);
        condition.select("action", &list.action);
        condition
    }

    /// Adds a parameter, and gives its name.
    fn parameter(&mut self, value: impl ToSql + Send + Sync + 'static) -> String {
        self.parameters.push(Box::new(value));
        format!("${}", self.parameters.len())
    }

    fn and(&mut self, comparison: &str, value: impl ToSql + Send + Sync + 'static) {
        let parameter = self.parameter(value);
        self.and_text(&format!("{comparison} {parameter}"));
    }

    fn and_text(&mut self, text: &str) {
        let conjunction = if self.text.is_empty() { "WHERE" } else { " AND" };
        // Writing to a text does not fail.
        let _ = write!(self.text, "{conjunction} {text}");
    }

    /// Selects by the values of a column.
    fn select(&mut self, column: &str, values: &Values) {
        let with_value =
            |values: &[Option<String>]| values.iter().flatten().cloned().collect::<Vec<_>>();
        if !values.only.is_empty() {
            let some = with_value(&values.only);
            let is_null_selected = some.len() < values.only.len();
            // One value alone, so that an index has its entries in the order of time.
            let is_one = match <[_; 1]>::try_from(some) {
                Ok([one]) => format!("{column} = {}", self.parameter(one)),
                Err(several) => format!("{column} = ANY({})", self.parameter(several)),
            };
            let or_null =
                if is_null_selected { format!(" OR {column} IS NULL") } else { String::new() };
            self.and_text(&format!("({is_one}{or_null})"));
        }
        if !values.except.is_empty() {
            let some = with_value(&values.except);
            let keeps_null = some.len() == values.except.len();
            let parameter = self.parameter(some);
            let null = if keeps_null { "OR" } else { "AND NOT" };
            self.and_text(&format!("({column} <> ALL({parameter}) {null} {column} IS NULL)"));
        }
    }
}

impl Peer {
    /// Finds the scope of a list; `None` if its slugs lead nowhere.
    async fn scope(&self, list: &List) -> Result<Option<Scope>, Failure> {
        const FIND: &str = "
            SELECT p.id, e.id FROM projects p
            LEFT JOIN environments e ON e.project_id = p.id AND e.slug = $3
            WHERE p.user_id = $1 AND p.slug = $2";
        let user = i64::try_from(list.user)?;
        let Some((project, environment)) = list.slugs.clone() else {
            return Ok(Some(Scope { user, project: None, environment: None }));
        };
        let must_have_environment = environment.is_some();
        let rows =
            self.query(FIND, &[Box::new(user), Box::new(project), Box::new(environment)]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let scope = Scope { user, project: row.try_get(0)?, environment: row.try_get(1)? };
        Ok(Some(scope).filter(|scope| !must_have_environment || scope.environment.is_some()))
    }

    async fn rows(
        &self,
        list: &List,
        scope: &Scope,
        cursor: Option<Place>,
    ) -> Result<Vec<Row>, Failure> {
        if list.limit == 0 {
            return Ok(Vec::new());
        }
        let mut condition = Condition::filtered(list, *scope);
        let (direction, comparison) = if list.ascending { ("ASC", ">") } else { ("DESC", "<") };
        if let Some(place) = cursor {
            let created_at = condition.parameter(system_time(place.created_at));
            let id = condition.parameter(place.id);
            condition.and_text(&format!("(created_at, id) {comparison} ({created_at}, {id})"));
        }
        let limit = condition.parameter(i64::try_from(list.limit)?);
        let offset = condition.parameter(i64::try_from(list.offset)?);
        let Condition { text, parameters } = condition;
        let text = format!(
            "{SHOWN} FROM (SELECT * FROM activities {text} \
             ORDER BY created_at {direction}, id {direction} LIMIT {limit} OFFSET {offset}) a {NAMES} \
             ORDER BY a.created_at {direction}, a.id {direction}"
        );
        self.query(&text, &parameters).await
    }

    /// How many entries a list has, and how many of them are before the page after `cursor`.
    async fn count(
        &self,
        list: &List,
        scope: &Scope,
        cursor: Option<Place>,
    ) -> Result<(u64, u64), Failure> {
        let mut condition = Condition::filtered(list, *scope);
        let before = match cursor {
            None => "0::bigint".to_owned(),
            Some(place) => {
                let comparison = if list.ascending { "<=" } else { ">=" };
                let created_at = condition.parameter(system_time(place.created_at));
                let id = condition.parameter(place.id);
                format!(
                    "count(*) FILTER (WHERE (created_at, id) {comparison} ({created_at}, {id}))"
                )
            }
        };
        let Condition { text, parameters } = condition;
        let text = format!("SELECT count(*), {before} FROM activities {text}");
        let rows = self.query(&text, &parameters).await?;
        let row = rows.first().ok_or("a count without a row")?;
        Ok((row.try_get::<_, i64>(0)?.try_into()?, row.try_get::<_, i64>(1)?.try_into()?))
    }

    /// The values of each filter, under the other one.
    async fn facets(&self, list: &List, scope: &Scope) -> Result<Option<Facets>, Failure> {
        if !list.facets {
            return Ok(None);
        }
        let facet = async |column: &str, other: &str, values: &Values| {
            let mut condition = Condition::new(list, *scope);
            condition.select(other, values);
            let Condition { text, parameters } = condition;
            let text = format!(
                "SELECT {column}, count(*) FROM activities {text} GROUP BY {column} \
                 ORDER BY count(*) DESC, {column} COLLATE \"C\" NULLS FIRST"
            );
            let rows = self.query(&text, &parameters).await?;
            let count = |row: &Row| {
                let count = row.try_get::<_, i64>(1)?.try_into()?;
                Ok::<_, Failure>(Count { value: row.try_get(0)?, count })
            };
            rows.iter().map(count).collect::<Result<Vec<_>, _>>()
        };
        let (resource_type, action) = tokio::try_join!(
            facet("resource_type", "action", &list.action),
            facet("action", "resource_type", &list.resource_type),
        )?;
        Ok(Some(Facets { resource_type, action }))
    }

    /// The counts in equal parts of the time of a list, or of its scope.
    async fn histogram(&self, list: &List, scope: &Scope) -> Result<Option<Histogram>, Failure> {
        let Some(buckets) = list.histogram else { return Ok(None) };
        let everything = List { since: None, until: None, ..List::default() };
        let Condition { text, parameters } = Condition::new(&everything, *scope);
        let text = format!("SELECT min(created_at), max(created_at) FROM activities {text}");
        let rows = self.query(&text, &parameters).await?;
        let row = rows.first().ok_or("no bounds")?;
        let (oldest, newest): (Option<SystemTime>, Option<SystemTime>) =
            (row.try_get(0)?, row.try_get(1)?);
        let Some((oldest, newest)) = oldest.zip(newest) else {
            return Ok(Some(Histogram { from: None, to: None, counts: Vec::new() }));
        };
        let from = list.since.map_or_else(|| millis(oldest), Ok)?;
        let to = list.until.map_or_else(|| Ok::<_, Failure>(millis(newest)? + 1), Ok)?;
        let mut counts = vec![0; usize::try_from(buckets)?];
        if from < to {
            let begins = (0..i64::from(buckets))
                .map(|part| system_time(from + part * (to - from) / i64::from(buckets)));
            let mut condition = Condition::filtered(list, *scope);
            let begins = condition.parameter(begins.collect::<Vec<_>>());
            let Condition { text, parameters } = condition;
            let text = format!(
                "SELECT width_bucket(created_at, {begins}::timestamptz[]), count(*) \
                 FROM activities {text} GROUP BY 1"
            );
            for row in self.query(&text, &parameters).await? {
                let part = usize::try_from(row.try_get::<_, i32>(0)?)?;
                let count =
                    counts.get_mut(part.wrapping_sub(1)).ok_or("an entry outside of the time")?;
                *count = row.try_get::<_, i64>(1)?.try_into()?;
            }
        }
        Ok(Some(Histogram { from: Some(time(from)?), to: Some(time(to)?), counts }))
    }
}

/// A row of [`SHOWN`] as an entry.
fn entry(row: &Row) -> Result<Entry, Failure> {
    let optional = |column| {
        row.try_get::<_, Option<i64>>(column)?.map(u64::try_from).transpose().map_err(Failure::from)
    };
    let named = |column| {
        let (slug, name) = (row.try_get(column)?, row.try_get(column + 1)?);
        Ok::<_, Failure>(Option::zip(slug, name).map(|(slug, name)| Named { slug, name }))
    };
    let user_id = u64::try_from(row.try_get::<_, i64>(1)?)?;
    let user: Option<String> = row.try_get(4)?;
    let profile_image = row.try_get(5)?;
    let metadata: Option<Json<Box<RawValue>>> = row.try_get(14)?;
    Ok(Entry {
        id: u64::try_from(row.try_get::<_, i64>(0)?)?,
        user_id,
        project_id: optional(2)?,
        environment_id: optional(3)?,
        user: user.map(|name| User { id: user_id, name, profile_image }),
        project: named(6)?,
        environment: named(8)?,
        resource_type: row.try_get(10)?,
        resource_id: optional(11)?,
        action: row.try_get(12)?,
        description: row.try_get(13)?,
        metadata: metadata.map(|Json(metadata)| metadata),
        created_at: time(millis(row.try_get(15)?)?)?,
    })
}

fn integer(number: u64) -> Result<Parameter, Failure> {
    Ok(Box::new(i64::try_from(number)?))
}

/// The time so many milliseconds after 1970 began.
fn system_time(millis: i64) -> SystemTime {
    let distance = Duration::from_millis(millis.unsigned_abs());
    if millis < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance }
}

/// The milliseconds of a time since 1970.
fn millis(time: SystemTime) -> Result<i64, Failure> {
    Ok(time.duration_since(UNIX_EPOCH)?.as_millis().try_into()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_to_the_place_that_it_was_made_of() {
        let place = Place { created_at: 1_705_314_600_000, id: (1 << 53) - 1 };
        assert_eq!(Place::decode(&place.encode()), Some(place));
        assert_eq!(Place::decode("AAAA"), None);
        assert_eq!(Place::decode("?"), None);
    }

    #[test]
    fn a_filter_is_what_it_selects() {
        let some = |value: &str| Some(value.to_owned());
        for (only, except, expected) in [
            (vec![], vec![], ""),
            (vec![some("a")], vec![], "WHERE (t = $1)"),
            (vec![some("a"), None], vec![], "WHERE (t = $1 OR t IS NULL)"),
            (vec![some("a"), some("b")], vec![], "WHERE (t = ANY($1))"),
            (vec![None], vec![], "WHERE (t = ANY($1) OR t IS NULL)"),
            (vec![], vec![some("a")], "WHERE (t <> ALL($1) OR t IS NULL)"),
            (vec![], vec![some("a"), None], "WHERE (t <> ALL($1) AND NOT t IS NULL)"),
        ] {
            let mut condition = Condition::default();
            condition.select("t", &Values { only, except });
            assert_eq!(condition.text, expected);
        }
    }
}
