//! Reading entries: from the index of their scope where they stand close together, else from the
//! table by id.

use std::collections::HashMap;
use std::ops::Range;

use aws_sdk_dynamodb::types::AttributeValue;

use super::page_request::{Cursor, Order, PageRequest, Start};
use super::read_plan::{Reads, plan_reads};
use super::search::Located;
use super::time_positions::TimePositions;
use crate::id::ActivityId;
use crate::store::call::{Condition, Query};
use crate::store::item::attribute::{Item, number};
use crate::store::item::entry::{SortKey, decode_position, row_attributes};
use crate::store::item::index::SORT_KEY;
use crate::store::{Store, StoreError};
use crate::time::Timestamp;
use crate::view::{Filter, Scope};

/// Up to this offset, the entries before a page are read with it, instead of a round trip to find
/// out where it starts.
const NEAR: u64 = 16;

impl Store {
    /// The entries of an unfiltered page, and of up to [`NEAR`] before it, from where it starts or
    /// its range does; none of other pages.
    pub(super) async fn near_rows(
        &self,
        request: &PageRequest,
    ) -> Result<HashMap<u64, Item>, StoreError> {
        let PageRequest { view, range, order, start, limit, is_whole, .. } = request;
        let index = view.scope.index();
        let (after, skipped) = match start {
            Start::Offset(offset) if *offset <= NEAR => (None, *offset),
            Start::After(Cursor::Entry(anchor)) => (Some(anchor.at), 0),
            Start::After(Cursor::Beginning) if *order == Order::OldestFirst => (None, 0),
            Start::Offset(_) | Start::After(_) => return Ok(HashMap::new()),
        };
        let last = match range.until.map(Timestamp::previous) {
            Some(None) => return Ok(HashMap::new()),
            last => last.flatten(),
        };
        let is_elsewhere = view.filter != Filter::default() || (*is_whole && !index.is_whole());
        if *limit == 0 || is_elsewhere || range.since.zip(last).is_some_and(|(a, b)| a > b) {
            return Ok(HashMap::new());
        }
        // Where the page starts outside of the range, DynamoDB takes no start key.
        let is_ascending = *order == Order::OldestFirst;
        let is_early = after.is_some_and(|at| range.since.is_some_and(|low| at.created_at < low));
        let is_late = after.is_some_and(|at| last.is_some_and(|high| at.created_at > high));
        let after = after.filter(|_| !is_early && !is_late);
        if (is_late && is_ascending) || (is_early && !is_ascending) {
            return Ok(HashMap::new());
        }
        // A bound that the start implies would only make an engine look for it.
        let low = range.since.filter(|_| !(is_ascending && after.is_some()));
        let high = last.filter(|_| is_ascending || after.is_none());
        let limit = limit.saturating_add(usize::try_from(skipped).unwrap_or(usize::MAX));
        let query = Query {
            condition: condition(low, high),
            is_ascending,
            start: after.map(|after| start_key(view.scope, after.created_at, after.id.get())),
            limit: Some(limit),
            ..self.row_query(view.scope, *is_whole)
        };
        let items = self.query(query).await?;
        let rows = items.into_iter().map(|item| Ok((decode_position(&item, index)?, item)));
        rows.collect()
    }

    /// How many entries of a scope an index shows to be before each of these times, side by side. There
    /// may be more, if it is late.
    pub(super) async fn known_before(
        &self,
        scope: Scope,
        times: impl Iterator<Item = Timestamp>,
    ) -> Result<TimePositions, StoreError> {
        let one = async |time: Timestamp| {
            let Some(last) = time.previous() else { return Ok((time, 0)) };
            let query = Query {
                condition: condition(None, Some(last)),
                is_ascending: false,
                limit: Some(1),
                ..self.index_query(scope)
            };
            let newest = self.query(query).await?;
            let count =
                newest.first().map_or(Ok(0), |item| decode_position(item, scope.index()))?;
            Ok((time, count))
        };
        let known = futures_util::future::try_join_all(times.map(one)).await?;
        Ok(known.into_iter().collect())
    }

    /// The entries that the index of a scope has after one, up to a time or its end, oldest first;
    /// at most `limit` of them.
    pub(in crate::store) async fn read_after(
        &self,
        scope: Scope,
        after: Option<SortKey>,
        last: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let query = Query {
            condition: condition(None, last),
            start: after.map(|after| start_key(scope, after.created_at, after.id.get())),
            limit: Some(limit),
            ..self.index_query(scope)
        };
        self.query(query).await
    }

    /// Reads located entries into `rows`: where they stand close together from the index, else, and
    /// what the index does not have yet, from the table. One more beside them, if there is one: by its
    /// id, unless it is there already.
    pub(super) async fn read_bodies(
        &self,
        request: &PageRequest,
        located: &[Located],
        more: Option<Located>,
        rows: &mut HashMap<u64, Item>,
    ) -> Result<(), StoreError> {
        let scope = request.view.scope;
        let index = scope.index();
        let reads = if request.is_whole && !index.is_whole() {
            Reads { ranges: Vec::new(), single: (0..located.len()).collect() }
        } else {
            let places: Vec<u64> = located.iter().map(|one| one.position).collect();
            plan_reads(&places, row_bytes(scope))
        };
        let is_whole = request.is_whole;
        let run = |range: &Range<usize>| self.run(scope, is_whole, &located[range.clone()]);
        let runs = reads.ranges.iter().map(run);
        let runs = futures_util::future::try_join_all(runs);
        let more = more.filter(|more| !located.contains(more));
        let single = reads.single.iter().map(|subscript| located[*subscript]);
        let single = single.chain(more.filter(|more| !is_there(rows, more))).collect();
        let single = self.read_by_id(scope, is_whole, single, rows);
        let (runs, ()) = tokio::try_join!(runs, single)?;
        rows.extend(runs.into_iter().flatten());
        let all = || located.iter().copied().chain(more);
        let late = all().filter(|one| !is_there(rows, one)).collect();
        self.read_by_id(scope, is_whole, late, rows).await?;
        match all().find(|one| !is_there(rows, one)) {
            None => Ok(()),
            Some(one) => Err(StoreError::Corrupt {
                item: format!("Activities item with id {}", one.at.id),
                reason: format!(
                    "it is not the entry at position {} of {scope}, as the ledger says",
                    one.position
                ),
            }),
        }
    }

    /// Those of `located` that an index has, by position. Reads from the first of them to the last,
    /// as long as half of what is read is wanted: rows may be larger than they were taken to be, and
    /// then the rest costs less by id.
    async fn run(
        &self,
        scope: Scope,
        is_whole: bool,
        located: &[Located],
    ) -> Result<Vec<(u64, Item)>, StoreError> {
        let [first, .., last] = located else { return Ok(Vec::new()) };
        let length = usize::try_from(last.position - first.position + 1).unwrap_or(usize::MAX);
        let mut query = Query {
            condition: condition(None, Some(last.at.created_at)),
            start: Some(start_key(scope, first.at.created_at, first.at.id.get() - 1)),
            limit: Some(length),
            ..self.row_query(scope, is_whole)
        };
        let mut found = Vec::with_capacity(located.len());
        loop {
            let (items, next) = self.query_page(&query).await?;
            let (read, before) = (items.len(), found.len());
            for item in items {
                let position = decode_position(&item, scope.index())?;
                if located.binary_search_by_key(&position, |one| one.position).is_ok() {
                    found.push((position, item));
                }
            }
            query.limit = query.limit.map(|limit| limit.saturating_sub(read));
            query.start = next;
            let is_dense = 2 * (found.len() - before) >= read;
            if query.start.is_none() || query.limit == Some(0) || !is_dense {
                return Ok(found);
            }
        }
    }

    async fn read_by_id(
        &self,
        scope: Scope,
        is_whole: bool,
        located: Vec<Located>,
        rows: &mut HashMap<u64, Item>,
    ) -> Result<(), StoreError> {
        let ids: Vec<ActivityId> = located.iter().map(|one| one.at.id).collect();
        for item in self.items_with(&ids, row_attributes(scope, is_whole)).await? {
            rows.insert(decode_position(&item, scope.index())?, item);
        }
        Ok(())
    }

    /// A query for the rows of a list. An index that does not hold whole entries holds what a row needs,
    /// and nothing else.
    fn row_query(&self, scope: Scope, is_whole: bool) -> Query<'_> {
        let is_selected = scope.index().is_whole();
        let attributes = if is_selected { row_attributes(scope, is_whole) } else { &[] };
        Query { attributes, ..self.index_query(scope) }
    }

    fn index_query(&self, scope: Scope) -> Query<'_> {
        let index = scope.index();
        Query {
            index: Some(index.name),
            ..Query::all(&self.tables.activities, partition_key(scope))
        }
    }
}

/// About how many bytes an entry takes in the index of a scope.
const fn row_bytes(scope: Scope) -> u64 {
    if scope.index().is_whole() { 448 } else { 288 }
}

/// Whether `rows` has the entry that the ledger says is at its position.
fn is_there(rows: &HashMap<u64, Item>, one: &Located) -> bool {
    let [created_at, id] = SORT_KEY;
    rows.get(&one.position).is_some_and(|item| {
        item.get(created_at) == Some(&number(one.at.created_at.as_millis()))
            && item.get(id) == Some(&number(one.at.id))
    })
}

fn condition(low: Option<Timestamp>, high: Option<Timestamp>) -> Option<(&'static str, Condition)> {
    let value = |time: Timestamp| number(time.as_millis());
    let condition = match (low, high) {
        (None, None) => return None,
        (Some(low), None) => Condition::AtLeast(value(low)),
        (None, Some(high)) => Condition::AtMost(value(high)),
        (Some(low), Some(high)) => Condition::Between(value(low), value(high)),
    };
    Some((SORT_KEY[0], condition))
}

/// The partition key of a scope in its index, attribute by attribute.
fn partition_key(scope: Scope) -> Vec<(&'static str, AttributeValue)> {
    let part = match scope {
        Scope::User(_) => None,
        Scope::Project(_, project) => Some(number(project)),
        Scope::Environment(_, environment) => Some(number(environment)),
    };
    let values = [Some(number(scope.user_id())), part];
    scope.index().partition_key.iter().copied().zip(values.into_iter().flatten()).collect()
}

/// The exclusive start key that stands for a place in a scope: the index's key and the table's.
/// DynamoDB does not ask whether an item has it.
fn start_key(scope: Scope, created_at: Timestamp, id: u64) -> Item {
    partition_key(scope)
        .into_iter()
        .chain([(SORT_KEY[0], number(created_at.as_millis())), (SORT_KEY[1], number(id))])
        .collect()
}
