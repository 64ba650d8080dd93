//! Where things are: the keys of the Directory and Ledger tables, built here and nowhere else.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use super::attribute::{Item, Reader, Table, string};
use super::node::NodeKey;
use crate::id::{EnvironmentId, ProjectId};
use crate::store::error::StoreError;
use crate::view::Scope;

/// The Activities table, and what identifies its items in errors.
pub(crate) const ACTIVITIES: Table = Table { name: "Activities", key: ["id", "userId"] };

/// The Directory table.
pub(crate) const DIRECTORY: Table = Table { name: "Directory", key: ["userId", "entity"] };

/// The Ledger table.
pub(crate) const LEDGER: Table = Table { name: "Ledger", key: ["scope", "item"] };

/// The packed attribute of heads, blocks and nodes.
pub(crate) const DATA: &str = "data";

/// Sort key of a scope's head in the Ledger.
const HEAD: &str = "head";

/// Start of the sort keys of blocks in the Ledger.
const BLOCK: &str = "block#";

/// Start of the sort keys of nodes in the Ledger.
const NODE: &str = "node#";

/// Start of the sort keys of idempotency keys in the Ledger.
const IDEMPOTENCY: &str = "idempotency#";

/// Sort key of the user in the Directory.
pub(crate) const USER: &str = "user";

/// Start of the sort keys of projects in the Directory.
pub(crate) const PROJECT: &str = "project#";

/// Start of the sort keys of environments in the Directory.
pub(crate) const ENVIRONMENT: &str = "environment#";

/// An item of a scope in the Ledger.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum LedgerKey {
    /// How far the scope has been numbered.
    Head,
    /// So many blocks come before it.
    Block(u64),
    /// A node of the count tree.
    Node(NodeKey),
    /// What the user's idempotency key was recorded as.
    Idempotency(String),
}

impl LedgerKey {
    /// The sort key. Numbers have leading zeros, so that keys are in the order of the numbers: ten
    /// digits for blocks, enough for 640 billion entries.
    pub(crate) fn sort_key(&self) -> String {
        match self {
            Self::Head => HEAD.to_owned(),
            Self::Block(number) => format!("{BLOCK}{number:010}"),
            Self::Node(NodeKey { level, index }) => format!("{NODE}{level}#{index:010}"),
            Self::Idempotency(key) => format!("{IDEMPOTENCY}{key}"),
        }
    }

    /// What a sort key stands for, or `None` if it is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let key = if let Some(number) = text.strip_prefix(BLOCK) {
            Self::Block(number.parse().ok()?)
        } else if let Some(place) = text.strip_prefix(NODE) {
            let (level, index) = place.split_once('#')?;
            let node = NodeKey { level: level.parse().ok()?, index: index.parse().ok()? };
            Self::Node(node)
        } else if let Some(key) = text.strip_prefix(IDEMPOTENCY) {
            Self::Idempotency(key.to_owned())
        } else {
            Self::Head
        };
        (key.sort_key() == text).then_some(key)
    }
}

/// The key of an item in the Ledger.
pub(crate) fn item(scope: Scope, key: &LedgerKey) -> Item {
    Item::from([
        ("scope".to_owned(), string(ledger_scope(scope))),
        ("item".to_owned(), string(key.sort_key())),
    ])
}

/// The item of a block or node.
pub(crate) fn part(scope: Scope, key: &LedgerKey, data: Vec<u8>) -> Item {
    let mut item = item(scope, key);
    item.insert(DATA.to_owned(), AttributeValue::B(Blob::new(data)));
    item
}

/// What an item of the Ledger is.
pub(crate) fn ledger_key(reader: &Reader<'_>) -> Result<LedgerKey, StoreError> {
    LedgerKey::parse(reader.string("item")?).ok_or_else(|| reader.corrupt("its key is unknown"))
}

/// Which scope an item of the Ledger is of.
pub(crate) fn scope(reader: &Reader<'_>) -> Result<Scope, StoreError> {
    let scope = parse_ledger_scope(reader.string("scope")?);
    scope.ok_or_else(|| reader.corrupt("scope is not a scope"))
}

/// Partition key of a scope in the Ledger: `user#3`, `user#3/project#4`, `user#3/environment#9`.
pub(crate) fn ledger_scope(scope: Scope) -> String {
    match scope {
        Scope::User(user) => format!("user#{user}"),
        Scope::Project(user, project) => format!("user#{user}/project#{project}"),
        Scope::Environment(user, environment) => format!("user#{user}/environment#{environment}"),
    }
}

fn parse_ledger_scope(key: &str) -> Option<Scope> {
    let rest = key.strip_prefix("user#")?;
    let Some((user, part)) = rest.split_once('/') else {
        return Some(Scope::User(rest.parse().ok()?));
    };
    let user = user.parse().ok()?;
    if let Some(project) = part.strip_prefix(PROJECT) {
        return Some(Scope::Project(user, project.parse().ok()?));
    }
    let environment = part.strip_prefix(ENVIRONMENT)?;
    Some(Scope::Environment(user, environment.parse().ok()?))
}

/// Sort key of a project in the Directory.
pub(crate) fn directory_project(project: ProjectId) -> String {
    format!("{PROJECT}{project}")
}

/// Sort key of an environment in the Directory.
pub(crate) fn directory_environment(environment: EnvironmentId) -> String {
    format!("{ENVIRONMENT}{environment}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back_as_what_they_were_made_of() {
        let user = 3.try_into().unwrap();
        for scope in [
            Scope::User(user),
            Scope::Project(user, 4.try_into().unwrap()),
            Scope::Environment(user, 9.try_into().unwrap()),
        ] {
            assert_eq!(parse_ledger_scope(&ledger_scope(scope)), Some(scope));
        }
        for (key, text) in [
            (LedgerKey::Head, "head"),
            (LedgerKey::Block(12), "block#0000000012"),
            (LedgerKey::Node(NodeKey { level: 2, index: 7 }), "node#2#0000000007"),
            (LedgerKey::Idempotency("a#b".into()), "idempotency#a#b"),
        ] {
            assert_eq!(key.sort_key(), text);
            assert_eq!(LedgerKey::parse(text), Some(key));
        }
        for text in ["", "tail", "block#12", "node#2", "node#2#7", "block#-000000012"] {
            assert_eq!(LedgerKey::parse(text), None, "{text}");
        }
        assert_eq!(parse_ledger_scope("user#03"), None);
    }

    #[test]
    fn sort_keys_are_in_the_order_of_their_numbers() {
        let blocks = [0, 9, 10, 99, 100, 9_999_999_999];
        assert!(blocks.is_sorted_by_key(|number| LedgerKey::Block(*number).sort_key()));
    }
}
