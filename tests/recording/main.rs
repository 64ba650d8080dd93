//! The write side: messages in, entries out, whatever breaks in between.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod batches;
mod exactly_once;
#[path = "../logged.rs"]
mod logged;
mod moto;
mod queue;
mod sqs;
mod support;
mod template;
