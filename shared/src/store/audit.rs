//! Verification: proves that the tables say what an append would have written.
//!
//! This reads everything, so it is for operators. No route of the API comes here, and none of the
//! functions has the permission to scan.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::hash::{Hash, Hasher};

use super::attributes::{Item, Reader};
use super::entry::{self, Entry, SortKey};
use super::hash::EntryHash;
use super::head::{self, Head};
use super::page::{Order, TimeRange};
use super::query::Row;
use super::tamper::Break;
use super::{CAPACITY, Store, StoreError, keys};
use crate::id::{ActivityId, UserId};
use crate::view::{Facets, Positions, Scope, View, scopes, views};

/// How many rows are read at a time.
const CHUNK: usize = 1_000;

/// How often a log that is being written to is read again.
const TRIES: u32 = 5;

/// Something that the tables say and that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// What it is about: a view, a scope or an entry.
    pub subject: String,
    /// What is wrong with it.
    pub fault: String,
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.fault)
    }
}

/// A log that is not proven.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The log contradicts itself.
    #[error("{0}")]
    Contradiction(Contradiction),
    /// The log could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was found to be right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Entries of the log.
    pub entries: u64,
    /// Views that have entries.
    pub views: u64,
    /// Milestones of those views.
    pub milestones: u64,
    /// The hash of the newest entry: whoever keeps it can tell later that the log up to there is
    /// still the same.
    pub hash: Option<EntryHash>,
}

/// What the entries of one log say that its views, heads and milestones must be.
struct Expected {
    heads: BTreeMap<Scope, Head>,
    views: BTreeMap<View, Vec<SortKey>>,
    milestones: BTreeMap<Scope, BTreeMap<(Facets, u64), SortKey>>,
    /// A digest of every entry, to compare the copies in the indexes with.
    digests: HashMap<ActivityId, u64>,
    last: Option<SortKey>,
    /// The hash of the last entry.
    hash: EntryHash,
}

fn contradiction(subject: impl fmt::Display, fault: impl Into<String>) -> VerifyError {
    VerifyError::Contradiction(Contradiction { subject: subject.to_string(), fault: fault.into() })
}

impl Store {
    /// Every user that has an entry or a head, with the scopes that the ledger knows of. Scans.
    ///
    /// # Errors
    /// [`StoreError`] if a table cannot be read or a key not decoded.
    pub async fn users(&self) -> Result<BTreeMap<UserId, BTreeSet<Scope>>, StoreError> {
        let mut users: BTreeMap<UserId, BTreeSet<Scope>> = BTreeMap::new();
        self.scan(&self.tables.activities, "userId", |item| {
            let reader = Reader::new(item, "Activities", ["id", "userId"]);
            users.entry(reader.number("userId")?).or_default();
            Ok(())
        })
        .await?;
        self.scan(&self.tables.ledger, "scope", |item| {
            let reader = Reader::new(item, "Ledger", ["scope", "entry"]);
            let scope = keys::parse_ledger_scope(reader.string("scope")?)
                .ok_or_else(|| reader.corrupt("scope is not a scope"))?;
            users.entry(scope.user_id()).or_default().insert(scope);
            Ok(())
        })
        .await?;
        Ok(users)
    }

    /// Proves the log of `user`: that its chain of hashes is unbroken from the first entry to the
    /// head, that every entry is the same in the table and in its indexes, that positions are dense
    /// and in order in all twelve kinds of view, and that heads, milestones and idempotency keys
    /// are those of the entries. `also` are scopes to look at even if no entry is in them.
    ///
    /// # Errors
    /// [`VerifyError::Contradiction`] with the first one found; [`VerifyError::Store`].
    pub async fn verify(
        &self,
        user: UserId,
        also: &BTreeSet<Scope>,
    ) -> Result<Verified, VerifyError> {
        let mut tries = 0;
        loop {
            let before = self.head(Scope::User(user)).await?;
            let outcome = self.verify_once(user, also).await;
            tries += 1;
            let quiet =
                || async { Ok::<_, StoreError>(self.head(Scope::User(user)).await? == before) };
            match outcome {
                // What was read while somebody wrote says nothing.
                Err(VerifyError::Contradiction(_)) if tries < TRIES && !quiet().await? => {}
                outcome => return outcome,
            }
        }
    }

    async fn verify_once(
        &self,
        user: UserId,
        also: &BTreeSet<Scope>,
    ) -> Result<Verified, VerifyError> {
        let mut expected = Expected::new();
        let whole = View::of(Scope::User(user));
        let mut last = None;
        loop {
            let rows = self.chunk(&whole, last).await?;
            let Some(newest) = rows.last() else { break };
            last = Some(newest.at);
            let ids: Vec<ActivityId> = rows.iter().map(|row| row.at.id).collect();
            for item in self.items(&ids).await? {
                let entry = entry::decode(&item)?;
                if EntryHash::of(expected.hash, &item) != entry.hash {
                    let broken = Break {
                        user,
                        number: expected.digests.len() as u64 + 1,
                        previous: expected.hash,
                        hash: entry.hash,
                        id: entry.activity.id,
                        item,
                    };
                    let found = self.diagnose(&broken).await?;
                    return Err(VerifyError::Contradiction(found));
                }
                expected.push(&entry)?;
            }
            expected.check_copies(&whole, &rows)?;
        }
        self.verify_end(user, &expected).await?;
        for (view, keys) in &expected.views {
            if *view != whole {
                self.verify_view(view, keys, &expected).await?;
            }
        }
        let scopes: BTreeSet<Scope> =
            expected.heads.keys().chain(also).copied().chain([Scope::User(user)]).collect();
        for scope in scopes {
            self.verify_scope(scope, &expected).await?;
        }
        Ok(Verified {
            entries: expected.digests.len() as u64,
            views: expected.views.len() as u64,
            milestones: expected.milestones.values().map(|of_scope| of_scope.len() as u64).sum(),
            hash: expected.last.map(|_| expected.hash),
        })
    }

    /// Compares the end of the log with what the user's head says it is.
    async fn verify_end(&self, user: UserId, expected: &Expected) -> Result<(), VerifyError> {
        let head = self.head(Scope::User(user)).await?;
        let (found, counted) = (expected.digests.len() as u64, head.count(&Facets::default()));
        match head.last {
            Some(newest) if counted > found => {
                let subject = format!("activity {} of user {user}", newest.id);
                let fault = format!(
                    "it was removed: it was the newest of {counted} entries, and {found} are left"
                );
                Err(contradiction(subject, fault))
            }
            Some(newest) if counted < found => {
                let keys = &expected.views[&View::of(Scope::User(user))];
                let first = usize::try_from(counted).ok().and_then(|counted| keys.get(counted));
                let id = first.unwrap_or(&newest).id;
                let subject = format!("activity {id} of user {user}");
                let fault = format!(
                    "it was inserted: the head counts {counted} entries, up to activity {}",
                    newest.id
                );
                Err(contradiction(subject, fault))
            }
            _ => Ok(()),
        }
    }

    /// The next rows of a view, oldest first.
    pub(crate) async fn chunk(
        &self,
        view: &View,
        after: Option<SortKey>,
    ) -> Result<Vec<Row>, StoreError> {
        self.query(view, TimeRange::default(), Order::OldestFirst, after, CHUNK).await
    }

    /// Compares a view's index with where its entries must stand, oldest first.
    async fn verify_view(
        &self,
        view: &View,
        keys: &[SortKey],
        expected: &Expected,
    ) -> Result<(), VerifyError> {
        let mut seen = 0;
        let mut last = None;
        loop {
            let rows = self.chunk(view, last).await?;
            let Some(newest) = rows.last() else { break };
            last = Some(newest.at);
            for row in &rows {
                let wanted = keys.get(seen);
                seen += 1;
                if wanted != Some(&row.at) || row.position != seen as u64 {
                    let fault = format!(
                        "its index has activity {} as position {} where {} must stand",
                        row.at.id,
                        row.position,
                        wanted.map_or("nothing".to_owned(), |key| format!(
                            "activity {} at position {seen}",
                            key.id
                        )),
                    );
                    return Err(contradiction(view, fault));
                }
            }
            expected.check_copies(view, &rows)?;
        }
        match keys.get(seen) {
            Some(missing) => {
                let fault =
                    format!("activity {} at position {} is not in its index", missing.id, seen + 1);
                Err(contradiction(view, fault))
            }
            None => Ok(()),
        }
    }

    /// Compares what the ledger has of a scope with what it must have.
    async fn verify_scope(&self, scope: Scope, expected: &Expected) -> Result<(), VerifyError> {
        let mut head = None;
        let mut milestones = BTreeMap::new();
        for item in self.read_all(&self.ledger_of(scope, &[])).await? {
            let reader = Reader::new(&item, "Ledger", ["scope", "entry"]);
            let key = reader.string("entry")?;
            if key == keys::HEAD {
                head = Some(head::decode(&item)?);
            } else if let Some(milestone) = keys::parse_milestone(key) {
                milestones.insert(milestone, entry::decode_sort_key(&item)?);
            } else if key.starts_with(keys::IDEMPOTENCY) && matches!(scope, Scope::User(_)) {
                let id = reader.number("id")?;
                if !expected.digests.contains_key(&id) {
                    let fault = format!("{key} names activity {id}, which is not in the log");
                    return Err(contradiction(scope, fault));
                }
            } else {
                return Err(contradiction(scope, format!("the ledger has an unknown entry {key}")));
            }
        }
        if head.as_ref() != expected.heads.get(&scope) {
            let total = |head: Option<&Head>| match head {
                Some(head) => format!("{} entries", head.count(&Facets::default())),
                None => "no entries".to_owned(),
            };
            let fault = format!(
                "the head says {}, its entries make {} (or count otherwise by resource type, \
                 action, last entry or hash)",
                total(head.as_ref()),
                total(expected.heads.get(&scope)),
            );
            return Err(contradiction(scope, fault));
        }
        let none = BTreeMap::new();
        let wanted = expected.milestones.get(&scope).unwrap_or(&none);
        let differs = |(key, at): &(&(Facets, u64), &SortKey)| {
            milestones.get(*key) != Some(*at) || wanted.get(*key) != Some(*at)
        };
        match wanted.iter().chain(&milestones).find(differs) {
            Some(((facets, position), _)) => {
                let view = View { scope, facets: facets.clone() };
                let found = milestones.get(&(facets.clone(), *position));
                let must = wanted.get(&(facets.clone(), *position));
                let name = |at: Option<&SortKey>| match at {
                    Some(at) => format!("activity {} of {}", at.id, at.created_at),
                    None => "nothing".to_owned(),
                };
                let fault = format!(
                    "milestone {position} says {} where {} must stand",
                    name(found),
                    name(must)
                );
                Err(contradiction(view, fault))
            }
            None => Ok(()),
        }
    }

    /// Hands one attribute of every item of a table to `visit`, with the item's keys.
    async fn scan(
        &self,
        table: &str,
        attribute: &str,
        mut visit: impl FnMut(&Item) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut start = None;
        loop {
            let output = self
                .client
                .scan()
                .table_name(table)
                .projection_expression("#attribute")
                .expression_attribute_names("#attribute", attribute)
                .set_exclusive_start_key(start)
                .return_consumed_capacity(CAPACITY)
                .send()
                .await
                .map_err(StoreError::call("Scan"))?;
            for item in output.items.unwrap_or_default() {
                visit(&item)?;
            }
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok(());
            }
        }
    }
}

fn digest(entry: &Entry) -> u64 {
    let mut hasher = DefaultHasher::new();
    entry.hash(&mut hasher);
    hasher.finish()
}

impl Expected {
    fn new() -> Self {
        Self {
            heads: BTreeMap::new(),
            views: BTreeMap::new(),
            milestones: BTreeMap::new(),
            digests: HashMap::new(),
            last: None,
            hash: EntryHash::NONE,
        }
    }

    /// Checks that the whole entries in a covering index are the same as in the table.
    fn check_copies(&self, view: &View, rows: &[Row]) -> Result<(), VerifyError> {
        for row in rows.iter().filter(|_| view.index().covering) {
            let copy = entry::decode(&row.item)?;
            if self.digests.get(&row.at.id) != Some(&digest(&copy)) {
                let subject = format!("activity {} in {view}", row.at.id);
                return Err(contradiction(subject, "the index and the table differ"));
            }
        }
        Ok(())
    }

    /// Adds the next entry of the log, which must say of itself what follows from those before it.
    fn push(&mut self, entry: &Entry) -> Result<(), VerifyError> {
        let activity = &entry.activity;
        let at = entry.sort_key();
        let subject = format!("activity {} of user {}", activity.id, activity.user_id);
        if Some(at) <= self.last {
            return Err(contradiction(subject, "it does not stand after the entry before it"));
        }
        self.last = Some(at);
        self.hash = entry.hash;
        self.digests.insert(activity.id, digest(entry));
        for scope in scopes(activity.user_id, activity.project_id, activity.environment_id) {
            let head = self.heads.entry(scope).or_insert_with(|| Head::empty(scope));
            head.push(activity.resource_type.as_deref(), &activity.action, at);
            head.chain(entry.hash);
        }
        let mut positions = Positions::default();
        for view in views(activity) {
            let keys = self.views.entry(view.clone()).or_default();
            keys.push(at);
            let position = keys.len() as u64;
            positions[view.kind()] = Some(position);
            if position.is_multiple_of(view.index().stride) {
                let milestones = self.milestones.entry(view.scope).or_default();
                milestones.insert((view.facets, position), at);
            }
        }
        if positions != entry.positions {
            let fault = format!("its positions are {:?}, not {positions:?}", entry.positions);
            return Err(contradiction(subject, fault));
        }
        Ok(())
    }
}
