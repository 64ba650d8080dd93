//! Reading a run of entries from the index of a view.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;

use super::attributes::{Item, number, string};
use super::entry::{self, SortKey};
use super::page::{Order, TimeRange};
use super::{CAPACITY, Store, StoreError};
use crate::view::{SORT_KEY, Scope, View};

/// An item of a view's index.
#[derive(Debug)]
pub(crate) struct Row {
    /// Its position in the view.
    pub(crate) position: u64,
    /// Where it stands in time.
    pub(crate) at: SortKey,
    /// The whole item if the index is covering, else its keys and position.
    pub(crate) item: Item,
}

impl Store {
    /// At most `limit` rows of a view within `range`, in `order`, from just past `after`, or from
    /// the range's end. One trip for each megabyte.
    pub(crate) async fn query(
        &self,
        view: &View,
        range: TimeRange,
        order: Order,
        after: Option<SortKey>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let Some((earliest, latest)) = range.bounds() else { return Ok(Vec::new()) };
        let index = view.index();
        let mut request = self
            .client
            .query()
            .table_name(&self.tables.activities)
            .index_name(index.name)
            .scan_index_forward(order == Order::OldestFirst)
            .return_consumed_capacity(CAPACITY);
        let mut condition = Vec::new();
        for (number, (name, value)) in partition_key(view).into_iter().enumerate() {
            // By number, because "action" is a reserved word.
            condition.push(format!("#k{number} = :k{number}"));
            request = request
                .expression_attribute_names(format!("#k{number}"), name)
                .expression_attribute_values(format!(":k{number}"), value);
        }
        condition.push("#t BETWEEN :earliest AND :latest".to_owned());
        request = request
            .expression_attribute_names("#t", SORT_KEY[0])
            .expression_attribute_values(":earliest", number(earliest.as_millis()))
            .expression_attribute_values(":latest", number(latest.as_millis()))
            .key_condition_expression(condition.join(" AND "));

        let mut rows = Vec::new();
        let mut start = after.map(|after| start_key(view, after));
        while rows.len() < limit {
            let left = i32::try_from(limit - rows.len()).unwrap_or(i32::MAX);
            let output = request
                .clone()
                .limit(left)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(StoreError::call("Query"))?;
            for item in output.items.unwrap_or_default() {
                let position = entry::decode_position(&item, index)?;
                rows.push(Row { position, at: entry::decode_sort_key(&item)?, item });
            }
            start = output.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok(rows)
    }
}

/// The partition key of a view in its index, attribute by attribute.
fn partition_key(view: &View) -> Vec<(&'static str, AttributeValue)> {
    let values = [
        Some(number(view.scope.user_id())),
        match view.scope {
            Scope::User(_) => None,
            Scope::Project(_, project) => Some(number(project)),
            Scope::Environment(_, environment) => Some(number(environment)),
        },
        view.facets.resource_type.as_deref().map(string),
        view.facets.action.as_deref().map(string),
    ];
    view.index().partition_key.iter().copied().zip(values.into_iter().flatten()).collect()
}

/// The exclusive start key that stands for `at` in a view: the index's key and the table's.
fn start_key(view: &View, at: SortKey) -> Item {
    let [created_at, id] = SORT_KEY;
    partition_key(view)
        .into_iter()
        .chain([(created_at, number(at.created_at.as_millis())), (id, number(at.id))])
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// How long to wait before the `attempt`th repetition of a read: 20 ms, doubling.
pub(crate) fn pause(attempt: u32) -> Duration {
    Duration::from_millis(10 << attempt.min(5))
}
