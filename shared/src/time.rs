//! Instants with the precision of the log: whole milliseconds, UTC.
//!
//! Time is passed in, never read inside the core, so that everything which depends on it can be
//! tested without sleeping. [`Clock`] is the one place where a caller says what "now" is.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// An instant in milliseconds since 1970-01-01T00:00:00Z, from 1970 to the year 9999.
///
/// Its text form is RFC 3339 in UTC with exactly three fractional digits, as the API shows it:
/// `2024-01-15T10:30:00.000Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text or number that is no [`Timestamp`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be an RFC 3339 date and time from 1970 to 9999, such as 2024-01-15T10:30:00Z")]
pub struct InvalidTimestamp;

impl Timestamp {
    /// The earliest instant the log can hold.
    pub const MIN: Self = Self(0);
    /// The latest instant the log can hold, the last one that is in the year 9999 at every offset:
    /// 9999-12-30T22:00:00.000Z.
    pub const MAX: Self = Self(253_402_207_200_000);

    /// The instant `millis` milliseconds after 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// [`InvalidTimestamp`] outside of [`Self::MIN`] to [`Self::MAX`].
    pub fn from_millis(millis: i64) -> Result<Self, InvalidTimestamp> {
        let timestamp = Self(millis);
        if (Self::MIN..=Self::MAX).contains(&timestamp) {
            Ok(timestamp)
        } else {
            Err(InvalidTimestamp)
        }
    }

    /// The system's clock, held within the range of a timestamp.
    #[must_use]
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_millisecond().clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This instant moved later by `by`, at most to [`Self::MAX`].
    #[must_use]
    pub fn saturating_add(self, by: Duration) -> Self {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis).min(Self::MAX.0))
    }

    /// The instant one millisecond earlier, or `None` at [`Self::MIN`].
    #[must_use]
    pub fn previous(self) -> Option<Self> {
        (self > Self::MIN).then(|| Self(self.0 - 1))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = jiff::Timestamp::from_millisecond(self.0).map_err(|_| fmt::Error)?;
        write!(f, "{instant:.3}")
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    /// Reads RFC 3339 with any offset; digits beyond the millisecond are cut off.
    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        // RFC 3339 section 5.6 wants the date, a "T", the time and an offset; jiff takes more.
        let separated = text.as_bytes().get(10).is_some_and(|b| b.eq_ignore_ascii_case(&b'T'));
        if !separated || text.contains('[') {
            return Err(InvalidTimestamp);
        }
        let instant: jiff::Timestamp = text.parse().map_err(|_| InvalidTimestamp)?;
        Self::from_millis(instant.as_millisecond())
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What tells the time of an append: the system's clock, or a test's.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// A clock that asks `now` each time.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::new(Timestamp::now)
    }

    /// The time by this clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_utc_with_three_fractional_digits() {
        let timestamp = Timestamp::from_millis(1_705_314_600_000).unwrap();
        assert_eq!(timestamp.to_string(), "2024-01-15T10:30:00.000Z");
        assert_eq!(Timestamp::MIN.to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-30T22:00:00.000Z");
    }

    #[test]
    fn reads_rfc_3339_with_any_offset_and_cuts_below_the_millisecond() {
        let parse = |text: &str| text.parse::<Timestamp>().map(Timestamp::as_millis);
        assert_eq!(parse("2024-01-15T10:30:00Z"), Ok(1_705_314_600_000));
        assert_eq!(parse("2024-01-15T12:30:00.000+02:00"), Ok(1_705_314_600_000));
        assert_eq!(parse("2024-01-15T10:30:00.0019999Z"), Ok(1_705_314_600_001));
    }

    #[test]
    fn refuses_what_is_no_rfc_3339_instant() {
        for text in [
            "",
            "2024-01-15",
            "2024-01-15T10:30:00",
            "2024-01-15 10:30:00Z",
            "2024-13-15T10:30:00Z",
            "1969-12-31T23:59:59.999Z",
            "2024-01-15T10:30:00Z[UTC]",
            "yesterday",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(InvalidTimestamp), "{text}");
        }
    }
}
