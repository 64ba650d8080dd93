//! Where the entries are that a filter selects, in what was read of a scope's ledger. Nothing here does I/O.
//!
//! Entries are searched for by rank: in the tail and the blocks at both ends as far as those were read, and
//! then down the nodes, level by level. What lies between is not looked at, because a node says how many
//! selected entries each of its children has.

use std::collections::BTreeSet;

use super::snapshot::{Missing, Part, Snapshot};
use crate::store::item::FANOUT;
use crate::store::item::block::Mark;
use crate::store::item::counts::Codes;
use crate::store::item::entry::SortKey;
use crate::store::item::node::{NodeKey, children};

/// An entry, by its place in the scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) position: u64,
    pub(crate) at: SortKey,
}

impl Snapshot {
    /// The selected entries with the ranks from `low` to `high`, by rank. Where all are selected, a
    /// rank is a position, and [`Self::mark`] has it for less.
    pub(crate) fn locate(
        &self,
        codes: &Codes,
        low: u64,
        high: u64,
    ) -> Result<Vec<Located>, Missing> {
        let mut search = Search::new(codes, low, high);
        self.search_from_the_end(&mut search);
        self.search_from_the_beginning(&mut search);
        let mut level = 1;
        while children(level, self.blocks()) > 0 {
            self.search_level(&mut search, level);
            level += 1;
        }
        if !search.is_covered() {
            search.missing.extend(self.roots().map(Part::Node).filter(|root| !self.has(*root)));
        }
        search.finish()
    }

    /// Looks through the tail, and the newest blocks as far as they were read.
    fn search_from_the_end(&self, search: &mut Search<'_>) {
        let mut end = self.head().counts().selected(search.codes);
        end = end.saturating_sub(search.look_through(end, self.in_blocks(), self.head().tail()));
        for number in (0..self.blocks()).rev() {
            let Some(block) = self.blocks.get(&number).filter(|_| end >= search.low) else {
                return;
            };
            end = end.saturating_sub(search.look_through(end, number * FANOUT, block.marks()));
        }
    }

    /// Looks through the oldest blocks as far as they were read.
    fn search_from_the_beginning(&self, search: &mut Search<'_>) {
        let mut before = 0;
        for number in 0..self.blocks() {
            let Some(block) = self.blocks.get(&number).filter(|_| before < search.high) else {
                return;
            };
            let end = before + block.selected(search.codes);
            before += search.look_through(end, number * FANOUT, block.marks());
        }
    }

    /// Looks through the children of the nodes of a level that were read, where no node below them
    /// was.
    fn search_level(&self, search: &mut Search<'_>, level: u32) {
        for (key, node) in self.nodes.iter().filter(|(key, _)| key.level == level) {
            let mut end = node.before.selected(search.codes);
            for (number, child) in (key.index * FANOUT..).zip(&node.children) {
                let count = child.selected(search.codes);
                end += count;
                if !search.lacks(end - count, end) {
                    continue;
                }
                match self.blocks.get(&number) {
                    Some(block) if level == 1 => {
                        search.is_inconsistent |= block.selected(search.codes) != count;
                        search.look_through(end, number * FANOUT, block.marks());
                    }
                    _ => {
                        search.missing.insert(match level {
                            1 => Part::Block(number),
                            _ => Part::Node(NodeKey { level: level - 1, index: number }),
                        });
                        search.cover(end - count, end);
                    }
                }
            }
        }
    }
}

/// A search for the entries of some ranks.
struct Search<'a> {
    codes: &'a Codes,
    low: u64,
    high: u64,
    /// For each rank from `low`, whether it is known where it is: in `found`, or in `missing`.
    covered: Vec<bool>,
    found: Vec<Option<Located>>,
    missing: BTreeSet<Part>,
    /// Whether two parts that were read count differently.
    is_inconsistent: bool,
}

impl<'a> Search<'a> {
    fn new(codes: &'a Codes, low: u64, high: u64) -> Self {
        let length = usize::try_from((high + 1).saturating_sub(low)).unwrap_or_default();
        Self {
            codes,
            low,
            high,
            covered: vec![false; length],
            found: vec![None; length],
            missing: BTreeSet::new(),
            is_inconsistent: false,
        }
    }

    /// The subscripts of the ranks after `before`, up to `end`.
    fn subscripts(&self, before: u64, end: u64) -> std::ops::Range<usize> {
        let subscript = |rank: u64| {
            let rank = rank.clamp(self.low, self.high + 1);
            usize::try_from(rank - self.low).unwrap_or_default()
        };
        let from = subscript(before + 1);
        from..subscript(end + 1).max(from)
    }

    /// Whether it is not known yet where one of these ranks is.
    fn lacks(&self, before: u64, end: u64) -> bool {
        self.covered[self.subscripts(before, end)].contains(&false)
    }

    fn cover(&mut self, before: u64, end: u64) {
        let ranks = self.subscripts(before, end);
        self.covered[ranks].fill(true);
    }

    fn found(&mut self, rank: u64, located: Located) {
        for subscript in self.subscripts(rank - 1, rank) {
            self.found[subscript] = Some(located);
        }
        self.cover(rank - 1, rank);
    }

    /// Looks through consecutive marks, of which the last selected one has the rank `end`. Returns
    /// how many are selected.
    fn look_through(&mut self, end: u64, before: u64, marks: &[Mark]) -> u64 {
        let mut rank = end;
        let mut position = before + marks.len() as u64;
        for mark in marks.iter().rev() {
            if self.codes.has(mark.code) {
                if rank == 0 {
                    self.is_inconsistent = true;
                    break;
                }
                self.found(rank, Located { position, at: mark.at });
                rank -= 1;
            }
            position -= 1;
        }
        end - rank
    }

    fn is_covered(&self) -> bool {
        !self.covered.contains(&false)
    }

    fn finish(self) -> Result<Vec<Located>, Missing> {
        match self.found.into_iter().collect::<Option<Vec<_>>>() {
            _ if self.is_inconsistent => Err(Missing::default()),
            Some(found) if self.missing.is_empty() => Ok(found),
            _ => Err(Missing(self.missing)),
        }
    }
}
