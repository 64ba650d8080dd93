//! What was done to a log whose chain is broken: which entry was changed, removed, inserted or
//! moved.
//!
//! Hashes say which entry was recorded after which, wherever they stand now. So the log is read a
//! second time, for the entry that the broken one was recorded after and for those that were
//! recorded after it.

use super::inconsistency::Inconsistency;
use crate::id::{ActivityId, UserId};
use crate::store::item::attribute::Item;
use crate::store::item::entry::{self, decode_position};
use crate::store::item::hash::{EntryHash, HASH};
use crate::store::{Store, StoreError};
use crate::view::Scope;

/// The first entry of a log whose hash is not the one that follows from the entry before it.
pub(crate) struct Break {
    /// Whose log it is.
    pub(crate) user: UserId,
    /// Its number, from 1, as the log stands now.
    pub(crate) number: u64,
    /// The hash of the entry before it.
    pub(crate) previous: EntryHash,
    /// The hash that it carries.
    pub(crate) hash: EntryHash,
    /// Its id.
    pub(crate) id: ActivityId,
    /// All of it.
    pub(crate) item: Item,
}

/// What the whole log says about a break. Entries go by their numbers, as the log stands now.
#[derive(Default)]
struct Evidence {
    ids: Vec<ActivityId>,
    /// The entry that the broken one was recorded after: 0 if it was the first.
    recorded_after: Option<u64>,
    /// The entry that was recorded after the broken one.
    recorded_before: Option<u64>,
    /// Another entry with the broken one's hash.
    twin: Option<u64>,
    /// Whether an entry further on was recorded after the one before the broken one.
    is_skipped: bool,
    /// The position that the entry after the broken one has.
    next_position: Option<u64>,
}

impl Store {
    /// Says what was done to the log that is broken there.
    pub(crate) async fn diagnose(&self, broken: &Break) -> Result<Inconsistency, StoreError> {
        let user = broken.user;
        let scope = Scope::User(user);
        let head = self.head(scope).await?;
        let mut evidence = Evidence::default();
        evidence.see_start(broken);
        let mut last = None;
        loop {
            let copies = self.read_chunk(user, last).await?;
            let keys = copies.iter().map(entry::sort_key).collect::<Result<Vec<_>, _>>()?;
            let Some(newest) = keys.last() else { break };
            last = Some(*newest);
            let ids: Vec<ActivityId> = keys.iter().map(|key| key.id).collect();
            for (id, item) in ids.iter().zip(self.items(&ids).await?) {
                evidence.see(broken, *id, &item);
            }
        }
        let position = decode_position(&broken.item, scope.index())?;
        let next = evidence.next_position.unwrap_or(head.total() + 1);
        let was_newest = head.hash == Some(broken.hash);
        let (id, fault) = evidence.verdict(broken, position, next, was_newest);
        Ok(Inconsistency { subject: format!("activity {id} of user {user}"), fault })
    }
}

impl Evidence {
    /// Takes in where the log starts.
    fn see_start(&mut self, broken: &Break) {
        if broken.number > 1 && EntryHash::of(EntryHash::NONE, &broken.item) == broken.hash {
            self.recorded_after = Some(0);
        }
    }

    /// Takes in the next entry of the log.
    fn see(&mut self, broken: &Break, id: ActivityId, item: &Item) {
        self.ids.push(id);
        let number = self.ids.len() as u64;
        // One that cannot be read says nothing; the entry at fault was found without it.
        let Some(hash) = item.get(HASH).and_then(EntryHash::from_attribute) else { return };
        if number == broken.number {
            return;
        }
        if EntryHash::of(hash, &broken.item) == broken.hash {
            self.recorded_after = Some(number);
        }
        if EntryHash::of(broken.hash, item) == hash {
            self.recorded_before = Some(number);
        }
        if hash == broken.hash {
            self.twin = Some(number);
        }
        if number > broken.number && EntryHash::of(broken.previous, item) == hash {
            self.is_skipped = true;
        }
        if number == broken.number + 1 {
            self.next_position = decode_position(item, Scope::User(broken.user).index()).ok();
        }
    }

    /// Which entry is at fault, and what was done to it.
    fn verdict(
        &self,
        broken: &Break,
        position: u64,
        next_position: u64,
        was_newest: bool,
    ) -> (ActivityId, String) {
        let Break { number, id, .. } = *broken;
        let id_of = |number: u64| match usize::try_from(number - 1) {
            Ok(subscript) => self.ids.get(subscript).copied().unwrap_or(id),
            Err(_) => id,
        };
        match self.recorded_after {
            Some(elder) if elder > number => {
                let fault = format!("it was moved: it stood just before activity {id}");
                return (id_of(elder), fault);
            }
            Some(elder) if elder + 1 < number => {
                let fault = format!("it was inserted: it was not there before activity {id}");
                return (id_of(elder + 1), fault);
            }
            _ => {}
        }
        if let Some(twin) = self.twin {
            return (id, format!("it was inserted: it has the hash of activity {}", id_of(twin)));
        }
        match self.recorded_before {
            Some(younger) if younger != number + 1 => {
                let fault =
                    format!("it was moved: it stood just before activity {}", id_of(younger));
                return (id, fault);
            }
            None if was_newest && self.is_skipped => {
                return (id, "it was moved: it was the newest".to_owned());
            }
            _ => {}
        }
        if self.is_skipped {
            return (id, "it was inserted: no entry was recorded after it".to_owned());
        }
        if position > number && next_position == position + 1 {
            let gone = position - number;
            let fault = format!(
                "the {gone} before it, from position {number}, {} removed",
                if gone == 1 { "was" } else { "were" }
            );
            return (id, fault);
        }
        let fault = "it is not as it was recorded (or the entry before it is not, and was hashed \
                     anew)";
        (id, fault.to_owned())
    }
}
