//! Reading and writing DynamoDB attributes.
//!
//! What comes back from DynamoDB is untrusted: every reader here gives an error that names the
//! attribute, never a default.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::BuildHasher;

use aws_sdk_dynamodb::types::AttributeValue;

use super::hash::{EntryHash, HASH, HASH_PREFIX, HashPrefix};
use crate::store::error::StoreError;

/// The name of an attribute.
pub(crate) type Name = Cow<'static, str>;

/// A DynamoDB item.
///
/// A list and not a map: an item has a dozen attributes or two, among which one is found in less time
/// than its name is hashed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Item(Vec<(Name, AttributeValue)>);

impl Item {
    /// An item without attributes, with room for so many.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// The value of an attribute, if it has that.
    pub(crate) fn get(&self, name: &str) -> Option<&AttributeValue> {
        self.iter().find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    /// Gives an attribute this value, whatever it had before.
    pub(crate) fn insert(&mut self, name: impl Into<Name>, value: AttributeValue) {
        let name = name.into();
        match self.0.iter_mut().find(|(own, _)| *own == name) {
            Some((_, own)) => *own = value,
            None => self.0.push((name, value)),
        }
    }

    /// Its attributes, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &AttributeValue)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// How many attributes it has.
    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Leaves out the attributes with names that are not wanted.
    #[cfg(test)]
    pub(crate) fn retain(&mut self, is_wanted: impl Fn(&str) -> bool) {
        self.0.retain(|(name, _)| is_wanted(name));
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

impl From<Vec<(Name, AttributeValue)>> for Item {
    fn from(attributes: Vec<(Name, AttributeValue)>) -> Self {
        Self(attributes)
    }
}

impl<N: Into<Name>> FromIterator<(N, AttributeValue)> for Item {
    fn from_iter<T: IntoIterator<Item = (N, AttributeValue)>>(attributes: T) -> Self {
        Self(attributes.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}

impl<N: Into<Name>, const COUNT: usize> From<[(N, AttributeValue); COUNT]> for Item {
    fn from(attributes: [(N, AttributeValue); COUNT]) -> Self {
        attributes.into_iter().collect()
    }
}

impl<S: BuildHasher + Default> From<Item> for HashMap<String, AttributeValue, S> {
    fn from(Item(attributes): Item) -> Self {
        attributes.into_iter().map(|(name, value)| (name.into_owned(), value)).collect()
    }
}

/// A number attribute.
pub(crate) fn number(value: impl std::fmt::Display + Copy) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A string attribute.
pub(crate) fn string(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A table, and the attributes that identify an item of it in errors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) key: [&'static str; 2],
}

/// Reads an item attribute by attribute, remembering what the item is for its errors.
pub(crate) struct Reader<'a> {
    item: &'a Item,
    table: Table,
}

impl<'a> Reader<'a> {
    /// Reads `item` of `table`.
    pub(crate) const fn new(item: &'a Item, table: Table) -> Self {
        Self { item, table }
    }

    /// The error that says `reason` of this item.
    pub(crate) fn corrupt(&self, reason: impl Into<String>) -> StoreError {
        let part = |name: &str| match self.item.get(name) {
            Some(AttributeValue::N(text) | AttributeValue::S(text)) => format!("{name} {text}"),
            _ => format!("no {name}"),
        };
        let [first, second] = self.table.key.map(part);
        StoreError::Corrupt {
            item: format!("{} item with {first}, {second}", self.table.name),
            reason: reason.into(),
        }
    }

    /// A number that converts to `T`.
    pub(crate) fn number<T: TryFrom<u64>>(&self, name: &str) -> Result<T, StoreError> {
        self.optional_number(name)?.ok_or_else(|| self.corrupt(format!("{name} is missing")))
    }

    /// A number that converts to `T`, or `None` if there is no such attribute.
    pub(crate) fn optional_number<T: TryFrom<u64>>(
        &self,
        name: &str,
    ) -> Result<Option<T>, StoreError> {
        let Some(value) = self.item.get(name) else { return Ok(None) };
        let AttributeValue::N(text) = value else {
            return Err(self.corrupt(format!("{name} is not a number")));
        };
        let number: u64 = text.parse().map_err(|_| {
            self.corrupt(format!("{name} is not a whole number from 0 to 2^64 - 1"))
        })?;
        let typed = T::try_from(number)
            .map_err(|_| self.corrupt(format!("{name} is out of range: {number}")))?;
        Ok(Some(typed))
    }

    /// A string.
    pub(crate) fn string(&self, name: &str) -> Result<&'a str, StoreError> {
        self.optional_string(name)?.ok_or_else(|| self.corrupt(format!("{name} is missing")))
    }

    /// A string, or `None` if there is no such attribute.
    pub(crate) fn optional_string(&self, name: &str) -> Result<Option<&'a str>, StoreError> {
        match self.item.get(name) {
            None => Ok(None),
            Some(AttributeValue::S(text)) => Ok(Some(text)),
            Some(_) => Err(self.corrupt(format!("{name} is not a string"))),
        }
    }

    /// A hash.
    pub(crate) fn hash(&self, name: &str) -> Result<EntryHash, StoreError> {
        let value = self.item.get(name);
        let value = value.ok_or_else(|| self.corrupt(format!("{name} is missing")))?;
        EntryHash::from_attribute(value)
            .ok_or_else(|| self.corrupt(format!("{name} is not 32 bytes")))
    }

    /// The first bytes of an entry's hash. Where the hash stands beside them, it must begin with them.
    pub(crate) fn hash_prefix(&self) -> Result<HashPrefix, StoreError> {
        let value = self.item.get(HASH_PREFIX);
        let value = value.ok_or_else(|| self.corrupt(format!("{HASH_PREFIX} is missing")))?;
        let prefix = HashPrefix::from_attribute(value)
            .ok_or_else(|| self.corrupt(format!("{HASH_PREFIX} is not 8 bytes")))?;
        if self.item.get(HASH).is_some() && self.hash(HASH)?.prefix() != prefix {
            return Err(self.corrupt(format!("{HASH} does not begin with {HASH_PREFIX}")));
        }
        Ok(prefix)
    }

    /// Bytes.
    pub(crate) fn bytes(&self, name: &str) -> Result<&'a [u8], StoreError> {
        match self.item.get(name) {
            Some(AttributeValue::B(bytes)) => Ok(bytes.as_ref()),
            Some(_) => Err(self.corrupt(format!("{name} is not binary"))),
            None => Err(self.corrupt(format!("{name} is missing"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_the_same_if_all_their_attributes_are_in_whatever_order() {
        let item = Item::from([("id", number(7)), ("action", string("create"))]);
        let mut other = Item::from([("action", string("delete")), ("id", number(7))]);
        assert_ne!(item, other);
        other.insert("action", string("create"));
        assert_eq!((item.len(), other.len()), (2, 2));
        assert_eq!(item, other);
        other.insert("h", number(1));
        assert_ne!(item, other);
        assert_ne!(other, item);
    }
}
