//! What the benches share: the functions as processes, the machine, and the log that is measured on.

pub mod cold_start;
pub mod dynamodb;
pub mod emulator;
mod failure;
pub mod function;
pub mod linux;
mod log;
pub mod machine;
pub mod markdown;
pub mod numbers;
pub mod prices;
pub mod results;
pub mod short_log;
pub mod sizes;

pub use failure::Failure;
pub use log::{START, activities, activity, body, names, peer_names, user};
pub use numbers::real;
