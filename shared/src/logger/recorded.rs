//! What an activity was recorded as.

use crate::activity::Activity;
use crate::id::ActivityId;

/// A recorded activity.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Recorded {
    /// The entry, as it stands in the log. What it was altered in is in its details.
    pub activity: Activity,
    /// Whether it had been recorded before, under the same idempotency key.
    pub is_repeated: bool,
    /// The entry that its idempotency key stands for, if that says something else: this one is then
    /// recorded under a key made of its own key and content. Whoever chose the key should look into
    /// that.
    pub key_stands_for: Option<ActivityId>,
}
