//! Indexes that are late: entries that they do not show yet.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Which entries the indexes do not show yet.
#[derive(Debug, Default)]
pub(super) struct Lag {
    /// Hidden from this many queries, and this many batches.
    ids: BTreeSet<u64>,
    queries: u32,
    batches: u32,
    /// How likely an entry that is written now is to be hidden by an index, and how long at most.
    chance: f64,
    at_most: Duration,
    /// When entries were written.
    written: HashMap<u64, Instant>,
    /// Until when one of an index's replicas does not show an entry.
    until: HashMap<(String, usize, u64), Option<Instant>>,
}

/// How many copies of an index answer queries, each with a lag of its own.
const REPLICAS: usize = 3;

impl Lag {
    /// Hides entries that are written from now on, with this probability, for up to so long.
    pub(super) const fn at_random(&mut self, chance: f64, at_most: Duration) {
        (self.chance, self.at_most) = (chance, at_most);
    }

    /// Hides entries from so many queries of indexes, and so many batches of reads by key.
    pub(super) fn hide(&mut self, ids: BTreeSet<u64>, queries: u32, batches: u32) {
        (self.ids, self.queries, self.batches) = (ids, queries, batches);
    }

    /// Notes the entries that a transaction writes.
    pub(super) fn note(&mut self, asked: &Value) {
        let actions = asked["TransactItems"].as_array().filter(|_| self.chance > 0.0);
        for action in actions.into_iter().flatten() {
            if let Some(id) = id_of(&action["Put"]["Item"]) {
                self.written.insert(id, Instant::now());
            }
        }
    }

    /// Whether an index does not show an entry yet, to a query that `replica` answers.
    fn hides(&mut self, index: &str, replica: usize, id: u64, random: &mut fastrand::Rng) -> bool {
        let Some(written) = self.written.get(&id) else { return false };
        let key = (index.to_owned(), replica, id);
        let until = self.until.entry(key).or_insert_with(|| {
            let hidden = random.f64() < self.chance;
            hidden.then(|| *written + self.at_most.mul_f64(random.f64()))
        });
        until.is_some_and(|until| Instant::now() < until)
    }

    /// Takes out of a response what is hidden.
    pub(super) fn hide_from(
        &mut self,
        asked: &Value,
        body: &mut Value,
        random: &mut fastrand::Rng,
    ) {
        if let (Some(index), Some(items)) =
            (asked["IndexName"].as_str(), body.get_mut("Items").and_then(Value::as_array_mut))
        {
            let listed = self.queries > 0;
            self.queries = self.queries.saturating_sub(1);
            let replica = random.usize(..REPLICAS);
            items.retain(|item| {
                let Some(id) = id_of(item) else { return true };
                let hidden = listed && self.ids.contains(&id);
                !hidden && !self.hides(index, replica, id, random)
            });
        }
        let entries =
            body.get_mut("Responses").and_then(|of| of.get_mut(&crate::tables().activities));
        if self.batches > 0
            && let Some(items) = entries.and_then(Value::as_array_mut)
        {
            self.batches -= 1;
            items.retain(|item| id_of(item).is_none_or(|id| !self.ids.contains(&id)));
        }
    }
}

/// The id of an entry.
pub(super) fn id_of(item: &Value) -> Option<u64> {
    item["id"]["N"].as_str()?.parse().ok()
}
