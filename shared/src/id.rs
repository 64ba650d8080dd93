//! Identifiers, and how a new activity gets one.

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
#[derive(Debug)]
pub struct IdSource {
    random: fastrand::Rng,
}

impl IdSource {
    /// 2024-01-01T00:00:00Z in milliseconds since 1970.
    const EPOCH_MILLIS: i64 = 1_704_067_200_000;
    const RANDOM_BITS: u32 = 12;
    /// How far a batch whose ids follow each other may run ahead of the clock.
    const MAX_AHEAD_MILLIS: u64 = 1_000;

    /// A source that draws its random bits from `random`.
    #[must_use]
    pub fn new(random: fastrand::Rng) -> Self {
        Self { random }
    }

    /// An id for an activity recorded at `now`, larger than `after` if that is given; `None` if
    /// there is no such id. If `previous`, the id given out before, is of this time as well, the new
    /// one is larger than that, too: what is drawn for one batch does not collide with itself.
    pub fn next(
        &mut self,
        now: Timestamp,
        after: Option<ActivityId>,
        previous: Option<ActivityId>,
    ) -> Option<ActivityId> {
        let millis = u64::try_from(now.as_millis() - Self::EPOCH_MILLIS).unwrap_or(0);
        let random = self.random.u64(..1 << Self::RANDOM_BITS);
        let drawn = ((millis << Self::RANDOM_BITS) | random).clamp(1, MAX_ID);
        let previous = previous.filter(|previous| {
            let ahead = (previous.get() >> Self::RANDOM_BITS).checked_sub(millis);
            ahead.is_some_and(|ahead| ahead < Self::MAX_AHEAD_MILLIS)
        });
        let number = match after.max(previous) {
            Some(after) if drawn <= after.get() => after.get() + 1,
            _ => drawn,
        };
        ActivityId::try_from(number).ok()
    }

    /// A random number below `bound`, for jitter; 0 if `bound` is 0.
    pub(crate) fn jitter(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.random.u64(..bound) }
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

    #[test]
    fn later_activities_get_larger_ids() {
        let mut ids = IdSource::new(fastrand::Rng::with_seed(1));
        let first = ids.next(at("2026-01-01T00:00:00.000Z"), None, None).unwrap();
        let second = ids.next(at("2026-01-01T00:00:00.001Z"), None, None).unwrap();
        assert!(first < second);
    }

    #[test]
    fn an_id_is_larger_than_the_one_it_must_follow_even_when_the_clock_went_back() {
        let mut ids = IdSource::new(fastrand::Rng::with_seed(1));
        let last = ids.next(at("2030-01-01T00:00:00Z"), None, None).unwrap();
        let next = ids.next(at("2026-01-01T00:00:00Z"), Some(last), None).unwrap();
        assert_eq!(next.get(), last.get() + 1);
    }

    #[test]
    fn ids_of_the_same_millisecond_follow_the_one_before_and_later_ones_are_free_of_it() {
        let mut ids = IdSource::new(fastrand::Rng::with_seed(1));
        let now = at("2026-01-01T00:00:00Z");
        let mut previous = None;
        for _ in 0..3_000 {
            let next = ids.next(now, None, previous);
            assert!(next > previous);
            previous = next;
        }
        let imported = ActivityId::try_from(MAX_ID).ok();
        assert!(ids.next(now, None, imported).is_some());
    }

    #[test]
    fn ids_stay_exact_in_json_to_the_end_of_time() {
        let mut ids = IdSource::new(fastrand::Rng::with_seed(1));
        assert!(ids.next(Timestamp::MAX, None, None).unwrap().get() <= MAX_ID);
        assert!(ids.next(Timestamp::MIN, None, None).unwrap().get() >= 1);
        let last = ActivityId::try_from(MAX_ID).unwrap();
        assert_eq!(ids.next(Timestamp::MIN, Some(last), None), None);
    }
}
