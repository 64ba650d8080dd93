//! What an operator does with a log: prove it, and erase it. No route of the API comes here.

mod diagnose;
mod erase;
mod error;
mod expected;
mod verify;

pub use erase::Erased;
pub use error::{Inconsistency, VerifyError};
pub use verify::{Verification, Verified};
