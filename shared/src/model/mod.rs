//! What the log is: the domain, without I/O.

pub mod activity;
pub mod directory;
pub mod id;
mod json;
pub mod message;
mod repair;
pub mod time;
mod validate;
pub mod view;

pub(crate) use repair::digest;
