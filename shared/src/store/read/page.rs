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

use super::ledger::{PartRange, add_part};
use super::request::{Order, Page, PageRequest, Start};
use super::snapshot::{Part, Snapshot};
use super::window::{Known, NoWindow, Window, window};
use crate::activity::Activity;
use crate::store::item::FANOUT;
use crate::store::item::attribute::Item;
use crate::store::item::entry::{Row, SortKey, decode_row};
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

/// A page that cannot be given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// The cursor names no entry of this view and range, or another place than the entry's.
    #[error("the cursor does not belong to this list")]
    ForeignCursor,
    /// The log could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was read for a page so far.
struct Reading {
    snapshot: Snapshot,
    known: Known,
    /// Entries as the index has them, by position.
    rows: HashMap<u64, Item>,
    /// The parts of the ledger that were asked for. What of them was not there, or too old, is read
    /// consistently the next time.
    asked: HashSet<Part>,
}

impl Store {
    /// Reads a page. One round trip for an unfiltered page near an end; two more, at the most, for
    /// one further in; a filtered one takes up to five while there are fewer than 16.7 million
    /// entries, and one more for a time range.
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
    /// [`PageError::ForeignCursor`]; [`StoreError`] if DynamoDB fails, or what it returned cannot be
    /// decoded or contradicts itself.
    pub async fn page(&self, request: &PageRequest) -> Result<Page, PageError> {
        if let Start::After(cursor) = request.start
            && (cursor.position == 0
                || cursor.position > MAX_POSITION
                || !request.range.contains(cursor.at.created_at))
        {
            return Err(PageError::ForeignCursor);
        }
        let scope = request.view.scope;
        // On the heap, because these are large, and would be copied into each future around them.
        let mut reading = Box::pin(self.first_reads(request)).await?;
        let mut is_newest = false;
        let window = loop {
            let Reading { snapshot, known, rows, asked } = &mut reading;
            match window(request, snapshot, *known, |position| rows.contains_key(&position)) {
                Ok(window) => break window,
                Err(NoWindow::ForeignCursor) => return Err(PageError::ForeignCursor),
                Err(NoWindow::Behind) if is_newest => return Err(PageError::ForeignCursor),
                Err(NoWindow::Behind) => {
                    is_newest = true;
                    *snapshot = Snapshot::new(self.head(scope).await?);
                }
                Err(NoWindow::Missing(parts)) => {
                    Box::pin(self.read_parts(snapshot, parts, asked)).await?;
                }
            }
        };
        let Window { total, offset, has_more, positions, located } = window;
        Box::pin(self.read_bodies(request, &located, &mut reading.rows)).await?;
        let activities = activities(scope, &positions, &reading.rows, request.order)?;
        Ok(Page { activities, total, offset, has_more, positions })
    }

    /// Everything that is read before anything is known, side by side.
    async fn first_reads(&self, request: &PageRequest) -> Result<Reading, StoreError> {
        let scope = request.view.scope;
        let is_filtered = request.view.filter != Filter::default();
        // Who reads on from the oldest entry wants all there is: an older head could end a walk to
        // which a newer one has promised more.
        let head = self.read_head(scope, request.order == Order::OldestFirst);
        let rows = self.near_rows(request);
        let since = self.known_before(scope, request.range.since);
        let until = self.known_before(scope, request.range.until);
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
        let mut asked: HashSet<Part> = match request.start {
            Start::Offset(_) => HashSet::new(),
            Start::After(cursor) => {
                let index = cursor.position / FANOUT / FANOUT;
                let node = is_filtered.then_some(Part::Node(NodeKey { level: 1, index }));
                [Part::Block((cursor.position - 1) / FANOUT)].into_iter().chain(node).collect()
            }
        };
        let keys = asked.iter().map(|part| part.key(scope)).collect();
        let cursor = self.batch_get(&self.tables.ledger, keys, false);
        let (head, rows, before_since, before_until, nodes, blocks, cursor) =
            tokio::try_join!(head, rows, since, until, nodes, blocks, cursor)?;
        let mut snapshot = Snapshot::new(head);
        for item in nodes.iter().chain(&blocks).chain(&cursor) {
            add_part(&mut snapshot, item)?;
        }
        let near_roots =
            |root: &NodeKey| is_filtered && request.limit > 0 && root.level <= NEAR_LEVELS;
        asked.extend(snapshot.roots().filter(near_roots).map(Part::Node));
        Ok(Reading { snapshot, known: Known { before_since, before_until }, rows, asked })
    }
}

/// The blocks that a filtered page most likely needs first.
fn near_blocks(request: &PageRequest) -> Option<PartRange> {
    let place = Part::Block;
    let limit = usize::try_from(NEAR_BLOCKS).unwrap_or_default();
    let is_ascending = request.order == Order::OldestFirst;
    let (from, to) = match (request.start, request.order) {
        (Start::After(cursor), Order::NewestFirst) => {
            let last = (cursor.position - 1) / FANOUT;
            (place(last.saturating_sub(NEAR_BLOCKS - 1)), place(last))
        }
        (Start::After(cursor), Order::OldestFirst) => {
            let first = (cursor.position - 1) / FANOUT;
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

/// The entries at `positions`, which are all in `rows`. They must be of the scope, and in order.
fn activities(
    scope: Scope,
    positions: &[u64],
    rows: &HashMap<u64, Item>,
    order: Order,
) -> Result<Vec<Activity>, StoreError> {
    let mut activities: Vec<Activity> = Vec::with_capacity(positions.len());
    for position in positions {
        let item = rows.get(position).ok_or_else(|| StoreError::Corrupt {
            item: format!("position {position} of {scope}"),
            reason: "no entry stands there".to_owned(),
        })?;
        let Row { activity, .. } = decode_row(item, scope.index())?;
        let Activity { user_id, details, .. } = &activity;
        let is_of_scope =
            Scope::of(*user_id, details.project_id, details.environment_id).any(|of| of == scope);
        let is_after = activities.last().is_none_or(|last| match order {
            Order::NewestFirst => SortKey::of(&activity) < SortKey::of(last),
            Order::OldestFirst => SortKey::of(&activity) > SortKey::of(last),
        });
        if !is_of_scope || !is_after {
            return Err(StoreError::Corrupt {
                item: format!("Activities item with id {}", activity.id),
                reason: format!("it cannot stand at position {position} of {scope}"),
            });
        }
        activities.push(activity);
    }
    Ok(activities)
}
