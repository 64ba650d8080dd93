//! Activity Logs: an immutable audit trail on DynamoDB whose every list is numbered.
//!
//! A service records what a user does with an [`ActivityLogger`], or sends a
//! [`Message`](message::Message) to the queue; the functions read it back through a
//! [`Store`](store::Store). The modules from the inside out: [`activity`], [`directory`],
//! [`id`], [`message`], [`time`] and [`view`] are the domain; [`store`] is DynamoDB; `auth` is who is
//! calling; `api` is what they see; [`telemetry`] is what the operator sees; [`config`] is what
//! the environment says.
//!
//! ```
//! use activity_log::activity::{action, resource_type};
//! use activity_log::id::UserId;
//! use activity_log::store::PageRequest;
//! use activity_log::view::{Scope, View};
//! use activity_log::{ActivityLogger, NewActivity};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let log = activity_log_local::kit::Log::new().await;
//! # let store = log.store.clone();
//! // A service has its store from `Store::connect`, or its logger from `ActivityLogger::from_env`.
//! let logger = ActivityLogger::new(store.clone());
//! let user = UserId::try_from(3)?;
//! let activity = NewActivity::new(action::CREATE)
//!     .resource(resource_type::FUNCTION, 5.try_into()?)
//!     .environment(4.try_into()?, 9.try_into()?)
//!     .description("Created function \"resize-images\"")
//!     .idempotency_key("function-5-create");
//! logger.append(user, activity).await?;
//!
//! let page = store.page(&PageRequest::newest(View::of(Scope::User(user)), 100)).await?;
//! assert_eq!(page.total, 1);
//! assert_eq!(page.activities[0].details.action, "create");
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! None is on by default: a service that records, or reads through a [`Store`](store::Store), needs
//! none. `api` is for who serves the API: it adds `api` and `auth`, and with them the web stack.

#[cfg(feature = "api")]
pub mod api;
#[cfg(feature = "api")]
pub mod auth;
pub mod config;
#[cfg(feature = "function")]
pub mod function;
pub mod logger;
mod model;
mod report;
pub mod store;
pub mod telemetry;

pub use activity::{Activity, Details, Metadata, NewActivity};
pub use logger::ActivityLogger;
pub use model::{activity, directory, id, message, time, view};
pub use report::Report;
