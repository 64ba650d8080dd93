//! The three global secondary indexes of the Activities table: one for each kind of scope, whose partition
//! key is the scope's own ids.

use crate::view::Scope;

/// How entries of one kind of scope are indexed.
#[derive(Debug, PartialEq, Eq)]
pub struct Index {
    /// The name of the global secondary index.
    pub name: &'static str,
    /// The attributes of the index's partition key, in order.
    pub partition_key: &'static [&'static str],
    /// The attribute that holds an entry's position in the scope; short, because it is stored up to
    /// four times with every entry.
    pub position: &'static str,
    /// What the index holds besides its keys: this, or else whole entries.
    pub holds: Option<&'static [&'static str]>,
}

/// The sort key of every index. Its second part tells apart entries of the same millisecond.
pub const SORT_KEY: [&str; 2] = ["createdAt", "id"];

/// The three indexes: of a user, of a project, of an environment. The last two hold what a list shows
/// by default, the position, the version, and the first bytes of the hash, which a cursor has.
pub const INDEXES: [Index; 3] = [
    Index { name: "user", partition_key: &["userId"], position: "u", holds: None },
    Index {
        name: "project",
        partition_key: &["userId", "projectId"],
        position: "p",
        holds: Some(&[
            "v",
            "p",
            "h",
            "environmentId",
            "resourceType",
            "resourceId",
            "action",
            "description",
            "metadata",
        ]),
    },
    Index {
        name: "environment",
        partition_key: &["userId", "environmentId"],
        position: "e",
        holds: Some(&[
            "v",
            "e",
            "h",
            "projectId",
            "resourceType",
            "resourceId",
            "action",
            "description",
            "metadata",
        ]),
    },
];

impl Index {
    /// Whether it holds whole entries.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.holds.is_none()
    }

    /// Whether it holds this attribute of an entry.
    #[must_use]
    pub fn has(&self, attribute: &str) -> bool {
        let Some(held) = self.holds else { return true };
        let mut all = self.partition_key.iter().chain(&SORT_KEY).chain(held);
        all.any(|name| *name == attribute)
    }
}

impl Scope {
    /// Which kind it is: a subscript of [`INDEXES`].
    #[must_use]
    pub(crate) const fn kind(self) -> usize {
        match self {
            Self::User(_) => 0,
            Self::Project(..) => 1,
            Self::Environment(..) => 2,
        }
    }

    /// How its entries are indexed.
    #[must_use]
    pub(crate) const fn index(self) -> &'static Index {
        &INDEXES[self.kind()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_leads_every_partition_key() {
        for index in &INDEXES {
            assert_eq!(index.partition_key[0], "userId", "{}", index.name);
        }
    }

    #[test]
    fn each_kind_of_scope_has_its_index() {
        let (project, environment) = (4.try_into().ok(), 9.try_into().ok());
        let scopes = Scope::of(3.try_into().unwrap(), project, environment);
        assert!(scopes.map(|scope| scope.index().name).eq(INDEXES.map(|index| index.name)));
    }
}
