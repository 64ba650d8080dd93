//! Which activities of a file the log of a user has already.

use std::time::Duration;

use activity_log::activity::{Activity, Details};
use activity_log::id::UserId;
use activity_log::store::{Draft, Order, Placement, SortKey, Store, TimeRange};
use activity_log::time::Timestamp;
use activity_log::view::{Scope, View};
use futures_util::TryStreamExt;

use crate::failure::Failure;

/// What is known of a user's log while a file is imported into it.
#[derive(Default)]
pub(super) struct Presence {
    /// The newest entry before the batch, once it was looked up.
    newest: Option<SortKey>,
    /// Whether it was.
    looked_up: bool,
    /// The activities without an id of the file's latest `createdAt` so far.
    tied: Vec<(Timestamp, Details)>,
}

impl Presence {
    /// The entries that the log has from the time of `drafts`, if the log reaches that far.
    pub(super) async fn entries(
        &mut self,
        store: &Store,
        user: UserId,
        drafts: &[&Draft],
    ) -> Result<Vec<Activity>, Failure> {
        if !self.looked_up {
            self.newest = store.head(Scope::User(user)).await?.last;
            self.looked_up = true;
        }
        let times = || drafts.iter().filter_map(|draft| time(draft));
        let (Some(since), Some(last)) = (times().min(), times().max()) else {
            return Ok(Vec::new());
        };
        if self.newest.is_none_or(|newest| newest.created_at < since) {
            return Ok(Vec::new());
        }
        let until = Some(last.saturating_add(Duration::from_millis(1)));
        let range = TimeRange { since: Some(since), until };
        let entries = store.entries(View::of(Scope::User(user)), range, Order::OldestFirst);
        Ok(entries.try_collect().await?)
    }

    /// Whether a draft is among `entries`: by its id if it has one, else by all that it says. Of the same
    /// activity several times in the same millisecond, the n-th matches the n-th.
    ///
    /// # Errors
    /// If an entry has the draft's id, and says something else.
    pub(super) fn is_among(
        &mut self,
        entries: &[Activity],
        draft: &Draft,
    ) -> Result<bool, Failure> {
        let details = &draft.activity.details;
        let (created_at, id) = match draft.placement {
            Placement::Kept { created_at, id } => (created_at, id),
            Placement::End => return Ok(false),
        };
        let as_other = details.clone().as_other();
        let says_the_same = |activity: &Activity| {
            activity.created_at == created_at && [details, &as_other].contains(&&activity.details)
        };
        if let Some(id) = id {
            return match entries.iter().find(|activity| activity.id == id) {
                None => Ok(false),
                Some(activity) if says_the_same(activity) => Ok(true),
                Some(_) => Err(format!("id {id} is there and says something else").into()),
            };
        }
        self.tied.retain(|(time, _)| *time == created_at);
        let earlier = self.tied.iter().filter(|(_, earlier)| earlier == details).count();
        self.tied.push((created_at, details.clone()));
        let there = entries.iter().filter(|activity| says_the_same(activity)).count();
        Ok(there > earlier)
    }

    /// Notes the last entry that was recorded.
    pub(super) fn note(&mut self, recorded: &Activity) {
        self.newest = self.newest.max(Some(SortKey::of(recorded)));
    }
}

/// When an activity of a file was done.
const fn time(draft: &Draft) -> Option<Timestamp> {
    match draft.placement {
        Placement::Kept { created_at, .. } => Some(created_at),
        Placement::End => None,
    }
}
