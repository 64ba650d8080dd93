//! The log that all systems get: entries of which known parts match each filter, evenly over time.

use activity_log::NewActivity;
use activity_log::message::Message;
use bench::{Failure, START, body};
use peers::Record;
use serde_json::{Map, Value};

/// Resource types, and how many of 10,000 entries have them. The last is the rarest: one entry of each
/// 10,000 has that, always the same one.
const TYPES: [(&str, u64); 5] = [
    ("function", 5_000),
    ("database", 3_899),
    ("instance", 1_000),
    ("storage_bucket", 100),
    ("firewall", 1),
];

/// Which of 10,000 entries is of the rarest type: one that a log of 1,000 has, too.
const RAREST: u64 = 777;

/// Actions, and how many of 100 entries have them, whatever their type.
const ACTIONS: [(&str, u64); 4] = [("invoke", 40), ("create", 25), ("update", 25), ("delete", 10)];

/// Milliseconds between two entries: a minute.
pub(crate) const STEP: i64 = 60_000;

/// The project and the environment of all entries.
pub(crate) const SLUGS: &str = "my-project/production";

/// The entries of a log of a length, oldest first; the same each time.
pub(crate) struct Workload {
    random: fastrand::Rng,
    entries: u64,
    number: u64,
}

/// One entry before it is recorded.
pub(crate) struct Draft {
    /// The activity, as a message of the queue.
    pub(crate) message: String,
    /// Its time, in milliseconds since 1970.
    pub(crate) created_at: i64,
}

impl Workload {
    /// The workload of a log of this many entries.
    pub(crate) fn of(entries: u64) -> Self {
        Self { random: fastrand::Rng::with_seed(1), entries, number: 0 }
    }

    /// The type and the action of the next entry.
    fn pair(&mut self) -> (&'static str, &'static str) {
        let (rarest, common) = (TYPES[TYPES.len() - 1], &TYPES[..TYPES.len() - 1]);
        let drawn = drawn(self.random.u64(..10_000 - rarest.1), common);
        let action = drawn_of_hundred(&mut self.random);
        (if self.number % 10_000 == RAREST { rarest.0 } else { drawn }, action)
    }
}

/// The name at `place`, where each takes as many places as its weight.
fn drawn(mut place: u64, weights: &[(&'static str, u64)]) -> &'static str {
    for (name, weight) in weights {
        match place.checked_sub(*weight) {
            None => return name,
            Some(rest) => place = rest,
        }
    }
    unreachable!("the weights add up to more than any place")
}

fn drawn_of_hundred(random: &mut fastrand::Rng) -> &'static str {
    drawn(random.u64(..100), &ACTIONS)
}

impl Iterator for Workload {
    type Item = Draft;

    fn next(&mut self) -> Option<Draft> {
        if self.number == self.entries {
            return None;
        }
        let (resource_type, action) = self.pair();
        let mut message = body(self.number);
        message["resourceType"] = resource_type.into();
        message["action"] = action.into();
        let created_at = time(self.entries, self.number);
        self.number += 1;
        Some(Draft { message: message.to_string(), created_at })
    }
}

/// The time of the entry with this number, in milliseconds since 1970. Logs of all lengths end at the
/// same time.
pub(crate) fn time(entries: u64, number: u64) -> i64 {
    START + STEP * (number.cast_signed() - entries.cast_signed())
}

impl Draft {
    /// The activity for our logger.
    pub(crate) fn activity(&self) -> Result<NewActivity, Failure> {
        Ok(Message::parse(&self.message)?.activity)
    }

    /// The same in no project: a project belongs to one user.
    pub(crate) fn without_project(self) -> Result<Self, Failure> {
        let mut message: Map<String, Value> = serde_json::from_str(&self.message)?;
        message.retain(|name, _| name != "projectId" && name != "environmentId");
        Ok(Self { message: Value::Object(message).to_string(), ..self })
    }

    /// The activity for a peer, under the id that our log gave it.
    pub(crate) fn record(&self, id: u64) -> Result<Record, Failure> {
        Ok(Record::parse(&self.message, id, self.created_at)?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn each_filter_matches_its_part_of_the_entries() {
        let mut counts = BTreeMap::new();
        let mut instances = [0; 10];
        for (number, draft) in Workload::of(100_000).enumerate() {
            let message: Value = serde_json::from_str(&draft.message).unwrap();
            for name in ["resourceType", "action"] {
                *counts.entry(message[name].as_str().unwrap().to_owned()).or_insert(0_u64) += 1;
            }
            instances[number / 10_000] += u64::from(message["resourceType"] == "instance");
        }
        assert_eq!(counts["firewall"], 10);
        for (name, of_hundred_thousand) in [
            ("function", 50_000),
            ("instance", 10_000),
            ("storage_bucket", 1_000),
            ("create", 25_000),
            ("invoke", 40_000),
        ] {
            let count = counts[name];
            let tolerance = of_hundred_thousand / 10;
            assert!(count.abs_diff(of_hundred_thousand) < tolerance, "{name}: {count}");
        }
        assert!(instances.iter().all(|count| (800..1_200).contains(count)), "{instances:?}");
    }

    #[test]
    fn the_weights_are_whole() {
        assert_eq!(TYPES.iter().map(|(_, weight)| weight).sum::<u64>(), 10_000);
        assert_eq!(ACTIONS.iter().map(|(_, weight)| weight).sum::<u64>(), 100);
    }

    #[test]
    fn a_workload_is_the_same_each_time_and_of_its_length() {
        let messages = |entries| Workload::of(entries).map(|draft| draft.message);
        assert_eq!(messages(1_000).count(), 1_000);
        assert!(messages(1_000).eq(messages(2_000).take(1_000)));
        let firewalls = messages(1_000).filter(|message| message.contains("firewall"));
        assert_eq!(firewalls.count(), 1);
        assert_eq!(time(1_000, 1_000), START);
    }

    #[test]
    fn both_sides_get_the_same_activity() {
        let draft = Workload::of(1).next().unwrap();
        let (ours, theirs) = (draft.activity().unwrap(), draft.record(7).unwrap());
        assert_eq!((theirs.id, theirs.created_at), (7, START - STEP));
        assert_eq!(ours.details.action, theirs.action);
        assert_eq!(ours.details.resource_type, theirs.resource_type);
        assert_eq!(ours.details.user_agent, theirs.user_agent);

        let apart = draft.without_project().unwrap().record(8).unwrap();
        assert_eq!((apart.project_id, apart.environment_id), (None, None));
        assert_eq!(apart.action, theirs.action);
    }
}
