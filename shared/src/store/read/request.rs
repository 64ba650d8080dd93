//! What a page is asked for with, and what it is.

use super::facets::Facets;
use super::histogram::{Buckets, Histogram};
use crate::activity::Activity;
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

impl TimeRange {
    /// Whether `time` is in the range.
    #[must_use]
    pub fn contains(self, time: Timestamp) -> bool {
        self.since.is_none_or(|since| since <= time) && self.until.is_none_or(|until| time < until)
    }
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

    /// How many entries of the scope are older than what is on one side of the place: than the page,
    /// oldest first, or than what came before the page, newest first.
    pub(super) const fn below(self, order: Order) -> u64 {
        match order {
            Order::OldestFirst => self.position(),
            Order::NewestFirst => self.position().saturating_sub(1),
        }
    }
}

/// What a page should show.
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

/// A part of a view.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Page {
    /// The entries, in the order asked for.
    pub activities: Vec<Activity>,
    /// How many entries the view has in the range.
    pub total: u64,
    /// How many of them come before the page, in its order.
    pub offset: u64,
    /// Whether there are entries after the page, in its order.
    pub has_more: bool,
    /// What values the entries of the scope and the range have, if that was asked for.
    pub facets: Option<Facets>,
    /// How the entries of the list are spread over time, if that was asked for.
    pub histogram: Option<Histogram>,
    /// The places of the entries.
    pub(crate) anchors: Vec<Anchor>,
    /// The order asked for.
    pub(crate) order: Order,
    /// Oldest first, where a later page goes on if the last entry shown does not say it: after the
    /// last entry of the scope if there is nothing after the page, or else, as nothing is shown, where
    /// the page starts.
    pub(crate) rest: Cursor,
}

impl Page {
    /// The page of a view without a scope, which starts at `start`.
    #[must_use]
    pub fn empty(order: Order, start: Start) -> Self {
        let (offset, rest) = match start {
            Start::Offset(offset) => (offset, Cursor::Beginning),
            Start::After(cursor) => (0, cursor),
        };
        Self { offset, order, rest, ..Self::default() }
    }

    /// Where the next page starts; `None` if there are no more entries, or none in this page.
    #[must_use]
    pub fn next(&self) -> Option<Cursor> {
        self.anchors.last().filter(|_| self.has_more).map(|last| Cursor::Entry(*last))
    }

    /// Where a page that is asked for later goes on: after the last entry of the scope that was looked
    /// at for this one, whether the filter selects it or not. That is the last entry shown if there are
    /// more, else the last of the scope. Oldest first always; `None` newest first, where what is
    /// recorded later comes before the page.
    ///
    /// ```
    /// use activity_log::NewActivity;
    /// use activity_log::id::UserId;
    /// use activity_log::store::{Order, PageRequest, Start};
    /// use activity_log::view::{Scope, View};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let log = activity_log_local::kit::Log::new().await;
    /// # let (store, logger) = (log.store.clone(), log.logger.clone());
    /// let user = UserId::try_from(3)?;
    /// let view = View::of(Scope::User(user));
    /// let all = PageRequest { order: Order::OldestFirst, ..PageRequest::newest(view, 100) };
    /// logger.append(user, NewActivity::new("create")).await?;
    /// let page = store.page(&all).await?;
    /// assert_eq!((page.activities.len(), page.next()), (1, None));
    ///
    /// // Later, with only what is new since.
    /// logger.append(user, NewActivity::new("sync")).await?;
    /// let start = page.resume().map(Start::After).ok_or("it is not oldest first")?;
    /// let page = store.page(&PageRequest { start, ..all }).await?;
    /// assert_eq!((page.activities.len(), page.offset), (1, 1));
    /// assert_eq!(page.activities[0].details.action, "sync");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn resume(&self) -> Option<Cursor> {
        match self.order {
            Order::NewestFirst => None,
            Order::OldestFirst => Some(self.next().unwrap_or(self.rest)),
        }
    }

    /// Cuts the page to its first `count` entries, at least one; the next page then starts after
    /// those.
    pub fn cut(&mut self, count: usize) {
        let count = count.max(1);
        if count < self.activities.len() {
            self.activities.truncate(count);
            self.anchors.truncate(count);
            self.has_more = true;
        }
    }
}
