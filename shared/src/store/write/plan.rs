//! Planning an append: from heads and drafts to one transaction. Nothing here does I/O.
//!
//! The drafts of one plan may be those of several batches, each of another caller: a draft that has
//! no place ends its own batch, and the others go on.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Draft, Placement, Refusal};
use super::log_state::LogState;
use super::reuse;
use crate::activity::{Activity, Details, NewActivity};
use crate::id::{ActivityId, Collisions, IdSource, UserId};
use crate::store::StoreError;
use crate::store::item::block::Block;
use crate::store::item::entry::{Entry, Positions, SortKey};
use crate::store::item::hash::EntryHash;
use crate::store::item::head::{Head, Pair};
use crate::store::item::key::LedgerKey;
use crate::store::item::node::{Node, NodeKey};
use crate::store::item::open_ledger::{Grown, OpenLedger, Sealed};
use crate::time::Timestamp;
use crate::view::Scope;

/// The most actions in one `TransactWriteItems` (AWS: "Quotas in Amazon DynamoDB").
pub(crate) const MAX_ACTIONS: usize = 100;

/// A transaction takes no further draft once its heads, blocks and nodes have this many bytes. It may have
/// 4 MB (AWS: "Quotas in Amazon DynamoDB"). A hundred entries with their keys take less than 1 MB. The last
/// draft adds three heads of less than 310 KB each, and the blocks and nodes that it completes.
const ENOUGH_BYTES: usize = 1_500_000;

/// A draft, and which of the batches of a plan it is of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planned<'a> {
    pub(crate) batch: u64,
    pub(crate) draft: &'a Draft,
}

/// What becomes of a draft.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// It is the plan's entry of this subscript.
    New(usize),
    /// It repeats the plan's entry of this subscript.
    Repeats(usize),
    /// It was recorded before.
    Known(Box<Activity>),
    /// It has no place, if the rest of the plan is written.
    Refused(Refusal),
    /// A draft of its batch before it was refused.
    Left,
}

/// A head to write, and what its last entry was when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeadChange {
    pub(crate) head: Head,
    pub(crate) last: SortKey,
    pub(crate) read: Option<SortKey>,
}

/// A block or node to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartChange {
    pub(crate) scope: Scope,
    pub(crate) key: LedgerKey,
    pub(crate) data: Vec<u8>,
    /// Whether it is not there yet.
    pub(crate) is_new: bool,
}

/// One transaction, and what it makes of the first drafts.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) user: UserId,
    pub(crate) now: Timestamp,
    pub(crate) entries: Vec<Entry>,
    pub(crate) heads: Vec<HeadChange>,
    pub(crate) parts: Vec<PartChange>,
    /// Idempotency keys, each with the subscript of its entry.
    pub(crate) keys: Vec<(String, usize)>,
    /// What becomes of each draft that fits, in order.
    pub(crate) outcomes: Vec<Outcome>,
    /// By subscript of the outcomes, the entry that the draft's own key stands for, if that says
    /// something else.
    pub(crate) reused: BTreeMap<usize, ActivityId>,
}

impl Plan {
    /// Whether it can be written on top of `state`: whether the head of the whole log, which every
    /// transaction changes, is still as it was read.
    pub(crate) fn is_possible(&self, state: &LogState) -> bool {
        let whole = Scope::User(self.user);
        let now = state.heads.get(&whole).and_then(|head| head.last);
        self.heads.iter().any(|change| change.head.scope == whole && change.read == now)
    }
}

/// How many of the first drafts to read the state for: what can fit one transaction, and one
/// `BatchGetItem` of 100 keys.
pub(crate) fn count_fitting<'a>(user: UserId, drafts: impl Iterator<Item = &'a Draft>) -> usize {
    let mut scopes = BTreeSet::new();
    let mut keys = BTreeSet::new();
    let fits = |draft: &&Draft| {
        scopes.extend(draft.scopes(user));
        keys.extend(draft.activity.idempotency_key.clone());
        scopes.len() + keys.len() <= MAX_ACTIONS
    };
    drafts.take(MAX_ACTIONS).take_while(fits).count()
}

/// What ids a plan may use.
pub(crate) struct Ids<'a> {
    pub(crate) source: &'a mut IdSource,
    /// Ids that turned out to be taken: new ones are larger.
    pub(crate) collisions: Collisions,
    /// Ids that turned out to be taken and were to be kept.
    pub(crate) taken: &'a BTreeSet<ActivityId>,
}

/// Plans one transaction for as many of the first drafts as fit, at least one.
///
/// # Errors
/// [`StoreError::Corrupt`] if the nodes of `state` are not those of its heads.
pub(crate) fn plan<'a>(
    user: UserId,
    state: &LogState,
    drafts: impl Iterator<Item = Planned<'a>>,
    now: Timestamp,
    ids: &mut Ids<'_>,
) -> Result<Plan, StoreError> {
    let mut builder = Builder {
        state,
        scopes: BTreeMap::new(),
        drawn: None,
        user,
        now,
        entries: Vec::new(),
        keys: Vec::new(),
        outcomes: Vec::new(),
        reused: BTreeMap::new(),
    };
    let mut ended = BTreeSet::new();
    for Planned { batch, draft } in drafts {
        if ended.contains(&batch) {
            builder.outcomes.push(Outcome::Left);
            continue;
        }
        match builder.add(draft, ids)? {
            Some(outcome) => {
                if let Outcome::Refused(_) = outcome {
                    ended.insert(batch);
                }
                builder.outcomes.push(outcome);
            }
            None => break,
        }
    }
    Ok(builder.finish())
}

/// What a plan makes of a scope.
struct ScopePlan {
    ledger: OpenLedger,
    read: Option<SortKey>,
    blocks: Vec<(u64, Block)>,
    /// The nodes that grow, each with whether it is new.
    nodes: BTreeMap<NodeKey, (Node, bool)>,
    /// The most that all of these take.
    bytes: usize,
}

impl ScopePlan {
    fn new(scope: Scope, state: &LogState) -> Self {
        let head = state.heads.get(&scope).cloned().unwrap_or_else(|| Head::empty(scope));
        let nodes = state.nodes.iter().filter(|((of, _), _)| *of == scope);
        let nodes = nodes.map(|((_, key), node)| (*key, node.clone())).collect();
        Self {
            read: head.last,
            bytes: head.max_size(),
            ledger: OpenLedger::new(head, nodes),
            blocks: Vec::new(),
            nodes: BTreeMap::new(),
        }
    }

    /// How many actions one more entry adds, besides its own.
    fn cost(&self) -> usize {
        let grown: Vec<NodeKey> = self.ledger.next_growing().collect();
        let new = grown.iter().filter(|key| !self.nodes.contains_key(key)).count();
        usize::from(!grown.is_empty()) + new
    }

    /// Adds an entry, and notes what it seals.
    fn push(&mut self, pair: Pair<'_>, at: SortKey) -> Result<(), StoreError> {
        let sealed = self.ledger.push(pair, at);
        let sealed = sealed.map_err(|key| lacking(self.ledger.head().scope, key))?;
        let Some(Sealed { number, block, grown }) = sealed else { return Ok(()) };
        self.bytes += block.pack().len();
        self.blocks.push((number, block));
        for Grown { key, node, is_new } in grown {
            self.bytes += node.pack().len();
            let was_new = self.nodes.get(&key).is_some_and(|(_, was_new)| *was_new);
            self.nodes.insert(key, (node, is_new || was_new));
        }
        Ok(())
    }

    fn actions(&self) -> usize {
        1 + self.blocks.len() + self.nodes.len()
    }
}

fn lacking(scope: Scope, key: NodeKey) -> StoreError {
    StoreError::Corrupt {
        item: format!("{} of {scope}", LedgerKey::Node(key).sort_key()),
        reason: "it does not have the children that the head counts".to_owned(),
    }
}

struct Builder<'a> {
    state: &'a LogState,
    scopes: BTreeMap<Scope, ScopePlan>,
    /// The id that was drawn last.
    drawn: Option<ActivityId>,
    user: UserId,
    now: Timestamp,
    entries: Vec<Entry>,
    keys: Vec<(String, usize)>,
    outcomes: Vec<Outcome>,
    reused: BTreeMap<usize, ActivityId>,
}

/// What an activity's idempotency key makes of it.
enum KeyUse {
    /// It has none.
    None,
    /// The activity is recorded under `key`. `stands_for` is the entry that its own key stands for, if
    /// `key` is another one.
    Free { key: String, stands_for: Option<ActivityId> },
    /// It was recorded before, under its own key or under another one in the same way.
    Repeated { outcome: Outcome, stands_for: Option<ActivityId> },
    /// What the key stands for is not among what was read.
    Unread,
}

impl Builder<'_> {
    /// Adds a draft; `None` if the transaction has no room for it.
    fn add(&mut self, draft: &Draft, ids: &mut Ids<'_>) -> Result<Option<Outcome>, StoreError> {
        let key = match self.key(&draft.activity) {
            KeyUse::None => None,
            KeyUse::Free { key, stands_for } => Some((key, stands_for)),
            KeyUse::Repeated { outcome, stands_for } => {
                self.reused.extend(stands_for.map(|id| (self.outcomes.len(), id)));
                return Ok(Some(outcome));
            }
            // The next transaction reads what it was recorded as, if it was.
            KeyUse::Unread => return Ok(None),
        };
        let at = match self.place(draft, ids) {
            Ok(at) => at,
            Err(refusal) => return Ok(Some(Outcome::Refused(refusal))),
        };
        if self.entries.iter().any(|earlier| earlier.activity.id == at.id) {
            // An id that is to be kept twice: the next transaction will find it taken.
            return Ok(None);
        }
        let costs = draft.scopes(self.user).map(|scope| match self.scopes.get(&scope) {
            Some(planned) => planned.cost(),
            None => 1 + ScopePlan::new(scope, self.state).cost(),
        });
        let added = 1 + usize::from(key.is_some()) + costs.sum::<usize>();
        let bytes: usize = self.scopes.values().map(|planned| planned.bytes).sum();
        if self.actions() + added > MAX_ACTIONS || bytes >= ENOUGH_BYTES {
            return Ok(None);
        }

        let mut activity = self.activity(draft, at);
        if let Some((_, Some(id))) = key {
            self.reused.insert(self.outcomes.len(), id);
            let own = draft.activity.idempotency_key.clone();
            activity.details.altered.entry("idempotencyKey".to_owned()).or_insert(own);
        }
        let Details { resource_type, action, .. } = &activity.details;
        let pair = Pair { resource_type: resource_type.as_deref(), action };
        let mut positions = Positions::default();
        for scope in draft.scopes(self.user) {
            let planned = self.scope(scope);
            planned.push(pair, at)?;
            positions[scope.kind()] = Some(planned.ledger.head().total());
        }
        let whole = self.scope(Scope::User(self.user));
        let entry =
            Entry::after(whole.ledger.head().hash.unwrap_or(EntryHash::NONE), activity, positions);
        whole.ledger.head_mut().chain(entry.hash);
        let subscript = self.entries.len();
        self.keys.extend(key.map(|(key, _)| (key, subscript)));
        self.entries.push(entry);
        Ok(Some(Outcome::New(subscript)))
    }

    /// The key to record an activity under: its own, or else another, if its own stands for something
    /// else.
    fn key(&self, activity: &NewActivity) -> KeyUse {
        let Some(own) = &activity.idempotency_key else { return KeyUse::None };
        match self.recorded(own) {
            Some((outcome, recorded)) if reuse::is_same(activity, recorded) => {
                KeyUse::Repeated { outcome, stands_for: None }
            }
            Some((_, recorded)) => self.key_use(reuse::other_key(own, activity), Some(recorded.id)),
            None => self.key_use(own.clone(), None),
        }
    }

    /// What `key` makes of an activity that it must stand for, if it stands for anything. `stands_for` is
    /// what the activity's own key stands for, if that is something else.
    fn key_use(&self, key: String, stands_for: Option<ActivityId>) -> KeyUse {
        match self.recorded(&key) {
            Some((outcome, _)) => KeyUse::Repeated { outcome, stands_for },
            None if self.state.known.contains_key(&key) => KeyUse::Free { key, stands_for },
            None => KeyUse::Unread,
        }
    }

    /// What an idempotency key was recorded as, before or earlier in this plan.
    fn recorded(&self, key: &str) -> Option<(Outcome, &Activity)> {
        if let Some(Some(activity)) = self.state.known.get(key) {
            return Some((Outcome::Known(Box::new(activity.clone())), activity));
        }
        let (_, subscript) = self.keys.iter().find(|(planned, _)| planned == key)?;
        Some((Outcome::Repeats(*subscript), &self.entries[*subscript].activity))
    }

    /// Where a draft stands in the log.
    fn place(&mut self, draft: &Draft, ids: &mut Ids<'_>) -> Result<SortKey, Refusal> {
        let whole = Scope::User(self.user);
        let newest = match self.scopes.get(&whole) {
            Some(planned) => planned.ledger.head().last,
            None => self.state.heads.get(&whole).and_then(|head| head.last),
        };
        let (created_at, given) = match draft.placement {
            Placement::End => {
                let occurred_at = draft.activity.details.occurred_at.unwrap_or(self.now);
                let floor = newest.map_or(Timestamp::MIN, |newest| newest.created_at);
                (occurred_at.min(self.now).max(floor), None)
            }
            Placement::Kept { created_at, id } => (created_at, id),
        };
        let tied = newest.filter(|newest| newest.created_at == created_at).map(|newest| newest.id);
        let id = match given {
            Some(id) if ids.taken.contains(&id) => return Err(Refusal::IdTaken { id }),
            Some(id) => id,
            None => self.id(tied, ids).ok_or(Refusal::NoIdLeft)?,
        };
        match newest {
            Some(newest) if SortKey { created_at, id } <= newest => Err(Refusal::OutOfOrder {
                created_at,
                newest_created_at: newest.created_at,
                newest_id: newest.id,
            }),
            _ => Ok(SortKey { created_at, id }),
        }
    }

    /// An id that is larger than `after`. Those of one plan follow each other, so that they take up
    /// little room and do not collide among themselves.
    fn id(&mut self, after: Option<ActivityId>, ids: &mut Ids<'_>) -> Option<ActivityId> {
        self.drawn = match self.drawn.max(after.filter(|_| self.drawn.is_some())) {
            Some(previous) => ActivityId::try_from(previous.get() + 1).ok(),
            None => ids.source.draw(self.now, after, ids.collisions),
        };
        self.drawn
    }

    /// What is recorded of a draft at its place. Where one of its scopes has no room for its pair of
    /// resource type and action, it is recorded as something else, and says so.
    fn activity(&self, draft: &Draft, at: SortKey) -> Activity {
        let mut details = draft.activity.details.clone();
        if draft.placement == Placement::End {
            details.repair_time(self.now);
        }
        details.occurred_at = details.occurred_at.filter(|time| *time != at.created_at);
        let Details { resource_type, action, .. } = &details;
        let pair = Pair { resource_type: resource_type.as_deref(), action };
        let has_room = draft.scopes(self.user).all(|scope| {
            let planned = self.scopes.get(&scope).map(|planned| planned.ledger.head());
            let head = planned.or_else(|| self.state.heads.get(&scope));
            head.is_none_or(|head| head.has_room_for(pair))
        });
        let details = if has_room { details } else { details.as_other() };
        Activity { id: at.id, user_id: self.user, created_at: at.created_at, details }
    }

    /// What the plan makes of a scope.
    fn scope(&mut self, scope: Scope) -> &mut ScopePlan {
        let state = self.state;
        self.scopes.entry(scope).or_insert_with(|| ScopePlan::new(scope, state))
    }

    fn actions(&self) -> usize {
        let scopes: usize = self.scopes.values().map(ScopePlan::actions).sum();
        scopes + self.entries.len() + self.keys.len()
    }

    fn finish(self) -> Plan {
        let Self { user, now, entries, keys, outcomes, reused, scopes, .. } = self;
        let mut heads = Vec::with_capacity(scopes.len());
        let mut parts = Vec::new();
        for (scope, ScopePlan { ledger, read, blocks, nodes, .. }) in scopes {
            let head = ledger.head().clone();
            heads.extend(head.last.map(|last| HeadChange { head, last, read }));
            let blocks = blocks.into_iter().map(|(number, block)| PartChange {
                scope,
                key: LedgerKey::Block(number),
                data: block.pack(),
                is_new: true,
            });
            parts.extend(blocks);
            let nodes = nodes.into_iter().map(|(key, (node, is_new))| PartChange {
                scope,
                key: LedgerKey::Node(key),
                data: node.pack(),
                is_new,
            });
            parts.extend(nodes);
        }
        Plan { user, now, entries, heads, parts, keys, outcomes, reused }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> UserId {
        3.try_into().unwrap()
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_767_225_600_000 + millis).unwrap()
    }

    fn draft(action: &str) -> Draft {
        NewActivity::new(action).into()
    }

    fn kept(millis: i64, id: u64) -> Draft {
        let placement = Placement::Kept { created_at: at(millis), id: id.try_into().ok() };
        Draft { placement, ..draft("sync") }
    }

    /// Plans drafts, each with the number of its batch.
    fn plan_of(state: &LogState, drafts: &[(u64, Draft)]) -> Plan {
        let taken = [7.try_into().unwrap()].into();
        let mut source = IdSource::new(fastrand::Rng::with_seed(1));
        let collisions = Collisions::default();
        let mut ids = Ids { source: &mut source, collisions, taken: &taken };
        let planned = drafts.iter().map(|(batch, draft)| Planned { batch: *batch, draft });
        plan(user(), state, planned, at(0), &mut ids).unwrap()
    }

    /// The log after so many entries in one environment.
    fn state_after(entries: u64) -> LogState {
        let mut state = LogState::default();
        let scopes = Scope::of(user(), 4.try_into().ok(), 5.try_into().ok());
        for scope in scopes {
            let mut ledger = OpenLedger::new(Head::empty(scope), BTreeMap::new());
            for number in 0..entries {
                let pair = Pair { resource_type: None, action: "sync" };
                let id = (number + 1).try_into().unwrap();
                ledger.push(pair, SortKey { created_at: at(-1), id }).unwrap();
            }
            ledger.head_mut().chain(EntryHash::NONE);
            let nodes = ledger.nodes().iter().map(|(key, node)| ((scope, *key), node.clone()));
            state.nodes.extend(nodes);
            state.heads.insert(scope, ledger.head().clone());
        }
        state
    }

    fn in_environment(count: usize) -> Vec<(u64, Draft)> {
        let activity = || {
            let project = 4.try_into().unwrap();
            NewActivity::new("sync").environment(project, 5.try_into().unwrap())
        };
        (0..count).map(|_| (0, activity().into())).collect()
    }

    #[test]
    fn a_refused_draft_ends_its_own_batch_and_no_other() {
        let state = LogState::default();
        let drafts = [
            (1, kept(-5, 20)),
            (2, kept(-6, 21)),
            (2, draft("left")),
            (3, draft("create")),
            (1, kept(-1, 7)),
            (1, draft("left")),
        ];
        let plan = plan_of(&state, &drafts);
        let is = |outcome: &Outcome| match outcome {
            Outcome::New(_) => "new",
            Outcome::Refused(Refusal::OutOfOrder { .. }) => "out of order",
            Outcome::Refused(Refusal::IdTaken { .. }) => "taken",
            Outcome::Left => "left",
            _ => "other",
        };
        let outcomes: Vec<_> = plan.outcomes.iter().map(is).collect();
        assert_eq!(outcomes, ["new", "out of order", "left", "new", "taken", "left"]);
        assert_eq!(plan.entries.len(), 2);
        assert_eq!(plan.heads.len(), 1);
    }

    #[test]
    fn no_transaction_has_more_than_a_hundred_actions_and_the_last_entry_seals_what_it_fills() {
        // With a key each, entries take two actions, and a block may be complete at any of them.
        let keyed = (0..64).map(|before| (before, true));
        let bare =
            [0, 1, 60, 62, 63, 64, 4_000, 4_095, 4_096 * 2 - 1].map(|before| (before, false));
        for (before, is_keyed) in bare.into_iter().chain(keyed) {
            let mut state = state_after(before);
            let mut drafts = in_environment(120);
            for (number, (_, draft)) in drafts.iter_mut().enumerate().filter(|_| is_keyed) {
                draft.activity.idempotency_key = Some(number.to_string());
                state.known.insert(number.to_string(), None);
            }
            let plan = plan_of(&state, &drafts);
            let actions =
                plan.heads.len() + plan.entries.len() + plan.parts.len() + plan.keys.len();
            assert!((90..=MAX_ACTIONS).contains(&actions), "{before}: {actions}");
            let total = before + plan.entries.len() as u64;
            let blocks = plan.parts.iter().filter(|part| matches!(part.key, LedgerKey::Block(_)));
            assert_eq!(blocks.count() as u64, 3 * (total / 64 - before / 64), "{before}");
            let positions = plan.entries.last().unwrap().positions;
            assert_eq!(positions, [Some(total); 3], "{before}");
            let read = plan.heads.iter().all(|change| change.read.is_some() == (before > 0));
            assert!(read && plan.is_possible(&state), "{before}");
        }
    }

    #[test]
    fn no_transaction_has_more_than_four_megabytes_and_what_has_no_room_goes_into_the_next() {
        let project = 4.try_into().unwrap();
        let environments = || (1..=40_u64).map(|number| number.try_into().unwrap());
        let mut state = LogState::default();
        let full = environments().map(|environment| Scope::Environment(user(), environment));
        for scope in full {
            let mut head = Head::empty(scope);
            for number in 0..2_000_u64 {
                let (resource_type, action) =
                    (format!("t{number:0>63}"), format!("a{number:0>63}"));
                let pair = Pair { resource_type: Some(&resource_type), action: &action };
                let id = (number + 1).try_into().unwrap();
                head.push(pair, SortKey { created_at: at(-1), id });
            }
            state.heads.insert(scope, head);
        }
        let mut drafts: Vec<(u64, Draft)> = environments()
            .map(|environment| {
                (0, NewActivity::new("sync").environment(project, environment).into())
            })
            .collect();
        let mut transactions = 0;
        while !drafts.is_empty() {
            let plan = plan_of(&state, &drafts);
            let heads = plan.heads.iter().map(|change| change.head.max_size());
            let parts = plan.parts.iter().map(|part| part.data.len());
            let bytes = heads.sum::<usize>() + parts.sum::<usize>();
            assert!(bytes < 3_000_000, "{} entries: {bytes}", plan.entries.len());
            assert!(!plan.entries.is_empty());
            drafts.drain(..plan.entries.len());
            transactions += 1;
        }
        assert!((6..=10).contains(&transactions), "{transactions}");
    }

    #[test]
    fn a_node_that_grows_twice_in_one_transaction_is_new_if_it_was_not_there_before() {
        for (before, is_there) in [(40, false), (64 + 40, true)] {
            let drafts: Vec<_> = (0..100).map(|_| (0, draft("sync"))).collect();
            let plan = plan_of(&state_after(before), &drafts);
            let [first, second, node] = &plan.parts[..] else { panic!("{:?}", plan.parts) };
            assert!(first.is_new && second.is_new);
            assert_eq!(node.key, LedgerKey::Node(NodeKey { level: 1, index: 0 }));
            assert_eq!(node.is_new, !is_there, "after {before}");
        }
    }

    #[test]
    fn one_append_is_at_most_thirteen_actions_while_there_are_fewer_than_262_144_entries() {
        let mut most = 0;
        for before in [4_095, 8_191, 64, 63] {
            let plan = plan_of(&state_after(before), &in_environment(1));
            most = most.max(plan.heads.len() + plan.entries.len() + plan.parts.len());
        }
        assert_eq!(most, 3 + 1 + 3 * 3);
    }

    #[test]
    fn only_nodes_that_are_there_and_grow_are_read_before() {
        let whole = Scope::User(user());
        for (total, more, expected) in [
            (0, 100, vec![]),
            (63, 1, vec![]),
            (64, 63, vec![]),
            (64, 64, vec![(1, 0)]),
            (127, 1, vec![(1, 0)]),
            (4_095, 1, vec![(1, 0)]),
            (4_096, 100, vec![]),
            (8_191, 1, vec![(1, 1), (2, 0)]),
            (8_190, 1, vec![]),
        ] {
            let keys = state_after(total).extended(whole, more);
            let keys: Vec<_> = keys.map(|key| (key.level, key.index)).collect();
            assert_eq!(keys, expected, "{total} {more}");
        }
    }

    #[test]
    fn a_node_that_was_not_read_is_an_error_that_names_it() {
        let mut state = state_after(127);
        state.nodes.clear();
        let drafts = in_environment(1);
        let mut source = IdSource::new(fastrand::Rng::with_seed(1));
        let taken = BTreeSet::new();
        let mut ids = Ids { source: &mut source, collisions: Collisions::default(), taken: &taken };
        let planned = drafts.iter().map(|(batch, draft)| Planned { batch: *batch, draft });
        let error = plan(user(), &state, planned, at(0), &mut ids).unwrap_err().to_string();
        assert!(error.starts_with("node#1#0000000000 of user 3"), "{error}");
    }

    #[test]
    fn a_time_is_kept_beside_the_entry_where_it_differs() {
        let at_time = |millis| NewActivity::new("sync").occurred_at(at(millis)).into();
        let drafts = [(0, at_time(-5)), (0, at_time(-9)), (0, at_time(9)), (0, draft("sync"))];
        let plan = plan_of(&LogState::default(), &drafts);
        let times = plan.entries.iter().map(|entry| {
            let Activity { created_at, details, .. } = &entry.activity;
            (*created_at, details.occurred_at)
        });
        let expected = [(at(-5), None), (at(-5), Some(at(-9))), (at(0), None), (at(0), None)];
        assert!(times.eq(expected));
        let came = Some("2026-01-01T00:00:00.009Z".to_owned());
        let altered = &plan.entries[2].activity.details.altered;
        assert_eq!(*altered, [("occurredAt".to_owned(), came)].into(), "it was later than now");
    }
}
