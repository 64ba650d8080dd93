//! What the log is: the domain, without I/O.

pub mod activity;
pub mod directory;
pub mod id;
pub mod message;
pub mod time;
pub mod view;
