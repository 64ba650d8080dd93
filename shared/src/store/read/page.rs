//! What a page is: the entries that were asked for, what counts them, and where to go on.

use super::facets::Facets;
use super::histogram::Histogram;
use super::page_request::{Anchor, Cursor, Order, Start};
use crate::activity::Activity;
use crate::store::StoreError;

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

/// Why a page was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// The entry that the cursor names does not stand there: the log was erased, restored to an
    /// earlier time, or made anew with something else before that place. Or the cursor is none of this
    /// scope.
    #[error("the log was rewritten since the cursor was made")]
    Rewritten,
    /// The log could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}
