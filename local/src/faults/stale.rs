//! Tables that are read as they were: an eventually consistent read may find any item, whatever it
//! is read with, as of a moment of its own (AWS: "DynamoDB read consistency").

use std::collections::HashMap;

use serde_json::Value;

/// Every version of every item that was written.
#[derive(Debug, Default)]
pub(super) struct History {
    chance: f64,
    /// How many items were written: the clock of the versions, so that no test depends on its speed.
    writes: u64,
    /// By table and key.
    versions: HashMap<(String, String), Vec<Version>>,
}

/// Which write it was, from 1, and of what; `None` if it was deleted.
type Version = (u64, Option<Value>);

impl History {
    /// Serves older versions with this probability.
    pub(super) const fn serve(&mut self, chance: f64) {
        self.chance = chance;
    }

    /// Notes what a call has written.
    pub(super) fn note(&mut self, asked: &Value) {
        for action in asked["TransactItems"].as_array().into_iter().flatten() {
            let (put, delete) = (&action["Put"], &action["Delete"]);
            if let Some(table) = put["TableName"].as_str() {
                self.add(table, &put["Item"], Some(&put["Item"]));
            } else if let Some(table) = delete["TableName"].as_str() {
                self.add(table, &delete["Key"], None);
            }
        }
        for (table, requests) in asked["RequestItems"].as_object().into_iter().flatten() {
            for request in requests.as_array().into_iter().flatten() {
                if let Some(key) = request["DeleteRequest"].get("Key") {
                    self.add(table, key, None);
                }
            }
        }
    }

    fn add(&mut self, table: &str, key: &Value, item: Option<&Value>) {
        self.writes += 1;
        let versions = self.versions.entry((table.to_owned(), key_of(key))).or_default();
        versions.push((self.writes, item.cloned()));
    }

    /// Makes what an eventually consistent read of tables has found older, each item by itself.
    pub(super) fn age(&self, asked: &Value, body: &mut Value, random: &mut fastrand::Rng) {
        if self.chance <= 0.0 {
            return;
        }
        for (table, request) in asked["RequestItems"].as_object().into_iter().flatten() {
            let items = body.get_mut("Responses").and_then(|of| of.get_mut(table));
            if let Some(items) = items.and_then(Value::as_array_mut)
                && request["ConsistentRead"] != true
            {
                self.age_all(table, items, random);
            }
        }
        let is_of_table = asked["IndexName"].is_null() && asked["ConsistentRead"] != true;
        let Some(table) = asked["TableName"].as_str().filter(|_| is_of_table) else { return };
        let Some(body) = body.as_object_mut() else { return };
        if let Some(items) = body.get_mut("Items").and_then(Value::as_array_mut) {
            self.age_all(table, items, random);
        } else if let Some(item) = body.remove("Item") {
            let mut items = vec![item];
            self.age_all(table, &mut items, random);
            body.extend(items.pop().map(|item| ("Item".to_owned(), item)));
        }
    }

    fn age_all(&self, table: &str, items: &mut Vec<Value>, random: &mut fastrand::Rng) {
        items.retain_mut(|item| {
            let Some(versions) = self.versions.get(&(table.to_owned(), key_of(item))) else {
                return true;
            };
            if random.f64() >= self.chance {
                return true;
            }
            let moment = random.u64(0..=self.writes);
            match versions.iter().rev().find(|(written, _)| *written <= moment) {
                Some((_, Some(version))) => {
                    *item = version.clone();
                    true
                }
                Some((_, None)) | None => false,
            }
        });
    }
}

/// The key of an item of any of the three tables.
fn key_of(item: &Value) -> String {
    let key = if item["scope"].is_object() {
        [&item["scope"], &item["item"]]
    } else if item["entity"].is_object() {
        [&item["userId"], &item["entity"]]
    } else {
        [&item["id"], &Value::Null]
    };
    serde_json::json!(key).to_string()
}
