//! An activity as it is stored: the entry of the Activities table and of its twelve indexes.

use super::attributes::{Item, Reader, number, string};
use super::error::StoreError;
use super::hash::{EntryHash, HASH};
use crate::activity::{Activity, Metadata};
use crate::id::ActivityId;
use crate::time::Timestamp;
use crate::view::{INDEXES, Index, Positions};

/// Where an entry stands in time: the sort key of every index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SortKey {
    /// When the activity was done.
    pub created_at: Timestamp,
    /// Its id, which tells apart those of the same millisecond.
    pub id: ActivityId,
}

/// An activity with its place in the log.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Entry {
    /// The activity.
    pub activity: Activity,
    /// Its position in each view that it is in.
    pub positions: Positions,
    /// What ties it to the user's entry before it.
    pub hash: EntryHash,
}

impl Entry {
    /// The entry of `activity` that comes after the user's entry with the hash `previous`.
    pub(crate) fn after(previous: EntryHash, activity: Activity, positions: Positions) -> Self {
        let mut entry = Self { activity, positions, hash: EntryHash::NONE };
        entry.hash = EntryHash::of(previous, &encode(&entry));
        entry
    }

    /// Where it stands in time.
    #[must_use]
    pub const fn sort_key(&self) -> SortKey {
        SortKey { created_at: self.activity.created_at, id: self.activity.id }
    }
}

/// Reads an item of the Activities table or of one of its indexes.
fn reader(item: &Item) -> Reader<'_> {
    Reader::new(item, "Activities", ["id", "userId"])
}

/// The item of `entry`. What the activity does not have, the item does not have.
pub(crate) fn encode(entry: &Entry) -> Item {
    let activity = &entry.activity;
    let mut item = Item::with_capacity(24);
    let mut put = |name: &str, value| {
        if let Some(value) = value {
            item.insert(name.to_owned(), value);
        }
    };
    put("id", Some(number(activity.id)));
    put("userId", Some(number(activity.user_id)));
    put("projectId", activity.project_id.map(number));
    put("environmentId", activity.environment_id.map(number));
    put("resourceType", activity.resource_type.as_deref().map(string));
    put("resourceId", activity.resource_id.map(number));
    put("action", Some(string(&activity.action)));
    put("description", activity.description.as_deref().map(string));
    put("metadata", activity.metadata.as_ref().map(|metadata| string(metadata.as_text())));
    put("ipAddress", activity.ip_address.map(|address| string(address.to_string())));
    put("userAgent", activity.user_agent.as_deref().map(string));
    put("createdAt", Some(number(activity.created_at.as_millis())));
    for (index, position) in INDEXES.iter().zip(entry.positions) {
        put(index.position, position.map(number));
    }
    put(HASH, Some(entry.hash.to_attribute()));
    item
}

/// The entry of a whole item.
pub(crate) fn decode(item: &Item) -> Result<Entry, StoreError> {
    let reader = reader(item);
    let metadata = reader
        .optional_string("metadata")?
        .map(|text| Metadata::from_text(text.to_owned()))
        .transpose()
        .map_err(|reason| reader.corrupt(format!("metadata {reason}")))?;
    let ip_address = reader
        .optional_string("ipAddress")?
        .map(str::parse)
        .transpose()
        .map_err(|_| reader.corrupt("ipAddress is not an IP address"))?;
    let SortKey { created_at, id } = decode_sort_key(item)?;
    let activity = Activity {
        id,
        user_id: reader.number("userId")?,
        project_id: reader.optional_number("projectId")?,
        environment_id: reader.optional_number("environmentId")?,
        resource_type: reader.optional_string("resourceType")?.map(str::to_owned),
        resource_id: reader.optional_number("resourceId")?,
        action: reader.string("action")?.to_owned(),
        description: reader.optional_string("description")?.map(str::to_owned),
        metadata,
        ip_address,
        user_agent: reader.optional_string("userAgent")?.map(str::to_owned),
        created_at,
    };
    let mut positions = Positions::default();
    for (index, position) in INDEXES.iter().zip(&mut positions) {
        *position = reader.optional_number(index.position)?;
    }
    Ok(Entry { activity, positions, hash: reader.hash(HASH)? })
}

/// The sort key of an item of any index, of the table, or of a milestone or head.
pub(crate) fn decode_sort_key(item: &Item) -> Result<SortKey, StoreError> {
    let reader = reader(item);
    let millis: u64 = reader.number("createdAt")?;
    let created_at = i64::try_from(millis)
        .ok()
        .and_then(|millis| Timestamp::from_millis(millis).ok())
        .ok_or_else(|| reader.corrupt(format!("createdAt is out of range: {millis}")))?;
    Ok(SortKey { created_at, id: reader.number("id")? })
}

/// The position of an item of `index` in its view.
pub(crate) fn decode_position(item: &Item, index: &Index) -> Result<u64, StoreError> {
    let reader = reader(item);
    match reader.number(index.position)? {
        0 => Err(reader.corrupt(format!("{} is 0", index.position))),
        position => Ok(position),
    }
}

/// Adds a sort key to an item of the Ledger.
pub(crate) fn encode_sort_key(item: &mut Item, key: SortKey) {
    item.insert("createdAt".to_owned(), number(key.created_at.as_millis()));
    item.insert("id".to_owned(), number(key.id));
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::types::AttributeValue;

    fn entry() -> Entry {
        let activity = Activity {
            id: 1.try_into().unwrap(),
            user_id: 3.try_into().unwrap(),
            project_id: 4.try_into().ok(),
            environment_id: 5.try_into().ok(),
            resource_type: Some("function".into()),
            resource_id: 6.try_into().ok(),
            action: "create".into(),
            description: Some("Created \"f\"".into()),
            metadata: Metadata::from_text(r#"{"b":1.0,"a": null}"#.into()).ok(),
            ip_address: "2001:db8::1".parse().ok(),
            user_agent: Some("curl".into()),
            created_at: "2024-01-15T10:30:00Z".parse().unwrap(),
        };
        let positions = std::array::from_fn(|kind| Some(kind as u64 + 1));
        Entry::after(EntryHash::NONE, activity, positions)
    }

    #[test]
    fn an_entry_is_read_back_as_it_was_written() {
        let full = entry();
        assert_eq!(decode(&encode(&full)).unwrap(), full);
        let mut bare = entry();
        bare.activity.project_id = None;
        bare.activity.environment_id = None;
        bare.activity.resource_type = None;
        bare.activity.resource_id = None;
        bare.activity.description = None;
        bare.activity.metadata = None;
        bare.activity.ip_address = None;
        bare.activity.user_agent = None;
        bare.positions = Positions::default();
        assert_eq!(encode(&bare).len(), 5);
        assert_eq!(decode(&encode(&bare)).unwrap(), bare);
    }

    #[test]
    fn an_undecodable_attribute_is_an_error_that_names_it_and_the_entry() {
        let faults = [
            ("userId", AttributeValue::N("0".into())),
            ("projectId", AttributeValue::N("1.5".into())),
            ("createdAt", AttributeValue::N("253402300800000".into())),
            ("createdAt", AttributeValue::S("2024".into())),
            ("action", AttributeValue::Bool(true)),
            ("metadata", AttributeValue::S("[]".into())),
            ("ipAddress", AttributeValue::S("localhost".into())),
            ("u", AttributeValue::N("-1".into())),
            ("hash", AttributeValue::S("0".into())),
        ];
        for (name, value) in faults {
            let mut item = encode(&entry());
            item.insert(name.to_owned(), value);
            let message = decode(&item).unwrap_err().to_string();
            assert!(message.contains("id 1") && message.contains(name), "{message}");
        }
        for name in ["userId", "action", "createdAt", "hash"] {
            let mut item = encode(&entry());
            item.remove(name);
            assert!(decode(&item).unwrap_err().to_string().contains(name), "{name}");
        }
    }
}
