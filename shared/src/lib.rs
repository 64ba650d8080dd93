//! Activity Logs: an immutable audit trail on DynamoDB whose every list is numbered.
//!
//! A service records what a user does with an [`ActivityLogger`], or sends a
//! [`Message`](message::Message) to the queue; the functions read it back through a
//! [`Store`](store::Store). The modules from the inside out: [`activity`], [`directory`],
//! [`id`], [`message`], [`time`] and [`view`] are the domain; [`store`] is DynamoDB; [`token`] is who is
//! calling; [`http`] is what they see; [`telemetry`] is what the operator sees; [`config`] is what
//! the environment says.

pub mod config;
#[cfg(feature = "api")]
pub mod http;
pub mod logger;
mod model;
mod report;
pub mod store;
pub mod telemetry;
#[cfg(feature = "api")]
pub mod token;

pub use activity::{Activity, Details, Metadata, NewActivity};
pub use logger::ActivityLogger;
pub use model::{activity, directory, id, message, time, view};
pub use report::Report;
