//! The hash chain: every entry carries a SHA-256 of itself and of the hash of the user's entry
//! before it, and the user's head carries the last one. Nothing of a log can then be changed,
//! removed, inserted or moved behind the API's back without a break in its chain.
//!
//! `docs/integrity.md` has the format that is hashed, and a second verifier in another language.

use std::fmt;

use aws_lc_rs::digest::{self, SHA256};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use super::attribute::Item;

/// The attribute of an entry, and of a user's head, that holds the hash.
pub(crate) const HASH: &str = "hash";

/// The attribute of an entry that holds the first bytes of its hash once more.
///
/// A cursor has these bytes of the last entry of a page. The indexes of projects and environments
/// must therefore hold them; the whole hash there would take 27 bytes more for each. They stand beside
/// the hash and are not split off from it: `hash` then is the whole hash wherever it stands, and
/// whoever computes the chain anew has one attribute to compare. That costs 36 bytes an entry in all
/// its copies, of 1,845, and no unit more to write it or to read a page of the reference's entries.
/// The name is short, because it is stored up to four times with every entry.
pub(crate) const HASH_PREFIX: &str = "h";

/// The hash of an entry: SHA-256 (FIPS 180-4) of the hash before it and of its own attributes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EntryHash([u8; 32]);

impl EntryHash {
    /// What stands for the hash before a log's first entry.
    pub(crate) const NONE: Self = Self([0; 32]);

    /// The hash of an entry's item that follows `previous`. Every attribute counts but the hash
    /// itself and its first bytes: by name, kind, length and value, in the order of the names.
    pub(crate) fn of(previous: Self, item: &Item) -> Self {
        let is_hashed = |name: &str| name != HASH && name != HASH_PREFIX;
        let mut attributes: Vec<_> = item.iter().filter(|(name, _)| is_hashed(name)).collect();
        attributes.sort_unstable_by_key(|(name, _)| *name);
        let mut hasher = digest::Context::new(&SHA256);
        hasher.update(&previous.0);
        for (name, value) in attributes {
            let (kind, text) = match value {
                AttributeValue::S(text) => (":S:", text.as_str()),
                AttributeValue::N(text) => (":N:", text.as_str()),
                // No entry is written with an attribute of another kind.
                _ => (":?:", ""),
            };
            let length = text.len().to_string();
            for part in [name, kind, &length, ":", text, "\n"] {
                hasher.update(part.as_bytes());
            }
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(hasher.finish().as_ref());
        Self(hash)
    }

    /// Its first bytes.
    pub(crate) fn prefix(self) -> HashPrefix {
        HashPrefix(std::array::from_fn(|byte| self.0[byte]))
    }

    /// As an attribute.
    pub(crate) fn to_attribute(self) -> AttributeValue {
        AttributeValue::B(Blob::new(self.0))
    }

    /// From an attribute; `None` if it is not 32 bytes.
    pub(crate) fn from_attribute(value: &AttributeValue) -> Option<Self> {
        let bytes = value.as_b().ok()?;
        bytes.as_ref().try_into().ok().map(Self)
    }
}

/// The first eight bytes of an entry's hash. As the hash is of all entries up to that one, these bytes
/// tell one log from another up to there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HashPrefix(pub [u8; 8]);

impl HashPrefix {
    /// As an attribute.
    pub(crate) fn to_attribute(self) -> AttributeValue {
        AttributeValue::B(Blob::new(self.0))
    }

    /// From an attribute; `None` if it is not eight bytes.
    pub(crate) fn from_attribute(value: &AttributeValue) -> Option<Self> {
        let bytes = value.as_b().ok()?;
        bytes.as_ref().try_into().ok().map(Self)
    }
}

impl fmt::Display for EntryHash {
    /// Hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for EntryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryHash({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::super::attribute::{number, string};
    use super::*;

    fn item(attributes: &[(&str, AttributeValue)]) -> Item {
        attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    /// Both examples of docs/integrity.md.
    #[test]
    fn the_form_is_the_documented_one() {
        let first = item(&[
            ("id", number(1)),
            ("userId", number(3)),
            ("action", string("sync")),
            ("createdAt", number(1_705_314_600_000_u64)),
            ("u", number(1)),
            ("v", number(1)),
        ]);
        let hash = EntryHash::of(EntryHash::NONE, &first);
        let text = "action:S:4:sync\ncreatedAt:N:13:1705314600000\nid:N:1:1\nu:N:1:1\n\
                    userId:N:1:3\nv:N:1:1\n";
        let mut bytes = vec![0; 32];
        bytes.extend(text.as_bytes());
        assert_eq!(hash, EntryHash(digest::digest(&SHA256, &bytes).as_ref().try_into().unwrap()));
        let document = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/integrity.md"));
        assert!(document.contains(text.trim_end()), "{text}");
        assert!(document.contains(&hash.to_string()), "{hash}");
    }

    #[test]
    fn whatever_is_different_is_hashed_differently() {
        let base = item(&[("action", string("sync")), ("id", number(1))]);
        let hash = EntryHash::of(EntryHash::NONE, &base);
        for other in [
            item(&[("action", string("sync")), ("id", string("1"))]),
            item(&[("action", string("sync")), ("id", number(10))]),
            item(&[("action", string("sync"))]),
            item(&[("action", string("sync\nid:N:1:1"))]),
            item(&[
                ("action", string("sync")),
                ("id", number(1)),
                ("x", AttributeValue::Bool(true)),
            ]),
        ] {
            assert_ne!(EntryHash::of(EntryHash::NONE, &other), hash, "{other:?}");
        }
        assert_ne!(EntryHash::of(hash, &base), hash, "the one before counts");
        let mut sealed = base;
        sealed.insert(HASH.to_owned(), hash.to_attribute());
        sealed.insert(HASH_PREFIX.to_owned(), hash.prefix().to_attribute());
        assert_eq!(EntryHash::of(EntryHash::NONE, &sealed), hash, "the hash itself does not");
    }

    #[test]
    fn it_is_read_back_as_it_is_written_and_nothing_else_is() {
        let hash = EntryHash([7; 32]);
        assert_eq!(EntryHash::from_attribute(&hash.to_attribute()), Some(hash));
        let prefix = EntryHash(std::array::from_fn(|at| u8::try_from(at).unwrap())).prefix();
        assert_eq!(prefix, HashPrefix([0, 1, 2, 3, 4, 5, 6, 7]));
        assert_eq!(HashPrefix::from_attribute(&prefix.to_attribute()), Some(prefix));
        for bad in [AttributeValue::B(Blob::new([7; 31])), string("07"), number(7)] {
            assert_eq!(EntryHash::from_attribute(&bad), None);
            assert_eq!(HashPrefix::from_attribute(&bad), None);
        }
    }
}
