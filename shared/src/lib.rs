//! Activity Logs: an immutable audit trail on DynamoDB whose every view is numbered.
//!
//! A service records what a user does with an [`ActivityLogger`], or sends a
//! [`Message`](message::Message) to the queue; the functions read it back through a
//! [`Store`](store::Store). The modules from the inside out: [`activity`], [`directory`],
//! [`id`], [`message`], [`time`] and [`view`] are the domain; [`store`] is DynamoDB; [`token`] is who is
//! calling; [`http`] is what they see; [`telemetry`] is what the operator sees; [`config`] is what
//! the environment says.

pub mod activity;
mod chain;
pub mod config;
pub mod directory;
pub mod http;
pub mod id;
pub mod logger;
pub mod message;
pub mod store;
pub mod telemetry;
pub mod time;
pub mod token;
mod turns;
pub mod view;

pub use activity::{Activity, Metadata, NewActivity};
pub use chain::Chain;
pub use logger::ActivityLogger;
