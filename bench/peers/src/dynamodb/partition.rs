//! What a list asks of an index.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::items::{Item, SORT_KEY, id_of};
use crate::Failure;
use crate::api::{List, Values};
use crate::document::time;

/// The part of an index that a list is of, and what filters it.
#[derive(Clone, Debug)]
pub(super) struct Partition {
    pub(super) index: &'static str,
    pub(super) attribute: &'static str,
    pub(super) value: AttributeValue,
    /// The bounds of the sort key.
    pub(super) from: String,
    pub(super) to: String,
    pub(super) filter: Vec<String>,
    pub(super) names: HashMap<String, String>,
    pub(super) values: Item,
}

/// Sorts before every sort key, and after every one: they begin with a digit.
const FIRST: &str = "0";
const LAST: &str = "~";

impl Partition {
    pub(super) fn of(
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
    pub(super) fn range(&self) -> (&'static str, Vec<(&'static str, AttributeValue)>) {
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
    pub(super) fn after(&self, sort_key: &str) -> Option<Item> {
        Some(HashMap::from([
            (self.attribute.to_owned(), self.value.clone()),
            (SORT_KEY.to_owned(), AttributeValue::S(sort_key.to_owned())),
            ("id".to_owned(), AttributeValue::N(id_of(sort_key)?.to_string())),
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::super::items::sort_key;
    use super::super::tables::USER_INDEX;
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
