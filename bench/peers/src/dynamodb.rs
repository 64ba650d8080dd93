//! The usual design on DynamoDB, as AWS's documentation leads to it.
//!
//! A table of entries by id has two global secondary indexes in time order: of a user, and of what a
//! user did in an environment of a project. Filters are filter expressions, times are a range of the sort key, a
//! cursor is the key that a query goes on from. DynamoDB neither counts nor skips: so a total is a
//! query for the count alone to the end of the partition, and an offset is skipped through.
//!
//! What is easily saved is saved. No entry is read twice: what is skipped is only counted, and what
//! comes after the page, too. Without a filter, no more is read for the page than it has. Names are
//! read by key, also those that a slug leads to.
//!
//! Facets and histograms would take a table of counters and whatever keeps it right, or a read of all
//! entries. This design has neither, and refuses them.

use std::collections::{BTreeSet, HashMap};

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement,
    KeyType, KeysAndAttributes, Projection, ProjectionType, PutRequest, ScalarAttributeType,
    Select, WriteRequest,
};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::value::RawValue;

use crate::api::{Database, List, Refusal, Values, variable};
use crate::document::{Entry, Named, Page, User, time};
use crate::{Failure, Name, Record};

/// The table of entries that [`create_tables`] makes, for `PEER_TABLE`.
pub const TABLE: &str = "PeerActivities";

/// The table of names that it makes, for `PEER_DIRECTORY_TABLE`.
pub const DIRECTORY_TABLE: &str = "PeerDirectory";

/// The variables that say so to the peers.
pub const VARIABLES: [(&str, &str); 2] =
    [("PEER_TABLE", TABLE), ("PEER_DIRECTORY_TABLE", DIRECTORY_TABLE)];

/// The index of a user's entries in time order.
const USER_INDEX: &str = "byUser";

/// The index of what a user did in an environment.
const ENVIRONMENT_INDEX: &str = "byEnvironment";

/// The sort key of both: the time and the id of an entry.
const SORT_KEY: &str = "createdAtId";

/// What a list shows. `action` is a reserved word.
const SHOWN: &str = "id, userId, projectId, environmentId, resourceType, resourceId, #action, \
                     description, metadata, createdAtId";

/// The most items that one request writes (AWS: `BatchWriteItem`).
const MAX_WRITES: usize = 25;

/// The most items that one request reads (AWS: `BatchGetItem`).
const MAX_READS: usize = 100;

/// The most entries that a query examines at once. DynamoDB ends a query at 1 MB, after fewer of such
/// entries than this, so that it reads and charges the same without a limit. The embedded one reads all
/// the rest of a partition first, and would take a time here that grows with the square of the log.
const EXAMINED: u64 = 2_500;

/// How many requests that write are under way at once.
const CONCURRENCY: usize = 4;

type Item = HashMap<String, AttributeValue>;

/// The peer.
#[derive(Clone, Debug)]
pub struct Peer {
    client: Client,
    table: String,
    directory: String,
}

impl Peer {
    /// The peer that the environment describes.
    ///
    /// # Errors
    /// If a variable is not set.
    pub async fn from_env() -> Result<Self, Failure> {
        let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
        let client = Client::new(&config);
        let (table, directory) = (variable("PEER_TABLE")?, variable("PEER_DIRECTORY_TABLE")?);
        Ok(Self { client, table, directory })
    }

    fn of(client: &Client) -> Self {
        let [table, directory] = [TABLE, DIRECTORY_TABLE].map(str::to_owned);
        Self { client: client.clone(), table, directory }
    }
}

impl Database for Peer {
    async fn list(&self, list: &List) -> Result<Option<Page>, Refusal> {
        if list.facets || list.histogram.is_some() {
            return Err(Refusal::Invalid("include", "must be absent"));
        }
        let Some(partition) = self.partition(list).await? else { return Ok(None) };
        let Some(cursor) = &list.cursor else {
            let page = self.page(list, &partition, None).await?;
            return Ok(Some(page));
        };
        let invalid = Refusal::Invalid("cursor", "must be the nextCursor of a page");
        let cursor =
            BASE64_URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|key| String::from_utf8(key).ok());
        let cursor = cursor.filter(|key| id_of(key).is_some()).ok_or(invalid)?;
        let earlier = if list.ascending {
            Partition { to: cursor.clone(), ..partition.clone() }
        } else {
            Partition { from: cursor.clone(), ..partition.clone() }
        };
        let (before, page) =
            tokio::try_join!(self.count(&earlier), self.page(list, &partition, Some(&cursor)))?;
        Ok(Some(Page { offset: before, total: before + page.total, ..page }))
    }

    async fn get(&self, id: u64) -> Result<Option<Entry>, Failure> {
        let id = AttributeValue::N(id.to_string());
        let output = self.client.get_item().table_name(&self.table).key("id", id).send().await?;
        let Some(item) = output.item else { return Ok(None) };
        Ok(self.entries(vec![item]).await?.pop())
    }

    async fn write(&self, records: &[Record]) -> Result<(), Failure> {
        match records {
            [record] => {
                let item = item(record)?;
                self.client.put_item().table_name(&self.table).set_item(Some(item)).send().await?;
                Ok(())
            }
            records => self.put_all(&self.table, records.iter().map(item)).await,
        }
    }
}

/// The part of an index that a list is of, and what filters it.
#[derive(Clone, Debug)]
struct Partition {
    index: &'static str,
    attribute: &'static str,
    value: AttributeValue,
    /// The bounds of the sort key.
    from: String,
    to: String,
    filter: Vec<String>,
    names: HashMap<String, String>,
    values: Item,
}

/// Sorts before every sort key, and after every one: they begin with a digit.
const FIRST: &str = "0";
const LAST: &str = "~";

impl Partition {
    fn of(
        index: &'static str,
        attribute: &'static str,
        value: AttributeValue,
        list: &List,
    ) -> Result<Self, Failure> {
        let bound = |millis: Option<i64>, open: &str| match millis {
            None => Ok(open.to_owned()),
            Some(millis) => time(millis),
        };
        let mut partition = Self {
            index,
            attribute,
            value,
            // A bound is a time without an id, and so sorts before all entries of that time.
            from: bound(list.since, FIRST)?,
            to: bound(list.until, LAST)?,
            filter: Vec::new(),
            names: HashMap::new(),
            values: HashMap::new(),
        };
        partition.select("resourceType", &list.resource_type);
        partition.select("action", &list.action);
        Ok(partition)
    }

    /// Selects by the values of an attribute.
    fn select(&mut self, attribute: &str, values: &Values) {
        for (values, negation) in [(&values.only, ""), (&values.except, "NOT ")] {
            let mut alternatives = Vec::new();
            let mut placeholders = Vec::new();
            for value in values {
                let Some(value) = value else {
                    alternatives.push(format!("attribute_not_exists(#{attribute})"));
                    continue;
                };
                let placeholder = format!(":v{}", self.values.len());
                self.values.insert(placeholder.clone(), AttributeValue::S(value.clone()));
                placeholders.push(placeholder);
            }
            if !placeholders.is_empty() {
                alternatives.push(format!("#{attribute} IN ({})", placeholders.join(", ")));
            }
            if !alternatives.is_empty() {
                self.filter.push(format!("{negation}({})", alternatives.join(" OR ")));
                self.names.insert(format!("#{attribute}"), attribute.to_owned());
            }
        }
    }

    /// The condition on the sort key, after that on the partition, and the values in it.
    fn range(&self) -> (&'static str, Vec<(&'static str, AttributeValue)>) {
        let from = (":from", AttributeValue::S(self.from.clone()));
        let to = (":to", AttributeValue::S(self.to.clone()));
        match (self.from == FIRST, self.to == LAST) {
            (true, true) => ("", vec![]),
            (false, true) => (" AND createdAtId >= :from", vec![from]),
            (true, false) => (" AND createdAtId <= :to", vec![to]),
            (false, false) => (" AND createdAtId BETWEEN :from AND :to", vec![from, to]),
        }
    }

    /// The key from which a query goes on after the entry with this sort key.
    fn after(&self, sort_key: &str) -> Option<Item> {
        Some(HashMap::from([
            (self.attribute.to_owned(), self.value.clone()),
            (SORT_KEY.to_owned(), AttributeValue::S(sort_key.to_owned())),
            ("id".to_owned(), AttributeValue::N(id_of(sort_key)?.to_string())),
        ]))
    }
}

impl Peer {
    /// Where the entries of a list are; `None` if its slugs lead nowhere.
    async fn partition(&self, list: &List) -> Result<Option<Partition>, Failure> {
        let user = list.user;
        let of_user = || {
            let value = AttributeValue::N(user.to_string());
            Partition::of(USER_INDEX, "userId", value, list)
        };
        let Some((project, environment)) = &list.slugs else { return of_user().map(Some) };
        let Some(project) = self.id_of_slug(&project_slug(user, project)).await? else {
            return Ok(None);
        };
        let Some(environment) = environment else {
            let mut partition = of_user()?;
            partition.filter.push("projectId = :project".to_owned());
            partition.values.insert(":project".to_owned(), AttributeValue::N(project));
            return Ok(Some(partition));
        };
        let slug = format!("slug#{user}#{project}#{environment}");
        let Some(environment) = self.id_of_slug(&slug).await? else { return Ok(None) };
        let value = AttributeValue::S(format!("{user}#{project}#{environment}"));
        Partition::of(ENVIRONMENT_INDEX, "userProjectEnvironment", value, list).map(Some)
    }

    async fn id_of_slug(&self, slug: &str) -> Result<Option<String>, Failure> {
        let slug = AttributeValue::S(slug.to_owned());
        let output =
            self.client.get_item().table_name(&self.directory).key("key", slug).send().await?;
        Ok(output.item.as_ref().and_then(|item| number(item, "id")))
    }

    /// How many entries a partition has.
    async fn count(&self, partition: &Partition) -> Result<u64, Failure> {
        let list = List { limit: 0, offset: 0, ..List::default() };
        Ok(self.page(&list, partition, None).await?.total)
    }

    /// A page, with the total from the cursor on, or of the whole list without one.
    async fn page(
        &self,
        list: &List,
        partition: &Partition,
        cursor: Option<&str>,
    ) -> Result<Page, Failure> {
        let mut page = Page { offset: list.offset, ..Page::default() };
        // DynamoDB refuses a range that ends before it begins.
        if partition.from > partition.to {
            return Ok(page);
        }
        let (range, bounds) = partition.range();
        let mut start = cursor.and_then(|cursor| partition.after(cursor));
        let mut items = Vec::new();
        loop {
            let missing = list.limit - items.len() as u64;
            let skipped = list.offset.saturating_sub(page.total);
            // Without a filter, the database counts no more than it is told to.
            let (is_shown, most) = match (missing, skipped) {
                (0, _) => (false, None),
                (_, skipped) if skipped > 0 && partition.filter.is_empty() => {
                    (false, Some(skipped))
                }
                (missing, _) => (true, Some(missing).filter(|_| partition.filter.is_empty())),
            };
            let mut query = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(partition.index)
                .key_condition_expression(format!("#partition = :partition{range}"))
                .set_expression_attribute_names(Some(partition.names.clone()))
                .expression_attribute_names("#partition", partition.attribute)
                .set_expression_attribute_values(Some(partition.values.clone()))
                .expression_attribute_values(":partition", partition.value.clone())
                .scan_index_forward(list.ascending)
                .limit(i32::try_from(most.unwrap_or(EXAMINED).min(EXAMINED))?)
                .set_exclusive_start_key(start.take());
            for (name, bound) in &bounds {
                query = query.expression_attribute_values(*name, bound.clone());
            }
            if !partition.filter.is_empty() {
                query = query.filter_expression(partition.filter.join(" AND "));
            }
            let query = if is_shown {
                query.projection_expression(SHOWN).expression_attribute_names("#action", "action")
            } else {
                query.select(Select::Count)
            };
            let output = query.send().await?;
            page.total += u64::try_from(output.count)?;
            let skipped = usize::try_from(skipped)?;
            let found = output.items.unwrap_or_default().into_iter().skip(skipped);
            items.extend(found.take(usize::try_from(missing)?));
            start = output.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        let sort_key = items.last().and_then(|item| text(item, SORT_KEY));
        page.last = sort_key.map(|key| BASE64_URL_SAFE_NO_PAD.encode(key));
        page.entries = self.entries(items).await?;
        Ok(page)
    }

    /// The entries of these items, with their names.
    async fn entries(&self, items: Vec<Item>) -> Result<Vec<Entry>, Failure> {
        let mut keys = BTreeSet::new();
        for item in &items {
            for (kind, attribute) in
                [("user", "userId"), ("project", "projectId"), ("environment", "environmentId")]
            {
                keys.extend(number(item, attribute).map(|id| format!("{kind}#{id}")));
            }
        }
        let names = self.names(keys).await?;
        items.iter().map(|item| entry(item, &names)).collect()
    }

    /// The items of the directory with these keys, by key.
    async fn names(&self, keys: BTreeSet<String>) -> Result<HashMap<String, Item>, Failure> {
        let mut names = HashMap::new();
        let keys: Vec<_> = keys.into_iter().collect();
        for keys in keys.chunks(MAX_READS) {
            let keys = keys
                .iter()
                .map(|key| HashMap::from([("key".to_owned(), AttributeValue::S(key.clone()))]));
            let request = KeysAndAttributes::builder().set_keys(Some(keys.collect())).build()?;
            let mut unread = HashMap::from([(self.directory.clone(), request)]);
            while !unread.is_empty() {
                let output =
                    self.client.batch_get_item().set_request_items(Some(unread)).send().await?;
                let items = output.responses.unwrap_or_default().into_values().flatten();
                names.extend(items.filter_map(|item| Some((text(&item, "key")?, item))));
                unread = output.unprocessed_keys.unwrap_or_default();
            }
        }
        Ok(names)
    }

    /// Puts items into a table, as many at a time as DynamoDB takes.
    async fn put(&self, table: &str, items: Vec<Item>) -> Result<(), Failure> {
        let puts = items.into_iter().map(|item| {
            let put = PutRequest::builder().set_item(Some(item)).build()?;
            Ok::<_, Failure>(WriteRequest::builder().put_request(put).build())
        });
        let puts = puts.collect::<Result<Vec<_>, _>>()?;
        let mut unwritten = HashMap::from([(table.to_owned(), puts)]);
        while !unwritten.is_empty() {
            let request = self.client.batch_write_item().set_request_items(Some(unwritten));
            unwritten = request.send().await?.unprocessed_items.unwrap_or_default();
        }
        Ok(())
    }

    async fn put_all(
        &self,
        table: &str,
        items: impl Iterator<Item = Result<Item, Failure>>,
    ) -> Result<(), Failure> {
        let items = items.collect::<Result<Vec<_>, _>>()?;
        let batches: Vec<_> = items.chunks(MAX_WRITES).map(<[Item]>::to_vec).collect();
        let puts = stream::iter(batches).map(|batch| self.put(table, batch));
        puts.buffer_unordered(CONCURRENCY).try_collect().await
    }
}

/// Makes the two tables.
///
/// # Errors
/// If DynamoDB refuses.
pub async fn create_tables(client: &Client) -> Result<(), Failure> {
    let attribute = |name: &str, kind| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build()
    };
    let key =
        |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    let index = |name: &str, partition: &str| {
        Ok::<_, Failure>(
            GlobalSecondaryIndex::builder()
                .index_name(name)
                .key_schema(key(partition, KeyType::Hash)?)
                .key_schema(key(SORT_KEY, KeyType::Range)?)
                .projection(Projection::builder().projection_type(ProjectionType::All).build())
                .build()?,
        )
    };
    client
        .create_table()
        .table_name(TABLE)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("id", ScalarAttributeType::N)?)
        .attribute_definitions(attribute("userId", ScalarAttributeType::N)?)
        .attribute_definitions(attribute("userProjectEnvironment", ScalarAttributeType::S)?)
        .attribute_definitions(attribute(SORT_KEY, ScalarAttributeType::S)?)
        .key_schema(key("id", KeyType::Hash)?)
        .global_secondary_indexes(index(USER_INDEX, "userId")?)
        .global_secondary_indexes(index(ENVIRONMENT_INDEX, "userProjectEnvironment")?)
        .send()
        .await?;
    client
        .create_table()
        .table_name(DIRECTORY_TABLE)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("key", ScalarAttributeType::S)?)
        .key_schema(key("key", KeyType::Hash)?)
        .send()
        .await?;
    Ok(())
}

/// Writes entries, as fast as batches of 25 go, four at once.
///
/// # Errors
/// If DynamoDB refuses.
pub async fn load(client: &Client, records: &[Record]) -> Result<(), Failure> {
    Peer::of(client).put_all(TABLE, records.iter().map(item)).await
}

/// Writes names.
///
/// # Errors
/// If DynamoDB refuses.
pub async fn load_names(client: &Client, names: &[Name]) -> Result<(), Failure> {
    let items = names.iter().flat_map(name_items).map(Ok);
    Peer::of(client).put_all(DIRECTORY_TABLE, items).await
}

/// Writes one entry, by one request.
///
/// # Errors
/// If DynamoDB refuses.
pub async fn record(client: &Client, record: &Record) -> Result<(), Failure> {
    Peer::of(client).write(std::slice::from_ref(record)).await
}

/// The sort key of an entry. The id has as many digits as the largest, so that texts sort as
/// numbers do.
fn sort_key(created_at: &str, id: u64) -> String {
    format!("{created_at}#{id:016}")
}

/// The id in a sort key.
fn id_of(sort_key: &str) -> Option<u64> {
    sort_key.split_once('#')?.1.parse().ok()
}

/// An entry as the table has it. What is not there is no attribute.
fn item(record: &Record) -> Result<Item, Failure> {
    let number = |number: u64| AttributeValue::N(number.to_string());
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let user = record.user_id;
    let scope = record.project_id.zip(record.environment_id);
    let scope = scope.map(|(project, environment)| format!("{user}#{project}#{environment}"));
    let attributes = [
        ("id", Some(number(record.id))),
        ("userId", Some(number(user))),
        ("projectId", record.project_id.map(number)),
        ("environmentId", record.environment_id.map(number)),
        ("userProjectEnvironment", scope.as_deref().map(text)),
        ("resourceType", record.resource_type.as_deref().map(text)),
        ("resourceId", record.resource_id.map(number)),
        ("action", Some(text(&record.action))),
        ("description", record.description.as_deref().map(text)),
        ("metadata", record.metadata.as_ref().map(|metadata| text(metadata.get()))),
        ("ipAddress", record.ip_address.map(|address| text(&address.to_string()))),
        ("userAgent", record.user_agent.as_deref().map(text)),
        (SORT_KEY, Some(text(&sort_key(&time(record.created_at)?, record.id)))),
    ];
    let present = attributes.into_iter();
    Ok(present.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}

/// An item of the table as an entry.
fn entry(item: &Item, names: &HashMap<String, Item>) -> Result<Entry, Failure> {
    let id = |name| number(item, name).map(|number| number.parse()).transpose();
    let (user_id, project_id, environment_id) =
        (id("userId")?, id("projectId")?, id("environmentId")?);
    let (id, resource_id) = (id("id")?, id("resourceId")?);
    let find = |kind: &str, id: Option<u64>| names.get(&format!("{kind}#{}", id?));
    let slug_and_name =
        |item: &Item| Some(Named { slug: text(item, "slug")?, name: text(item, "name")? });
    let user = find("user", user_id);
    let user = user.and_then(|item| {
        let (name, profile_image) = (text(item, "name")?, text(item, "profileImage"));
        Some(User { id: user_id?, name, profile_image })
    });
    let sort_key = text(item, SORT_KEY).ok_or("an entry without a time")?;
    let (created_at, _) = sort_key.split_once('#').ok_or("an entry without a time")?;
    Ok(Entry {
        id: id.ok_or("an entry without an id")?,
        user_id: user_id.ok_or("an entry without a user")?,
        project_id,
        environment_id,
        user,
        project: find("project", project_id).and_then(slug_and_name),
        environment: find("environment", environment_id).and_then(slug_and_name),
        resource_type: text(item, "resourceType"),
        resource_id,
        action: text(item, "action").ok_or("an entry without an action")?,
        description: text(item, "description"),
        metadata: text(item, "metadata").map(RawValue::from_string).transpose()?,
        created_at: created_at.to_owned(),
    })
}

fn text(item: &Item, name: &str) -> Option<String> {
    item.get(name)?.as_s().ok().cloned()
}

fn number(item: &Item, name: &str) -> Option<String> {
    item.get(name)?.as_n().ok().cloned()
}

fn project_slug(user: u64, slug: &str) -> String {
    format!("slug#{user}#{slug}")
}

/// The items of a name: what it is called, and what its slug leads to.
fn name_items(name: &Name) -> Vec<Item> {
    let item = |key: String, id: u64, texts: &[(&str, Option<&String>)]| {
        let texts = texts.iter().filter_map(|(name, text)| Some((*name, (*text)?.clone())));
        let mut item: Item =
            texts.map(|(name, text)| (name.to_owned(), AttributeValue::S(text))).collect();
        item.insert("key".to_owned(), AttributeValue::S(key));
        item.insert("id".to_owned(), AttributeValue::N(id.to_string()));
        item
    };
    match name {
        Name::User { id, name, profile_image } => {
            let texts = [("name", Some(name)), ("profileImage", profile_image.as_ref())];
            vec![item(format!("user#{id}"), *id, &texts)]
        }
        Name::Project { id, user_id, slug, name } => vec![
            item(format!("project#{id}"), *id, &[("slug", Some(slug)), ("name", Some(name))]),
            item(project_slug(*user_id, slug), *id, &[]),
        ],
        Name::Environment { id, user_id, project_id, slug, name } => vec![
            item(format!("environment#{id}"), *id, &[("slug", Some(slug)), ("name", Some(name))]),
            item(format!("slug#{user_id}#{project_id}#{slug}"), *id, &[]),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sort_keys_sort_as_times_and_ids_do() {
        let key = |millis, id| sort_key(&time(millis).unwrap(), id);
        let keys =
            [key(999, 1), key(1_000, 2), key(1_000, 10), key(1_000, (1 << 53) - 1), key(1_001, 1)];
        assert!(keys.is_sorted());
        assert!(keys.iter().all(|key| FIRST < key.as_str() && LAST > key.as_str()));
        // A bound is before all entries of its time.
        assert!(key(999, 1) < time(1_000).unwrap() && time(1_000).unwrap() < key(1_000, 1));
        assert_eq!(id_of(&keys[2]), Some(10));
        assert_eq!(id_of("2024"), None);
    }

    #[test]
    fn a_filter_is_what_it_selects() {
        let some = |value: &str| Some(value.to_owned());
        for (only, except, expected) in [
            (vec![], vec![], vec![]),
            (vec![some("a")], vec![], vec!["(#action IN (:v0))"]),
            (
                vec![some("a"), some("b"), None],
                vec![],
                vec!["(attribute_not_exists(#action) OR #action IN (:v0, :v1))"],
            ),
            (vec![], vec![None], vec!["NOT (attribute_not_exists(#action))"]),
            (
                vec![some("a")],
                vec![some("b")],
                vec!["(#action IN (:v0))", "NOT (#action IN (:v1))"],
            ),
        ] {
            let value = AttributeValue::N("3".to_owned());
            let mut partition =
                Partition::of(USER_INDEX, "userId", value, &List::default()).unwrap();
            partition.select("action", &Values { only, except });
            assert_eq!(partition.filter, expected);
            assert_eq!(partition.names.is_empty(), expected.is_empty());
        }
    }
}
