//! Cursors as callers see them: opaque, versioned, of one length, and bound to the list they are of.
//!
//! A cursor says where an entry stands, with some bytes of the hash that proves the log up to there, and
//! no more: whose log it is comes from the token alone. One that is made up is found out when the page
//! is read.

use aws_lc_rs::digest::{self, SHA256};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::id::{ActivityId, MAX_ID};
use crate::store::{Anchor, Cursor, HashPrefix, SortKey};
use crate::time::Timestamp;

/// The first byte of a cursor in this format.
const VERSION: u8 = 1;

/// Version, list, position, time, id and hash.
const LENGTH: usize = 1 + 8 + 8 + 8 + 8 + 8;

/// How many characters the text of a cursor has, in Base64 without padding (RFC 4648, section 5).
pub(crate) const CURSOR_LENGTH: usize = (LENGTH * 4).div_ceil(3);

/// Position, time, id and hash of the place before the first entry, where there is none.
const BEGINNING: [[u8; 8]; 4] = [[0; 8]; 4];

/// What tells a list from all others: a hash of whose it is, its filters, range and order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListHash([u8; 8]);

impl ListHash {
    /// The hash of a list that is described by `description`.
    pub(crate) fn new(description: &[u8]) -> Self {
        let mut hash = [0; 8];
        hash.copy_from_slice(&digest::digest(&SHA256, description).as_ref()[..8]);
        Self(hash)
    }
}

/// The text of `cursor`, which is of `list`: [`CURSOR_LENGTH`] characters of `[A-Za-z0-9_-]`.
pub(crate) fn encode(cursor: Cursor, list: ListHash) -> String {
    let place = match cursor {
        Cursor::Beginning => BEGINNING,
        Cursor::Entry(Anchor { position, at, hash }) => [
            position.to_be_bytes(),
            at.created_at.as_millis().to_be_bytes(),
            at.id.get().to_be_bytes(),
            hash.0,
        ],
    };
    let mut bytes = Vec::with_capacity(LENGTH);
    bytes.push(VERSION);
    bytes.extend(list.0);
    bytes.extend(place.as_flattened());
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The cursor that `text` is, if it is one of `list`.
pub(crate) fn decode(text: &str, list: ListHash) -> Option<Cursor> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
    let (version, fields) = bytes.split_first()?;
    let (&[list_hash, ref place @ ..], []) = fields.as_chunks::<8>() else { return None };
    let &[position, millis, id, hash] = place else { return None };
    if *version != VERSION || ListHash(list_hash) != list {
        return None;
    }
    if place == BEGINNING {
        return Some(Cursor::Beginning);
    }
    let created_at = Timestamp::from_millis(i64::from_be_bytes(millis)).ok()?;
    let id = ActivityId::try_from(u64::from_be_bytes(id)).ok()?;
    let position = u64::from_be_bytes(position);
    let anchor = Anchor { position, at: SortKey { created_at, id }, hash: HashPrefix(hash) };
    (1..=MAX_ID).contains(&position).then_some(Cursor::Entry(anchor))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(description: &str) -> ListHash {
        ListHash::new(description.as_bytes())
    }

    fn cursor(position: u64, millis: i64, id: u64) -> Cursor {
        let created_at = Timestamp::from_millis(millis).unwrap();
        let at = SortKey { created_at, id: id.try_into().unwrap() };
        Cursor::Entry(Anchor { position, at, hash: HashPrefix(*b"12345678") })
    }

    #[test]
    fn a_cursor_is_bound_to_its_list_and_version() {
        let text = encode(cursor(5, 1_705_314_600_000, 7), list("mine"));
        assert_eq!(text.len(), 55);
        assert_eq!(decode(&text, list("mine")), Some(cursor(5, 1_705_314_600_000, 7)));
        assert_eq!(decode(&text, list("yours")), None);
        let beginning = encode(Cursor::Beginning, list("mine"));
        assert_eq!(beginning.len(), 55);
        assert_eq!(decode(&beginning, list("mine")), Some(Cursor::Beginning));
        assert_eq!(decode(&beginning, list("yours")), None);
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(&text).unwrap();
        bytes[0] = 2;
        assert_eq!(decode(&BASE64_URL_SAFE_NO_PAD.encode(bytes), list("mine")), None);
    }

    #[test]
    fn a_cursor_of_an_impossible_place_is_none() {
        let valid = encode(cursor(1, 0, 1), list(""));
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&valid).unwrap();
        for at in [9, 17, 25] {
            for (value, good) in [(0, at == 17), (u64::MAX, false), (1 << 63, false), (2, true)] {
                let mut bytes = bytes.clone();
                bytes[at..at + 8].copy_from_slice(&value.to_be_bytes());
                let text = BASE64_URL_SAFE_NO_PAD.encode(bytes);
                assert_eq!(decode(&text, list("")).is_some(), good, "{at} {value}");
            }
        }
        // Nothing but nothing is the beginning.
        let beginning = encode(Cursor::Beginning, list(""));
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&beginning).unwrap();
        for at in 9..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] = 1;
            assert_eq!(decode(&BASE64_URL_SAFE_NO_PAD.encode(bytes), list("")), None, "{at}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_encoded_is_what_is_decoded(
            position in 1..=MAX_ID,
            millis in 0..=Timestamp::MAX.as_millis(),
            id in 1..=MAX_ID,
            description: String,
        ) {
            let (cursor, list) = (cursor(position, millis, id), list(&description));
            proptest::prop_assert_eq!(decode(&encode(cursor, list), list), Some(cursor));
        }

        #[test]
        fn no_text_makes_it_panic_or_pass(text in "[A-Za-z0-9_-]{0,70}|\\PC{0,60}") {
            proptest::prop_assert_eq!(decode(&text, list("")), None);
        }
    }
}
