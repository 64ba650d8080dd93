//! The usual design on DynamoDB, as AWS's documentation leads to it.
//!
//! A table of entries by id has two global secondary indexes in time order: of a user, and of what a
//! user did in an environment of a project. Filters are filter expressions, times are a range of the sort key,
//! a cursor is the key that a query goes on from. DynamoDB neither counts nor skips: so a total is a
//! query for the count alone to the end of the partition, and an offset is skipped through.
//!
//! What is easily saved is saved. No entry is read twice: what is skipped is only counted, and what
//! comes after the page, too. Without a filter, no more is read for the page than it has. Names are
//! read by key, also those that a slug leads to.
//!
//! Facets and histograms would take a table of counters and whatever keeps it right, or a read of all
//! entries. This design has neither, and refuses them.

mod items;
mod load;
mod partition;
mod tables;

use std::collections::{BTreeSet, HashMap};

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Select};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::api::{Database, List, Refusal, variable};
use crate::document::{Entry, Page};
use crate::{Failure, Record};

pub use load::{load, load_names, record};
pub use tables::{DIRECTORY_TABLE, TABLE, VARIABLES, create_tables};

use items::{Item, SORT_KEY, entry, environment_slug, id_of, item, number, project_slug, text};
use load::put_all;
use partition::Partition;
use tables::{ENVIRONMENT_INDEX, USER_INDEX};

/// What a list shows. `action` is a reserved word.
const SHOWN: &str = "id, userId, projectId, environmentId, resourceType, resourceId, #action, \
                     description, metadata, createdAtId";

/// The most items that one request reads (AWS: `BatchGetItem`).
const MAX_READS: usize = 100;

/// The most entries that a query examines at once. DynamoDB ends a query at 1 MB, after fewer of such
/// entries than this, so that it reads and charges the same without a limit. The embedded one reads all
/// the rest of a partition first, and would take a time here that grows with the square of the log.
const EXAMINED: u64 = 2_500;

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
            records => put_all(&self.client, &self.table, records.iter().map(item)).await,
        }
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
        let slug = environment_slug(user, &project, environment);
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
}
