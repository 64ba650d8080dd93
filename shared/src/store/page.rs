//! Pages: any part of any view, newest or oldest first, at a cost that does not depend on how many
//! entries there are.
//!
//! Positions do the work. The newest position in the view is the total; an offset is a position by
//! subtraction; a milestone says where a far position stands. And because positions have no gaps,
//! the positions that a page must show are known before it is read: a page that shows others was
//! read from an index that is still catching up with its table, and is read again.

use super::attributes::{Item, number};
use super::entry::{self, SortKey};
use super::query::{Row, pause};
use super::{Store, StoreError};
use crate::activity::Activity;
use crate::time::Timestamp;
use crate::view::{View, views};

/// A half-open range of time: from `since`, up to but without `until`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// The earliest time in the range; from the beginning if absent.
    pub since: Option<Timestamp>,
    /// The first time after the range; to the end if absent.
    pub until: Option<Timestamp>,
}

impl TimeRange {
    /// The earliest and latest millisecond in the range; `None` if it is empty.
    pub(crate) fn bounds(self) -> Option<(Timestamp, Timestamp)> {
        let earliest = self.since.unwrap_or(Timestamp::MIN);
        let latest = self.until.map_or(Some(Timestamp::MAX), Timestamp::previous)?;
        (earliest <= latest).then_some((earliest, latest))
    }

    /// All the time before the range, if it has a beginning.
    fn before(self) -> Option<Self> {
        self.since.map(|since| Self { since: None, until: Some(since) })
    }

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
    /// Its position in the view.
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
}

/// A part of a view.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The entries, in the order asked for.
    pub activities: Vec<Activity>,
    /// How many entries the view has in the range.
    pub total: u64,
    /// How many of them come before the page, in its order.
    pub offset: u64,
    /// Where the next page starts; `None` if there are no more entries, or none in this page.
    pub next: Option<Cursor>,
    /// Whether there are entries after the page, in its order.
    pub has_more: bool,
    /// The order of the entries.
    pub(crate) order: Order,
    /// The position of the first entry; 0 if there is none.
    pub(crate) first: u64,
}

impl Page {
    /// The page of a view without entries, after `offset` of them.
    #[must_use]
    pub const fn empty(offset: u64) -> Self {
        Self {
            activities: Vec::new(),
            total: 0,
            offset,
            next: None,
            has_more: false,
            order: Order::NewestFirst,
            first: 0,
        }
    }

    /// Cuts the page to its first `count` entries; the next page then starts after those.
    pub fn cut(&mut self, count: usize) {
        if count >= self.activities.len() {
            return;
        }
        self.activities.truncate(count);
        self.has_more = true;
        self.next = self.activities.last().map(|last| {
            let distance = count as u64 - 1;
            let position = match self.order {
                Order::NewestFirst => self.first - distance,
                Order::OldestFirst => self.first + distance,
            };
            Cursor { position, at: SortKey { created_at: last.created_at, id: last.id } }
        });
    }
}

/// A page that cannot be given.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The cursor names no entry of this view and range, or another place than the entry's.
    #[error("the cursor does not belong to this list")]
    ForeignCursor,
    /// The log could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How often a page with a gap is read before the log is taken to end at the gap, and then how
/// often before giving up.
const LAG_TRIES: u32 = 4;

/// The ends of a view within a range.
#[derive(Debug, Clone, Copy)]
struct Ends {
    /// Position of the oldest entry.
    low: u64,
    /// Position of the newest entry; `low - 1` if there are none.
    high: u64,
    /// Where the newest entry stands.
    newest: Option<SortKey>,
    /// Position of the newest entry that was read: less than `high` if a cursor knows better.
    read: u64,
}

impl Ends {
    const fn total(self) -> u64 {
        (self.high + 1).saturating_sub(self.low)
    }
}

/// Consecutive rows in a page's order, the first of them at a known position.
#[derive(Debug)]
struct Run {
    /// The position that the first row must have.
    first: u64,
    /// The key that the query started after.
    after: Option<SortKey>,
    /// How many rows come before the page.
    skip: u64,
    rows: Vec<Row>,
}

/// A page before its bodies are read.
#[derive(Debug)]
struct Shown {
    rows: Vec<Row>,
    total: u64,
    offset: u64,
    has_more: bool,
    /// Whether what was read bears out the cursor that the page starts from, if there is one.
    proven: bool,
}

impl Shown {
    const fn none(total: u64, offset: u64) -> Self {
        Self { rows: Vec::new(), total, offset, has_more: offset < total, proven: true }
    }
}

/// A page whose positions have a gap: the index is still catching up.
#[derive(Debug)]
struct Gap {
    /// The entry just newer than the gap.
    newer: Option<SortKey>,
    /// The rows of the page before the gap.
    shown: Shown,
}

impl Store {
    /// Reads a page.
    ///
    /// Sequential trips to DynamoDB: one; two more for an offset of a stride or beyond (the total,
    /// then a milestone); one more for the bodies if the view's index is not covering; one more to
    /// check a cursor behind which there is nothing.
    ///
    /// # Errors
    /// [`PageError::ForeignCursor`]; [`StoreError`] if DynamoDB fails, an entry cannot be decoded,
    /// or an index lags so far behind that not even a shorter log can be told.
    pub async fn page(&self, request: &PageRequest) -> Result<Page, PageError> {
        if let Start::After(cursor) = request.start
            && (cursor.position == 0 || !request.range.contains(cursor.at.created_at))
        {
            return Err(PageError::ForeignCursor);
        }
        if !request.view.facets.can_occur() {
            // Also keeps a key that DynamoDB would refuse, such as one too long, away from it.
            return Ok(Page::empty(match request.start {
                Start::Offset(offset) => offset,
                Start::After(_) => 0,
            }));
        }
        let shown = Box::pin(self.rows(request)).await;
        if let Start::After(cursor) = request.start
            && !matches!(&shown, Ok(Shown { proven: true, .. }))
            && !self.stands(&request.view, cursor).await?
        {
            return Err(PageError::ForeignCursor);
        }
        let Shown { rows, total, offset, has_more, .. } = shown?;
        let next = rows.last().filter(|_| has_more).map(Row::cursor);
        let first = rows.first().map_or(0, |row| row.position);
        let activities = self.bodies(&request.view, &rows).await?;
        Ok(Page { activities, total, offset, next, has_more, order: request.order, first })
    }

    /// Whether the entry that `cursor` names is in `view`, where the cursor says.
    async fn stands(&self, view: &View, cursor: Cursor) -> Result<bool, StoreError> {
        let key = Item::from([("id".to_owned(), number(cursor.at.id))]);
        let items = self.batch_get(&self.tables.activities, vec![key], true).await?;
        let Some(item) = items.first() else { return Ok(false) };
        let entry = entry::decode(item)?;
        Ok(entry.sort_key() == cursor.at
            && entry.positions[view.kind()] == Some(cursor.position)
            && views(&entry.activity).any(|of| of == *view))
    }

    /// Reads a page's rows until they have no gap, or else takes the log to end at the gap.
    async fn rows(&self, request: &PageRequest) -> Result<Shown, StoreError> {
        let walks_back =
            request.order == Order::NewestFirst && matches!(request.start, Start::After(_));
        let mut horizon = None;
        for attempt in 1..=2 * LAG_TRIES {
            let gap = match self.attempt(request, horizon).await? {
                Ok(rows) => return Ok(rows),
                Err(gap) => gap,
            };
            if attempt < LAG_TRIES {
                tokio::time::sleep(pause(attempt)).await;
            } else if !walks_back {
                horizon = gap.newer;
            } else if !gap.shown.rows.is_empty() {
                // The next page of the walk starts at the gap, and waits for it.
                return Ok(Shown { has_more: true, ..gap.shown });
            } else {
                break;
            }
        }
        Err(StoreError::IndexLagging { index: request.view.index().name })
    }

    /// Reads a page's rows once. The log is taken to end before `horizon`.
    async fn attempt(
        &self,
        request: &PageRequest,
        horizon: Option<SortKey>,
    ) -> Result<Result<Shown, Gap>, StoreError> {
        let PageRequest { view, range, order, start, limit } = request;
        let (range, order, limit) = (*range, *order, *limit);
        let newest_first = order == Order::NewestFirst;

        // The page's own query goes out with the others if its start does not depend on them.
        let near = match start {
            Start::After(cursor) => Some((Some(cursor.at), 0)),
            Start::Offset(offset) if *offset < view.index().stride && limit > 0 => {
                Some((horizon.filter(|_| newest_first), *offset))
            }
            Start::Offset(_) => None,
        };
        let shows_end = near.is_some() && matches!(start, Start::Offset(_));
        let page = async {
            let Some((after, skip)) = near else { return Ok(Vec::new()) };
            self.query(view, range, order, after, length(skip, limit)).await
        };
        let newest = async {
            if shows_end && newest_first {
                return Ok(Vec::new());
            }
            self.query(view, range, Order::NewestFirst, horizon, 1).await
        };
        let oldest = async {
            if range.since.is_none() || (shows_end && !newest_first) {
                return Ok(Vec::new());
            }
            self.query(view, range, Order::OldestFirst, None, 1).await
        };
        let before = async {
            let Some(before) = range.before() else { return Ok(Vec::new()) };
            self.query(view, before, Order::NewestFirst, None, 1).await
        };
        let (mut page, newest, mut oldest, before) =
            tokio::try_join!(page, newest, oldest, before)?;
        drop_from(&mut page, horizon);
        drop_from(&mut oldest, horizon);

        // Reads side by side may see the index at different moments; the latest one counts.
        let low = before.first().map_or(1, |before| before.position + 1);
        let read = newest.iter().chain(&page).map(Row::cursor).max_by_key(|row| row.position);
        let newest = read.into_iter().chain(start.cursor()).max_by_key(|row| row.position);
        let ends = Ends {
            low,
            high: newest.map_or(low - 1, |newest| newest.position),
            newest: newest.map(|newest| newest.at),
            read: read.map_or(0, |read| read.position),
        };
        // Or else the total would count entries that only a late index puts outside the range.
        if let Some(oldest) = oldest.first().filter(|oldest| oldest.position != low) {
            return Ok(Err(Gap { newer: Some(oldest.at), shown: Shown::none(0, 0) }));
        }

        let run = match (start, near) {
            (Start::After(cursor), _) => {
                let first = if newest_first { cursor.position - 1 } else { cursor.position + 1 };
                Run { first, after: Some(cursor.at), skip: 0, rows: page }
            }
            (Start::Offset(_), Some((after, skip))) => {
                let first = if newest_first { ends.high } else { ends.low };
                Run { first, after, skip, rows: page }
            }
            (Start::Offset(offset), None) if limit > 0 && *offset < ends.total() => {
                self.far(request, ends, *offset, horizon).await?
            }
            (Start::Offset(offset), None) => return Ok(Ok(Shown::none(ends.total(), *offset))),
        };
        Ok(run.page(request, ends))
    }

    /// Reads the run of a page far from the end it is counted from: from the milestone before it.
    async fn far(
        &self,
        request: &PageRequest,
        ends: Ends,
        offset: u64,
        horizon: Option<SortKey>,
    ) -> Result<Run, StoreError> {
        let PageRequest { view, range, order, limit, .. } = request;
        let stride = view.index().stride;
        let newest_first = *order == Order::NewestFirst;
        let target = if newest_first { ends.high - offset } else { ends.low + offset };
        // The milestone itself is not read: the query starts just past it.
        let milestone = if newest_first {
            (target / stride + 1) * stride
        } else {
            (target - 1) / stride * stride
        };
        let (first, after) = if (ends.low..=ends.high).contains(&milestone) {
            let at = self.milestone_at(view, milestone).await?;
            (if newest_first { milestone - 1 } else { milestone + 1 }, Some(at))
        } else if newest_first {
            (ends.high, horizon)
        } else {
            (ends.low, None)
        };
        let skip = first.abs_diff(target);
        let mut rows = self.query(view, *range, *order, after, length(skip, *limit)).await?;
        drop_from(&mut rows, horizon);
        Ok(Run { first, after, skip, rows })
    }

    /// Where a milestone that must exist stands.
    async fn milestone_at(&self, view: &View, position: u64) -> Result<SortKey, StoreError> {
        for consistent in [false, true] {
            if let Some(at) = self.milestone(view, position, consistent).await? {
                return Ok(at);
            }
        }
        Err(StoreError::Corrupt {
            item: format!("milestone {position} of {view}"),
            reason: "it is missing".to_owned(),
        })
    }

    /// The activities of rows: decoded if the index is covering, else read from the table.
    async fn bodies(&self, view: &View, rows: &[Row]) -> Result<Vec<Activity>, StoreError> {
        if view.index().covering {
            let activity = |row: &Row| entry::decode(&row.item).map(|entry| entry.activity);
            return rows.iter().map(activity).collect();
        }
        let ids: Vec<_> = rows.iter().map(|row| row.at.id).collect();
        let entries = self.entries(view.scope.user_id(), &ids).await?;
        Ok(entries.into_iter().map(|entry| entry.activity).collect())
    }
}

impl Run {
    /// The page that this run shows, if its positions are the ones that it must show.
    fn page(mut self, request: &PageRequest, ends: Ends) -> Result<Shown, Gap> {
        let newest_first = request.order == Order::NewestFirst;
        let left = if newest_first {
            (self.first + 1).saturating_sub(ends.low)
        } else {
            (ends.high + 1).saturating_sub(self.first)
        };
        let wanted = length(self.skip, request.limit).min(small(left));
        let position =
            |number: u64| if newest_first { self.first - number } else { self.first + number };
        let right = (0..)
            .zip(&self.rows)
            .take(wanted)
            .take_while(|(number, row)| row.position == position(*number))
            .count();
        // Going back, a gap is just older than the row before it; going forward, just older than
        // the row behind it.
        let newer = if newest_first {
            right.checked_sub(1).map_or(self.after, |last| Some(self.rows[last].at))
        } else {
            self.rows.get(right).map(|row| row.at)
        };
        let offset = match request.start {
            Start::Offset(offset) => offset,
            Start::After(_) if newest_first => ends.high.saturating_sub(self.first),
            Start::After(_) => self.first.saturating_sub(ends.low),
        };
        self.rows.truncate(right);
        self.rows.drain(..small(self.skip).min(right));
        let total = ends.total();
        let has_more = offset.saturating_add(self.rows.len() as u64) < total;
        // The first row has the position next to the cursor's; anything else is a gap.
        let proven = match request.start {
            Start::Offset(_) => true,
            Start::After(cursor) => !self.rows.is_empty() && cursor.position <= ends.read,
        };
        let shown = Shown { rows: self.rows, total, offset, has_more, proven };
        if right == wanted { Ok(shown) } else { Err(Gap { newer: newer.or(ends.newest), shown }) }
    }
}

impl Row {
    const fn cursor(&self) -> Cursor {
        Cursor { position: self.position, at: self.at }
    }
}

impl Start {
    const fn cursor(&self) -> Option<Cursor> {
        match self {
            Self::Offset(_) => None,
            Self::After(cursor) => Some(*cursor),
        }
    }
}

/// Drops the rows that a log which ends before `horizon` does not have.
fn drop_from(rows: &mut Vec<Row>, horizon: Option<SortKey>) {
    rows.retain(|row| horizon.is_none_or(|horizon| row.at < horizon));
}

/// How many rows to read for `limit` of them after `skip` others.
fn length(skip: u64, limit: usize) -> usize {
    small(skip).saturating_add(limit)
}

/// A count that is small in practice, as a length.
fn small(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
