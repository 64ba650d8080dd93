//! The command-line tool as a person would use it: its own process, its own output.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod dev;
mod logs;
mod readme;
mod restore;
mod support;
mod tail;
