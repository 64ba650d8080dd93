//! The contract of the API: real events through the real handlers, against an embedded DynamoDB
//! with the tables of template.yaml.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod beyond;
mod dependencies;
mod deployment;
mod document;
mod edges;
mod examples;
mod faults;
#[path = "../logged.rs"]
mod logged;
mod names;
mod odd;
mod resume;
mod summaries;
mod support;
mod table;
mod telemetry;
mod tokens;
mod viewer;
mod walk;
