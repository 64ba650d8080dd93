//! What an operator does with a log: prove it, and erase it. No route of the API comes here.
//!
//! | file | job |
//! |---|---|
//! | `users` | who has a log |
//! | `verify` | walks a log, and has everything compared with its entries |
//! | `expected` | what the entries say that everything else must be |
//! | `compare` | compares what is stored of a scope with that |
//! | `copies` | reads the copies of entries in an index |
//! | `diagnose` | says what was done to a log whose chain of hashes is broken |
//! | `inconsistency` | what verification finds |
//! | `erase` | erases a user |

mod compare;
mod copies;
mod diagnose;
mod erase;
mod expected;
mod inconsistency;
mod users;
mod verify;

pub use erase::Erased;
pub use inconsistency::{Inconsistency, VerifyError};
pub use verify::{Verification, Verified};
