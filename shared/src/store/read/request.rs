//! What a page is asked for with, and what it is.

use crate::activity::Activity;
use crate::store::SortKey;
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
    /// Just past the last entry of another page.
    After(Cursor),
}

/// The last entry of a page, from which the next one goes on however many entries are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Its position in the scope.
    pub position: u64,
    /// Where it stands in time.
    pub at: SortKey,
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
    /// Whether whole entries are wanted, with what is known of the client. Else that may be absent,
    /// and a page of a project or environment is cheaper.
    pub is_whole: bool,
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
    /// The positions of the entries.
    pub(crate) positions: Vec<u64>,
}

impl Page {
    /// The page of a view without entries, after `offset` of them.
    #[must_use]
    pub fn empty(offset: u64) -> Self {
        Self { offset, ..Self::default() }
    }

    /// Where the next page starts; `None` if there are no more entries, or none in this page.
    #[must_use]
    pub fn next(&self) -> Option<Cursor> {
        let (position, last) = self.positions.last().zip(self.activities.last())?;
        self.has_more.then_some(Cursor { position: *position, at: SortKey::of(last) })
    }

    /// Cuts the page to its first `count` entries; the next page then starts after those.
    pub fn cut(&mut self, count: usize) {
        if count < self.activities.len() {
            self.activities.truncate(count);
            self.positions.truncate(count);
            self.has_more = true;
        }
    }
}
