//! Identifiers, and how a new activity gets one.
//!
//! ```
//! use activity_log::id::{ProjectId, UserId};
//!
//! let user: UserId = "3".parse()?;
//! assert_eq!(user, UserId::try_from(3)?);
//! assert_eq!(user.to_string(), "3");
//! assert!(ProjectId::try_from(0).is_err() && "03".parse::<ProjectId>().is_err());
//! # Ok::<_, activity_log::id::InvalidId>(())
//! ```

use std::fmt;
use std::str::FromStr;

use crate::time::Timestamp;

/// The largest identifier: 2^53 − 1, the largest integer that every JSON reader keeps exact
/// (RFC 8259, section 6).
pub const MAX_ID: u64 = (1 << 53) - 1;

/// A number or text that is no identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an integer from 1 to {MAX_ID}")]
pub struct InvalidId;

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// An integer from 1 to 2^53 − 1.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// The largest of them. The platform gives it to nobody and nothing.
            pub const MAX: Self = Self(MAX_ID);

            /// The number itself.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }
        }

        impl TryFrom<u64> for $name {
            type Error = InvalidId;

            fn try_from(number: u64) -> Result<Self, InvalidId> {
                if (1..=MAX_ID).contains(&number) { Ok(Self(number)) } else { Err(InvalidId) }
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            /// Reads decimal digits: no sign, no space, no leading zero.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse_decimal(text).and_then(Self::try_from)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let number = u64::deserialize(deserializer)?;
                Self::try_from(number).map_err(serde::de::Error::custom)
            }
        }
    };
}

identifier! {
    /// Names one activity, among those of all users.
    ActivityId
}
identifier! {
    /// Names a user of the platform: who did it, and whose log it is in.
    UserId
}
identifier! {
    /// Names a project of the platform.
    ProjectId
}
identifier! {
    /// Names an environment of the platform.
    EnvironmentId
}
identifier! {
    /// Names the resource that was acted on: its database id on the platform.
    ResourceId
}

fn parse_decimal(text: &str) -> Result<u64, InvalidId> {
    let canonical = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    if canonical { text.parse().map_err(|_| InvalidId) } else { Err(InvalidId) }
}

/// Makes activity ids: time-ordered, without coordination.
///
/// An id is 41 bits of milliseconds since 2024 and 12 random bits. Two writers can draw the same
/// one; the append's condition on a new id finds that out, and it draws again.
#[derive(Clone, Debug)]
pub struct IdSource {
    random: fastrand::Rng,
}

/// Ids that turned out to be taken while an append was tried.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Collisions {
    largest: Option<ActivityId>,
    count: u32,
}

impl Collisions {
    /// Adds an id that is taken.
    pub(crate) fn add(&mut self, taken: ActivityId) {
        self.largest = self.largest.max(Some(taken));
        self.count += 1;
    }

    /// How far beyond the clock ids may be drawn to get away from those that are taken: nothing at
    /// first, then twice as far each time.
    fn spread(self) -> u64 {
        if self.count == 0 { 0 } else { 1 << (IdSource::RANDOM_BITS + self.count.min(20)) }
    }
}

impl IdSource {
    /// 2024-01-01T00:00:00Z in milliseconds since 1970.
    const EPOCH_MILLIS: i64 = 1_704_067_200_000;
    const RANDOM_BITS: u32 = 12;

    /// A source that draws its random bits from `random`.
    #[must_use]
    pub const fn new(random: fastrand::Rng) -> Self {
        Self { random }
    }

    /// The number that ids made at `time` begin with; negative before 2024.
    pub(crate) const fn first_of(time: Timestamp) -> i64 {
        (time.as_millis() - Self::EPOCH_MILLIS) << Self::RANDOM_BITS
    }

    /// An id for an activity recorded at `now`, larger than `after` if that is given and than all
    /// that are known to be taken; `None` if there is no such id.
    pub(crate) fn draw(
        &mut self,
        now: Timestamp,
        after: Option<ActivityId>,
        collisions: Collisions,
    ) -> Option<ActivityId> {
        let first = u64::try_from(Self::first_of(now)).unwrap_or(0);
        let random = self.random.u64(..1 << Self::RANDOM_BITS);
        let drawn = (first | random).clamp(1, MAX_ID);
        let free = after.max(collisions.largest).map_or(1, |taken| taken.get() + 1);
        let number = drawn.max(free).saturating_add(self.random.u64(..=collisions.spread()));
        ActivityId::try_from(number).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn an_identifier_is_a_canonical_decimal_from_1_to_2_53_minus_1() {
        assert_eq!("1".parse::<ActivityId>().map(ActivityId::get), Ok(1));
        assert_eq!("9007199254740991".parse::<ActivityId>().map(ActivityId::get), Ok(MAX_ID));
        for text in [
            "",
            "0",
            "01",
            "-1",
            "+1",
            " 1",
            "1 ",
            "1.0",
            "1e3",
            "0x1",
            "٣",
            "9007199254740992",
            "abc",
        ] {
            assert_eq!(text.parse::<ActivityId>(), Err(InvalidId), "{text:?}");
        }
    }

    fn source() -> IdSource {
        IdSource::new(fastrand::Rng::with_seed(1))
    }

    #[test]
    fn later_activities_get_larger_ids() {
        let draw = |text| source().draw(at(text), None, Collisions::default()).unwrap();
        assert!(draw("2026-01-01T00:00:00.000Z") < draw("2026-01-01T00:00:00.001Z"));
    }

    #[test]
    fn an_id_is_larger_than_the_one_it_must_follow_even_when_the_clock_went_back() {
        let last = source().draw(at("2030-01-01T00:00:00Z"), None, Collisions::default()).unwrap();
        let next = source().draw(at("2026-01-01T00:00:00Z"), Some(last), Collisions::default());
        assert_eq!(next.unwrap().get(), last.get() + 1);
    }

    #[test]
    fn ids_that_are_taken_are_left_behind_faster_and_faster() {
        let now = at("2026-01-01T00:00:00Z");
        let mut collisions = Collisions::default();
        let first = source().draw(now, None, collisions).unwrap();
        // A source that always draws the same, and a hundred thousand ids in its way.
        let end = first.get() + 100_000;
        let mut tries = 0;
        let mut id = first;
        while id.get() < end {
            collisions.add(id);
            let next = source().draw(now, None, collisions).unwrap();
            assert!(next > id);
            id = next;
            tries += 1;
        }
        assert!(tries < 10, "{tries}");
    }

    #[test]
    fn ids_stay_exact_in_json_to_the_end_of_time() {
        let none = Collisions::default();
        assert!(source().draw(Timestamp::MAX, None, none).unwrap().get() <= MAX_ID);
        assert!(source().draw(Timestamp::MIN, None, none).unwrap().get() >= 1);
        let last = ActivityId::try_from(MAX_ID).ok();
        assert_eq!(source().draw(Timestamp::MIN, last, none), None);
    }

    proptest::proptest! {
        #[test]
        fn an_id_is_read_exactly_if_it_is_written_as_it_prints(
            text in "[0-9]{0,20}|[-+ 0-9.exé]{0,20}|\\PC{0,20}",
        ) {
            let number = text.parse().ok().filter(|number| (1..=MAX_ID).contains(number));
            let canonical = number.filter(|number: &u64| number.to_string() == text);
            let read = text.parse::<ActivityId>().ok().map(ActivityId::get);
            proptest::prop_assert_eq!(read, canonical);
        }

        #[test]
        fn every_id_is_read_back(number in 1..=MAX_ID) {
            let id = ActivityId::try_from(number).unwrap();
            proptest::prop_assert_eq!(id.to_string().parse(), Ok(id));
        }
    }
}
