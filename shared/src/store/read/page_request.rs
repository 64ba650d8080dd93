//! What a page is asked for with.

use crate::store::{HashPrefix, SortKey};
use crate::time::Timestamp;
use crate::view::View;

/// A half-open range of time: from `since`, up to but without `until`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// The earliest time in the range; from the beginning if absent.
    pub since: Option<Timestamp>,
    /// The first time after the range; to the end if absent.
    pub until: Option<Timestamp>,
}

/// The order of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest entry first.
    #[default]
    NewestFirst,
    /// The oldest entry first.
    OldestFirst,
}

/// Where a page starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// After this many entries, in the page's order.
    Offset(u64),
    /// Just past a place of the scope, in the page's order: with the entries of the list after it,
    /// oldest first, or before it, newest first. A place outside of the time range is as good as the
    /// nearer end of it.
    After(Cursor),
}

/// A place in a scope, from which a list goes on however many entries are added.
///
/// ```
/// use activity_log::NewActivity;
/// use activity_log::id::UserId;
/// use activity_log::store::{Cursor, Order, PageRequest, Start};
/// use activity_log::view::{Scope, View};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let log = activity_log_local::kit::Log::new().await;
/// # let (store, logger) = (log.store.clone(), log.logger.clone());
/// let user = UserId::try_from(3)?;
/// logger.append_batch(user, ["create", "sync", "delete"].map(NewActivity::new)).await?;
///
/// // From the first entry to the last, two at a time.
/// let newest = PageRequest::newest(View::of(Scope::User(user)), 2);
/// let mut request = PageRequest { order: Order::OldestFirst, ..newest };
/// let mut next = Some(Cursor::Beginning);
/// let mut lengths = Vec::new();
/// while let Some(cursor) = next {
///     request.start = Start::After(cursor);
///     let page = store.page(&request).await?;
///     lengths.push(page.activities.len());
///     next = page.next();
/// }
/// assert_eq!(lengths, [2, 1]);
/// # Ok(())
/// # }
/// ```
///
/// A cursor belongs to the scope and not to the list: its entry may be any of the scope, whether the
/// filter selects it or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cursor {
    /// Before the first entry.
    #[default]
    Beginning,
    /// At an entry.
    Entry(Anchor),
}

/// An entry of a scope, with what proves that the log up to there is still the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Its position in the scope.
    pub position: u64,
    /// Where it stands in time.
    pub at: SortKey,
    /// The first bytes of its hash.
    pub hash: HashPrefix,
}

impl Cursor {
    /// How many entries of the scope come before the place, with the one at it.
    #[must_use]
    pub const fn position(self) -> u64 {
        match self {
            Self::Beginning => 0,
            Self::Entry(anchor) => anchor.position,
        }
    }

    /// How many entries of the scope are before the page, oldest first; or how many are older than the
    /// cursor's entry, newest first.
    pub(super) const fn below(self, order: Order) -> u64 {
        match order {
            Order::OldestFirst => self.position(),
            Order::NewestFirst => self.position().saturating_sub(1),
        }
    }
}

/// How many parts a histogram has: 1 to 100.
///
/// ```
/// use activity_log::store::Buckets;
///
/// assert_eq!(Buckets::try_from(60).map(Buckets::get), Ok(60));
/// assert!(Buckets::try_from(0).is_err() && Buckets::try_from(101).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buckets(u64);

/// A number of parts that a histogram cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an integer from 1 to {}", Buckets::MAX)]
pub struct InvalidBuckets;

impl Buckets {
    /// The most parts.
    pub const MAX: u64 = 100;

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for Buckets {
    type Error = InvalidBuckets;

    fn try_from(number: u64) -> Result<Self, InvalidBuckets> {
        if (1..=Self::MAX).contains(&number) { Ok(Self(number)) } else { Err(InvalidBuckets) }
    }
}

/// What a page should show.
///
/// ```
/// use activity_log::id::{ProjectId, UserId};
/// use activity_log::store::{Order, PageRequest, Start, TimeRange};
/// use activity_log::view::{Facet, Filter, Scope, View};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (user, project) = (UserId::try_from(3)?, ProjectId::try_from(4)?);
/// let filter = Filter { resource_type: Facet::only("function"), ..Filter::default() };
/// let view = View { scope: Scope::Project(user, project), filter };
/// // The second hundred of January, oldest first, with exact counts of their types and actions.
/// let request = PageRequest {
///     range: TimeRange {
///         since: Some("2026-01-01T00:00:00Z".parse()?),
///         until: Some("2026-02-01T00:00:00Z".parse()?),
///     },
///     order: Order::OldestFirst,
///     start: Start::Offset(100),
///     facets: true,
///     ..PageRequest::newest(view, 100)
/// };
/// # assert_eq!(request.limit, 100);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Of which view.
    pub view: View,
    /// Only entries of this time.
    pub range: TimeRange,
    /// In which order.
    pub order: Order,
    /// From where.
    pub start: Start,
    /// At most this many entries.
    pub limit: usize,
    /// Whether whole entries are wanted, with what is known of the client. Else that is absent, less is
    /// carried and decoded, and a page of a project or environment costs fewer read units.
    pub is_whole: bool,
    /// Whether to count what values the entries have.
    pub facets: bool,
    /// In how many parts of the time to count the entries, if that is wanted.
    pub histogram: Option<Buckets>,
}

impl PageRequest {
    /// The newest entries of a view, at most `limit` of them.
    #[must_use]
    pub fn newest(view: View, limit: usize) -> Self {
        Self {
            view,
            range: TimeRange::default(),
            order: Order::NewestFirst,
            start: Start::Offset(0),
            limit,
            is_whole: false,
            facets: false,
            histogram: None,
        }
    }
}
