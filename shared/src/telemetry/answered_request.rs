//! What a read function writes of each request.

use serde::Serialize;

use super::line::{Metric, Telemetry, Work, metric};
use crate::id::UserId;

/// A request that was answered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AnsweredRequest<'a> {
    pub(crate) function: &'static str,
    pub(crate) request_id: &'a str,
    pub(crate) method: &'a str,
    /// The path, with the names of its parameters instead of what they were.
    pub(crate) route: &'static str,
    pub(crate) status: u16,
    /// Which error it was answered with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<&'static str>,
    /// Who asked, if that was found out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user_id: Option<UserId>,
    /// Why that was not found out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
    /// The name of the claim that was the reason, without its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) claim: Option<&'a str>,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) auth_failures: u32,
    /// How many entries the response shows.
    pub(crate) entries: usize,
    #[serde(flatten)]
    pub(crate) work: Work,
    /// An error that is ours, with its causes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// The metrics of a request whose caller is known, by function.
const OF_REQUESTS: &[Metric] =
    &[metric("latency", "Milliseconds"), metric("readUnits", "Count"), metric("retries", "Count")];

/// The metrics of a token that was refused, by reason.
const OF_REFUSALS: &[Metric] = &[metric("authFailures", "Count")];

impl Telemetry {
    /// Writes the line of a request.
    pub(crate) fn request(&self, request: &AnsweredRequest<'_>) {
        let level = if request.error.is_some() { "ERROR" } else { "INFO" };
        // What nobody is known to have asked took next to nothing, and would hide what the rest
        // takes.
        let answered = request.user_id.map(|_| ("function", OF_REQUESTS));
        let refused = request.reason.map(|_| ("reason", OF_REFUSALS));
        let sets = answered.into_iter().chain(refused);
        self.write(level, "request answered", request, sets);
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}
