//! What the entries of a log, as far as they were read, say that everything else must be.

use std::collections::BTreeMap;

use super::inconsistency::{VerifyError, inconsistent};
use crate::id::UserId;
use crate::store::item::FANOUT;
use crate::store::item::entry::{Entry, Positions, SortKey};
use crate::store::item::hash::EntryHash;
use crate::store::item::head::{Head, Pair};
use crate::store::item::key::LedgerKey;
use crate::store::item::open_ledger::{Grown, OpenLedger};
use crate::view::Scope;

/// A block or node as it must be, packed.
pub(super) type ExpectedPart = (LedgerKey, Vec<u8>);

/// What the entries of a scope, as far as they were read, say that its ledger must be.
pub(super) struct ExpectedScope {
    pub(super) ledger: OpenLedger,
    /// The entry of the scope that was read last.
    pub(super) last: Option<SortKey>,
}

/// What the entries of a log, as far as they were read, say.
pub(super) struct Expected {
    pub(super) user: UserId,
    pub(super) scopes: BTreeMap<Scope, ExpectedScope>,
    pub(super) hash: EntryHash,
    pub(super) last: Option<SortKey>,
}

impl ExpectedScope {
    pub(super) fn new(scope: Scope) -> Self {
        Self { ledger: OpenLedger::new(Head::empty(scope), BTreeMap::new()), last: None }
    }

    /// Adds the next entry. What it completes is added to `parts`.
    fn push(
        &mut self,
        pair: Pair<'_>,
        at: SortKey,
        parts: &mut Vec<ExpectedPart>,
    ) -> Result<(), VerifyError> {
        let scope = self.ledger.head().scope;
        // It has made all its nodes itself.
        let lacking = |key| inconsistent(scope, format!("{key:?} lacks children"));
        let Some(sealed) = self.ledger.push(pair, at).map_err(lacking)? else { return Ok(()) };
        parts.push((LedgerKey::Block(sealed.number), sealed.block.pack()));
        for Grown { key, node, .. } in sealed.grown {
            if node.children.len() as u64 == FANOUT {
                parts.push((LedgerKey::Node(key), node.pack()));
            }
        }
        Ok(())
    }
}

impl Expected {
    /// How many entries were read.
    pub(super) fn total(&self) -> u64 {
        self.scopes.get(&Scope::User(self.user)).map_or(0, |scope| scope.ledger.head().total())
    }

    /// Adds the next entry of the log, which must say of itself what follows from those before it.
    /// What it completes in the ledger of its scopes is added to `parts`.
    pub(super) fn push(
        &mut self,
        entry: &Entry,
        parts: &mut BTreeMap<Scope, Vec<ExpectedPart>>,
    ) -> Result<(), VerifyError> {
        let at = entry.sort_key();
        let subject = format!("activity {} of user {}", at.id, self.user);
        if Some(at) <= self.last || entry.activity.user_id != self.user {
            return Err(inconsistent(subject, "it does not stand after the entry before it"));
        }
        self.last = Some(at);
        self.hash = entry.hash;
        let details = &entry.activity.details;
        let pair =
            Pair { resource_type: details.resource_type.as_deref(), action: &details.action };
        let mut positions = Positions::default();
        for scope in entry.scopes() {
            let expected = self.scopes.entry(scope).or_insert_with(|| ExpectedScope::new(scope));
            expected.push(pair, at, parts.entry(scope).or_default())?;
            expected.ledger.head_mut().chain(entry.hash);
            positions[scope.kind()] = Some(expected.ledger.head().total());
        }
        if positions != entry.positions {
            let fault = format!("its positions are {:?}, not {positions:?}", entry.positions);
            return Err(inconsistent(subject, fault));
        }
        Ok(())
    }
}
