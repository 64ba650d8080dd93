//! Facets: what values the entries of a list have, and how many have each. Nothing here does I/O.
//!
//! The head of a scope counts its entries by pair of resource type and action, so that all values of
//! both facets, with any filter, are there once the head is. In a time range the counts at its two ends
//! are subtracted; those are found where the totals of the range are.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::page_request::{PageRequest, TimeRange};
use super::snapshot::{Missing, Snapshot};
use super::time_positions::TimePositions;
use crate::store::item::counts::Counts;
use crate::store::item::head::{Head, Pair};

/// How many entries have each value of each facet, within the scope and the time range, and under the
/// filter of the *other* facet only: so the alternatives to a chosen value stay in sight, as is usual
/// in faceted search.
///
/// The largest count comes first; where counts are equal, by name, and entries without a value last. A
/// value that no entry has is absent.
///
/// ```
/// use activity_log::NewActivity;
/// use activity_log::id::UserId;
/// use activity_log::store::PageRequest;
/// use activity_log::view::{Facet, Filter, Scope, View};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let log = activity_log_local::kit::Log::new().await;
/// # let (store, logger) = (log.store.clone(), log.logger.clone());
/// let user = UserId::try_from(3)?;
/// logger.append_batch(user, ["create", "sync", "sync"].map(NewActivity::new)).await?;
///
/// let filter = Filter { action: Facet::only("sync"), ..Filter::default() };
/// let total = PageRequest::newest(View { scope: Scope::User(user), filter }, 0);
/// let page = store.page(&PageRequest { facets: true, ..total }).await?;
/// let facets = page.facets.ok_or("they were asked for")?;
/// assert_eq!((page.total, facets.resource_type[0].count), (2, 2));
/// // What else could be chosen in place of `sync`.
/// let actions: Vec<_> = facets.action.iter().map(|one| (one.value.as_deref(), one.count)).collect();
/// assert_eq!(actions, [(Some("sync"), 2), (Some("create"), 1)]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facets {
    /// By resource type.
    pub resource_type: Vec<FacetCount>,
    /// By action.
    pub action: Vec<FacetCount>,
}

/// How many entries have a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FacetCount {
    /// The value; `None` for entries that have none.
    pub value: Option<String>,
    /// So many entries have it, at least one.
    pub count: u64,
}

/// The facets of what `request` asks for.
pub(super) fn facets(
    request: &PageRequest,
    snapshot: &Snapshot,
    known: &TimePositions,
) -> Result<Facets, Missing> {
    let TimeRange { since, until } = request.range;
    let at = |time| known.ask(snapshot, time, |position| snapshot.counts(position));
    let before = since.map_or_else(|| Ok(Counts::default()), at);
    let all = until.map_or_else(|| Ok(snapshot.head().counts().clone()), at);
    let counts = match (before, all) {
        (Ok(before), Ok(all)) => all.without(&before),
        (before, all) => return Err(Missing::of([before.err(), all.err()])),
    };
    let filter = &request.view.filter;
    Ok(Facets {
        resource_type: values(snapshot.head(), &counts, |pair| {
            filter.action.selects(Some(pair.action)).then_some(pair.resource_type)
        }),
        action: values(snapshot.head(), &counts, |pair| {
            filter.resource_type.selects(pair.resource_type).then_some(Some(pair.action))
        }),
    })
}

/// How often each value occurs that `value` says a pair counts for.
fn values<'a>(
    head: &'a Head,
    counts: &Counts,
    value: impl Fn(Pair<'a>) -> Option<Option<&'a str>>,
) -> Vec<FacetCount> {
    let mut found: BTreeMap<Option<&str>, u64> = BTreeMap::new();
    for (code, count) in counts.iter() {
        if let Some(value) = head.pair(code).and_then(&value) {
            *found.entry(value).or_default() += count;
        }
    }
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_by_key(|(value, count)| (Reverse(*count), value.is_none(), *value));
    let owned =
        |(value, count): (Option<&str>, u64)| FacetCount { value: value.map(str::to_owned), count };
    found.into_iter().map(owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::item::entry::SortKey;
    use crate::store::item::node::NodeKey;
    use crate::store::read::snapshot::Part;
    use crate::time::Timestamp;
    use crate::view::{Facet, Filter, Scope, View};

    fn at(position: u64) -> SortKey {
        let created_at = Timestamp::from_millis(position.cast_signed() * 10).unwrap();
        SortKey { created_at, id: position.try_into().unwrap() }
    }

    fn snapshot(pairs: &[(Option<&str>, &str)]) -> Snapshot {
        let mut head = Head::empty(Scope::User(3.try_into().unwrap()));
        for (position, (resource_type, action)) in (1..).zip(pairs.iter().copied()) {
            head.push(Pair { resource_type, action }, at(position));
        }
        Snapshot::new(head)
    }

    fn request(filter: Filter) -> PageRequest {
        let scope = Scope::User(3.try_into().unwrap());
        PageRequest::newest(View { scope, filter }, 0)
    }

    /// The values of both facets, as one would write them.
    fn shown(request: &PageRequest, snapshot: &Snapshot) -> [String; 2] {
        let Facets { resource_type, action } =
            facets(request, snapshot, &TimePositions::default()).unwrap();
        [resource_type, action].map(|counts| {
            let one =
                |one: &FacetCount| format!("{} {}", one.value.as_deref().unwrap_or("~"), one.count);
            counts.iter().map(one).collect::<Vec<_>>().join(", ")
        })
    }

    const PAIRS: [(Option<&str>, &str); 8] = [
        (Some("function"), "create"),
        (Some("function"), "invoke"),
        (Some("database"), "create"),
        (None, "sync"),
        (None, "create"),
        (Some("bucket"), "sync"),
        (Some("database"), "create"),
        (Some("bucket"), "delete"),
    ];

    #[test]
    fn each_facet_is_counted_under_the_filter_of_the_other_alone() {
        let snapshot = snapshot(&PAIRS);
        let all = request(Filter::default());
        let [types, actions] = shown(&all, &snapshot);
        assert_eq!(types, "bucket 2, database 2, function 2, ~ 2", "by name, without a type last");
        assert_eq!(actions, "create 4, sync 2, delete 1, invoke 1");
        let create = Filter { action: Facet::only("create"), ..Filter::default() };
        let [types, actions] = shown(&request(create.clone()), &snapshot);
        assert_eq!(types, "database 2, function 1, ~ 1");
        assert_eq!(actions, "create 4, sync 2, delete 1, invoke 1");
        let both = Filter { resource_type: Facet::only("database"), ..create };
        let [types, actions] = shown(&request(both), &snapshot);
        assert_eq!(types, "database 2, function 1, ~ 1");
        assert_eq!(actions, "create 2");
        let none = Filter { resource_type: Facet::only("cache"), ..Filter::default() };
        let [types, actions] = shown(&request(none), &snapshot);
        assert_eq!(types, "bucket 2, database 2, function 2, ~ 2");
        assert_eq!(actions, "");
    }

    #[test]
    fn a_time_range_counts_its_own_entries() {
        let snapshot = snapshot(&PAIRS);
        let time = |position| Some(at(position).created_at);
        let shown = |since, until| {
            let range = TimeRange { since, until };
            shown(&PageRequest { range, ..request(Filter::default()) }, &snapshot)
        };
        assert_eq!(shown(time(2), time(6))[0], "~ 2, database 1, function 1");
        assert_eq!(shown(time(2), time(6))[1], "create 2, invoke 1, sync 1");
        assert_eq!(shown(None, time(2))[1], "create 1");
        assert_eq!(shown(time(8), None)[0], "bucket 1");
        for (since, until) in [(time(6), time(2)), (time(9), None), (None, time(1))] {
            assert_eq!(shown(since, until), ["", ""]);
        }
    }

    #[test]
    fn what_both_ends_of_a_range_lack_is_named_together() {
        let pairs = [(None, "create"), (None, "sync")].repeat(200);
        let snapshot = snapshot(&pairs);
        let (since, until) = (at(70).created_at, at(200).created_at);
        let range = TimeRange { since: Some(since), until: Some(until) };
        let request = PageRequest { range, ..request(Filter::default()) };
        let known = TimePositions::from_iter([(since, 69), (until, 199)]);
        let Missing(parts) = facets(&request, &snapshot, &known).unwrap_err();
        let node = Part::Node(NodeKey { level: 1, index: 0 });
        assert!(parts.into_iter().eq([node, Part::Block(1), Part::Block(3)]));
    }
}
