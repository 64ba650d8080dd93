//! A scope's ledger as of one moment: how many entries it counts, of which pairs, up to which position.
//! Nothing here does I/O.
//!
//! The head that was read is the moment: it says how many entries there are, and its tail has the
//! newest of them. Blocks and nodes may have been read earlier or later. What is in them beyond the
//! head is ignored, because blocks and children never change once they are there; what is missing
//! in them must be read again. So a page is always right for the log as it was when its head was
//! written, however late each of its reads was.
//!
//! Every question has a result, or names the parts of the ledger that must be read first. It names none if
//! what was read is inconsistent. A rank is the number of an entry among those that a
//! filter selects, from 1, oldest first.

use std::collections::{BTreeSet, HashMap};

use crate::store::item::FANOUT;
use crate::store::item::block::{Block, Mark};
use crate::store::item::counts::{Codes, Counts};
use crate::store::item::head::Head;
use crate::store::item::node::{Node, NodeKey, children};
use crate::time::Timestamp;

/// A part of a scope's ledger besides its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Part {
    Node(NodeKey),
    Block(u64),
}

/// The parts of the ledger that must be read before there is a result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Missing(pub(crate) BTreeSet<Part>);

impl Missing {
    /// What all of these lack together.
    pub(crate) fn of(lacking: impl IntoIterator<Item = Option<Self>>) -> Self {
        let lacking = lacking.into_iter().flatten();
        Self(lacking.flat_map(|Self(parts)| parts).collect())
    }

    /// Adds what something else lacks, if it lacks anything.
    pub(crate) fn add(&mut self, lacking: Option<Self>) {
        self.0.extend(lacking.into_iter().flat_map(|Self(parts)| parts));
    }
}

impl From<Part> for Missing {
    fn from(part: Part) -> Self {
        Self([part].into())
    }
}

/// What was read of a scope's ledger.
#[derive(Debug)]
pub(crate) struct Snapshot {
    head: Head,
    /// How many entries the head counts.
    total: u64,
    pub(super) nodes: HashMap<NodeKey, Node>,
    pub(super) blocks: HashMap<u64, Block>,
}

impl Snapshot {
    /// The ledger whose head is `head`, of which nothing else was read.
    pub(crate) fn new(head: Head) -> Self {
        Self { total: head.total(), head, nodes: HashMap::new(), blocks: HashMap::new() }
    }

    /// The head.
    pub(crate) const fn head(&self) -> &Head {
        &self.head
    }

    /// How many entries there are.
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    /// How many blocks there are.
    pub(crate) const fn blocks(&self) -> u64 {
        self.total / FANOUT
    }

    /// Adds a block, unless it is newer than the head.
    pub(crate) fn add_block(&mut self, number: u64, block: Block) {
        if number < self.blocks() {
            self.blocks.insert(number, block);
        }
    }

    /// Adds a node, without those of its children that are newer than the head; not if it lacks
    /// children that the head knows of.
    pub(crate) fn add_node(&mut self, key: NodeKey, mut node: Node) {
        if node.keep_children_of(key, self.blocks()) {
            self.nodes.insert(key, node);
        }
    }

    /// Whether a part was read.
    pub(crate) fn has(&self, part: Part) -> bool {
        match part {
            Part::Node(key) => self.nodes.contains_key(&key),
            Part::Block(number) => self.blocks.contains_key(&number),
        }
    }

    /// How many entries are in blocks.
    pub(super) const fn in_blocks(&self) -> u64 {
        self.blocks() * FANOUT
    }

    /// What the ledger keeps of the entry at `position`, which must be in the scope.
    pub(crate) fn mark(&self, position: u64) -> Result<Mark, Missing> {
        let before = position - 1;
        let number = before / FANOUT;
        let (marks, inside) = match before.checked_sub(self.in_blocks()) {
            Some(inside) => (self.head.tail(), inside),
            None => match self.blocks.get(&number) {
                Some(block) => (block.marks(), before % FANOUT),
                None => return Err(Part::Block(number).into()),
            },
        };
        let mark = usize::try_from(inside).ok().and_then(|inside| marks.get(inside));
        mark.copied().ok_or_else(Missing::default)
    }

    /// How many of the first `position` entries are selected.
    pub(crate) fn rank(&self, codes: &Codes, position: u64) -> Result<u64, Missing> {
        if codes.is_all() || position == 0 {
            return Ok(position);
        }
        if position >= self.in_blocks() {
            let later = self.head.tail().iter().rev();
            let later = later.take(usize::try_from(self.total - position).unwrap_or(0));
            let later = later.filter(|mark| codes.has(mark.code)).count() as u64;
            let selected = self.head.counts().selected(codes);
            return selected.checked_sub(later).ok_or_else(Missing::default);
        }
        let (node, child, marks) = self.first(position)?;
        let within = marks.iter().filter(|mark| codes.has(mark.code)).count() as u64;
        Ok(node.rank(codes, child) + within)
    }

    /// What the first `position` entries are.
    pub(crate) fn counts(&self, position: u64) -> Result<Counts, Missing> {
        if position == 0 {
            return Ok(Counts::default());
        }
        if position >= self.in_blocks() {
            let later = self.head.tail().iter().rev();
            let later = later.take(usize::try_from(self.total - position).unwrap_or(0));
            let later: Counts = later.map(|mark| mark.code).collect();
            return Ok(self.head.counts().clone().without(&later));
        }
        let (node, child, marks) = self.first(position)?;
        let mut counts = node.counts(child);
        for mark in marks {
            counts.add(mark.code, 1);
        }
        Ok(counts)
    }

    /// Where the first `position` entries are counted, if those are all in blocks: before which child of
    /// which node, and in these marks, of that child.
    fn first(&self, position: u64) -> Result<(&Node, usize, &[Mark]), Missing> {
        let (number, inside) = (position / FANOUT, position % FANOUT);
        let key = NodeKey { level: 1, index: number / FANOUT };
        let node = self.nodes.get(&key).ok_or_else(|| Missing::from(Part::Node(key)));
        let marks = match self.blocks.get(&number) {
            _ if inside == 0 => Ok([].as_slice()),
            Some(block) => Ok(block.marks()),
            None => Err(Missing::from(Part::Block(number))),
        };
        let subscript = |number: u64| usize::try_from(number).unwrap_or_default();
        match (node, marks) {
            (Ok(node), Ok(marks)) => {
                let first = marks.get(..subscript(inside)).unwrap_or(marks);
                Ok((node, subscript(number % FANOUT), first))
            }
            (node, marks) => Err(Missing::of([node.err(), marks.err()])),
        }
    }

    /// How many entries are before `time`, of which there are at least `known`: looks on from there.
    /// Times never fall from one position to the next.
    pub(crate) fn before(&self, time: Timestamp, known: u64) -> Result<u64, Missing> {
        if self.head.last.is_none_or(|last| last.created_at < time) {
            return Ok(self.total);
        }
        let known = known.min(self.total);
        let mut count = known;
        while count < self.total {
            match self.mark(count + 1) {
                Ok(mark) if mark.at.created_at >= time => break,
                Ok(_) => count += 1,
                Err(_) => {
                    // As many blocks more as were looked through in vain, so that an index which
                    // lags far behind costs few round trips.
                    let (from, next) = (known / FANOUT, count / FANOUT);
                    let to = self.blocks().min(2 * next - from + 1);
                    return Err(Missing((next..to).map(Part::Block).collect()));
                }
            }
        }
        Ok(count)
    }

    /// The nodes that together count all blocks: of each level the one that is not complete yet.
    pub(crate) fn roots(&self) -> impl Iterator<Item = NodeKey> + use<> {
        let blocks = self.blocks();
        (1..)
            .map(move |level| (level, children(level, blocks)))
            .take_while(|(_, all)| *all > 0)
            .filter(|(_, all)| all % FANOUT > 0)
            .map(|(level, all)| NodeKey { level, index: all / FANOUT })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::store::item::entry::SortKey;
    use crate::store::item::head::Pair;
    use crate::store::item::open_ledger::OpenLedger;
    use crate::view::{Facet, Filter, Scope};

    pub(in crate::store::read) const ACTIONS: [&str; 7] =
        ["a0", "a1", "a2", "a3", "a4", "a5", "a6"];

    /// A scope's ledger in memory, and the entries that it is of.
    pub(in crate::store::read) struct Whole {
        pub(in crate::store::read) head: Head,
        parts: HashMap<Part, Content>,
        pub(in crate::store::read) entries: Vec<(&'static str, SortKey)>,
    }

    enum Content {
        Node(Node),
        Block(Block),
    }

    impl Whole {
        /// Entries of actions that are drawn with weights, times that stand still or go on.
        pub(in crate::store::read) fn new(length: u64, seed: u64) -> Self {
            let mut random = fastrand::Rng::with_seed(seed);
            let scope = Scope::User(3.try_into().unwrap());
            let mut ledger = OpenLedger::new(Head::empty(scope), BTreeMap::new());
            let (mut parts, mut entries) = (HashMap::new(), Vec::new());
            let mut millis = 1_767_225_600_000;
            let rare = random.u32(1..2_000);
            for number in 1..=length {
                let action = match random.u32(..rare) {
                    0 => ACTIONS[0],
                    _ => ACTIONS[1 + random.usize(..6) * random.usize(..2)],
                };
                millis += random.choice([0, 0, 1, 60_000]).unwrap();
                let created_at = Timestamp::from_millis(millis).unwrap();
                let at = SortKey { created_at, id: number.try_into().unwrap() };
                let pair = Pair { resource_type: None, action };
                if let Some(sealed) = ledger.push(pair, at).unwrap() {
                    parts.insert(Part::Block(sealed.number), Content::Block(sealed.block));
                    for grown in sealed.grown {
                        parts.insert(Part::Node(grown.key), Content::Node(grown.node));
                    }
                }
                entries.push((action, at));
            }
            Self { head: ledger.head().clone(), parts, entries }
        }

        /// Answers a question, reading what it lacks; and how often something had to be read.
        fn ask<T>(
            &self,
            snapshot: &mut Snapshot,
            question: impl Fn(&Snapshot) -> Result<T, Missing>,
        ) -> (T, u32) {
            let mut rounds = 0;
            loop {
                let Missing(missing) = match question(snapshot) {
                    Ok(result) => return (result, rounds),
                    Err(missing) => missing,
                };
                assert!(!missing.is_empty(), "it lacks nothing and has no result");
                self.read(snapshot, missing);
                rounds += 1;
            }
        }

        /// Reads parts, which must be there.
        pub(in crate::store::read) fn read(&self, snapshot: &mut Snapshot, parts: BTreeSet<Part>) {
            for part in parts {
                match (part, &self.parts[&part]) {
                    (Part::Block(number), Content::Block(block)) => {
                        snapshot.add_block(number, block.clone());
                    }
                    (Part::Node(key), Content::Node(node)) => snapshot.add_node(key, node.clone()),
                    _ => unreachable!(),
                }
                assert!(snapshot.has(part), "{part:?}");
            }
        }
    }

    #[test]
    fn ranks_positions_and_times_are_those_of_a_plain_list_at_every_edge() {
        let mut random = fastrand::Rng::with_seed(1);
        let lengths = [1, 63, 64, 65, 128, 500, 4_095, 4_096, 4_097, 4_160, 8_192, 20_000];
        for (seed, length) in (0..).zip(lengths) {
            let whole = Whole::new(length, seed);
            for _ in 0..60 {
                let wanted: Vec<&str> =
                    ACTIONS.into_iter().filter(|_| random.u8(..3) == 0).collect();
                let only = wanted.iter().map(|name| Some((*name).to_owned())).collect();
                let action = Facet { only: Some(only), ..Facet::default() };
                let codes = whole.head.codes(&Filter { action, ..Filter::default() });
                let selected: Vec<(u64, SortKey)> = (1..)
                    .zip(&whole.entries)
                    .filter(|(_, (action, _))| wanted.contains(action))
                    .map(|(position, (_, at))| (position, *at))
                    .collect();
                let mut snapshot = Snapshot::new(whole.head.clone());
                assert_eq!(whole.head.counts().selected(&codes), selected.len() as u64);

                if !selected.is_empty() && !codes.is_all() {
                    let low = random.usize(1..=selected.len());
                    let high = selected.len().min(low + random.choice([0, 1, 99, 999]).unwrap());
                    let (found, rounds) = whole.ask(&mut snapshot, |snapshot| {
                        snapshot.locate(&codes, low as u64, high as u64)
                    });
                    let found = found.iter().map(|found| (found.position, found.at));
                    assert!(found.eq(selected[low - 1..high].iter().copied()), "{length} {low}");
                    assert!(rounds <= 4, "{length}: {rounds}");
                }

                let position = random.u64(0..=length);
                let (rank, _) = whole.ask(&mut snapshot, |all| all.rank(&codes, position));
                let before = selected.iter().filter(|(at, _)| *at <= position).count() as u64;
                assert_eq!(rank, before, "{length} {position}");
                let (counts, _) = whole.ask(&mut snapshot, |all| all.counts(position));
                assert_eq!(
                    (counts.selected(&codes), counts.total()),
                    (before, position),
                    "{length}"
                );

                let (_, at) = random.choice(&whole.entries).unwrap();
                let time = Timestamp::from_millis(at.created_at.as_millis() + random.i64(-1..2));
                let time = time.unwrap();
                let is_before = |(_, at): &&(_, SortKey)| at.created_at < time;
                let expected = whole.entries.iter().filter(is_before).count() as u64;
                let known = expected.saturating_sub(random.choice([0, 0, 1, 70, 9_000]).unwrap());
                let (found, rounds) = whole.ask(&mut snapshot, |all| all.before(time, known));
                assert_eq!(found, expected, "{length} {time}");
                assert!(rounds <= 9, "{length} {time}: {rounds}");
            }
        }
    }

    #[test]
    fn what_is_newer_than_the_head_does_not_count_and_what_is_older_is_lacking() {
        let newer = Whole::new(9_000, 7);
        let older = Whole::new(4_500, 7);
        let codes = older.head.codes(&Filter { action: Facet::only("a1"), ..Filter::default() });
        let total = older.head.counts().selected(&codes);
        let mut fresh = Snapshot::new(older.head.clone());
        let (expected, _) = older.ask(&mut fresh, |all| all.locate(&codes, 1, total));
        // All parts as a later append left them.
        let mut late = Snapshot::new(older.head.clone());
        for (part, content) in &newer.parts {
            match (part, content) {
                (Part::Block(number), Content::Block(block)) => {
                    late.add_block(*number, block.clone());
                }
                (Part::Node(key), Content::Node(node)) => late.add_node(*key, node.clone()),
                _ => unreachable!(),
            }
        }
        assert_eq!(late.locate(&codes, 1, total), Ok(expected));
        assert!(!late.has(Part::Block(older.head.blocks())));
        // A node as an earlier append left it.
        let mut early = Snapshot::new(newer.head.clone());
        let key = NodeKey { level: 2, index: 0 };
        if let Content::Node(node) = &older.parts[&Part::Node(key)] {
            early.add_node(key, node.clone());
        }
        assert!(!early.has(Part::Node(key)));
    }

    #[test]
    fn inconsistent_parts_are_an_error() {
        let (whole, other) = (Whole::new(9_000, 7), Whole::new(9_000, 8));
        let codes = whole.head.codes(&Filter { action: Facet::only("a1"), ..Filter::default() });
        let total = whole.head.counts().selected(&codes);
        let inconsistent = Err(Missing::default());
        let mut tried = 0;
        let is_node = |part: &Part| matches!(part, Part::Node(_));
        // A block of another log, in each place but at the ends, where no node is needed.
        for number in 1..whole.head.blocks() - 1 {
            let mut snapshot = Snapshot::new(whole.head.clone());
            whole.read(&mut snapshot, whole.parts.keys().copied().filter(is_node).collect());
            let Content::Block(block) = &other.parts[&Part::Block(number)] else { unreachable!() };
            let Content::Block(own) = &whole.parts[&Part::Block(number)] else { unreachable!() };
            if block.selected(&codes) != own.selected(&codes) {
                snapshot.add_block(number, block.clone());
                assert!(snapshot.locate(&codes, 1, total) == inconsistent, "{number}");
                tried += 1;
            }
        }
        assert!(tried > 10, "{tried}");
    }
}
