//! Items: what is stored, attribute by attribute and byte by byte.
//!
//! Here alone is known how a key is built, how an attribute is written and read, and how a count is
//! packed. Nothing here does I/O. `docs/format.md` describes the same for a second reader.
//!
//! | file | job |
//! |---|---|
//! | `attribute`, `reader` | an item and its values; reading one, since what comes back is untrusted |
//! | `key`, `index` | the keys of the Directory and Ledger tables; the indexes of the Activities table |
//! | `entry`, `hash` | an activity as it is stored, and the chain of hashes |
//! | `head`, `block`, `node` | the ledger of a scope: its state; 64 entries; the counts of 64 blocks |
//! | `counts`, `packed` | what heads and nodes count, and how all three are packed |
//! | `open_ledger` | the end of a ledger, at which it grows |
//! | `idempotency` | which entry an idempotency key stands for |
//! | `name` | what the Directory has of a user, a project or an environment |

pub(crate) mod attribute;
pub(crate) mod block;
pub(crate) mod counts;
pub(crate) mod entry;
pub(crate) mod hash;
pub(crate) mod head;
pub(crate) mod idempotency;
pub(crate) mod index;
pub(crate) mod key;
pub(crate) mod name;
pub(crate) mod node;
pub(crate) mod open_ledger;
pub(crate) mod packed;
pub(crate) mod reader;

/// How many entries a block holds, and how many children a node.
///
/// A block of this many is about half a kilobyte: eight of them are read for what a single item
/// costs. A smaller one would be sealed more often, a larger one would make the tail of a head
/// outgrow the kilobyte that a write unit pays for.
pub(crate) const FANOUT: u64 = 64;
