//! Writing: what becomes of drafts is planned without I/O, then written in one transaction. Names are
//! written by themselves: an append neither reads nor writes one.

mod commit;
mod names;
mod plan;
mod reuse;

pub(crate) use commit::CommitError;
pub use commit::IDEMPOTENCY_KEY_SECONDS;
pub use names::NamesError;
pub use plan::{Draft, Placement, Refusal};
pub(crate) use plan::{Ids, LogState, MAX_ACTIONS, Outcome, Plan, Planned, plan, reach};
