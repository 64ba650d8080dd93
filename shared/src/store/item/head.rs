//! Heads: how far each scope has been numbered, what its entries are by type and action, and where
//! the newest of them stand.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use super::FANOUT;
use super::attribute::{Item, number};
use super::block::{Block, Mark, pack_marks, unpack_marks};
use super::counts::{Code, Codes, Counts};
use super::entry::SortKey;
use super::hash::{EntryHash, HASH};
use super::key::{self, DATA, LEDGER, LedgerKey};
use super::packed::{Packer, Unpacker, Unreadable};
use super::reader::Reader;
use crate::activity::{Details, limit};
use crate::id::ActivityId;
use crate::store::error::StoreError;
use crate::time::Timestamp;
use crate::view::{Filter, Scope};

/// The version of heads that this code writes and reads.
const VERSION: u8 = 1;

/// How many pairs of resource type and action one scope can have, besides [`Pair::OTHER`]. A head
/// is one item; at the longest names this many stay within DynamoDB's 400 KB.
pub(crate) const MAX_PAIRS: usize = 2_000;

/// A resource type, or none, and an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair<'a> {
    pub(crate) resource_type: Option<&'a str>,
    pub(crate) action: &'a str,
}

impl Pair<'_> {
    /// What an entry is recorded as whose own pair a scope has no room for.
    pub(crate) const OTHER: Self = Self { resource_type: None, action: Details::OTHER };
}

/// The state of one scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The scope.
    pub scope: Scope,
    /// Where its newest entry stands; `None` before the first.
    pub last: Option<SortKey>,
    /// The hash of its newest entry, if this is a whole log: only those have a chain.
    pub hash: Option<EntryHash>,
    /// The pairs that occur, in the order of their first appearance: a code is a subscript.
    dictionary: Vec<(Option<String>, String)>,
    counts: Counts,
    /// The newest entries, which are in no block yet.
    tail: Vec<Mark>,
}

impl Head {
    /// The head of a scope without entries.
    #[must_use]
    pub fn empty(scope: Scope) -> Self {
        Self {
            scope,
            last: None,
            hash: None,
            dictionary: Vec::new(),
            counts: Counts::default(),
            tail: Vec::new(),
        }
    }

    /// How many entries the scope has: the position of the newest of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.total()
    }

    /// The codes that `filter` selects.
    pub(crate) fn codes(&self, filter: &Filter) -> Codes {
        let pairs = self.dictionary.iter();
        Codes::new(pairs.map(|(kind, action)| filter.selects(kind.as_deref(), action)))
    }

    /// How many entries of each code there are.
    pub(crate) const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How many blocks are sealed.
    pub(crate) fn blocks(&self) -> u64 {
        self.total() / FANOUT
    }

    /// The entries that are in no block yet, oldest first.
    pub(crate) fn tail(&self) -> &[Mark] {
        &self.tail
    }

    /// How many pairs it has codes for.
    pub(crate) fn pairs(&self) -> usize {
        self.dictionary.len()
    }

    /// The pair that has this code.
    pub(crate) fn pair(&self, code: Code) -> Option<Pair<'_>> {
        let (resource_type, action) = self.dictionary.get(code as usize)?;
        Some(Pair { resource_type: resource_type.as_deref(), action })
    }

    /// Whether it has a code for `pair`, or room for one.
    pub(crate) fn has_room_for(&self, pair: Pair<'_>) -> bool {
        pair == Pair::OTHER
            || self.code(pair).is_some()
            || self.dictionary.len() - usize::from(self.code(Pair::OTHER).is_some()) < MAX_PAIRS
    }

    fn code(&self, pair: Pair<'_>) -> Option<usize> {
        self.dictionary.iter().position(|(resource_type, action)| {
            action == pair.action && resource_type.as_deref() == pair.resource_type
        })
    }

    /// Counts one more entry, which stands at `at`. Returns the block that it completes, if it
    /// completes one.
    pub(crate) fn push(&mut self, pair: Pair<'_>, at: SortKey) -> Option<Block> {
        let code = self.code(pair).unwrap_or_else(|| {
            let Pair { resource_type, action } = pair;
            self.dictionary.push((resource_type.map(str::to_owned), action.to_owned()));
            self.dictionary.len() - 1
        });
        // At most MAX_PAIRS and one.
        let code = Code::try_from(code).unwrap_or(Code::MAX);
        self.counts.add(code, 1);
        self.tail.push(Mark { code, at });
        self.last = Some(at);
        let block = Block::new(std::mem::take(&mut self.tail));
        match block {
            Ok(block) => Some(block),
            Err(tail) => {
                self.tail = tail;
                None
            }
        }
    }

    /// Notes the hash of its newest entry, if this is a whole log.
    pub(crate) const fn chain(&mut self, hash: EntryHash) {
        if let Scope::User(_) = self.scope {
            self.hash = Some(hash);
        }
    }

    /// The most bytes that its item takes.
    pub(crate) fn max_size(&self) -> usize {
        let pairs = self.dictionary.iter().map(|(resource_type, action)| {
            resource_type.as_ref().map_or(0, String::len) + action.len() + PAIR_SIZE
        });
        pairs.sum::<usize>() + REST_SIZE
    }

    fn pack(&self, last: SortKey) -> Vec<u8> {
        let mut packer = Packer::new(VERSION);
        let mut names: Vec<&str> = Vec::new();
        let mut pairs = Vec::with_capacity(self.dictionary.len());
        let mut name = |name| {
            let known = names.iter().position(|known| *known == name);
            known.unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            }) as u64
        };
        for (resource_type, action) in &self.dictionary {
            let resource_type = resource_type.as_deref().map_or(0, |one| name(one) + 1);
            pairs.push((resource_type, name(action)));
        }
        packer.number(names.len() as u64);
        for name in names {
            packer.text(name);
        }
        packer.number(pairs.len() as u64);
        for (resource_type, action) in pairs {
            packer.number(resource_type);
            packer.number(action);
        }
        self.counts.pack(&mut packer);
        packer.number(last.created_at.as_millis().unsigned_abs());
        pack_marks(&mut packer, &self.tail);
        packer.finish()
    }

    fn unpack(
        scope: Scope,
        id: ActivityId,
        hash: Option<EntryHash>,
        bytes: &[u8],
    ) -> Result<Self, Unreadable> {
        let mut packed = Unpacker::new(bytes, VERSION)?;
        let names = (0..packed.length()?).map(|_| packed.text());
        let names = names.collect::<Result<Vec<_>, _>>()?;
        let name = |number: u64| {
            let name = usize::try_from(number).ok().and_then(|number| names.get(number));
            name.map(|name| (*name).to_owned()).ok_or(Unreadable::Invalid("a pair has no name"))
        };
        let length = packed.length()?;
        let mut dictionary: Vec<(Option<String>, String)> = Vec::with_capacity(length);
        for _ in 0..length {
            let resource_type = packed.number()?.checked_sub(1).map(name).transpose()?;
            dictionary.push((resource_type, name(packed.number()?)?));
        }
        let counts = Counts::unpack(&mut packed)?;
        let codes = Codes::new(dictionary.iter().map(|_| true));
        if counts.total() == 0 || counts.selected(&codes) != counts.total() {
            return Err(Unreadable::Invalid("its counts are not those of its pairs"));
        }
        let millis = i64::try_from(packed.number()?).ok();
        let created_at = millis
            .and_then(|millis| Timestamp::from_millis(millis).ok())
            .ok_or(Unreadable::Invalid("it has a time out of range"))?;
        let last = SortKey { created_at, id };
        let tail = unpack_marks(&mut packed, counts.total() % FANOUT)?;
        packed.finish()?;
        let of_tail: Counts = tail.iter().map(|mark| mark.code).collect();
        let in_blocks = counts.clone().without(&of_tail).total();
        if tail.last().is_some_and(|newest| newest.at != last)
            || in_blocks + of_tail.total() != counts.total()
        {
            return Err(Unreadable::Invalid("its tail is not that of its counts"));
        }
        Ok(Self { scope, last: Some(last), hash, dictionary, counts, tail })
    }
}

/// The Ledger item of `head`, whose last entry stands at `last`.
pub(crate) fn encode(head: &Head, last: SortKey) -> Item {
    let mut item = key::item(head.scope, &LedgerKey::Head);
    item.insert("id", number(last.id));
    item.insert(DATA, AttributeValue::B(Blob::new(head.pack(last))));
    if let Some(hash) = head.hash {
        item.insert(HASH, hash.to_attribute());
    }
    item
}

/// The head of a Ledger item.
pub(crate) fn decode(item: &Item) -> Result<Head, StoreError> {
    let reader = Reader::new(item, LEDGER);
    let scope = key::scope(&reader)?;
    let hash = match scope {
        Scope::User(_) => Some(reader.hash(HASH)?),
        Scope::Project(..) | Scope::Environment(..) => None,
    };
    let id = reader.number("id")?;
    reader.unpacked(DATA, |bytes| Head::unpack(scope, id, hash, bytes))
}

/// The most bytes that a pair takes in a head besides its names: their lengths and places, a count.
const PAIR_SIZE: usize = 24;

/// The most bytes that all else takes in a head: the key, the hash, the tail.
const REST_SIZE: usize = 2_048;

/// The largest head stays below DynamoDB's 400 KB.
const _: () = assert!((MAX_PAIRS + 1) * (2 * limit::NAME + PAIR_SIZE) + REST_SIZE < 310_000);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Facet;

    fn at(id: u64) -> SortKey {
        SortKey { created_at: Timestamp::MIN, id: id.try_into().unwrap() }
    }

    fn filter(resource_type: Option<&str>, action: Option<&str>) -> Filter {
        let facet = |value: Option<&str>| value.map(Facet::only).unwrap_or_default();
        Filter { resource_type: facet(resource_type), action: facet(action) }
    }

    fn user() -> Scope {
        Scope::User(3.try_into().unwrap())
    }

    /// About how many bytes an item takes.
    fn size(item: &Item) -> usize {
        let attributes = item.iter().map(|(name, value)| {
            let value = match value {
                AttributeValue::B(bytes) => bytes.as_ref().len(),
                AttributeValue::S(text) => text.len(),
                _ => 10,
            };
            name.len() + value
        });
        attributes.sum()
    }

    fn head_of(entries: &[(Option<&str>, &str)]) -> Head {
        let mut head = Head::empty(user());
        for (id, (resource_type, action)) in (1..).zip(entries.iter().copied()) {
            head.push(Pair { resource_type, action }, at(id));
        }
        head.chain(EntryHash::NONE);
        head
    }

    #[test]
    fn a_head_counts_what_any_filter_selects() {
        let head = head_of(&[
            (Some("f"), "create"),
            (Some("f"), "invoke"),
            (Some("d"), "create"),
            (None, "create"),
        ]);
        assert_eq!(head.total(), 4);
        let count = |resource_type, action| {
            head.counts().selected(&head.codes(&filter(resource_type, action)))
        };
        assert_eq!(count(None, None), 4);
        assert_eq!(count(Some("f"), None), 2);
        assert_eq!(count(None, Some("create")), 3);
        assert_eq!(count(Some("f"), Some("create")), 1);
        assert_eq!(count(Some("d"), Some("invoke")), 0);
        assert_eq!(decode(&encode(&head, at(4))).unwrap(), head);
    }

    #[test]
    fn the_sixty_fourth_entry_moves_the_tail_into_a_block() {
        let mut head = head_of(&[(None, "sync"); 63]);
        assert_eq!(head.tail().len(), 63);
        let block = head.push(Pair { resource_type: None, action: "sync" }, at(64)).unwrap();
        assert_eq!((block.marks().len(), head.tail().len(), head.blocks()), (64, 0, 1));
        assert_eq!(head.last, Some(at(64)));
        assert_eq!(decode(&encode(&head, at(64))).unwrap(), head);
    }

    #[test]
    fn sixty_four_pairs_stay_within_a_write_unit() {
        let types = [
            "function",
            "instance",
            "database",
            "storage_bucket",
            "static_website",
            "firewall",
            "cache_server",
            "terminal",
        ];
        let actions =
            ["create", "update", "delete", "invoke", "sync", "connect", "disconnect", "restart"];
        let mut head =
            Head::empty(Scope::Environment(3.try_into().unwrap(), crate::id::EnvironmentId::MAX));
        let start = 1_767_225_600_000;
        let mut random = fastrand::Rng::with_seed(1);
        for number in 0..64 * 300 + 63 {
            let created_at = Timestamp::from_millis(start + number * 60_000).unwrap();
            let id = crate::id::IdSource::first_of(created_at).unsigned_abs() + random.u64(..4_096);
            let action = actions[random.usize(..8)];
            let pair = Pair { resource_type: Some(types[random.usize(..8)]), action };
            head.push(pair, SortKey { created_at, id: id.try_into().unwrap() });
        }
        assert_eq!((head.pairs(), head.tail().len()), (64, 63));
        let size = size(&encode(&head, head.last.unwrap()));
        assert!(size <= 1_024, "{size}");
    }

    #[test]
    fn no_head_takes_more_than_it_says() {
        for pairs in [1, 63, MAX_PAIRS] {
            let mut head = Head::empty(user());
            for number in 0..pairs as u64 {
                let (resource_type, action) =
                    (format!("t{number:0>63}"), format!("a{number:0>63}"));
                let pair = Pair { resource_type: Some(&resource_type), action: &action };
                head.push(pair, at(ActivityId::MAX.get() - 10_000 + number));
                head.counts.add(number.try_into().unwrap(), 1 << 40);
            }
            head.chain(EntryHash::NONE);
            let size = size(&encode(&head, head.last.unwrap()));
            let most = head.max_size();
            assert!(size <= most && most < size + REST_SIZE + 16 * pairs, "{pairs}: {size} {most}");
        }
    }

    #[test]
    fn a_full_dictionary_has_room_for_what_it_knows_and_for_the_reserved_pair() {
        let names: Vec<String> = (0..MAX_PAIRS).map(|number| format!("action-{number}")).collect();
        let entries: Vec<_> = names.iter().map(|name| (None, name.as_str())).collect();
        let mut head = head_of(&entries);
        let pair = |action| Pair { resource_type: None, action };
        assert!(head.has_room_for(pair("action-7")) && !head.has_room_for(pair("new")));
        assert!(head.has_room_for(Pair::OTHER));
        head.push(Pair::OTHER, at(MAX_PAIRS as u64 + 1));
        assert!(!head.has_room_for(pair("new")) && head.has_room_for(Pair::OTHER));
        let mut early = head_of(&[(None, "other")]);
        for name in &names[1..] {
            early.push(pair(name), at(early.total() + 1));
        }
        assert!(early.has_room_for(pair("last")), "the reserved pair does not count");
    }

    #[test]
    fn an_undecodable_head_is_an_error_that_names_its_scope_and_says_why() {
        let head = head_of(&[(Some("f"), "create"), (None, "sync")]);
        let data = |bytes: Vec<u8>| AttributeValue::B(Blob::new(bytes));
        let packed = head.pack(at(2));
        let mut future = packed.clone();
        future[0] = 2;
        for (name, value, reason) in [
            ("data", number(1), "data is not binary"),
            ("data", data(packed[..packed.len() - 1].to_vec()), "it is cut short"),
            ("data", data([&packed[..], &[0]].concat()), "bytes after its end"),
            ("data", data(future), "the unknown version 2"),
            ("id", number(7), "its tail"),
            ("hash", number(7), "hash is not 32 bytes"),
        ] {
            let mut item = encode(&head, at(2));
            item.insert(name.to_owned(), value);
            let message = decode(&item).unwrap_err().to_string();
            assert!(message.contains("scope user#3") && message.contains(reason), "{message}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let id = 1.try_into().unwrap();
            let _ = Head::unpack(user(), id, None, &[&[VERSION], &bytes[..]].concat());
        }
    }
}
