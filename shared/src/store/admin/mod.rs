//! What an operator does with a log: prove it, and erase it. No route of the API comes here.

mod diagnose;
mod erase;
mod verify;

pub use erase::Erased;
pub use verify::{Inconsistency, Verification, Verified, VerifyError};
