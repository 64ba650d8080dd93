//! What is handed over to be appended, and why it may have no place in the log.

use crate::activity::{Details, NewActivity};
use crate::id::{ActivityId, UserId};
use crate::time::Timestamp;
use crate::view::Scope;

/// An activity to append, and where in the log it belongs.
///
/// ```
/// use activity_log::NewActivity;
/// use activity_log::store::{Draft, Placement};
/// use activity_log::time::Timestamp;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let log = activity_log_local::kit::Log::new().await;
/// # let logger = log.logger.clone();
/// // An entry of another log, as it was there.
/// let created_at: Timestamp = "2024-01-15T10:30:00Z".parse()?;
/// let placement = Placement::Kept { created_at, id: Some(7.try_into()?) };
/// let draft = Draft { activity: NewActivity::new("create"), placement };
/// let recorded = logger.append_drafts(3.try_into()?, [draft]).await?;
/// assert_eq!(recorded[0].activity.id.get(), 7);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// What was done.
    pub activity: NewActivity,
    /// Where it belongs.
    pub placement: Placement,
}

/// Where in the log a draft belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// At the end: no earlier than the user's newest entry and no later than now, with a new id.
    End,
    /// Exactly there, or nowhere. For logs that come from elsewhere.
    Kept {
        /// The time that the entry keeps. It must not be before that of the user's newest entry.
        created_at: Timestamp,
        /// The id that it keeps; a new one if absent.
        id: Option<ActivityId>,
    },
}

impl From<NewActivity> for Draft {
    fn from(activity: NewActivity) -> Self {
        Self { activity, placement: Placement::End }
    }
}

impl Draft {
    /// The id that is kept, if one is.
    pub(crate) const fn kept_id(&self) -> Option<ActivityId> {
        match self.placement {
            Placement::End => None,
            Placement::Kept { id, .. } => id,
        }
    }

    /// The scopes that recording it for `user` touches.
    pub(super) fn scopes(&self, user: UserId) -> impl Iterator<Item = Scope> + use<> {
        let Details { project_id, environment_id, .. } = self.activity.details;
        Scope::of(user, project_id, environment_id)
    }
}

/// A draft that has no place in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is kept at a time, or with an id, that is not after the user's newest entry.
    #[error(
        "createdAt {created_at} is not after the user's newest entry, {newest_created_at} with id {newest_id}"
    )]
    OutOfOrder {
        /// When the draft was done.
        created_at: Timestamp,
        /// When the user's newest entry was done.
        newest_created_at: Timestamp,
        /// The id of the user's newest entry.
        newest_id: ActivityId,
    },
    /// The id that it is to keep is taken by another activity.
    #[error("id {id} is taken by another activity")]
    IdTaken {
        /// The id.
        id: ActivityId,
    },
    /// There is no id left after the user's newest entry.
    #[error("no id is left after that of the user's newest entry")]
    NoIdLeft,
}
