//! Observability: a JSON line for every request and every batch, which is the function's log and its
//! metrics in one (AWS: "Embedded metric format").

#[cfg(feature = "api")]
mod answered_request;
mod line;
mod recorded_batch;

#[cfg(feature = "api")]
pub(crate) use answered_request::AnsweredRequest;
pub use line::{Telemetry, Work};
pub use recorded_batch::RecordedBatch;
