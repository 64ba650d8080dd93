//! Writing: what becomes of drafts is planned without I/O, then written in one transaction. Names are
//! written by themselves: an append neither reads nor writes one.
//!
//! | file | job |
//! |---|---|
//! | `draft` | what is to be appended, and why it may have no place |
//! | `log_state` | what an append must know of the log, and reads |
//! | `plan` | from state and drafts to one transaction |
//! | `reuse` | idempotency keys that come again with something else |
//! | `commit` | writes a plan, and says what became of it |
//! | `transaction` | why DynamoDB did not carry a transaction out |
//! | `names` | writes names and slugs |

mod commit;
mod draft;
mod log_state;
mod names;
mod plan;
mod reuse;
mod transaction;

pub(crate) use commit::CommitError;
pub use draft::{Draft, Placement, Refusal};
pub(crate) use log_state::LogState;
pub use names::NamesError;
pub(crate) use plan::{Ids, MAX_ACTIONS, Outcome, Plan, Planned, count_fitting, plan};
