//! The contract of the API, row by row, through the real handlers: events of API Gateway in,
//! answers out, on an embedded DynamoDB with the tables of template.yaml.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod errors;
mod list;
mod one;
mod support;
mod tokens;
