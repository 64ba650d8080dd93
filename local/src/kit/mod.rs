//! The test kit: a log of its own for every test, and what tests of several crates say, write and read.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]
#![expect(clippy::missing_panics_doc, reason = "each panics when its test fails")]

mod build;
mod deployment;
mod items;
mod log;
mod program;
mod workload;
mod written;

pub use build::{
    START, as_recorded, environment, filtered, kept, millis, person, project, request, user, whole,
};
pub use deployment::{TEMPLATE, permissions, template};
pub use items::{Item, Key, Table, as_printed, item, ledger_key, number, text};
pub use log::{Log, entries, silent_store};
pub use program::run;
pub use workload::{Workload, full, full_in_time};
pub use written::{NAMESPACE, Written};
