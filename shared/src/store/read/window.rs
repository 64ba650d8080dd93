//! The arithmetic of a page: from what was asked and what was read of the ledger to the places of
//! its entries. Nothing here does I/O.

use super::request::{Cursor, Order, PageRequest, Start};
use super::snapshot::{Located, Missing, Snapshot};
use crate::store::item::counts::Codes;
use crate::time::Timestamp;

/// How many entries are before the bounds of the time range, at least: an index said so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) before_since: u64,
    pub(super) before_until: u64,
}

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
}

/// Why there is no window.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoWindow {
    /// Parts of the ledger must be read first.
    Missing(Missing),
    /// The cursor names an entry that is newer than the head.
    Behind,
    /// The cursor names no entry of this list.
    ForeignCursor,
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
    known: Known,
    at_hand: impl Fn(u64) -> bool,
) -> Result<Window, NoWindow> {
    let codes = snapshot.head().codes(&request.view.filter);
    let cursor = match request.start {
        Start::Offset(_) => Ok(None),
        Start::After(cursor) => rank_of(request, snapshot, &codes, cursor),
    };
    // Before anything of the cursor is read: it cannot be right.
    if let Err(wrong @ (NoWindow::Behind | NoWindow::ForeignCursor)) = cursor {
        return Err(wrong);
    }
    let since = request
        .range
        .since
        .map_or(Ok(0), |since| rank_at(snapshot, &codes, since, known.before_since));
    let until = request.range.until.map_or_else(
        || Ok(snapshot.head().counts().of(&codes)),
        |until| rank_at(snapshot, &codes, until, known.before_until),
    );
    // What all of them lack is read together.
    let (cursor, low, high) = match (cursor, since, until) {
        (Ok(cursor), Ok(low), Ok(high)) => (cursor, low, high.max(low)),
        (cursor, since, until) => {
            let mut parts = Missing::default();
            if let Err(NoWindow::Missing(missing)) = cursor {
                parts.0.extend(missing.0);
            }
            for missing in [since, until].into_iter().filter_map(Result::err) {
                parts.0.extend(missing.0);
            }
            return Err(parts.into());
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
                Err(parts) => missing.0.extend(parts.0),
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
    Ok(Window { total, offset, has_more, positions, located })
}

/// The ranks of the page of a list whose range has the ranks after `low`, up to `high`.
fn ranks(request: &PageRequest, cursor: Option<u64>, low: u64, high: u64) -> Ranks {
    let limit = request.limit as u64;
    let offset = match (request.start, cursor, request.order) {
        (Start::Offset(offset), ..) => offset,
        (Start::After(_), None, _) => 0,
        (Start::After(_), Some(rank), Order::NewestFirst) => high + 1 - rank,
        (Start::After(_), Some(rank), Order::OldestFirst) => rank - low,
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

/// The rank of the entry that a cursor names, if that is an entry of the list.
fn rank_of(
    request: &PageRequest,
    snapshot: &Snapshot,
    codes: &Codes,
    Cursor { position, at }: Cursor,
) -> Result<Option<u64>, NoWindow> {
    if position == 0 || !request.range.contains(at.created_at) {
        return Err(NoWindow::ForeignCursor);
    }
    if position > snapshot.total() {
        return Err(NoWindow::Behind);
    }
    match (snapshot.mark(position), snapshot.rank(codes, position)) {
        (Ok(mark), _) if mark.at != at || !codes.has(mark.code) => Err(NoWindow::ForeignCursor),
        (Ok(_), Ok(rank)) => Ok(Some(rank)),
        (mark, rank) => {
            let missing = [mark.err(), rank.err()].into_iter().flatten();
            Err(Missing(missing.flat_map(|Missing(parts)| parts).collect()).into())
        }
    }
}

/// How many selected entries are before `time`.
fn rank_at(
    snapshot: &Snapshot,
    codes: &Codes,
    time: Timestamp,
    known: u64,
) -> Result<u64, Missing> {
    match snapshot.before(time, known) {
        Ok(position) => snapshot.rank(codes, position),
        Err(Missing(mut parts)) => {
            // What is needed next is most likely the rank there.
            let rank = snapshot.rank(codes, known.min(snapshot.total()));
            parts.extend(rank.err().into_iter().flat_map(|Missing(parts)| parts));
            Err(Missing(parts))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::TimeRange;
    use super::*;
    use crate::store::item::entry::SortKey;
    use crate::store::item::head::{Head, Pair};
    use crate::store::read::snapshot::Part;
    use crate::view::{Facet, Filter, Scope, View};

    /// Ten entries, a millisecond apart; those at even positions are functions.
    fn ten() -> Snapshot {
        let mut head = Head::empty(Scope::User(3.try_into().unwrap()));
        for number in 1..=10 {
            let kind = if number % 2 == 0 { "function" } else { "database" };
            head.push(Pair { resource_type: Some(kind), action: "create" }, at(number));
        }
        Snapshot::new(head)
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
        window(request, &ten(), Known::default(), |_| false)
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
    fn a_cursor_leads_on_from_its_entry_and_is_of_no_other_list() {
        use Order::{NewestFirst, OldestFirst};
        let after = |position, of| Start::After(Cursor { position, at: at(of) });
        let page = |functions, order, start| shown(&request(functions, order, start, 2));
        assert_eq!(page(false, NewestFirst, after(4, 4)), Ok((vec![3, 2], 10, 7, true)));
        assert_eq!(page(true, NewestFirst, after(4, 4)), Ok((vec![2], 5, 4, false)));
        assert_eq!(page(true, OldestFirst, after(4, 4)), Ok((vec![6, 8], 5, 2, true)));
        assert_eq!(page(true, NewestFirst, after(3, 3)), Err(NoWindow::ForeignCursor));
        assert_eq!(page(false, NewestFirst, after(4, 5)), Err(NoWindow::ForeignCursor));
        assert_eq!(page(false, NewestFirst, after(0, 1)), Err(NoWindow::ForeignCursor));
        assert_eq!(page(false, NewestFirst, after(11, 11)), Err(NoWindow::Behind));
        let late = TimeRange { since: Some(at(5).created_at), until: None };
        let outside = PageRequest { range: late, ..request(false, NewestFirst, after(4, 4), 2) };
        assert_eq!(shown(&outside), Err(NoWindow::ForeignCursor));
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
        let missing = |request: &PageRequest, known, at_hand: &dyn Fn(u64) -> bool| match window(
            request, &snapshot, known, at_hand,
        ) {
            Err(NoWindow::Missing(Missing(parts))) => parts.into_iter().collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        let deep = request(false, Order::NewestFirst, Start::Offset(70), 10);
        assert_eq!(missing(&deep, Known::default(), &|_| false), [Part::Block(1), Part::Block(2)]);
        let left = missing(&deep, Known::default(), &|position| position > 128);
        assert_eq!(left, [Part::Block(1)]);
        // Both bounds, and the rank at each.
        let range = TimeRange { since: Some(at(10).created_at), until: Some(at(90).created_at) };
        let known = Known { before_since: 9, before_until: 89 };
        let filtered = request(true, Order::NewestFirst, Start::Offset(0), 10);
        let parts = missing(&PageRequest { range, ..filtered }, known, &|_| false);
        let node = Part::Node(crate::store::item::node::NodeKey { level: 1, index: 0 });
        assert_eq!(parts, [node, Part::Block(0), Part::Block(1)]);
    }
}
