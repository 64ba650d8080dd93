//! Nodes: the count tree over a scope's blocks. A node of level 1 counts up to 64 blocks one by one,
//! a node of level 2 up to 64 nodes of level 1, and so on; each also has the counts of all that
//! comes before it, so that a rank is known without its neighbours.

use super::FANOUT;
use super::counts::{Codes, Counts};
use super::packed::{Packer, Unpacker, Unreadable};

/// The version of nodes that this code writes and reads.
const VERSION: u8 = 1;

/// Which node of a scope: the `index`th of its level, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeKey {
    /// 1 above the blocks, 2 above those, and so on.
    pub(crate) level: u32,
    /// Which of its level.
    pub(crate) index: u64,
}

/// How many entries one child of a node of `level` counts.
pub(crate) const fn span(level: u32) -> u64 {
    FANOUT.saturating_pow(level)
}

impl NodeKey {
    /// How many entries come before it.
    pub(crate) const fn before(self) -> u64 {
        self.index.saturating_mul(span(self.level + 1))
    }
}

/// Which nodes grow when a scope's `block`th block is sealed, each with whether it is new.
///
/// The node above the block gets a child; if that completes the node, the one above it gets a child,
/// and so on.
pub(crate) fn growing(block: u64) -> impl Iterator<Item = (NodeKey, bool)> {
    let mut child = Some(block);
    (1..).map_while(move |level| {
        let index = child?;
        child = ((index + 1) % FANOUT == 0).then_some(index / FANOUT);
        Some((NodeKey { level, index: index / FANOUT }, index.is_multiple_of(FANOUT)))
    })
}

/// How many children of nodes of `level` a scope with `blocks` blocks has, all in all.
pub(crate) const fn children(level: u32, blocks: u64) -> u64 {
    blocks / span(level - 1)
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// What comes before its first child.
    pub(crate) before: Counts,
    /// What each child has, the oldest first: 1 to 64 of them.
    pub(crate) children: Vec<Counts>,
}

impl Node {
    /// What its children have together.
    pub(crate) fn sum(&self) -> Counts {
        let mut sum = Counts::default();
        self.children.iter().for_each(|child| sum.add_all(child));
        sum
    }

    /// Leaves out the children that a scope with `blocks` blocks does not have yet. Returns whether
    /// all that it has are there.
    pub(crate) fn keep_children_of(&mut self, key: NodeKey, blocks: u64) -> bool {
        let all = children(key.level, blocks).saturating_sub(key.index.saturating_mul(FANOUT));
        let wanted = usize::try_from(all.min(FANOUT)).unwrap_or_default();
        self.children.truncate(wanted);
        wanted > 0 && self.children.len() == wanted
    }

    /// What comes before its `child`th child, from 0.
    pub(crate) fn counts(&self, child: usize) -> Counts {
        let mut counts = self.before.clone();
        self.children.iter().take(child).for_each(|child| counts.add_all(child));
        counts
    }

    /// How many selected entries come before its `child`th child, from 0.
    pub(crate) fn rank(&self, codes: &Codes, child: usize) -> u64 {
        let children = self.children.iter().take(child);
        self.before.selected(codes) + children.map(|child| child.selected(codes)).sum::<u64>()
    }

    /// As it is stored.
    pub(crate) fn pack(&self) -> Vec<u8> {
        let mut packer = Packer::new(VERSION);
        self.before.pack(&mut packer);
        packer.number(self.children.len() as u64);
        for child in &self.children {
            child.pack(&mut packer);
        }
        packer.finish()
    }

    /// From what is stored under `key`. Its sums must be those of its place.
    pub(crate) fn unpack(bytes: &[u8], key: NodeKey) -> Result<Self, Unreadable> {
        let mut packed = Unpacker::new(bytes, VERSION)?;
        let before = Counts::unpack(&mut packed)?;
        let length = packed.length()?;
        if !(1..=FANOUT).contains(&(length as u64)) {
            return Err(Unreadable::Invalid("it has a false number of children"));
        }
        let children = (0..length).map(|_| Counts::unpack(&mut packed));
        let children = children.collect::<Result<Vec<_>, _>>()?;
        packed.finish()?;
        let child = span(key.level);
        if before.total() != key.before() || children.iter().any(|one| one.total() != child) {
            return Err(Unreadable::Invalid("its counts are not those of its place"));
        }
        Ok(Self { before, children })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_block_grows_its_node_and_a_complete_node_grows_the_one_above() {
        let grown = |block| {
            growing(block).map(|(key, new)| (key.level, key.index, new)).collect::<Vec<_>>()
        };
        assert_eq!(grown(0), [(1, 0, true)]);
        assert_eq!(grown(1), [(1, 0, false)]);
        assert_eq!(grown(63), [(1, 0, false), (2, 0, true)]);
        assert_eq!(grown(64), [(1, 1, true)]);
        assert_eq!(grown(127), [(1, 1, false), (2, 0, false)]);
        assert_eq!(grown(4_095), [(1, 63, false), (2, 0, false), (3, 0, true)]);
    }

    #[test]
    fn a_node_is_read_back_and_one_whose_sums_are_wrong_is_not() {
        let child = |codes: [u32; 2]| -> Counts {
            (0..64).map(|number| codes[usize::from(number < 60)]).collect()
        };
        let key = NodeKey { level: 1, index: 1 };
        let mut before = Counts::default();
        before.add(2, 4_096);
        let node = Node { before, children: vec![child([0, 1]), child([7, 2])] };
        let packed = node.pack();
        assert_eq!(Node::unpack(&packed, key), Ok(node.clone()));
        let elsewhere = [NodeKey { index: 0, ..key }, NodeKey { level: 2, ..key }];
        for key in elsewhere {
            assert!(Node::unpack(&packed, key).is_err(), "{key:?}");
        }
        let empty = Node { children: Vec::new(), ..node.clone() };
        assert!(Node::unpack(&empty.pack(), key).is_err());
        let codes = Codes::new([false, true, true].into_iter());
        assert_eq!([0, 1, 2].map(|child| node.rank(&codes, child)), [4_096, 4_156, 4_216]);
        for child in 0..3 {
            assert_eq!(node.counts(child).selected(&codes), node.rank(&codes, child));
            assert_eq!(node.counts(child).total(), 4_096 + 64 * child as u64);
        }
        assert_eq!(node.sum().total(), 128);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let key = NodeKey { level: 1, index: 0 };
            let _ = Node::unpack(&bytes, key);
            let _ = Node::unpack(&[&[VERSION], &bytes[..]].concat(), key);
        }
    }
}
