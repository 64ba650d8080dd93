//! Where things are: the keys of the Directory and Ledger tables, built here and nowhere else.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use super::attribute::{Item, number, string};
use super::node::NodeKey;
use super::reader::{Reader, Table};
use crate::directory::EntityKey;
use crate::id::{MAX_ID, ProjectId, UserId};
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
const USER: &str = "user";

/// Start of the sort keys of projects in the Directory.
const PROJECT: &str = "project#";

/// Start of the sort keys of environments in the Directory.
const ENVIRONMENT: &str = "environment#";

/// Start of the sort keys of slugs in the Directory.
const SLUG: &str = "slug#";

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
    Item::from([("scope", string(ledger_scope(scope))), ("item", string(key.sort_key()))])
}

/// The item of a block or node.
pub(crate) fn part(scope: Scope, key: &LedgerKey, data: Vec<u8>) -> Item {
    let mut item = item(scope, key);
    item.insert(DATA, AttributeValue::B(Blob::new(data)));
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

/// The key of an entity in the Directory.
pub(crate) fn entity(key: EntityKey) -> Item {
    match key {
        EntityKey::User(user) => directory(user, USER.to_owned()),
        EntityKey::Project(user, project) => directory(user, format!("{PROJECT}{project}")),
        EntityKey::Environment(user, environment) => {
            directory(user, format!("{ENVIRONMENT}{environment}"))
        }
    }
}

/// Which entity of `user` has this sort key in the Directory, or `None` if none has.
pub(crate) fn parse_entity(user: UserId, sort_key: &str) -> Option<EntityKey> {
    if sort_key == USER {
        return Some(EntityKey::User(user));
    }
    if let Some(project) = sort_key.strip_prefix(PROJECT) {
        return Some(EntityKey::Project(user, project.parse().ok()?));
    }
    let environment = sort_key.strip_prefix(ENVIRONMENT)?;
    Some(EntityKey::Environment(user, environment.parse().ok()?))
}

/// Whether an item of the Directory with this sort key leads from a slug to an entity.
pub(crate) fn is_slug(sort_key: &str) -> bool {
    sort_key.starts_with(SLUG)
}

fn directory(user: UserId, sort_key: String) -> Item {
    Item::from([("userId", number(user)), ("entity", string(sort_key))])
}

/// A slug in the Directory: what all that have it are found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slug<'a> {
    /// Of projects of a user.
    Project(UserId, &'a str),
    /// Of environments of one of a user's projects.
    Environment(UserId, ProjectId, &'a str),
}

impl Slug<'_> {
    /// Whose it is.
    pub(crate) const fn user(&self) -> UserId {
        match self {
            Self::Project(user, _) | Self::Environment(user, _, _) => *user,
        }
    }

    /// The key of the item that leads to the project or environment with this id. Ids have leading
    /// zeros, so that the largest is the last.
    pub(crate) fn item(&self, id: u64) -> Item {
        directory(self.user(), format!("{}{id:016}", self.start()))
    }

    /// The first and the last sort key of all that have it.
    pub(crate) fn range(&self) -> [AttributeValue; 2] {
        let start = self.start();
        [0, MAX_ID].map(|id| string(format!("{start}{id:016}")))
    }

    /// The id that a sort key leads to, or `None` if it is not one of this slug.
    pub(crate) fn id<T: TryFrom<u64>>(&self, sort_key: &str) -> Option<T> {
        let id = sort_key.strip_prefix(&self.start())?.parse().ok()?;
        let is_same = sort_key == format!("{}{id:016}", self.start());
        is_same.then(|| T::try_from(id).ok()).flatten()
    }

    /// Start of the sort keys of all that have it.
    fn start(&self) -> String {
        // No slug may look like the start of another's keys.
        let escaped = |slug: &str| slug.replace('%', "%25").replace('#', "%23");
        match self {
            Self::Project(_, slug) => format!("{SLUG}{PROJECT}{}#", escaped(slug)),
            Self::Environment(_, project, slug) => {
                format!("{SLUG}{ENVIRONMENT}{project}#{}#", escaped(slug))
            }
        }
    }
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

    #[test]
    fn entities_are_read_back_from_their_sort_keys_and_slugs_are_none() {
        let user: UserId = 3.try_into().unwrap();
        for (key, text) in [
            (EntityKey::User(user), "user"),
            (EntityKey::Project(user, 4.try_into().unwrap()), "project#4"),
            (EntityKey::Environment(user, 9.try_into().unwrap()), "environment#9"),
        ] {
            assert_eq!(entity(key), directory(user, text.to_owned()));
            assert_eq!(parse_entity(user, text), Some(key));
            assert!(!is_slug(text));
        }
        for text in ["", "users", "project#04", "project#", "slug#project#a#0000000000000004"] {
            assert_eq!(parse_entity(user, text), None, "{text}");
        }
    }

    #[test]
    fn the_keys_of_a_slug_are_its_own_and_in_the_order_of_ids() {
        let user: UserId = 3.try_into().unwrap();
        let project: ProjectId = 4.try_into().unwrap();
        let text =
            |slug: Slug<'_>, id| slug.item(id).get("entity").unwrap().as_s().unwrap().clone();
        let plain = Slug::Project(user, "my-project");
        assert_eq!(text(plain, 4), "slug#project#my-project#0000000000000004");
        let odd = Slug::Environment(user, project, "50%#é/");
        assert_eq!(text(odd, 9), "slug#environment#4#50%25%23é/#0000000000000009");
        let slugs =
            ["a", "a#", "a%", "a%23", "a#0000000000000004", "ab", "A", "é", "#", "%", "%25"];
        for slug in slugs {
            let [first, last] = Slug::Project(user, slug).range();
            let (first, last) = (first.as_s().unwrap(), last.as_s().unwrap());
            for other in slugs {
                for id in [1, 9, 10, MAX_ID] {
                    let key = text(Slug::Project(user, other), id);
                    let is_within = (first..=last).contains(&&key);
                    assert_eq!(is_within, slug == other, "{slug} {other}");
                    let found = Slug::Project(user, slug).id::<ProjectId>(&key);
                    let id = (slug == other).then(|| id.try_into().unwrap());
                    assert_eq!(found, id, "{slug} {other}");
                }
            }
        }
        assert!(text(plain, 9) < text(plain, 10) && text(plain, 99) < text(plain, MAX_ID));
        assert_eq!(plain.id::<ProjectId>("slug#project#my-project#4"), None);
        assert_eq!(plain.id::<ProjectId>("slug#project#my-project#0000000000000000"), None);
        let longest = "#".repeat(crate::directory::limit::SLUG);
        let key = text(Slug::Environment(user, ProjectId::MAX, &longest), MAX_ID);
        assert!(key.len() <= 1_024, "{}", key.len());
    }
}
