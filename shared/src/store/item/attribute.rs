//! Items of DynamoDB, and the values of their attributes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::BuildHasher;

use aws_sdk_dynamodb::types::AttributeValue;

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
