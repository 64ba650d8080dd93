//! The same API on PostgreSQL: a table with composite indexes, `count(*)`, `LIMIT` and `OFFSET`.
//!
//! Statements are prepared once for each kind of list. A page is joined with names once it is cut, so
//! that what an offset skips is not. To find a page in an index alone, and then its rows by id, makes deep
//! pages a little faster and the first page slower: a log is stored in the order of time, so the rows of
//! a page are near together in the table.
//! A cursor is the time and id of the last entry, compared as a row. The total is asked for beside the
//! page, on the same connection, without waiting.
//!
//! A function answers one event at a time, and so has one connection.

mod cluster;
mod condition;
mod row;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use tokio_postgres::types::{Json, ToSql};
use tokio_postgres::{Client, NoTls, Row, Statement};

use crate::api::{Database, List, Refusal, Values, variable};
use crate::document::{Count, Entry, Facets, Histogram, Page, time};
use crate::{Failure, Record};

pub use cluster::Cluster;

use condition::{Condition, Parameter, Scope};
use row::{NAMES, Place, SHOWN, entry, millis, system_time};

/// Writes any number of entries in one statement. One that is there stays as it is.
const INSERT: &str = "
    INSERT INTO activities
    SELECT * FROM unnest(
        $1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::text[],
        $8::text[], $9::jsonb[], $10::inet[], $11::text[], $12::timestamptz[]
    )
    ON CONFLICT (id) DO NOTHING";

/// The peer: a connection, and the statements prepared on it.
#[derive(Debug)]
pub struct Peer {
    client: Client,
    prepared: Mutex<HashMap<String, Statement>>,
}

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

fn integer(number: u64) -> Result<Parameter, Failure> {
    Ok(Box::new(i64::try_from(number)?))
}
