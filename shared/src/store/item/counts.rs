//! Counts by code: how many entries of each pair of resource type and action a span of a scope has.

use super::packed::{Packer, Unpacker, Unreadable};

/// What stands for a pair of resource type and action: its place in the dictionary of the scope's
/// head.
pub(crate) type Code = u32;

/// Which codes of a scope a filter selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Codes(Vec<bool>);

impl Codes {
    /// The codes of a dictionary, one after another, for which `selected` says so.
    pub(crate) fn new(selected: impl Iterator<Item = bool>) -> Self {
        Self(selected.collect())
    }

    /// Whether `code` is selected. One that the dictionary does not have is not.
    pub(crate) fn has(&self, code: Code) -> bool {
        self.0.get(code as usize).copied().unwrap_or(false)
    }

    /// Whether all codes of the dictionary are selected.
    pub(crate) fn is_all(&self) -> bool {
        self.0.iter().all(|selected| *selected)
    }
}

/// Counts of the codes that occur, in the order of the codes; none is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts(Vec<(Code, u64)>);

/// How many of the low bits of a packed pair hold a small count.
const SMALL_BITS: u32 = 5;

impl Counts {
    /// Counts `count` more of `code`.
    pub(crate) fn add(&mut self, code: Code, count: u64) {
        match self.0.binary_search_by_key(&code, |(known, _)| *known) {
            Ok(found) => self.0[found].1 += count,
            Err(place) if count > 0 => self.0.insert(place, (code, count)),
            Err(_) => {}
        }
    }

    /// Counts what `other` counts, too.
    pub(crate) fn add_all(&mut self, other: &Self) {
        for (code, count) in &other.0 {
            self.add(*code, *count);
        }
    }

    /// The counts without those of `other`, which are a part of them.
    pub(crate) fn without(mut self, other: &Self) -> Self {
        for (code, count) in &other.0 {
            if let Ok(found) = self.0.binary_search_by_key(code, |(known, _)| *known) {
                self.0[found].1 = self.0[found].1.saturating_sub(*count);
            }
        }
        self.0.retain(|(_, count)| *count > 0);
        self
    }

    /// Each code that occurs, with how many there are of it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Code, u64)> {
        self.0.iter().copied()
    }

    /// How many there are of the selected codes.
    pub(crate) fn selected(&self, codes: &Codes) -> u64 {
        self.0.iter().filter(|(code, _)| codes.has(*code)).map(|(_, count)| count).sum()
    }

    /// How many there are in all.
    pub(crate) fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// Adds them to a packed value: how many codes there are, then each by its distance from the
    /// one before, with its count in the low five bits if that fits, else with 0 there and the
    /// count after it.
    ///
    /// In a block of 64 entries nearly every count fits, so that nearly every code takes a byte.
    pub(crate) fn pack(&self, packer: &mut Packer) {
        packer.number(self.0.len() as u64);
        let mut next = 0;
        for (code, count) in &self.0 {
            let distance = u64::from(code - next) << SMALL_BITS;
            if *count < 1 << SMALL_BITS {
                packer.number(distance | count);
            } else {
                packer.number(distance);
                packer.number(*count);
            }
            next = code + 1;
        }
    }

    /// Reads them from a packed value.
    pub(crate) fn unpack(packed: &mut Unpacker<'_>) -> Result<Self, Unreadable> {
        const REASON: Unreadable = Unreadable::Invalid("it has an invalid count");
        let length = packed.length()?;
        let mut counts = Vec::with_capacity(length);
        let mut next: Code = 0;
        let mut total = 0_u64;
        for _ in 0..length {
            let number = packed.number()?;
            let distance = Code::try_from(number >> SMALL_BITS).map_err(|_| REASON)?;
            let count = match number & ((1 << SMALL_BITS) - 1) {
                0 => packed.number()?,
                small => small,
            };
            let code = next.checked_add(distance).filter(|code| *code < Code::MAX);
            let code = code.filter(|_| count > 0).ok_or(REASON)?;
            total = total.checked_add(count).ok_or(REASON)?;
            next = code + 1;
            counts.push((code, count));
        }
        Ok(Self(counts))
    }
}

impl FromIterator<Code> for Counts {
    fn from_iter<T: IntoIterator<Item = Code>>(codes: T) -> Self {
        let mut counts = Self::default();
        for code in codes {
            counts.add(code, 1);
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(counts: &Counts) -> Vec<u8> {
        let mut packer = Packer::new(1);
        counts.pack(&mut packer);
        packer.finish()
    }

    #[test]
    fn counts_are_added_taken_away_and_selected() {
        let counts: Counts = [3, 0, 3, 7, 3].into_iter().collect();
        assert_eq!(counts, Counts(vec![(0, 1), (3, 3), (7, 1)]));
        assert_eq!(counts.total(), 5);
        let codes = Codes::new((0..8).map(|code| code != 3));
        assert_eq!(counts.selected(&codes), 2);
        assert!(!codes.is_all() && !codes.has(3) && codes.has(7) && !codes.has(8));
        let mut sum = counts.clone();
        sum.add_all(&[3, 4].into_iter().collect());
        assert_eq!(sum.clone().without(&counts), [3, 4].into_iter().collect());
        assert_eq!(sum.clone().without(&sum), Counts::default());
    }

    #[test]
    fn small_counts_of_near_codes_take_a_byte() {
        let counts = Counts(vec![(0, 31), (4, 1), (5, 32)]);
        assert_eq!(packed(&counts), [1, 3, 31, 0b0110_0001, 0, 32]);
    }

    #[test]
    fn what_cannot_be_counted_is_refused() {
        for (bytes, reason) in [
            (&[1, 1][..], Unreadable::Short),
            (&[1, 1, 0, 0], Unreadable::Invalid("it has an invalid count")),
            (&[1, 200, 1, 1], Unreadable::Short),
        ] {
            let unpacked = Counts::unpack(&mut Unpacker::new(bytes, 1).unwrap());
            assert_eq!(unpacked, Err(reason), "{bytes:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_packed_is_unpacked(
            counts: std::collections::BTreeMap<u16, std::num::NonZeroU32>,
        ) {
            let counts = counts.into_iter().map(|(code, count)| (code.into(), count.get().into()));
            let counts = Counts(counts.collect());
            let bytes = packed(&counts);
            let mut unpacker = Unpacker::new(&bytes, 1).unwrap();
            proptest::prop_assert_eq!(Counts::unpack(&mut unpacker), Ok(counts));
            proptest::prop_assert_eq!(unpacker.finish(), Ok(()));
        }
    }
}
