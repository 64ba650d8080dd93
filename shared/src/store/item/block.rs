//! Blocks: 64 consecutive entries of a scope, packed, written once by the append that fills them.

use super::FANOUT;
use super::counts::{Code, Codes, Counts};
use super::entry::SortKey;
use super::packed::{Packer, Unpacker, Unreadable};
use crate::id::{ActivityId, IdSource};
use crate::time::Timestamp;

/// The version of blocks that this code writes and reads.
const VERSION: u8 = 1;

/// What the ledger keeps of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Its pair of resource type and action.
    pub(crate) code: Code,
    /// Where it stands in time.
    pub(crate) at: SortKey,
}

/// The marks of the entries of a block, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block(Vec<Mark>);

impl Block {
    /// The block of `marks`; or the marks, if they are not as many as a block has.
    pub(crate) fn new(marks: Vec<Mark>) -> Result<Self, Vec<Mark>> {
        if marks.len() as u64 == FANOUT { Ok(Self(marks)) } else { Err(marks) }
    }

    /// Its marks, oldest first.
    pub(crate) fn marks(&self) -> &[Mark] {
        &self.0
    }

    /// What it counts.
    pub(crate) fn counts(&self) -> Counts {
        self.0.iter().map(|mark| mark.code).collect()
    }

    /// How many of its entries are selected.
    pub(crate) fn selected(&self, codes: &Codes) -> u64 {
        self.0.iter().filter(|mark| codes.has(mark.code)).count() as u64
    }

    /// As it is stored.
    pub(crate) fn pack(&self) -> Vec<u8> {
        let mut packer = Packer::new(VERSION);
        pack_marks(&mut packer, &self.0);
        packer.finish()
    }

    /// From what is stored.
    pub(crate) fn unpack(bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut packed = Unpacker::new(bytes, VERSION)?;
        let marks = unpack_marks(&mut packed, FANOUT)?;
        packed.finish()?;
        Ok(Self(marks))
    }
}

/// Adds marks to a packed value, each as its code, its time, and its id. A time is in milliseconds
/// since 1970, or, from the second mark on, since the one before it. An id is told by its distance
/// from the first id of its millisecond, which an id made at that time is close to.
pub(super) fn pack_marks(packer: &mut Packer, marks: &[Mark]) {
    let mut previous = 0;
    for Mark { code, at } in marks {
        let millis = at.created_at.as_millis();
        packer.number((*code).into());
        packer.number((millis - previous).unsigned_abs());
        packer.signed(at.id.get().cast_signed() - IdSource::first_of(at.created_at));
        previous = millis;
    }
}

/// Reads `count` marks from a packed value. They must be in order.
pub(super) fn unpack_marks(packed: &mut Unpacker<'_>, count: u64) -> Result<Vec<Mark>, Unreadable> {
    let mut marks: Vec<Mark> = Vec::with_capacity(usize::try_from(count.min(FANOUT)).unwrap_or(0));
    let mut millis = 0;
    for _ in 0..count {
        let code = packed.number()?;
        let code = Code::try_from(code).map_err(|_| Unreadable::Invalid("it has a false code"))?;
        millis = i64::try_from(packed.number()?)
            .ok()
            .and_then(|passed| passed.checked_add(millis))
            .ok_or(Unreadable::Invalid("it has a false time"))?;
        let created_at = Timestamp::from_millis(millis)
            .map_err(|_| Unreadable::Invalid("it has a time out of range"))?;
        let id = packed.signed()?.checked_add(IdSource::first_of(created_at));
        let id = id.and_then(|id| ActivityId::try_from(u64::try_from(id).ok()?).ok());
        let id = id.ok_or(Unreadable::Invalid("it has an id out of range"))?;
        let at = SortKey { created_at, id };
        if marks.last().is_some_and(|earlier| earlier.at >= at) {
            return Err(Unreadable::Invalid("its entries are not in order"));
        }
        marks.push(Mark { code, at });
    }
    Ok(marks)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A mark with this code, at this time, with this id.
    pub(crate) fn mark(code: Code, millis: i64, id: u64) -> Mark {
        let created_at = Timestamp::from_millis(millis).unwrap();
        Mark { code, at: SortKey { created_at, id: id.try_into().unwrap() } }
    }

    #[test]
    fn a_block_is_half_a_kilobyte_and_read_back() {
        let start = 1_767_225_600_000_i64;
        let mut random = fastrand::Rng::with_seed(1);
        let marks: Vec<Mark> = (0..64)
            .map(|number| {
                let millis = start + number * 60_000;
                let id = IdSource::first_of(Timestamp::from_millis(millis).unwrap());
                mark(random.u32(..25), millis, id.unsigned_abs() + random.u64(..4_096))
            })
            .collect();
        let block = Block::new(marks.clone()).unwrap();
        let packed = block.pack();
        assert!((300..480).contains(&packed.len()), "{}", packed.len());
        assert_eq!(Block::unpack(&packed), Ok(block));
        assert!(Block::new(marks[1..].to_vec()).is_err());
    }

    #[test]
    fn ids_and_times_of_all_kinds_are_read_back() {
        let last = Timestamp::MAX.as_millis();
        let mut marks = vec![
            mark(0, 0, 1),
            mark(u32::MAX, 0, crate::id::MAX_ID),
            mark(1, 1_704_067_200_000, 1),
            mark(2, 1_767_225_600_000, 7),
            mark(2, 1_767_225_600_000, crate::id::MAX_ID),
        ];
        marks.extend((0..59).map(|number| mark(0, last, number + 1)));
        let block = Block::new(marks).unwrap();
        assert_eq!(Block::unpack(&block.pack()), Ok(block));
    }

    #[test]
    fn entries_out_of_order_are_refused() {
        let mut marks: Vec<Mark> = (0..64).map(|number| mark(0, 5, number + 1)).collect();
        marks.swap(3, 4);
        let packed = Block::new(marks).unwrap().pack();
        let refused = Unreadable::Invalid("its entries are not in order");
        assert_eq!(Block::unpack(&packed), Err(refused));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = Block::unpack(&bytes);
            let _ = Block::unpack(&[&[VERSION], &bytes[..]].concat());
        }
    }
}
