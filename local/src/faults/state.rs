//! Which call goes wrong, and how.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::damage::Damage;
use super::fault::{Fault, Injection};
use super::lag::Lag;
use super::stale::History;

/// After how long a response that does not come is given up, as if the client waited no longer.
pub(super) fn patience() -> Duration {
    Duration::from_millis(if crate::engine::is_embedded() { 250 } else { 2_000 })
}

/// What is to go wrong, and what went wrong.
#[derive(Debug)]
pub(super) struct State {
    pub(super) random: fastrand::Rng,
    /// How likely a call is to go wrong.
    pub(super) chance: f64,
    pub(super) injection: Option<Injection>,
    pub(super) calls: u64,
    pub(super) counts: BTreeMap<Fault, u64>,
    pub(super) actions: BTreeSet<(String, String)>,
    pub(super) expired_tokens: BTreeSet<String>,
    pub(super) lag: Lag,
    pub(super) history: History,
    pub(super) damage: Option<Damage>,
    /// Calls that will be carried out late.
    pub(super) late: u64,
}

impl State {
    /// Nothing is to go wrong; what will depends on `seed`.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            chance: 0.0,
            injection: None,
            calls: 0,
            counts: BTreeMap::new(),
            actions: BTreeSet::new(),
            expired_tokens: BTreeSet::new(),
            lag: Lag::default(),
            history: History::default(),
            damage: None,
            late: 0,
        }
    }

    /// What happens to the next call.
    pub(super) fn next(&mut self, operation: &str) -> Option<Fault> {
        self.calls += 1;
        let mut fault = None;
        if let Some(injection) = &mut self.injection
            && injection.operation.is_none_or(|only| only == operation)
        {
            if injection.after > 0 {
                injection.after -= 1;
            } else if injection.times > 0 {
                injection.times -= 1;
                fault = Some(injection.fault);
            }
        } else if self.random.f64() < self.chance {
            let mut faults = Fault::SURVIVABLE.to_vec();
            faults.retain(|fault| fault.can_meet(operation));
            fault = self.random.choice(faults);
        }
        let fault = fault.filter(|fault| fault.can_meet(operation))?;
        *self.counts.entry(fault).or_default() += 1;
        Some(fault)
    }

    /// Notes what is asked for: the permission to write a transaction is that of each action of it.
    pub(super) fn note(&mut self, operation: &str, asked: &Value) {
        let one = asked["TableName"].as_str().map(|table| match asked["IndexName"].as_str() {
            None => (operation, table.to_owned()),
            Some(index) => (operation, format!("{table}/index/{index}")),
        });
        let batch = asked["RequestItems"].as_object().into_iter().flatten();
        let transaction = asked["TransactItems"].as_array().into_iter().flatten();
        let parts =
            transaction.filter_map(Value::as_object).flatten().filter_map(|(kind, part)| {
                let action = match kind.as_str() {
                    "Put" => "PutItem",
                    "Update" => "UpdateItem",
                    "Delete" => "DeleteItem",
                    _ => "ConditionCheckItem",
                };
                Some((action, part["TableName"].as_str()?.to_owned()))
            });
        let all = one.into_iter().chain(batch.map(|(table, _)| (operation, table.clone())));
        let all = all.chain(parts).map(|(action, table)| (action.to_owned(), table));
        self.actions.extend(all);
    }

    /// A time that is longer than [`patience`].
    pub(super) fn too_long(&mut self) -> Duration {
        patience().mul_f64(1.2 + self.random.f64())
    }
}
