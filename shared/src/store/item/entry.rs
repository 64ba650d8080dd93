//! An activity as it is stored: the entry of the Activities table and of its three indexes.

use std::net::IpAddr;
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;

use super::attribute::{Item, number, string};
use super::hash::{EntryHash, HASH, HASH_PREFIX, HashPrefix};
use super::index::{INDEXES, Index};
use super::key::ACTIVITIES;
use super::reader::Reader;
use crate::activity::{Activity, Altered, Details, FIELDS, Metadata, Source, Value};
use crate::id::ActivityId;
use crate::store::error::StoreError;
use crate::time::Timestamp;
use crate::view::Scope;

/// The version of entries that this code writes and reads.
const VERSION: u64 = 1;

/// The attribute that holds it; short, because it is stored up to four times with every entry.
const VERSION_ATTRIBUTE: &str = "v";

/// Where an entry stands in time: the sort key of every index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SortKey {
    /// When the activity was done.
    pub created_at: Timestamp,
    /// Its id, which tells apart those of the same millisecond.
    pub id: ActivityId,
}

impl SortKey {
    /// Where `activity` stands.
    #[must_use]
    pub const fn of(activity: &Activity) -> Self {
        Self { created_at: activity.created_at, id: activity.id }
    }
}

/// The position of an entry in its scopes, by [`Scope::kind`]: 1, 2, 3, … without gaps.
pub(crate) type Positions = [Option<u64>; INDEXES.len()];

/// An activity with its place in the log.
#[derive(Clone, Debug, PartialEq, Hash)]
pub(crate) struct Entry {
    /// The activity.
    pub(crate) activity: Activity,
    /// Its position in each scope that it is in.
    pub(crate) positions: Positions,
    /// What ties it to the user's entry before it.
    pub(crate) hash: EntryHash,
}

impl Entry {
    /// The entry of `activity` that comes after the user's entry with the hash `previous`.
    pub(crate) fn after(previous: EntryHash, activity: Activity, positions: Positions) -> Self {
        let mut entry = Self { activity, positions, hash: EntryHash::NONE };
        entry.hash = EntryHash::of(previous, &encode(&entry));
        entry
    }

    /// Where it stands in time.
    pub(crate) const fn sort_key(&self) -> SortKey {
        SortKey::of(&self.activity)
    }

    /// The scopes that it is in.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = Scope> {
        let Activity { user_id, details, .. } = &self.activity;
        Scope::of(*user_id, details.project_id, details.environment_id)
    }
}

/// Whether `copy`, of `index`, has of `item` what that index holds.
pub(crate) fn is_copy(copy: &Item, item: &Item, index: &Index) -> bool {
    item.iter().filter(|(name, _)| index.has(name)).count() == copy.len()
        && copy.iter().all(|(name, value)| index.has(name) && item.get(name) == Some(value))
}

/// An entry as a list has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// Its position in the list's scope.
    pub(crate) position: u64,
    /// The first bytes of its hash.
    pub(crate) hash: HashPrefix,
    /// Without what the index does not hold.
    pub(crate) activity: Activity,
}

/// How many of [`ROWS`] are of the client; they are the first.
const OF_CLIENT: usize = {
    let (mut count, mut at) = (0, 0);
    while at < FIELDS.len() {
        count += FIELDS[at].is_of_client as usize;
        at += 1;
    }
    count
};

/// How many attributes a row has: its fields and six others.
const ROW: usize = FIELDS.len() + 6;

/// The attributes of the rows of a list, by [`Scope::kind`].
static ROWS: [[&str; ROW]; INDEXES.len()] =
    [row(INDEXES[0].position), row(INDEXES[1].position), row(INDEXES[2].position)];

const fn row(position: &'static str) -> [&'static str; ROW] {
    let others = [VERSION_ATTRIBUTE, "id", "userId", "createdAt", HASH_PREFIX, position];
    let mut names = [""; ROW];
    let mut at = 0;
    while at < ROW {
        // The fields of the client are the last.
        names[at] = if at < FIELDS.len() {
            FIELDS[FIELDS.len() - 1 - at].name
        } else {
            others[at - FIELDS.len()]
        };
        at += 1;
    }
    names
}

/// The attributes that [`decode_row`] needs of an entry in a list of `scope`: of a whole one, or of one
/// without what is known of the client. An entry's hash and its other positions are not among them:
/// they would be a quarter of what is read, and only to be thrown away.
pub(crate) fn row_attributes(scope: Scope, is_whole: bool) -> &'static [&'static str] {
    let row = &ROWS[scope.kind()];
    if is_whole { row } else { &row[OF_CLIENT..] }
}

/// The name of an attribute of entries, as a text that is there already; `None` for other names.
pub(crate) fn known_name(name: &str) -> Option<&'static str> {
    let positions = INDEXES.iter().map(|index| index.position);
    let mut names = ROWS[0].into_iter().chain(positions).chain([HASH]);
    names.find(|known| *known == name)
}

/// The item of `entry`. What the activity does not have, the item does not have.
pub(crate) fn encode(entry: &Entry) -> Item {
    let Activity { id, user_id, created_at, details } = &entry.activity;
    let mut item = Item::with_capacity(20);
    let mut put = |name: &'static str, value| {
        if let Some(value) = value {
            item.insert(name, value);
        }
    };
    put(VERSION_ATTRIBUTE, Some(number(VERSION)));
    put("id", Some(number(id)));
    put("userId", Some(number(user_id)));
    put("createdAt", Some(number(created_at.as_millis())));
    for field in &FIELDS {
        put(field.name, field.of(details).map(encode_value));
    }
    for (index, position) in INDEXES.iter().zip(entry.positions) {
        put(index.position, position.map(number));
    }
    put(HASH, Some(entry.hash.to_attribute()));
    put(HASH_PREFIX, Some(entry.hash.prefix().to_attribute()));
    item
}

fn encode_value(value: Value<'_>) -> AttributeValue {
    match value {
        Value::Id(id) => number(id),
        Value::Text(text) => string(text),
        Value::Metadata(metadata) => string(metadata.as_text()),
        Value::Address(address) => string(address.to_string()),
        Value::Time(time) => number(time.as_millis()),
        Value::Altered(altered) => string(serde_json::json!(altered).to_string()),
    }
}

/// The entry of an item of the table.
pub(crate) fn decode(item: &Item) -> Result<Entry, StoreError> {
    let reader = Reader::new(item, ACTIVITIES);
    let activity = decode_activity(&reader)?;
    let mut positions = Positions::default();
    for (index, position) in INDEXES.iter().zip(&mut positions) {
        *position = reader.optional_number(index.position)?;
    }
    let hash = reader.hash(HASH)?;
    reader.hash_prefix()?;
    Ok(Entry { activity, positions, hash })
}

/// Where an item of the table, or of an index, stands in time.
pub(crate) fn sort_key(item: &Item) -> Result<SortKey, StoreError> {
    decode_sort_key(&Reader::new(item, ACTIVITIES))
}

fn decode_sort_key(reader: &Reader<'_>) -> Result<SortKey, StoreError> {
    let created_at = decode_time(reader, "createdAt")?;
    let created_at = created_at.ok_or_else(|| reader.corrupt("createdAt is missing"))?;
    Ok(SortKey { created_at, id: reader.number("id")? })
}

/// The position of an item of `index`, or of the table, in the scope of that index.
pub(crate) fn decode_position(item: &Item, index: &Index) -> Result<u64, StoreError> {
    let reader = Reader::new(item, ACTIVITIES);
    match reader.number(index.position)? {
        0 => Err(reader.corrupt(format!("{} is 0", index.position))),
        position => Ok(position),
    }
}

/// The row of an item of `index`, or of the table as a list of that index's scope has it.
pub(crate) fn decode_row(item: &Item, index: &Index) -> Result<Row, StoreError> {
    let position = decode_position(item, index)?;
    let reader = Reader::new(item, ACTIVITIES);
    Ok(Row { position, hash: reader.hash_prefix()?, activity: decode_activity(&reader)? })
}

fn decode_activity(reader: &Reader<'_>) -> Result<Activity, StoreError> {
    match reader.number(VERSION_ATTRIBUTE)? {
        VERSION => {}
        other => return Err(reader.corrupt(format!("it has the unknown version {other}"))),
    }
    let SortKey { created_at, id } = decode_sort_key(reader)?;
    let user_id = reader.number("userId")?;
    let details = Details::read(&mut Fields(reader))?;
    Ok(Activity { id, user_id, created_at, details })
}

/// The fields of an entry, read from its attributes.
struct Fields<'a>(&'a Reader<'a>);

impl Source for Fields<'_> {
    type Error = StoreError;

    fn id<T: TryFrom<u64> + FromStr>(&mut self, name: &str) -> Result<Option<T>, StoreError> {
        self.0.optional_number(name)
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, StoreError> {
        Ok(self.0.optional_string(name)?.map(str::to_owned))
    }

    fn action(&mut self, name: &'static str) -> Result<String, StoreError> {
        self.0.string(name).map(str::to_owned)
    }

    fn metadata(&mut self, name: &str) -> Result<Option<Metadata>, StoreError> {
        let text = self.0.optional_string(name)?;
        let metadata = text.map(|text| Metadata::from_text(text.to_owned())).transpose();
        metadata.map_err(|reason| self.0.corrupt(format!("{name} {reason}")))
    }

    fn address(&mut self, name: &str) -> Result<Option<IpAddr>, StoreError> {
        let address = self.0.optional_string(name)?.map(str::parse).transpose();
        address.map_err(|_| self.0.corrupt(format!("{name} is not an IP address")))
    }

    fn time(&mut self, name: &str) -> Result<Option<Timestamp>, StoreError> {
        decode_time(self.0, name)
    }

    fn altered(&mut self, name: &str) -> Result<Altered, StoreError> {
        let altered = self.0.optional_string(name)?.map(serde_json::from_str).transpose();
        let altered =
            altered.map_err(|_| self.0.corrupt(format!("{name} is not an object of texts")))?;
        Ok(altered.unwrap_or_default())
    }
}

fn decode_time(reader: &Reader<'_>, name: &str) -> Result<Option<Timestamp>, StoreError> {
    let Some(millis) = reader.optional_number::<u64>(name)? else { return Ok(None) };
    let time = i64::try_from(millis).ok().and_then(|millis| Timestamp::from_millis(millis).ok());
    let out_of_range = || reader.corrupt(format!("{name} is out of range: {millis}"));
    time.map(Some).ok_or_else(out_of_range)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::tests::whole;

    fn entry() -> Entry {
        let activity = Activity {
            id: 1.try_into().unwrap(),
            user_id: 3.try_into().unwrap(),
            created_at: "2024-01-15T10:30:00Z".parse().unwrap(),
            details: whole(),
        };
        Entry::after(EntryHash::NONE, activity, [Some(1), Some(2), Some(3)])
    }

    #[test]
    fn an_entry_is_read_back_as_it_was_written() {
        let full = entry();
        assert_eq!(decode(&encode(&full)).unwrap(), full);
        let mut bare = entry();
        bare.activity.details = Details { action: "sync".into(), ..Details::default() };
        bare.positions = [Some(1), None, None];
        assert_eq!(encode(&bare).len(), 8);
        assert_eq!(decode(&encode(&bare)).unwrap(), bare);
    }

    #[test]
    fn a_row_has_the_position_of_its_index() {
        for (index, position) in INDEXES.iter().zip(1..) {
            let row = decode_row(&encode(&entry()), index).unwrap();
            let hash = entry().hash.prefix();
            assert_eq!(row, Row { position, hash, activity: entry().activity });
        }
    }

    /// The attributes of `item` with names that are wanted.
    fn kept(item: &Item, is_wanted: impl Fn(&str) -> bool) -> Item {
        let kept = item.iter().filter(|(name, _)| is_wanted(name));
        kept.map(|(name, value)| (name.to_owned(), value.clone())).collect()
    }

    #[test]
    fn a_row_needs_no_more_than_its_attributes() {
        let whole = whole();
        for scope in entry().scopes() {
            for is_whole in [true, false] {
                let attributes = row_attributes(scope, is_whole);
                let item = kept(&encode(&entry()), |name| attributes.contains(&name));
                assert_eq!(item.len(), attributes.len());
                let shown = decode_row(&item, scope.index()).unwrap().activity;
                for field in &FIELDS {
                    let is_shown = is_whole || !field.is_of_client;
                    let value = field.of(&whole).filter(|_| is_shown);
                    assert_eq!(field.of(&shown.details), value, "{}", field.name);
                }
                let of_index = |name: &&&str| scope.index().has(name);
                let is_all_there = attributes.iter().filter(of_index).count() == attributes.len();
                assert_eq!(is_all_there, !is_whole || scope.index().is_whole());
            }
        }
    }

    #[test]
    fn an_undecodable_attribute_is_an_error_that_names_it_and_the_entry() {
        let number = |text: &str| AttributeValue::N(text.into());
        let text = |text: &str| AttributeValue::S(text.into());
        let faults = [
            ("userId", number("0")),
            ("projectId", number("1.5")),
            ("createdAt", number("253402300800000")),
            ("createdAt", text("2024")),
            ("occurredAt", number("253402300800000")),
            ("action", AttributeValue::Bool(true)),
            ("metadata", text("[]")),
            ("ipAddress", text("localhost")),
            ("altered", text("[]")),
            ("u", number("-1")),
            ("hash", text("0")),
            ("hash", EntryHash::NONE.to_attribute()),
            ("h", text("0")),
            ("h", EntryHash::NONE.prefix().to_attribute()),
            ("v", text("1")),
        ];
        for (name, value) in faults {
            let mut item = encode(&entry());
            item.insert(name.to_owned(), value);
            let message = decode(&item).unwrap_err().to_string();
            assert!(message.contains("id 1") && message.contains(name), "{message}");
        }
        for name in ["userId", "action", "createdAt", "hash", "h", "v"] {
            let item = kept(&encode(&entry()), |own| own != name);
            assert!(decode(&item).unwrap_err().to_string().contains(name), "{name}");
        }
        let mut future = encode(&entry());
        future.insert("v".to_owned(), number("2"));
        let message = decode(&future).unwrap_err().to_string();
        assert!(message.contains("id 1") && message.contains("unknown version 2"), "{message}");
        let mut nowhere = encode(&entry());
        nowhere.insert("p".to_owned(), number("0"));
        assert!(decode_row(&nowhere, &INDEXES[1]).unwrap_err().to_string().contains("p is 0"));
        let mut unlike = encode(&entry());
        unlike.insert("h".to_owned(), EntryHash::NONE.prefix().to_attribute());
        let message = decode_row(&unlike, &INDEXES[0]).unwrap_err().to_string();
        assert!(message.contains("hash does not begin with h"), "{message}");
    }
}
