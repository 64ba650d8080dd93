//! The arithmetic of a page: from what was asked and what was read of the ledger to the places of
//! its entries. Nothing here does I/O.

use super::page_request::{Anchor, Cursor, Order, PageRequest, Start, TimeRange};
use super::search::Located;
use super::snapshot::{Missing, Snapshot};
use super::time_positions::TimePositions;
use crate::store::item::counts::Codes;
use crate::store::item::head::Head;

/// Where the entries of a page are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// How many entries the view has in the range.
    pub(super) total: u64,
    /// How many of them come before the page, in its order.
    pub(super) offset: u64,
    /// Whether there are entries after the page, in its order.
    pub(super) has_more: bool,
    /// The positions of the page's entries, in its order.
    pub(super) positions: Vec<u64>,
    /// Those that are not at hand.
    pub(super) located: Vec<Located>,
    /// Where a later page goes on if the last entry shown does not say it.
    pub(super) rest: Rest,
}

/// Where a later page goes on, as far as the ledger says it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// At a place that is known. Of no meaning newest first, and if an entry is shown and there are
    /// more.
    At(Cursor),
    /// At an entry whose hash is not known.
    Entry(Located),
}

/// Why there is no window.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoWindow {
    /// Parts of the ledger must be read first.
    Missing(Missing),
    /// The cursor names an entry that is newer than the head.
    Behind,
}

impl From<Missing> for NoWindow {
    fn from(missing: Missing) -> Self {
        Self::Missing(missing)
    }
}

/// The ranks of a page: those after `before`, up to `end`; and how many come before them, in the
/// page's order.
struct Ranks {
    before: u64,
    end: u64,
    offset: u64,
}

/// Where the entries of the page are that `request` asks for. Entries whose positions are
/// `at_hand` need not be located.
pub(super) fn window(
    request: &PageRequest,
    snapshot: &Snapshot,
    known: &TimePositions,
    at_hand: impl Fn(u64) -> bool,
) -> Result<Window, NoWindow> {
    let codes = snapshot.head().codes(&request.view.filter);
    let cursor = match request.start {
        Start::Offset(_) => Ok(0),
        Start::After(cursor) if cursor.position() > snapshot.total() => {
            return Err(NoWindow::Behind);
        }
        Start::After(cursor) => snapshot.rank(&codes, cursor.below(request.order)),
    };
    let rank_at = |time| known.ask(snapshot, time, |position| snapshot.rank(&codes, position));
    let TimeRange { since, until } = request.range;
    let since = since.map_or(Ok(0), rank_at);
    let until = until.map_or_else(|| Ok(snapshot.head().counts().selected(&codes)), rank_at);
    // What all of them lack is read together.
    let (cursor, low, high) = match (cursor, since, until) {
        (Ok(cursor), Ok(low), Ok(high)) => (cursor, low, high.max(low)),
        (cursor, since, until) => {
            return Err(Missing::of([cursor.err(), since.err(), until.err()]).into());
        }
    };

    let total = high - low;
    let Ranks { before, end, offset } = ranks(request, cursor, low, high);
    let has_more = offset.saturating_add(end - before) < total;
    let newest_first = request.order == Order::NewestFirst;
    let (mut positions, located): (Vec<u64>, Vec<Located>) = if codes.is_all() {
        let mut lacking = Vec::new();
        let mut missing = Missing::default();
        for position in (before + 1..=end).filter(|position| !at_hand(*position)) {
            match snapshot.mark(position) {
                Ok(mark) => lacking.push(Located { position, at: mark.at }),
                Err(parts) => missing.add(Some(parts)),
            }
        }
        if !missing.0.is_empty() {
            return Err(missing.into());
        }
        ((before + 1..=end).collect(), lacking)
    } else {
        let located = snapshot.locate(&codes, before + 1, end)?;
        (located.iter().map(|one| one.position).collect(), located)
    };
    if newest_first {
        positions.reverse();
    }
    let rest = match request.order {
        Order::OldestFirst if !has_more => end_of(snapshot.head()),
        Order::OldestFirst if positions.is_empty() => {
            start_of(request.start, snapshot, &codes, before)?
        }
        _ => Rest::At(Cursor::Beginning),
    };
    Ok(Window { total, offset, has_more, positions, located, rest })
}

/// The last entry of the scope.
fn end_of(head: &Head) -> Rest {
    let position = head.total();
    match (head.last, head.hash) {
        (None, _) => Rest::At(Cursor::Beginning),
        (Some(at), Some(hash)) => {
            Rest::At(Cursor::Entry(Anchor { position, at, hash: hash.prefix() }))
        }
        (Some(at), None) => Rest::Entry(Located { position, at }),
    }
}

/// Where a page starts that shows nothing, though there is something to show: after the entry with the
/// rank `before`, if it starts at an offset.
fn start_of(
    start: Start,
    snapshot: &Snapshot,
    codes: &Codes,
    before: u64,
) -> Result<Rest, Missing> {
    match start {
        Start::After(cursor) => Ok(Rest::At(cursor)),
        Start::Offset(0) => Ok(Rest::At(Cursor::Beginning)),
        Start::Offset(_) if codes.is_all() => {
            let at = snapshot.mark(before)?.at;
            Ok(Rest::Entry(Located { position: before, at }))
        }
        Start::Offset(_) => {
            let located = snapshot.locate(codes, before, before)?;
            located.first().copied().map(Rest::Entry).ok_or_else(Missing::default)
        }
    }
}

/// The ranks of the page of a list whose range has the ranks after `low`, up to `high`. So many as
/// `cursor` says are below the place that the page starts after, if it starts after one.
fn ranks(request: &PageRequest, cursor: u64, low: u64, high: u64) -> Ranks {
    let limit = request.limit as u64;
    let offset = match (request.start, request.order) {
        (Start::Offset(offset), _) => offset,
        // A place outside of the range is as good as the nearer end of it.
        (Start::After(_), Order::NewestFirst) => high - cursor.clamp(low, high),
        (Start::After(_), Order::OldestFirst) => cursor.clamp(low, high) - low,
    };
    let skipped = offset.min(high - low);
    match request.order {
        Order::NewestFirst => {
            let end = high - skipped;
            Ranks { before: low.max(end.saturating_sub(limit)), end, offset }
        }
        Order::OldestFirst => {
            let before = low + skipped;
            Ranks { before, end: high.min(before.saturating_add(limit)), offset }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::item::entry::SortKey;
    use crate::store::item::hash::{EntryHash, HashPrefix};
    use crate::store::item::head::{Head, Pair};
    use crate::store::read::snapshot::Part;
    use crate::time::Timestamp;
    use crate::view::{Facet, Filter, Scope, View};

    /// Ten entries, a millisecond apart; those at even positions are functions.
    fn ten() -> Snapshot {
        let mut head = Head::empty(Scope::User(3.try_into().unwrap()));
        for number in 1..=10 {
            let kind = if number % 2 == 0 { "function" } else { "database" };
            head.push(Pair { resource_type: Some(kind), action: "create" }, at(number));
        }
        head.chain(EntryHash::NONE);
        Snapshot::new(head)
    }

    fn anchor(position: u64) -> Cursor {
        let hash = HashPrefix([1, 2, 3, 4, 5, 6, 7, 8]);
        Cursor::Entry(Anchor { position, at: at(position), hash })
    }

    fn at(position: u64) -> SortKey {
        let created_at = Timestamp::from_millis(position.cast_signed() * 10).unwrap();
        SortKey { created_at, id: position.try_into().unwrap() }
    }

    fn request(functions: bool, order: Order, start: Start, limit: usize) -> PageRequest {
        let kind = if functions { Facet::only("function") } else { Facet::default() };
        let filter = Filter { resource_type: kind, ..Filter::default() };
        let view = View { scope: Scope::User(3.try_into().unwrap()), filter };
        PageRequest { order, start, ..PageRequest::newest(view, limit) }
    }

    /// Positions, total, offset, and whether there are more.
    fn shown(request: &PageRequest) -> Result<(Vec<u64>, u64, u64, bool), NoWindow> {
        window(request, &ten(), &TimePositions::default(), |_| false)
            .map(|window| (window.positions, window.total, window.offset, window.has_more))
    }

    #[test]
    fn an_offset_counts_from_the_end_that_comes_first() {
        use Order::{NewestFirst, OldestFirst};
        for (functions, order, offset, limit, positions, total, more) in [
            (false, NewestFirst, 0, 3, vec![10, 9, 8], 10, true),
            (false, NewestFirst, 8, 3, vec![2, 1], 10, false),
            (false, OldestFirst, 8, 3, vec![9, 10], 10, false),
            (false, OldestFirst, 0, 0, vec![], 10, true),
            (false, NewestFirst, 10, 3, vec![], 10, false),
            (false, NewestFirst, u64::MAX, 3, vec![], 10, false),
            (true, NewestFirst, 1, 2, vec![8, 6], 5, true),
            (true, OldestFirst, 3, 2, vec![8, 10], 5, false),
        ] {
            let request = request(functions, order, Start::Offset(offset), limit);
            assert_eq!(shown(&request), Ok((positions, total, offset, more)), "{request:?}");
        }
    }

    #[test]
    fn a_cursor_leads_on_from_any_entry_of_the_scope_selected_or_not() {
        use Order::{NewestFirst, OldestFirst};
        let page =
            |functions, order, cursor| shown(&request(functions, order, Start::After(cursor), 2));
        for (functions, order, position, positions, offset, more) in [
            (false, NewestFirst, 4, vec![3, 2], 7, true),
            (false, NewestFirst, 1, vec![], 10, false),
            (false, OldestFirst, 9, vec![10], 9, false),
            (false, OldestFirst, 10, vec![], 10, false),
            (true, NewestFirst, 4, vec![2], 4, false),
            (true, NewestFirst, 5, vec![4, 2], 3, false),
            (true, OldestFirst, 4, vec![6, 8], 2, true),
            (true, OldestFirst, 5, vec![6, 8], 2, true),
        ] {
            let total = if functions { 5 } else { 10 };
            let expected = Ok((positions, total, offset, more));
            assert_eq!(page(functions, order, anchor(position)), expected, "{order:?} {position}");
        }
        for functions in [false, true] {
            let total = if functions { 5 } else { 10 };
            let (oldest, newest) = (
                page(functions, OldestFirst, Cursor::Beginning),
                page(functions, NewestFirst, Cursor::Beginning),
            );
            assert_eq!(oldest.unwrap().1, total);
            assert_eq!(newest, Ok((vec![], total, total, false)));
            for order in [OldestFirst, NewestFirst] {
                assert_eq!(page(functions, order, anchor(11)), Err(NoWindow::Behind));
            }
        }
    }

    #[test]
    fn a_cursor_outside_of_the_range_is_as_good_as_the_nearer_end_of_it() {
        use Order::{NewestFirst, OldestFirst};
        let range = TimeRange { since: Some(at(4).created_at), until: Some(at(8).created_at) };
        for (order, position, positions, offset, more) in [
            (OldestFirst, 1, vec![4, 5], 0, true),
            (OldestFirst, 3, vec![4, 5], 0, true),
            (OldestFirst, 7, vec![], 4, false),
            (OldestFirst, 10, vec![], 4, false),
            (NewestFirst, 10, vec![7, 6], 0, true),
            (NewestFirst, 8, vec![7, 6], 0, true),
            (NewestFirst, 4, vec![], 4, false),
            (NewestFirst, 1, vec![], 4, false),
        ] {
            let request = request(false, order, Start::After(anchor(position)), 2);
            let found = shown(&PageRequest { range, ..request });
            assert_eq!(found, Ok((positions, 4, offset, more)), "{order:?} {position}");
        }
    }

    #[test]
    fn what_goes_on_later_goes_on_after_what_was_looked_at() {
        let rest = |functions, order, start, limit| {
            let request = request(functions, order, start, limit);
            window(&request, &ten(), &TimePositions::default(), |_| false).unwrap().rest
        };
        let entry = |position| Rest::Entry(Located { position, at: at(position) });
        let oldest = |functions, start, limit| rest(functions, Order::OldestFirst, start, limit);
        let end = Rest::At(Cursor::Entry(Anchor {
            position: 10,
            at: at(10),
            hash: EntryHash::NONE.prefix(),
        }));
        for start in [Start::Offset(3), Start::Offset(99), Start::After(anchor(7))] {
            assert_eq!(oldest(true, start, 3), end, "{start:?}");
        }
        assert_eq!(oldest(true, Start::Offset(0), 0), Rest::At(Cursor::Beginning));
        assert_eq!(oldest(true, Start::Offset(2), 0), entry(4));
        assert_eq!(oldest(false, Start::Offset(2), 0), entry(2));
        assert_eq!(oldest(true, Start::After(anchor(5)), 0), Rest::At(anchor(5)));
        assert_eq!(oldest(true, Start::After(anchor(9)), 0), Rest::At(anchor(9)));
        assert_eq!(oldest(true, Start::After(anchor(10)), 0), end);
        let range = TimeRange { since: Some(at(5).created_at), until: None };
        let later = PageRequest { range, ..request(true, Order::OldestFirst, Start::Offset(1), 0) };
        let later = window(&later, &ten(), &TimePositions::default(), |_| false).unwrap();
        assert_eq!(later.rest, entry(6), "the first of the range");
        // Of a project, the head has no hash.
        let mut head =
            Head::empty(Scope::Project(3.try_into().unwrap(), crate::id::ProjectId::MAX));
        let all = PageRequest {
            order: Order::OldestFirst,
            ..PageRequest::newest(View::of(head.scope), 9)
        };
        let rest = |head: &Head| {
            let snapshot = Snapshot::new(head.clone());
            window(&all, &snapshot, &TimePositions::default(), |_| false).unwrap().rest
        };
        assert_eq!(rest(&head), Rest::At(Cursor::Beginning));
        head.push(Pair { resource_type: None, action: "create" }, at(1));
        assert_eq!(rest(&head), entry(1));
    }

    #[test]
    fn a_range_is_half_open_and_counts_only_its_own() {
        let range = |since: u64, until: u64| TimeRange {
            since: Some(at(since).created_at),
            until: Some(at(until).created_at),
        };
        for (functions, order, range, positions, total) in [
            (false, Order::NewestFirst, range(3, 6), vec![5, 4], 3),
            (false, Order::OldestFirst, range(3, 6), vec![3, 4], 3),
            (true, Order::NewestFirst, range(2, 9), vec![8, 6], 4),
            (false, Order::NewestFirst, range(6, 3), vec![], 0),
        ] {
            let request = PageRequest { range, ..request(functions, order, Start::Offset(0), 2) };
            let more = total > positions.len() as u64;
            assert_eq!(shown(&request), Ok((positions, total, 0, more)), "{request:?}");
        }
    }

    #[test]
    fn what_is_lacking_is_named_together_and_what_is_at_hand_is_not_asked_for() {
        let mut head = Head::empty(Scope::User(3.try_into().unwrap()));
        for number in 1..=200 {
            let kind = if number % 2 == 0 { "function" } else { "database" };
            head.push(Pair { resource_type: Some(kind), action: "create" }, at(number));
        }
        let snapshot = Snapshot::new(head);
        let missing =
            |request: &PageRequest, known: &TimePositions, at_hand: &dyn Fn(u64) -> bool| {
                match window(request, &snapshot, known, at_hand) {
                    Err(NoWindow::Missing(Missing(parts))) => parts.into_iter().collect::<Vec<_>>(),
                    other => panic!("{other:?}"),
                }
            };
        let deep = request(false, Order::NewestFirst, Start::Offset(70), 10);
        assert_eq!(
            missing(&deep, &TimePositions::default(), &|_| false),
            [Part::Block(1), Part::Block(2)]
        );
        let left = missing(&deep, &TimePositions::default(), &|position| position > 128);
        assert_eq!(left, [Part::Block(1)]);
        // Both bounds, and the rank at each.
        let range = TimeRange { since: Some(at(10).created_at), until: Some(at(90).created_at) };
        let known = TimePositions::from_iter([(at(10).created_at, 9), (at(90).created_at, 89)]);
        let filtered = request(true, Order::NewestFirst, Start::Offset(0), 10);
        let parts = missing(&PageRequest { range, ..filtered }, &known, &|_| false);
        let node = Part::Node(crate::store::item::node::NodeKey { level: 1, index: 0 });
        assert_eq!(parts, [node, Part::Block(0), Part::Block(1)]);
    }
}
