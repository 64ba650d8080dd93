//! Activity Logs: an immutable audit trail on DynamoDB whose every list is numbered.
//!
//! A service records what a user does with an [`ActivityLogger`], or sends a
//! [`Message`](message::Message) to the queue. The functions read the log through a
//! [`Store`](store::Store). From the inside out:
//!
//! | module | job |
//! |---|---|
//! | [`activity`], [`directory`], [`id`], [`message`], [`time`], [`view`] | the domain, without I/O |
//! | [`store`] | the log in DynamoDB: append, read, verify, erase |
//! | [`telemetry`] | the line that a function writes for each request or batch |
//! | [`config`] | every variable of the environment |
//! | [`logger`] | how a service records |
//! | `auth` | who is calling (feature `api`) |
//! | `function` | how a function starts on Lambda (features `api` and `function`) |
//! | `api` | requests and responses of the HTTP API (feature `api`) |
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
//! none. `function` adds `function`, for the project's own functions. `api` adds `api` and `auth`, and with
//! them the web stack.

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

/// What README.md and docs/recording.md show of this crate, compiled as doc tests are.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[doc = include_str!("../../docs/recording.md")]
struct Pages;
