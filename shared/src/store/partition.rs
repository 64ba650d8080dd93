//! Reading a partition of a table or an index as it is, without decoding what it holds.

use aws_sdk_dynamodb::types::AttributeValue;

use super::attributes::{Item, string};
use super::{CAPACITY, Store, StoreError, keys};
use crate::view::Scope;

/// The items of one partition of a table, or of one of its indexes.
pub(crate) struct Partition<'a> {
    pub(crate) table: &'a str,
    pub(crate) index: Option<&'static str>,
    /// The partition key.
    pub(crate) key: (&'static str, AttributeValue),
    /// The attributes to read; all if there are none.
    pub(crate) attributes: &'static [&'static str],
}

impl Store {
    /// What the ledger has of a scope.
    pub(crate) fn ledger_of(
        &self,
        scope: Scope,
        attributes: &'static [&'static str],
    ) -> Partition<'_> {
        let key = ("scope", string(keys::ledger_scope(scope)));
        Partition { table: &self.tables.ledger, index: None, key, attributes }
    }

    /// All items of a partition.
    pub(crate) async fn read_all(
        &self,
        partition: &Partition<'_>,
    ) -> Result<Vec<Item>, StoreError> {
        let (mut items, mut next) = self.read(partition, None).await?;
        while next.is_some() {
            let page;
            (page, next) = self.read(partition, next).await?;
            items.extend(page);
        }
        Ok(items)
    }

    /// The next items of a partition, and where those after them start. Consistent, unless it is
    /// one of an index, which cannot be read so.
    pub(crate) async fn read(
        &self,
        partition: &Partition<'_>,
        start: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        let (name, value) = &partition.key;
        let mut request = self
            .client
            .query()
            .table_name(partition.table)
            .set_index_name(partition.index.map(str::to_owned))
            .consistent_read(partition.index.is_none())
            .key_condition_expression("#key = :key")
            .expression_attribute_names("#key", *name)
            .expression_attribute_values(":key", value.clone())
            .set_exclusive_start_key(start)
            .return_consumed_capacity(CAPACITY);
        let mut shown = Vec::new();
        for (number, attribute) in partition.attributes.iter().enumerate() {
            shown.push(format!("#a{number}"));
            request = request.expression_attribute_names(format!("#a{number}"), *attribute);
        }
        let output = request
            .set_projection_expression((!shown.is_empty()).then(|| shown.join(", ")))
            .send()
            .await
            .map_err(StoreError::call("Query"))?;
        Ok((output.items.unwrap_or_default(), output.last_evaluated_key))
    }
}
