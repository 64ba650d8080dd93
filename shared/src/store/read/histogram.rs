//! Histograms: how the entries of a list are spread over time. Nothing here does I/O.
//!
//! The positions of a scope ascend with time, so the entries of a part of the time are those between two
//! positions, and a filter's count there is a difference of two ranks. Of a long log, the index is asked
//! for the last entry before each bound, all at once, and the blocks and nodes at those places then give
//! the ranks. Of a short one, or a short time of a long one, the blocks themselves are read from end to
//! end, which costs less than to ask for each bound, and a round trip less.

use std::collections::BTreeSet;
use std::time::Duration;

use super::page_request::{Buckets, PageRequest, TimeRange};
use super::snapshot::{Missing, Part, Snapshot};
use super::time_positions::TimePositions;
use crate::store::item::FANOUT;
use crate::store::item::counts::Codes;
use crate::store::item::node::NodeKey;
use crate::time::Timestamp;

/// For up to so many blocks in each part, they are read from end to end. Eight blocks are half a read
/// unit, and a bound that is looked up takes half a unit of the index, and one for a block and a node.
const BLOCKS_IN_PART: u64 = 4;

/// How many entries of a list are in each part of a time.
///
/// ```
/// use activity_log::NewActivity;
/// use activity_log::id::UserId;
/// use activity_log::store::PageRequest;
/// use activity_log::view::{Scope, View};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let log = activity_log_local::kit::Log::new().await;
/// # let (store, logger) = (log.store.clone(), log.logger.clone());
/// let user = UserId::try_from(3)?;
/// logger.append(user, NewActivity::new("create")).await?;
/// # log.advance(59_999);
/// // A minute later.
/// logger.append_batch(user, ["sync", "sync"].map(NewActivity::new)).await?;
///
/// let total = PageRequest::newest(View::of(Scope::User(user)), 0);
/// let page = store.page(&PageRequest { histogram: Some(4.try_into()?), ..total }).await?;
/// let histogram = page.histogram.ok_or("it was asked for")?;
/// assert_eq!(histogram.counts, [1, 0, 0, 2]);
/// # Ok(())
/// # }
/// ```
///
/// Part i of `counts`, from 0, begins ⌊i · (to − from) / parts⌋ milliseconds after `from`, and ends
/// where the next one begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Where the first part begins: the beginning of the time range, or the time of the scope's first
    /// entry. `None` for a scope without entries.
    pub from: Option<Timestamp>,
    /// Where the last part ends: the end of the time range, or a millisecond after the scope's last
    /// entry. `None` for a scope without entries.
    pub to: Option<Timestamp>,
    /// The counts, oldest part first; all 0 if the time ends before it begins. Empty for a scope without
    /// entries.
    pub counts: Vec<u64>,
}

/// What must be read before there is a histogram.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// Parts of the ledger.
    pub(super) parts: Missing,
    /// The last entry before each of these times, as the index has it.
    pub(super) times: BTreeSet<Timestamp>,
}

impl From<Missing> for Needs {
    fn from(parts: Missing) -> Self {
        Self { parts, times: BTreeSet::new() }
    }
}

/// The histogram of what `request` asks for.
pub(super) fn histogram(
    request: &PageRequest,
    buckets: Buckets,
    snapshot: &Snapshot,
    known: &TimePositions,
) -> Result<Histogram, Needs> {
    let TimeRange { since, until } = request.range;
    let Some(last) = snapshot.head().last else { return Ok(Histogram::default()) };
    let from = match since {
        Some(since) => since,
        None => snapshot.mark(1)?.at.created_at,
    };
    let to = until.unwrap_or_else(|| last.created_at.saturating_add(Duration::from_millis(1)));
    let counts = if from < to {
        let codes = snapshot.head().codes(&request.view.filter);
        let inner: Vec<Timestamp> =
            (1..buckets.get()).map(|part| bound(from, to, buckets, part)).collect();
        let ranks = Ranks { snapshot, known, codes };
        ranks.look_for(request.range, &inner)?;
        let ranks = ranks.all(request.range, &inner)?;
        let counts = ranks.windows(2).map(|ends| ends[1].checked_sub(ends[0]));
        counts.collect::<Option<_>>().ok_or_else(Missing::default)?
    } else {
        (0..buckets.get()).map(|_| 0).collect()
    };
    Ok(Histogram { from: Some(from), to: Some(to), counts })
}

/// Where a part begins.
fn bound(from: Timestamp, to: Timestamp, buckets: Buckets, part: u64) -> Timestamp {
    let span = to.as_millis() - from.as_millis();
    let passed = part.cast_signed() * span / buckets.get().cast_signed();
    // It is between two times that there are.
    Timestamp::from_millis(from.as_millis() + passed).unwrap_or(to)
}

/// What ranks are taken of.
struct Ranks<'a> {
    snapshot: &'a Snapshot,
    known: &'a TimePositions,
    codes: Codes,
}

impl Ranks<'_> {
    /// Whether enough is known to find every bound near the place where it is.
    fn look_for(&self, range: TimeRange, inner: &[Timestamp]) -> Result<(), Needs> {
        let Self { snapshot, known, codes } = self;
        // Beyond the newest entry there is nothing to look for.
        let last = snapshot.head().last.map(|last| last.created_at);
        let within = || inner.iter().copied().filter(|time| Some(*time) <= last);
        let total = snapshot.total();
        let low = range.since.map_or(0, |since| known.before(since)).min(total) / FANOUT;
        let high = range.until.map_or(total, |until| known.before(until).min(total)) / FANOUT;
        let blocks = low..(high + 1).min(snapshot.blocks());
        let is_short =
            blocks.end.saturating_sub(low) <= BLOCKS_IN_PART * (within().count() as u64 + 1);
        let mut needs = Needs::default();
        if !is_short {
            needs.times.extend(within().filter(|time| !known.has(*time)));
        } else if within().next().is_some() {
            let nodes = blocks.clone().map(|block| block / FANOUT).filter(|_| !codes.is_all());
            let nodes = nodes.map(|index| Part::Node(NodeKey { level: 1, index }));
            let parts = blocks.map(Part::Block).chain(nodes);
            needs.parts.0.extend(parts.filter(|part| !snapshot.has(*part)));
        }
        if needs == Needs::default() {
            return Ok(());
        }
        // The ends of the time need not wait for the bounds within it.
        for time in range.since.into_iter().chain(range.until) {
            needs.parts.add(self.at(known, time).err());
        }
        Err(needs)
    }

    /// The ranks of the beginning, of each bound, and of the end.
    fn all(&self, range: TimeRange, inner: &[Timestamp]) -> Result<Vec<u64>, Missing> {
        let mut known = self.known.clone();
        let mut missing = Missing::default();
        let mut ranks = Vec::with_capacity(inner.len() + 2);
        ranks.extend(range.since.is_none().then_some(0));
        for time in range.since.into_iter().chain(inner.iter().copied()).chain(range.until) {
            match self.at(&known, time) {
                Ok((position, rank)) => {
                    // Where the next one is looked for, at the earliest.
                    known.add(time, position);
                    ranks.push(rank);
                }
                Err(parts) => missing.add(Some(parts)),
            }
        }
        ranks.extend(
            range.until.is_none().then(|| self.snapshot.head().counts().selected(&self.codes)),
        );
        if missing == Missing::default() { Ok(ranks) } else { Err(missing) }
    }

    /// The position of the last entry before `time`, and its rank.
    fn at(&self, known: &TimePositions, time: Timestamp) -> Result<(u64, u64), Missing> {
        known.ask(self.snapshot, time, |position| {
            Ok((position, self.snapshot.rank(&self.codes, position)?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::item::head::Head;
    use crate::store::read::snapshot::tests::{ACTIONS, Whole};
    use crate::view::{Facet, Filter, Scope, View};

    fn request(filter: Filter, range: TimeRange) -> PageRequest {
        let view = View { scope: Scope::User(3.try_into().unwrap()), filter };
        PageRequest { range, ..PageRequest::newest(view, 0) }
    }

    fn millis(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis).unwrap()
    }

    /// What reading took.
    #[derive(Debug, Default)]
    struct Taken {
        rounds: u32,
        parts: usize,
        times: usize,
    }

    /// The histogram of a log, read by an index that shows only entries with so many after them.
    fn ask(whole: &Whole, request: &PageRequest, parts: u64, lag: u64) -> (Histogram, Taken) {
        let mut snapshot = Snapshot::new(whole.head.clone());
        let mut taken = Taken::default();
        let before = |time: Timestamp| {
            whole.entries.iter().filter(|(_, at)| at.created_at < time).count() as u64
        };
        let shown = (whole.entries.len() as u64).saturating_sub(lag);
        let ends = request.range.since.into_iter().chain(request.range.until);
        let mut known: TimePositions = ends.map(|time| (time, before(time).min(shown))).collect();
        loop {
            let buckets = parts.try_into().unwrap();
            match histogram(request, buckets, &snapshot, &known) {
                Ok(histogram) => return (histogram, taken),
                Err(Needs { parts: Missing(parts), times }) => {
                    assert!(!parts.is_empty() || !times.is_empty(), "it lacks nothing");
                    taken.rounds += 1;
                    taken.parts += parts.len();
                    taken.times += times.len();
                    whole.read(&mut snapshot, parts);
                    for time in times {
                        assert!(!known.has(time), "{time} is asked for twice");
                        known.add(time, before(time).min(shown));
                    }
                }
            }
        }
    }

    /// What the histogram of a log must be.
    fn expected(whole: &Whole, request: &PageRequest, parts: u64) -> Histogram {
        let times: Vec<i64> =
            whole.entries.iter().map(|(_, at)| at.created_at.as_millis()).collect();
        let from = request.range.since.map_or(times[0], Timestamp::as_millis);
        let end = times.last().unwrap() + 1;
        let to = request.range.until.map_or(end, Timestamp::as_millis);
        let begin = |part: u64| {
            let part = i128::from(part) * i128::from(to - from) / i128::from(parts);
            from + i64::try_from(part).unwrap()
        };
        let count = |part: u64| {
            let is_in = |(entry, time): &(&(&str, _), &i64)| {
                (begin(part)..begin(part + 1)).contains(*time)
                    && request.view.filter.selects(None, entry.0)
            };
            whole.entries.iter().zip(&times).filter(is_in).count() as u64
        };
        let counts = if from < to {
            (0..parts).map(count).collect()
        } else {
            vec![0; usize::try_from(parts).unwrap()]
        };
        Histogram { from: Some(millis(from)), to: Some(millis(to)), counts }
    }

    #[test]
    fn parts_count_what_a_plain_list_has_in_them_whatever_the_filter_and_range() {
        let mut random = fastrand::Rng::with_seed(1);
        let lengths = [1, 2, 63, 64, 65, 500, 4_096, 9_000, 40_000];
        for (seed, length) in (0..).zip(lengths) {
            let whole = Whole::new(length, seed);
            for _ in 0..if length > 1_000 { 12 } else { 60 } {
                let only = ACTIONS.into_iter().filter(|_| random.bool());
                let only = only.map(|name| Some(name.to_owned())).collect();
                let only = Some(only).filter(|_| random.bool());
                let action = Facet { only, ..Facet::default() };
                let filter = Filter { action, ..Filter::default() };
                let mut time = || {
                    let (_, at) = random.choice(&whole.entries).unwrap();
                    let by = random.choice([-100_000, -1, 0, 1, 100_000_000]).unwrap();
                    random.bool().then(|| millis(at.created_at.as_millis() + by))
                };
                let range = TimeRange { since: time(), until: time() };
                let request = request(filter, range);
                let parts = random.choice([1, 2, 7, 60, 100]).unwrap();
                let lag = random.choice([0, 0, 1, 70, 1_000_000]).unwrap();
                let (found, taken) = ask(&whole, &request, parts, lag);
                assert_eq!(
                    found,
                    expected(&whole, &request, parts),
                    "{length} {request:?} {parts}"
                );
                if lag == 0 {
                    assert!(taken.rounds <= 3, "{taken:?} {length} {request:?} {parts}");
                }
            }
        }
    }

    #[test]
    fn a_long_log_is_read_at_its_bounds_and_a_short_one_from_end_to_end() {
        let whole = Whole::new(40_000, 1);
        let sync = Filter { action: Facet::only(ACTIONS[2]), ..Filter::default() };
        let all = request(sync, TimeRange::default());
        let (_, taken) = ask(&whole, &all, 10, 0);
        // The first block, the bounds, a block and a node at each.
        assert_eq!((taken.rounds, taken.times), (3, 9));
        assert!(taken.parts <= 1 + 2 * 9, "{taken:?}");
        // 625 blocks.
        let (_, taken) = ask(&whole, &all, 100, 0);
        assert_eq!((taken.rounds, taken.times), (3, 99));
        let near = whole.entries[39_000].1.created_at;
        let late =
            PageRequest { range: TimeRange { since: Some(near), until: None }, ..all.clone() };
        let (_, taken) = ask(&whole, &late, 10, 0);
        assert_eq!((taken.rounds, taken.times), (1, 0));
        assert!(taken.parts <= 1_000 / 64 + 2 + 1, "{taken:?}");
        // Beyond the newest entry nothing is looked for.
        let last = whole.entries[39_999].1.created_at.as_millis();
        let beyond = TimeRange { since: None, until: Some(millis(last + 1_000_000_000_000)) };
        let (found, taken) = ask(&whole, &PageRequest { range: beyond, ..all }, 100, 0);
        assert_eq!((taken.rounds, taken.times, taken.parts), (1, 0, 1));
        assert_eq!(found.counts.iter().filter(|count| **count > 0).count(), 1);
    }

    #[test]
    fn a_scope_without_entries_has_no_time_and_a_time_without_length_has_no_entries() {
        let empty = Snapshot::new(Head::empty(Scope::User(3.try_into().unwrap())));
        let range = TimeRange { since: Some(millis(5)), until: Some(millis(9)) };
        let buckets = 60.try_into().unwrap();
        let of_range = |range, snapshot: &Snapshot| {
            histogram(
                &request(Filter::default(), range),
                buckets,
                snapshot,
                &TimePositions::default(),
            )
        };
        assert_eq!(of_range(range, &empty), Ok(Histogram::default()));
        let whole = Whole::new(10, 1);
        let first = whole.entries[0].1.created_at;
        let snapshot = Snapshot::new(whole.head);
        let mut reversed = TimeRange { since: Some(millis(9)), until: Some(millis(5)) };
        let zeros = Histogram { from: reversed.since, to: reversed.until, counts: vec![0; 60] };
        assert_eq!(of_range(reversed, &snapshot), Ok(zeros.clone()));
        reversed = TimeRange { since: None, until: Some(first) };
        let zeros = Histogram { from: Some(first), to: Some(first), ..zeros };
        assert_eq!(of_range(reversed, &snapshot), Ok(zeros));
    }
}
