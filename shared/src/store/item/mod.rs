//! Items: what is stored, attribute by attribute and byte by byte.
//!
//! Nothing outside of this folder knows what an attribute is called, how a key is built or how a
//! count is packed. Nothing inside does I/O. `docs/format.md` describes the same for a second
//! reader.

pub(crate) mod attribute;
pub(crate) mod block;
pub(crate) mod counts;
pub(crate) mod entry;
pub(crate) mod hash;
pub(crate) mod head;
pub(crate) mod key;
pub(crate) mod ledger;
pub(crate) mod name;
pub(crate) mod node;
pub(crate) mod packed;

/// How many entries a block holds, and how many children a node.
///
/// A block of this many is about half a kilobyte: eight of them are read for what a single item
/// costs. A smaller one would be sealed more often, a larger one would make the tail of a head
/// outgrow the kilobyte that a write unit pays for.
pub(crate) const FANOUT: u64 = 64;
