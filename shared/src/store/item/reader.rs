//! Reading what is stored, attribute by attribute.
//!
//! What comes back from DynamoDB is untrusted. So an attribute that is missing or invalid is an error that
//! names the item and the attribute, never a default.

use aws_sdk_dynamodb::types::AttributeValue;

use super::attribute::Item;
use super::hash::{EntryHash, HASH, HASH_PREFIX, HashPrefix};
use super::packed::Unreadable;
use crate::store::error::StoreError;

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

    /// What `unpack` reads from a packed value.
    pub(crate) fn unpacked<T>(
        &self,
        name: &str,
        unpack: impl FnOnce(&[u8]) -> Result<T, Unreadable>,
    ) -> Result<T, StoreError> {
        let bytes = match self.item.get(name) {
            Some(AttributeValue::B(bytes)) => bytes.as_ref(),
            Some(_) => return Err(self.corrupt(format!("{name} is not binary"))),
            None => return Err(self.corrupt(format!("{name} is missing"))),
        };
        unpack(bytes).map_err(|reason| self.corrupt(format!("{name}: {reason}")))
    }
}
