//! Plans reads of numbered items: some together, with all items between them, others one by one. Nothing
//! here does I/O.

use std::ops::Range;

/// What half a read unit reads, in bytes (AWS: "DynamoDB read capacity").
const HALF_UNIT: u64 = 4_096;

/// The most ranges that are read for one page.
const MAX_RANGES: usize = 10;

/// Things to read, by their subscripts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reads {
    /// Those of each range are read together, with all between them.
    pub(super) ranges: Vec<Range<usize>>,
    /// These are read one by one.
    pub(super) single: Vec<usize>,
}

/// The cheapest way to read the things at `places`, which ascend, where each thing of the sequence
/// takes about `bytes`: all in one range, or a range for each cluster of them, or one by one.
///
/// A query is charged for what it reads in all, rounded up once; a read by key for each item.
pub(super) fn plan_reads(places: &[u64], bytes: u64) -> Reads {
    let cost =
        |range: &Range<usize>| match places.get(range.start).zip(places[range.clone()].last()) {
            Some((first, last)) => ((last - first + 1) * bytes).div_ceil(HALF_UNIT),
            None => 0,
        };
    let single = |range: &Range<usize>| range.len() as u64;
    let mut reads = Reads::default();
    let mut clustered = 0;
    let nearest = HALF_UNIT / bytes.max(1);
    let mut start = 0;
    for end in 1..=places.len() {
        if places.get(end).is_some_and(|next| next - places[end - 1] <= nearest) {
            continue;
        }
        let cluster = start..end;
        clustered += cost(&cluster).min(single(&cluster));
        if cost(&cluster) < single(&cluster) {
            reads.ranges.push(cluster);
        } else {
            reads.single.extend(cluster);
        }
        start = end;
    }
    let all = 0..places.len();
    let whole = cost(&all);
    if whole < single(&all) && (whole <= clustered || reads.ranges.len() > MAX_RANGES) {
        Reads { ranges: vec![all], single: Vec::new() }
    } else if reads.ranges.len() > MAX_RANGES {
        Reads { ranges: Vec::new(), single: all.collect() }
    } else {
        reads
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_close_is_read_together_and_what_stands_apart_one_by_one() {
        let reads = |places: &[u64], bytes| plan_reads(places, bytes);
        assert_eq!(reads(&[], 400), Reads::default());
        assert_eq!(reads(&[7], 400), Reads { ranges: vec![], single: vec![0] });
        let dense: Vec<u64> = (0..100).collect();
        let all = |places: &[u64]| std::iter::once(0..places.len()).collect::<Vec<_>>();
        assert_eq!(reads(&dense, 400), Reads { ranges: all(&dense), single: vec![] });
        let every_tenth: Vec<u64> = (0..100).map(|number| number * 10).collect();
        assert_eq!(reads(&every_tenth, 400).ranges, all(&every_tenth));
        assert_eq!(reads(&every_tenth, 500).single.len(), 100);
        let far: Vec<u64> = (0..20).chain(10_000..10_020).chain([90_000]).collect();
        let expected = Reads { ranges: vec![0..20, 20..40], single: vec![40] };
        assert_eq!(reads(&far, 400), expected);
    }

    #[test]
    fn no_more_than_ten_ranges_are_read() {
        let clusters: Vec<u64> =
            (0..11).flat_map(|cluster| (0..9).map(move |place| cluster * 10_000 + place)).collect();
        assert_eq!(plan_reads(&clusters, 400).single.len(), 99);
        assert_eq!(plan_reads(&clusters[..90], 400).ranges.len(), 10);
    }
}
