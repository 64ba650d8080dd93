//! Heads: how far each scope of a log has been numbered.

use std::collections::BTreeMap;

use super::attributes::{Item, Reader, number, string};
use super::entry::{SortKey, decode_sort_key, encode_sort_key};
use super::error::StoreError;
use super::hash::{EntryHash, HASH};
use super::keys;
use crate::view::{Facets, Scope};

/// How many different pairs of resource type and action one scope can have. A head is one item;
/// at the longest names this many stay within DynamoDB's 400 KB.
pub(crate) const MAX_PAIRS: usize = 2_000;

/// Stands for "no resource type" in a head; no resource type can be called this.
const NO_TYPE: &str = "~";

/// The state of one scope: how many entries it has of each resource type and action, and where
/// the last of them stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The scope.
    pub scope: Scope,
    /// Where its newest entry stands; `None` before the first.
    pub last: Option<SortKey>,
    /// The hash of its newest entry, if this is a whole log: only those have a chain.
    pub hash: Option<EntryHash>,
    /// Entries by resource type, then action.
    counts: BTreeMap<Option<String>, BTreeMap<String, u64>>,
}

impl Head {
    /// The head of a scope without entries.
    #[must_use]
    pub const fn empty(scope: Scope) -> Self {
        Self { scope, last: None, hash: None, counts: BTreeMap::new() }
    }

    /// How many entries the scope has with these facets: the position of the newest of them.
    #[must_use]
    pub fn count(&self, facets: &Facets) -> u64 {
        let matches = |wanted: &Option<String>, name: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| name == Some(wanted))
        };
        self.counts
            .iter()
            .filter(|(resource_type, _)| matches(&facets.resource_type, resource_type.as_deref()))
            .flat_map(|(_, actions)| actions)
            .filter(|(action, _)| matches(&facets.action, Some(action)))
            .map(|(_, count)| count)
            .sum()
    }

    /// Counts one more entry, which stands at `at`.
    pub(crate) fn push(&mut self, resource_type: Option<&str>, action: &str, at: SortKey) {
        let actions = self.counts.entry(resource_type.map(str::to_owned)).or_default();
        *actions.entry(action.to_owned()).or_default() += 1;
        self.last = Some(at);
    }

    /// Notes the hash of its newest entry, if this is a whole log.
    pub(crate) const fn chain(&mut self, hash: EntryHash) {
        if let Scope::User(_) = self.scope {
            self.hash = Some(hash);
        }
    }

    /// How many pairs of resource type and action it counts.
    pub(crate) fn pairs(&self) -> usize {
        self.counts.values().map(BTreeMap::len).sum()
    }
}

/// The Ledger item of `head`, whose last entry stands at `last`.
pub(crate) fn encode(head: &Head, last: SortKey) -> Item {
    let counts = head.counts.iter().map(|(resource_type, actions)| {
        let actions: Item =
            actions.iter().map(|(action, count)| (action.clone(), number(count))).collect();
        let resource_type = resource_type.clone().unwrap_or_else(|| NO_TYPE.to_owned());
        (resource_type, aws_sdk_dynamodb::types::AttributeValue::M(actions))
    });
    let mut item = Item::from([
        ("scope".to_owned(), string(keys::ledger_scope(head.scope))),
        ("entry".to_owned(), string(keys::HEAD)),
        ("counts".to_owned(), aws_sdk_dynamodb::types::AttributeValue::M(counts.collect())),
    ]);
    if let Some(hash) = head.hash {
        item.insert(HASH.to_owned(), hash.to_attribute());
    }
    encode_sort_key(&mut item, last);
    item
}

/// The head of a Ledger item.
pub(crate) fn decode(item: &Item) -> Result<Head, StoreError> {
    let reader = Reader::new(item, "Ledger", ["scope", "entry"]);
    let scope = keys::parse_ledger_scope(reader.string("scope")?)
        .ok_or_else(|| reader.corrupt("scope is not a scope"))?;
    let mut counts: BTreeMap<Option<String>, BTreeMap<String, u64>> = BTreeMap::new();
    for (resource_type, actions) in reader.map("counts")? {
        let actions = actions.as_m().map_err(|_| reader.corrupt("counts is not a map of maps"))?;
        let count_of = Reader::new(actions, "Ledger", ["scope", "entry"]);
        let actions = actions
            .keys()
            .map(|action| match count_of.number(action) {
                Ok(count) => Ok((action.clone(), count)),
                Err(_) => Err(reader.corrupt(format!("count of {resource_type} {action}"))),
            })
            .collect::<Result<_, _>>()?;
        let resource_type = (resource_type != NO_TYPE).then(|| resource_type.clone());
        counts.insert(resource_type, actions);
    }
    let hash = match scope {
        Scope::User(_) => Some(reader.hash(HASH)?),
        Scope::Project(..) | Scope::Environment(..) => None,
    };
    Ok(Head { scope, last: Some(decode_sort_key(item)?), hash, counts })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(id: u64) -> SortKey {
        SortKey { created_at: crate::time::Timestamp::MIN, id: id.try_into().unwrap() }
    }

    fn facets(resource_type: Option<&str>, action: Option<&str>) -> Facets {
        Facets {
            resource_type: resource_type.map(str::to_owned),
            action: action.map(str::to_owned),
        }
    }

    #[test]
    fn a_head_counts_every_combination_of_facets() {
        let mut head = Head::empty(Scope::User(3.try_into().unwrap()));
        for (id, (resource_type, action)) in
            [(Some("f"), "create"), (Some("f"), "invoke"), (Some("d"), "create"), (None, "create")]
                .into_iter()
                .enumerate()
        {
            head.push(resource_type, action, at(id as u64 + 1));
        }
        assert_eq!(head.count(&facets(None, None)), 4);
        assert_eq!(head.count(&facets(Some("f"), None)), 2);
        assert_eq!(head.count(&facets(None, Some("create"))), 3);
        assert_eq!(head.count(&facets(Some("f"), Some("create"))), 1);
        assert_eq!(head.count(&facets(Some("d"), Some("invoke"))), 0);
        head.chain(EntryHash::NONE);
        assert_eq!(decode(&encode(&head, at(4))).unwrap(), head);
    }

    #[test]
    fn an_undecodable_head_is_an_error_that_names_its_scope() {
        let head = Head::empty(Scope::User(3.try_into().unwrap()));
        let mut item = encode(&head, at(1));
        item.insert("counts".into(), number(1));
        let message = decode(&item).unwrap_err().to_string();
        assert!(message.contains("scope user#3") && message.contains("counts"), "{message}");
    }
}
