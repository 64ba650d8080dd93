//! The log against the embedded DynamoDB: every test has its own, with the tables of
//! template.yaml.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod append;
mod contention;
mod cost;
mod cursor;
mod data_model;
mod erase;
mod faults;
mod format;
mod group;
mod lag;
mod model;
mod names;
mod verify;
