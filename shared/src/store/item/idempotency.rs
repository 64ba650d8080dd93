//! Idempotency keys: which entry a user's key stands for, and until when.

use super::attribute::{Item, number};
use super::key::{self, LEDGER, LedgerKey};
use super::reader::Reader;
use crate::id::{ActivityId, UserId};
use crate::store::error::StoreError;
use crate::time::Timestamp;
use crate::view::Scope;

/// How long an idempotency key is kept, in seconds: the longest a queue keeps a message (AWS:
/// "Amazon SQS message quotas").
pub const IDEMPOTENCY_KEY_SECONDS: u64 = 14 * 24 * 60 * 60;

/// The key of the item of a user's idempotency key.
pub(crate) fn item_key(user: UserId, key: &str) -> Item {
    key::item(Scope::User(user), &LedgerKey::Idempotency(key.to_owned()))
}

/// The item that says, from `now` on, that a user's idempotency key stands for the entry `id`.
pub(crate) fn encode(user: UserId, key: &str, id: ActivityId, now: Timestamp) -> Item {
    let mut item = item_key(user, key);
    item.insert("id", number(id));
    item.insert("expiresAt", number(epoch_seconds(now) + IDEMPOTENCY_KEY_SECONDS));
    item
}

/// The idempotency key of an item, and the entry that it stands for; `None` if the key has expired by
/// `now`. DynamoDB deletes expired items late; until then they count as deleted.
pub(crate) fn decode(
    item: &Item,
    now: Timestamp,
) -> Result<Option<(String, ActivityId)>, StoreError> {
    let reader = Reader::new(item, LEDGER);
    let LedgerKey::Idempotency(key) = key::ledger_key(&reader)? else {
        return Err(reader.corrupt("it is no idempotency key"));
    };
    let is_valid = reader.number::<u64>("expiresAt")? > epoch_seconds(now);
    if is_valid { Ok(Some((key, reader.number("id")?))) } else { Ok(None) }
}

/// `time` in whole seconds since 1970, as DynamoDB takes the expiry of an item (AWS: "Using time to live
/// (TTL) in DynamoDB").
pub(crate) fn epoch_seconds(time: Timestamp) -> u64 {
    time.as_millis().unsigned_abs() / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_for_its_entry_for_fourteen_days() {
        let (user, id) = (3.try_into().unwrap(), 7.try_into().unwrap());
        let now = Timestamp::from_millis(1_705_314_600_999).unwrap();
        let item = encode(user, "order#7", id, now);
        let at = |seconds: u64| {
            let millis = now.as_millis() + i64::try_from(seconds * 1_000).unwrap();
            decode(&item, Timestamp::from_millis(millis).unwrap()).unwrap()
        };
        let stands_for = Some(("order#7".to_owned(), id));
        assert_eq!(at(0), stands_for);
        assert_eq!(at(IDEMPOTENCY_KEY_SECONDS - 1), stands_for);
        assert_eq!(at(IDEMPOTENCY_KEY_SECONDS), None);
        let head = key::item(Scope::User(user), &LedgerKey::Head);
        assert!(decode(&head, now).is_err());
    }
}
