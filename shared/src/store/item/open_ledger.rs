//! The end of a scope's ledger at which it grows: its head, and the nodes that are not complete.
//!
//! Appending and verifying go through the same few lines here, so that what is verified is what
//! would be written.

use std::collections::BTreeMap;

use super::FANOUT;
use super::block::Block;
use super::entry::SortKey;
use super::head::{Head, Pair};
use super::node::{Node, NodeKey, children, growing};

/// The end of a scope's ledger.
#[derive(Clone, Debug)]
pub(crate) struct OpenLedger {
    head: Head,
    nodes: BTreeMap<NodeKey, Node>,
}

/// What an entry completes.
#[derive(Debug)]
pub(crate) struct Sealed {
    /// So many blocks come before it.
    pub(crate) number: u64,
    pub(crate) block: Block,
    /// The nodes that grow by it, from level 1 up.
    pub(crate) grown: Vec<Grown>,
}

/// A node that grew by a child.
#[derive(Clone, Debug)]
pub(crate) struct Grown {
    pub(crate) key: NodeKey,
    pub(crate) node: Node,
    /// Whether that is its first child.
    pub(crate) is_new: bool,
}

impl OpenLedger {
    /// The ledger that ends with `head` and `nodes`. Nodes that nothing is added to may be left out.
    pub(crate) const fn new(head: Head, nodes: BTreeMap<NodeKey, Node>) -> Self {
        Self { head, nodes }
    }

    /// Its head.
    pub(crate) const fn head(&self) -> &Head {
        &self.head
    }

    /// Its head, to note a hash in.
    pub(crate) const fn head_mut(&mut self) -> &mut Head {
        &mut self.head
    }

    /// The nodes that are not complete.
    pub(crate) const fn nodes(&self) -> &BTreeMap<NodeKey, Node> {
        &self.nodes
    }

    /// The nodes that the next entry would add a child to.
    pub(crate) fn next_growing(&self) -> impl Iterator<Item = NodeKey> + use<> {
        let total = self.head.total() + 1;
        let number = total.is_multiple_of(FANOUT).then(|| total / FANOUT - 1);
        number.into_iter().flat_map(growing).map(|(key, _)| key)
    }

    /// Adds the next entry, and says what it completes.
    ///
    /// # Errors
    /// The node that does not have the children that the head counts.
    pub(crate) fn push(&mut self, pair: Pair<'_>, at: SortKey) -> Result<Option<Sealed>, NodeKey> {
        let number = self.head.blocks();
        let Some(block) = self.head.push(pair, at) else { return Ok(None) };
        let mut child = block.counts();
        let mut grown = Vec::new();
        for (key, is_new) in growing(number) {
            let mut node = if is_new {
                let before = self.head.counts().clone().without(&child);
                Node { before, children: Vec::new() }
            } else {
                self.nodes.remove(&key).ok_or(key)?
            };
            node.children.push(child);
            let length = node.children.len() as u64;
            if length != children(key.level, number + 1) - key.index * FANOUT {
                return Err(key);
            }
            child = node.sum();
            if length < FANOUT {
                self.nodes.insert(key, node.clone());
            }
            grown.push(Grown { key, node, is_new });
        }
        Ok(Some(Sealed { number, block, grown }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::counts::Counts;
    use super::*;
    use crate::view::Scope;

    fn at(number: u64) -> SortKey {
        SortKey { created_at: crate::time::Timestamp::MIN, id: number.try_into().unwrap() }
    }

    #[test]
    fn a_ledger_seals_a_block_every_sixty_four_entries_and_counts_all_of_them() {
        let head = Head::empty(Scope::User(3.try_into().unwrap()));
        let mut ledger = OpenLedger::new(head, BTreeMap::new());
        let mut sealed = Vec::new();
        for number in 1..=64 * 65 {
            let action = ["create", "invoke", "sync"][usize::try_from(number % 3).unwrap()];
            let pair = Pair { resource_type: None, action };
            let expected: Vec<NodeKey> = ledger.next_growing().collect();
            let one = ledger.push(pair, at(number)).unwrap();
            let grown = one.iter().flat_map(|one| one.grown.iter().map(|grown| grown.key));
            assert_eq!(grown.collect::<Vec<_>>(), expected, "{number}");
            sealed.extend(one);
        }
        assert_eq!(sealed.len(), 65);
        let mut before = Counts::default();
        for Sealed { number, block, grown } in &sealed {
            let node = &grown[0].node;
            assert_eq!(grown[0].key, NodeKey { level: 1, index: number / FANOUT });
            let mut counted = node.before.clone();
            counted.add_all(&node.sum());
            before.add_all(&block.counts());
            assert_eq!(counted, before, "{number}");
            assert_eq!(Node::unpack(&node.pack(), grown[0].key).as_ref(), Ok(node));
        }
        assert_eq!(sealed[63].grown.len(), 2, "the first node of level 1 is complete");
        assert_eq!(sealed[63].grown[1].node.sum().total(), 64 * 64);
        let open: Vec<_> = ledger.nodes().keys().map(|key| (key.level, key.index)).collect();
        assert_eq!(open, [(1, 1), (2, 0)]);
    }

    #[test]
    fn a_node_that_does_not_fit_its_head_is_named() {
        let head = Head::empty(Scope::User(3.try_into().unwrap()));
        let mut ledger = OpenLedger::new(head, BTreeMap::new());
        let pair = Pair { resource_type: None, action: "sync" };
        for number in 1..=127 {
            ledger.push(pair, at(number)).unwrap();
        }
        let key = NodeKey { level: 1, index: 0 };
        let mut without = OpenLedger::new(ledger.head().clone(), BTreeMap::new());
        assert_eq!(without.push(pair, at(128)).unwrap_err(), key);
        let mut node = ledger.nodes()[&key].clone();
        node.children.push(node.children[0].clone());
        let mut more = OpenLedger::new(ledger.head().clone(), [(key, node)].into());
        assert_eq!(more.push(pair, at(128)).unwrap_err(), key);
        assert!(ledger.push(pair, at(128)).is_ok());
    }
}
