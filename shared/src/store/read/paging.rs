//! Pages: any part of any view, newest or oldest first, at a cost that does not depend on how many
//! entries there are.
//!
//! The first round trip reads the scope's head, and beside it what most pages then need: the entries
//! themselves for an unfiltered page near an end, the ends of the count tree for a filtered one.
//! `window` then finds the page's entries in the ledger, and says what else of it must be read. The
//! entries are read last: where they stand close together from the scope's index, else from the
//! table by id. What an index does not show yet is read from the table, too, so that a page is never
//! wrong nor refused because an index is late.

use std::collections::{HashMap, HashSet};

use super::histogram::Needs;
use super::ledger::{PartRange, add_part};
use super::outline::{NoOutline, Outline, outline};
use super::page::{Page, PageError};
use super::page_request::{Anchor, Cursor, Order, PageRequest, Start, TimeRange};
use super::snapshot::{Missing, Part, Snapshot};
use super::time_positions::TimePositions;
use super::window::{Rest, Window};
use crate::activity::Activity;
use crate::store::item::FANOUT;
use crate::store::item::attribute::Item;
use crate::store::item::entry::{Entry, Row, SortKey, decode_row};
use crate::store::item::node::NodeKey;
use crate::store::{Store, StoreError};
use crate::view::{Filter, Scope};

/// How many blocks are read before it is known which: they fit half a read unit.
const NEAR_BLOCKS: u64 = 6;

/// The largest position whose block, and those after it, have keys in the order of their numbers.
const MAX_POSITION: u64 = (Part::MAX_PLACE - NEAR_BLOCKS) * FANOUT;

/// Of how many levels the newest node is read before it is known how many there are. Three levels
/// count 16.7 million entries.
const NEAR_LEVELS: u32 = 3;

/// What was read for a page so far.
struct Reading {
    snapshot: Snapshot,
    known: TimePositions,
    /// Entries as the index has them, by position.
    rows: HashMap<u64, Item>,
    /// The parts of the ledger that were asked for. What of them was not there, or too old, is read
    /// consistently the next time.
    asked: HashSet<Part>,
}

impl Store {
    /// Reads a page. One round trip for an unfiltered page near an end, or after a cursor; two more, at
    /// the most, for one further in; a filtered one takes up to five while there are fewer than 16.7
    /// million entries, and one more for a time range. Oldest first, one more for [`Page::resume`]: if
    /// nothing comes after a page of a project or environment, and the page does not show the last entry;
    /// and if a page of no entries starts at an offset, for the entry there.
    ///
    /// A cursor costs half a read unit: its entry is read by id beside everything else, to prove that
    /// it still stands there. An entry that is not there, or differs, is read again, consistently.
    ///
    /// Facets cost nothing more than a page of no entries, which is at most one read unit, and 4.5 in
    /// a time range. A histogram costs at most two read units for each part and seven more, and takes
    /// up to four round trips, one of them only where an index lags; less of a short log.
    ///
    /// ```
    /// use activity_log::NewActivity;
    /// use activity_log::id::UserId;
    /// use activity_log::store::{PageRequest, Start};
    /// use activity_log::view::{Facet, Filter, Scope, View};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let log = activity_log_local::kit::Log::new().await;
    /// # let (store, logger) = (log.store.clone(), log.logger.clone());
    /// let user = UserId::try_from(3)?;
    /// let batch = ["create", "sync", "update", "sync", "delete"].map(NewActivity::new);
    /// logger.append_batch(user, batch).await?;
    ///
    /// let action = Facet { except: [Some("sync".to_owned())].into(), ..Facet::default() };
    /// let filter = Filter { action, ..Filter::default() };
    /// let newest = PageRequest::newest(View { scope: Scope::User(user), filter }, 2);
    /// let page = store.page(&newest).await?;
    /// assert_eq!((page.total, page.has_more), (3, true));
    /// let actions: Vec<_> = page.activities.iter().map(|one| &one.details.action).collect();
    /// assert_eq!(actions, ["delete", "update"]);
    ///
    /// // The next page goes on there, whatever is recorded meanwhile.
    /// let start = page.next().map(Start::After).ok_or("there is no next page")?;
    /// let page = store.page(&PageRequest { start, ..newest }).await?;
    /// assert_eq!(page.activities[0].details.action, "create");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`PageError::Rewritten`]; [`StoreError`] if DynamoDB fails, or what it returned cannot be
    /// decoded or is inconsistent.
    pub async fn page(&self, request: &PageRequest) -> Result<Page, PageError> {
        if let Start::After(cursor) = request.start
            && cursor.position() > MAX_POSITION
        {
            return Err(PageError::Rewritten);
        }
        let scope = request.view.scope;
        // On the heap, because these are large, and would be copied into each future around them.
        let mut reading = Box::pin(self.first_reads(request)).await?;
        let mut is_newest = false;
        let Outline { window, facets, histogram } = loop {
            let Reading { snapshot, known, rows, .. } = &mut reading;
            match outline(request, snapshot, known, |position| rows.contains_key(&position)) {
                Ok(outline) => break outline,
                Err(NoOutline::Behind) if is_newest => return Err(PageError::Rewritten),
                Err(NoOutline::Behind) => {
                    is_newest = true;
                    *snapshot = Snapshot::new(self.head(scope).await?);
                }
                Err(NoOutline::Needs(needs)) => {
                    Box::pin(self.read_needs(scope, needs, &mut reading)).await?;
                }
            }
        };
        let Window { total, offset, has_more, positions, located, rest } = window;
        let unknown = match rest {
            Rest::At(_) => None,
            Rest::Entry(entry) => Some(entry),
        };
        let rows = &mut reading.rows;
        Box::pin(self.read_bodies(request, &located, unknown, rows)).await?;
        let (activities, anchors) = entries(scope, &positions, rows, request.order)?;
        let rest = match rest {
            Rest::At(cursor) => cursor,
            Rest::Entry(entry) => Cursor::Entry(row(scope, entry.position, rows)?.1),
        };
        let order = request.order;
        Ok(Page { activities, total, offset, has_more, facets, histogram, anchors, order, rest })
    }

    /// Everything that is read before anything is known, side by side.
    async fn first_reads(&self, request: &PageRequest) -> Result<Reading, PageError> {
        let scope = request.view.scope;
        let is_filtered = request.view.filter != Filter::default();
        // Who reads on from the oldest entry wants all there is: an older head could end a walk to
        // which a newer one has promised more.
        let head = self.read_head(scope, request.order == Order::OldestFirst);
        let rows = self.near_rows(request);
        let TimeRange { since, until } = request.range;
        let known = self.known_before(scope, since.into_iter().chain(until));
        let nodes = async {
            if !is_filtered || request.limit == 0 {
                return Ok(Vec::new());
            }
            let levels = (1..=NEAR_LEVELS).map(|level| self.newest_node(scope, level));
            futures_util::future::try_join_all(levels).await.map(|found| found.concat())
        };
        let blocks = async {
            match near_blocks(request).filter(|_| is_filtered && request.limit > 0) {
                Some(range) => self.read_range(scope, range).await,
                None => Ok(Vec::new()),
            }
        };
        let mut asked = first_parts(request, is_filtered);
        let keys = asked.iter().map(|part| part.key(scope)).collect();
        let parts = self.batch_get(&self.tables.ledger, keys, false);
        let reads = async {
            Ok::<_, PageError>(tokio::try_join!(head, rows, known, nodes, blocks, parts)?)
        };
        let ((head, rows, known, nodes, blocks, parts), ()) =
            tokio::try_join!(reads, self.prove(scope, request.start))?;
        let mut snapshot = Snapshot::new(head);
        for item in nodes.iter().chain(&blocks).chain(&parts) {
            add_part(&mut snapshot, item)?;
        }
        let near_roots =
            |root: &NodeKey| is_filtered && request.limit > 0 && root.level <= NEAR_LEVELS;
        asked.extend(snapshot.roots().filter(near_roots).map(Part::Node));
        Ok(Reading { snapshot, known, rows, asked })
    }

    /// Reads what an outline needs, side by side.
    async fn read_needs(
        &self,
        scope: Scope,
        Needs { parts, times }: Needs,
        reading: &mut Reading,
    ) -> Result<(), StoreError> {
        let Reading { snapshot, known, asked, .. } = reading;
        let is_of_index_alone = parts == Missing::default() && !times.is_empty();
        let parts = async {
            if is_of_index_alone { Ok(()) } else { self.read_parts(snapshot, parts, asked).await }
        };
        let times = self.known_before(scope, times.into_iter());
        let (times, ()) = tokio::try_join!(times, parts)?;
        known.add_all(times);
        Ok(())
    }

    /// Proves that the log up to where a page starts is the one that its cursor was made of.
    async fn prove(&self, scope: Scope, start: Start) -> Result<(), PageError> {
        let Start::After(Cursor::Entry(anchor)) = start else { return Ok(()) };
        for is_consistent in [false, true] {
            let entry = self.entry(anchor.at.id, is_consistent).await?;
            if entry.is_some_and(|entry| is_anchored(&entry, scope, anchor)) {
                return Ok(());
            }
        }
        Err(PageError::Rewritten)
    }
}

/// Whether `entry` is the one of `scope` that `anchor` names.
fn is_anchored(entry: &Entry, scope: Scope, anchor: Anchor) -> bool {
    entry.scopes().any(|of| of == scope)
        && entry.positions[scope.kind()] == Some(anchor.position)
        && entry.sort_key() == anchor.at
        && entry.hash.prefix() == anchor.hash
}

/// The parts of the ledger that are needed for certain, if the log is long enough to have them.
fn first_parts(request: &PageRequest, is_filtered: bool) -> HashSet<Part> {
    let mut parts = HashSet::new();
    if let Start::After(cursor) = request.start
        && is_filtered
    {
        // What the rank of that place needs. With entries to show, the block is among those near.
        let below = cursor.below(request.order);
        let number = below / FANOUT;
        parts.insert(Part::Node(NodeKey { level: 1, index: number / FANOUT }));
        if request.limit == 0 && !below.is_multiple_of(FANOUT) {
            parts.insert(Part::Block(number));
        }
    }
    if request.histogram.is_some() && request.range.since.is_none() {
        // The time of the first entry.
        parts.insert(Part::Block(0));
    }
    parts
}

/// The blocks that a filtered page most likely needs first.
fn near_blocks(request: &PageRequest) -> Option<PartRange> {
    let place = Part::Block;
    let limit = usize::try_from(NEAR_BLOCKS).unwrap_or_default();
    let is_ascending = request.order == Order::OldestFirst;
    let (from, to) = match (request.start, request.order) {
        (Start::After(cursor), order @ Order::NewestFirst) => {
            let last = cursor.below(order).saturating_sub(1) / FANOUT;
            (place(last.saturating_sub(NEAR_BLOCKS - 1)), place(last))
        }
        (Start::After(cursor), order @ Order::OldestFirst) => {
            let first = cursor.below(order) / FANOUT;
            (place(first), place(first + NEAR_BLOCKS - 1))
        }
        (Start::Offset(_), Order::NewestFirst) if request.range.until.is_none() => {
            (place(0), place(Part::MAX_PLACE))
        }
        (Start::Offset(_), Order::OldestFirst) if request.range.since.is_none() => {
            (place(0), place(NEAR_BLOCKS - 1))
        }
        (Start::Offset(_), _) => return None,
    };
    Some(PartRange { from, to, is_ascending, limit })
}

/// The entries at `positions`, which are all in `rows`, with their places. They must be of the scope,
/// and in order.
fn entries(
    scope: Scope,
    positions: &[u64],
    rows: &HashMap<u64, Item>,
    order: Order,
) -> Result<(Vec<Activity>, Vec<Anchor>), StoreError> {
    let mut activities: Vec<Activity> = Vec::with_capacity(positions.len());
    let mut anchors: Vec<Anchor> = Vec::with_capacity(positions.len());
    for position in positions {
        let (activity, anchor) = row(scope, *position, rows)?;
        let Activity { user_id, details, .. } = &activity;
        let is_of_scope =
            Scope::of(*user_id, details.project_id, details.environment_id).any(|of| of == scope);
        let is_after = anchors.last().is_none_or(|last| match order {
            Order::NewestFirst => anchor.at < last.at,
            Order::OldestFirst => anchor.at > last.at,
        });
        if !is_of_scope || !is_after {
            return Err(StoreError::Corrupt {
                item: format!("Activities item with id {}", activity.id),
                reason: format!("it cannot stand at position {position} of {scope}"),
            });
        }
        activities.push(activity);
        anchors.push(anchor);
    }
    Ok((activities, anchors))
}

/// The entry at `position`, and its place.
fn row(
    scope: Scope,
    position: u64,
    rows: &HashMap<u64, Item>,
) -> Result<(Activity, Anchor), StoreError> {
    let item = rows.get(&position).ok_or_else(|| StoreError::Corrupt {
        item: format!("position {position} of {scope}"),
        reason: "no entry stands there".to_owned(),
    })?;
    let Row { activity, hash, .. } = decode_row(item, scope.index())?;
    let at = SortKey::of(&activity);
    Ok((activity, Anchor { position, at, hash }))
}
