//! An index whose copy of an entry is not as it was written.

use serde_json::Value;

use super::lag::id_of;

/// What an index has instead of what was written.
#[derive(Debug)]
pub(super) struct Damage {
    pub(super) index: &'static str,
    pub(super) id: u64,
    pub(super) attribute: &'static str,
    /// As the JSON of DynamoDB has it.
    pub(super) value: Value,
}

impl Damage {
    /// Puts it into a response to a query of the index.
    pub(super) fn apply(&self, asked: &Value, body: &mut Value) {
        if asked["IndexName"] != self.index {
            return;
        }
        for item in body["Items"].as_array_mut().into_iter().flatten() {
            if id_of(item) == Some(self.id) {
                item[self.attribute] = self.value.clone();
            }
        }
    }
}
