//! The log against the embedded DynamoDB: every test has its own, with the tables of
//! template.yaml.

mod append;
mod audit;
mod contention;
mod cost;
mod lag;
mod model;
mod support;
