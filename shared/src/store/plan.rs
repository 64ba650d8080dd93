//! Planning an append: from heads and drafts to one transaction. Nothing here does I/O.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::entry::{Entry, SortKey};
use super::hash::EntryHash;
use super::head::{Head, MAX_PAIRS};
use crate::activity::{Activity, NewActivity};
use crate::id::{ActivityId, Collisions, IdSource, UserId};
use crate::time::Timestamp;
use crate::view::{Positions, Scope, View, scopes, views};

/// The most actions in one `TransactWriteItems` (AWS: "Quotas in Amazon DynamoDB").
pub(crate) const MAX_ACTIONS: usize = 100;

/// An activity to append, and where in the log it belongs.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// What was done.
    pub activity: NewActivity,
    /// Where it belongs.
    pub placement: Placement,
}

/// Where in the log a draft belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// At the end: no earlier than the user's newest entry and no later than now, with a new id.
    End,
    /// Exactly when it says it was done, with the id given or else a new one; an error if that is
    /// before the user's newest entry. For logs that come from elsewhere.
    Kept(Option<ActivityId>),
}

impl Placement {
    /// The id that is kept, if one is.
    pub(crate) const fn kept_id(self) -> Option<ActivityId> {
        match self {
            Self::End => None,
            Self::Kept(id) => id,
        }
    }
}

impl From<NewActivity> for Draft {
    fn from(activity: NewActivity) -> Self {
        Self { activity, placement: Placement::End }
    }
}

/// A draft that has no place in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is kept at a time, or with an id, that is not after the user's newest entry.
    #[error(
        "createdAt {created_at} is not after the user's newest entry, {newest_created_at} with id {newest_id}"
    )]
    OutOfOrder {
        /// When the draft was done.
        created_at: Timestamp,
        /// When the user's newest entry was done.
        newest_created_at: Timestamp,
        /// The id of the user's newest entry.
        newest_id: ActivityId,
    },
    /// It would give a scope too many different pairs of resource type and action.
    #[error("action and resourceType: more than {MAX_PAIRS} different pairs in one log")]
    TooManyPairs,
    /// There is no id left after the user's newest entry.
    #[error("no id is left after that of the user's newest entry")]
    NoIdLeft,
}

/// What the planner knows of the log, all read consistently.
#[derive(Debug, Default)]
pub(crate) struct LogState {
    /// The heads of the scopes of the drafts; absent before a scope's first entry.
    pub(crate) heads: BTreeMap<Scope, Head>,
    /// What the idempotency keys among the drafts were first recorded as.
    pub(crate) known: HashMap<String, Activity>,
}

/// A milestone: where the entry at a position of a view stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Milestone {
    pub(crate) view: View,
    pub(crate) position: u64,
    pub(crate) at: SortKey,
}

/// A head to write, and what its last entry was when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeadChange {
    pub(crate) head: Head,
    pub(crate) last: SortKey,
    pub(crate) read: Option<SortKey>,
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
}

/// One transaction, and what it makes of the first drafts.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) user: UserId,
    pub(crate) now: Timestamp,
    pub(crate) entries: Vec<Entry>,
    pub(crate) heads: Vec<HeadChange>,
    pub(crate) milestones: Vec<Milestone>,
    /// Idempotency keys, each with the subscript of its entry.
    pub(crate) keys: Vec<(String, usize)>,
    /// What becomes of each draft that fits, in order.
    pub(crate) outcomes: Vec<Outcome>,
}

/// How many of the first drafts to read the state for: what can fit one transaction, and one
/// `BatchGetItem` of 100 keys.
pub(crate) fn reach(user: UserId, drafts: &[Draft]) -> usize {
    let mut scopes = BTreeSet::new();
    let mut keys = BTreeSet::new();
    let mut count = 0;
    for Draft { activity, .. } in drafts.iter().take(MAX_ACTIONS) {
        scopes.extend(draft_scopes(user, activity));
        keys.extend(activity.idempotency_key.as_deref());
        if scopes.len() + keys.len() > MAX_ACTIONS {
            break;
        }
        count += 1;
    }
    count
}

/// The scopes that recording `activity` for `user` touches.
pub(crate) fn draft_scopes(user: UserId, activity: &NewActivity) -> impl Iterator<Item = Scope> {
    scopes(user, activity.project_id, activity.environment_id)
}

/// Plans one transaction for as many of the first drafts as fit, at least one.
///
/// `collisions` are ids that turned out to be taken: new ones are larger.
///
/// # Errors
/// The [`Refusal`] of the first draft that has no place, if there is none before it to record.
pub(crate) fn plan(
    user: UserId,
    state: &LogState,
    drafts: &[Draft],
    now: Timestamp,
    collisions: Collisions,
    ids: &mut IdSource,
) -> Result<Plan, Refusal> {
    let mut builder = Builder {
        state,
        heads: BTreeMap::new(),
        collisions,
        drawn: None,
        plan: Plan::empty(user, now),
    };
    for draft in drafts {
        match builder.add(draft, ids) {
            Ok(true) => {}
            Err(refusal) if builder.plan.outcomes.is_empty() => return Err(refusal),
            Ok(false) | Err(_) => break,
        }
    }
    Ok(builder.finish())
}

impl Plan {
    const fn empty(user: UserId, now: Timestamp) -> Self {
        Self {
            user,
            now,
            entries: Vec::new(),
            heads: Vec::new(),
            milestones: Vec::new(),
            keys: Vec::new(),
            outcomes: Vec::new(),
        }
    }

    /// Whether it can be written on top of `state`: whether its heads are still as it read them.
    pub(crate) fn is_possible(&self, state: &LogState) -> bool {
        self.heads.iter().all(|change| {
            change.read == state.heads.get(&change.head.scope).and_then(|head| head.last)
        })
    }
}

struct Builder<'a> {
    state: &'a LogState,
    heads: BTreeMap<Scope, Head>,
    collisions: Collisions,
    /// The id that was drawn last.
    drawn: Option<ActivityId>,
    plan: Plan,
}

impl Builder<'_> {
    /// Adds a draft, or says `false` if the transaction has no room for it.
    fn add(&mut self, draft: &Draft, ids: &mut IdSource) -> Result<bool, Refusal> {
        let key = draft.activity.idempotency_key.as_deref();
        if let Some(outcome) = key.and_then(|key| self.repeated(key)) {
            self.plan.outcomes.push(outcome);
            return Ok(true);
        }
        let (created_at, id) = self.place(draft, ids)?;
        if self.plan.entries.iter().any(|earlier| earlier.activity.id == id) {
            // An id that is to be kept twice: the next transaction will find it taken.
            return Ok(false);
        }
        let activity = activity(self.plan.user, &draft.activity, created_at, id);
        let at = SortKey { created_at, id };

        let mut heads = Vec::with_capacity(3);
        for scope in draft_scopes(self.plan.user, &draft.activity) {
            let mut head = self.head(scope);
            head.push(activity.resource_type.as_deref(), &activity.action, at);
            if head.pairs() > MAX_PAIRS {
                return Err(Refusal::TooManyPairs);
            }
            heads.push(head);
        }
        let mut positions = Positions::default();
        let mut milestones = Vec::new();
        for view in views(&activity) {
            let head = heads.iter().find(|head| head.scope == view.scope);
            let position = head.map_or(0, |head| head.count(&view.facets));
            positions[view.kind()] = Some(position);
            if position % view.index().stride == 0 {
                milestones.push(Milestone { view, position, at });
            }
        }

        let new_heads = heads.iter().filter(|head| !self.heads.contains_key(&head.scope)).count();
        let added = 1 + new_heads + milestones.len() + usize::from(key.is_some());
        if self.actions() + added > MAX_ACTIONS {
            return Ok(false);
        }
        let previous = self.head(Scope::User(self.plan.user)).hash.unwrap_or(EntryHash::NONE);
        let entry = Entry::after(previous, activity, positions);
        for head in &mut heads {
            head.chain(entry.hash);
        }
        let subscript = self.plan.entries.len();
        self.heads.extend(heads.into_iter().map(|head| (head.scope, head)));
        self.plan.milestones.extend(milestones);
        self.plan.keys.extend(key.map(|key| (key.to_owned(), subscript)));
        self.plan.entries.push(entry);
        self.plan.outcomes.push(Outcome::New(subscript));
        Ok(true)
    }

    /// What an idempotency key was recorded as, before or earlier in this plan.
    fn repeated(&self, key: &str) -> Option<Outcome> {
        if let Some(activity) = self.state.known.get(key) {
            return Some(Outcome::Known(Box::new(activity.clone())));
        }
        let (_, subscript) = self.plan.keys.iter().find(|(planned, _)| planned == key)?;
        Some(Outcome::Repeats(*subscript))
    }

    /// When a draft is recorded to have been done, and its id.
    fn place(
        &mut self,
        draft: &Draft,
        ids: &mut IdSource,
    ) -> Result<(Timestamp, ActivityId), Refusal> {
        let now = self.plan.now;
        let newest = self.head(Scope::User(self.plan.user)).last;
        let occurred_at = draft.activity.occurred_at.unwrap_or(now);
        let (created_at, given) = match draft.placement {
            Placement::End => {
                let no_later_than_now = occurred_at.min(now);
                let floor = newest.map_or(Timestamp::MIN, |newest| newest.created_at);
                (no_later_than_now.max(floor), None)
            }
            Placement::Kept(id) => (occurred_at, id),
        };
        let tied = newest.filter(|newest| newest.created_at == created_at).map(|newest| newest.id);
        let id = match given {
            Some(id) => id,
            None => self.id(tied, ids).ok_or(Refusal::NoIdLeft)?,
        };
        match newest {
            Some(newest) if SortKey { created_at, id } <= newest => Err(Refusal::OutOfOrder {
                created_at,
                newest_created_at: newest.created_at,
                newest_id: newest.id,
            }),
            _ => Ok((created_at, id)),
        }
    }

    /// An id that is larger than `after`. Those of one plan follow each other, so that they take up
    /// little room and do not collide among themselves.
    fn id(&mut self, after: Option<ActivityId>, ids: &mut IdSource) -> Option<ActivityId> {
        self.drawn = match self.drawn.max(after.filter(|_| self.drawn.is_some())) {
            Some(previous) => ActivityId::try_from(previous.get() + 1).ok(),
            None => ids.draw(self.plan.now, after, self.collisions),
        };
        self.drawn
    }

    /// A scope's head after the entries planned so far.
    fn head(&self, scope: Scope) -> Head {
        let head = self.heads.get(&scope).or_else(|| self.state.heads.get(&scope));
        head.cloned().unwrap_or_else(|| Head::empty(scope))
    }

    fn actions(&self) -> usize {
        self.heads.len()
            + self.plan.entries.len()
            + self.plan.milestones.len()
            + self.plan.keys.len()
    }

    fn finish(self) -> Plan {
        let Self { state, heads, mut plan, .. } = self;
        plan.heads = heads
            .into_values()
            .filter_map(|head| {
                let read = state.heads.get(&head.scope).and_then(|head| head.last);
                head.last.map(|last| HeadChange { head, last, read })
            })
            .collect();
        plan
    }
}

fn activity(
    user_id: UserId,
    draft: &NewActivity,
    created_at: Timestamp,
    id: ActivityId,
) -> Activity {
    Activity {
        id,
        user_id,
        project_id: draft.project_id,
        environment_id: draft.environment_id,
        resource_type: draft.resource_type.clone(),
        resource_id: draft.resource_id,
        action: draft.action.clone(),
        description: draft.description.clone(),
        metadata: draft.metadata.clone(),
        ip_address: draft.ip_address,
        user_agent: draft.user_agent.clone(),
        created_at,
    }
}
