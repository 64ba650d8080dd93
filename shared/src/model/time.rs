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
/// Its text is RFC 3339 in UTC with exactly three fractional digits, as the API shows it:
/// `2024-01-15T10:30:00.000Z`.
///
/// ```
/// use activity_log::time::Timestamp;
///
/// let time: Timestamp = "2024-01-15T11:30:00.0009+01:00".parse()?;
/// assert_eq!(time.to_string(), "2024-01-15T10:30:00.000Z");
/// assert_eq!(time, Timestamp::from_millis(1_705_314_600_000)?);
/// assert!("2024-01-15".parse::<Timestamp>().is_err());
/// # Ok::<_, activity_log::time::InvalidTimestamp>(())
/// ```
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

    /// The bound that `text`, an instant of RFC 3339, is to the times in the log: the first of them
    /// that is not before it. Whatever is before or after all of them reads as the first or last.
    ///
    /// # Errors
    /// [`InvalidTimestamp`] if `text` is no such instant.
    pub fn bound(text: &str) -> Result<Self, InvalidTimestamp> {
        let (millis, later) = parse_rfc3339(text).ok_or(InvalidTimestamp)?;
        Ok(Self((millis + i64::from(later)).clamp(Self::MIN.0, Self::MAX.0)))
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
        let (millis, _) = parse_rfc3339(text).ok_or(InvalidTimestamp)?;
        Self::from_millis(millis)
    }
}

/// Reads an instant as RFC 3339, section 5.6, writes it, in whole milliseconds since 1970; and
/// whether it is a part of a millisecond later than that.
fn parse_rfc3339(text: &str) -> Option<(i64, bool)> {
    let number = |from: usize, length: usize| -> Option<i16> {
        let digits = text.get(from..from + length)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let part = |from| number(from, 2).and_then(|part| i8::try_from(part).ok());
    let is = |at: usize, wanted: &[u8]| text.as_bytes().get(at).is_some_and(|b| wanted.contains(b));

    let separated = is(4, b"-") && is(7, b"-") && is(10, b"Tt") && is(13, b":") && is(16, b":");
    let date = jiff::civil::Date::new(number(0, 4)?, part(5)?, part(8)?).ok()?;
    let second = part(17)?;
    let is_leap = second == 60;
    let second = if is_leap { 59 } else { second };
    let time = jiff::civil::Time::new(part(11)?, part(14)?, second, 0).ok()?;

    let rest = text.get(19..)?;
    let fraction = rest.strip_prefix('.').map(|rest| {
        rest.split_once(|letter: char| !letter.is_ascii_digit()).map_or(rest, |(digits, _)| digits)
    });
    if fraction == Some("") {
        return None;
    }
    let (whole, beyond) = fraction.map_or(("", ""), |digits| digits.split_at(digits.len().min(3)));
    let millis: i64 = format!("{whole:0<3}").parse().ok()?;
    let later = beyond.bytes().any(|digit| digit != b'0');

    let at = 19 + fraction.map_or(0, |digits| digits.len() + 1);
    let offset = match text.get(at..)?.as_bytes() {
        b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (number(at + 1, 2)?, number(at + 4, 2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let seconds = (i64::from(hours) * 60 + i64::from(minutes)) * 60;
            if *sign == b'+' { seconds } else { -seconds }
        }
        _ => return None,
    };
    let epoch = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);
    let seconds = date.to_datetime(time).duration_since(epoch).as_secs() - offset;
    if is_leap {
        // A leap second is the last of a month in UTC (RFC 3339, appendix D), and then counts as the
        // first of the next.
        let next = epoch.checked_add(jiff::SignedDuration::from_secs(seconds + 1)).ok()?;
        let is_first = next.time() == jiff::civil::Time::midnight() && next.day() == 1;
        return (separated && is_first).then_some(((seconds + 1) * 1_000 + millis, later));
    }
    separated.then_some((seconds * 1_000 + millis, later))
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
///
/// ```
/// use activity_log::time::{Clock, Timestamp};
///
/// let noon: Timestamp = "2026-01-15T12:00:00Z".parse()?;
/// let stopped = Clock::new(move || noon);
/// assert_eq!(stopped.now(), noon);
/// # Ok::<_, activity_log::time::InvalidTimestamp>(())
/// ```
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
            "2024-01-15T10:30Z",
            "2024-01-15T10:30:00.Z",
            "2024-01-15T10:30:00,5Z",
            "2024-01-15T10:30:60Z",
            "2024-01-15T10:59:60Z",
            "2024-01-15T23:59:60Z",
            "2016-12-31T23:59:60+05:30",
            "2016-12-31T23:59:61Z",
            "2024-02-30T10:30:00Z",
            "2024-01-15T24:00:00Z",
            "2024-01-15T10:30:00+24:00",
            "2024-01-15T10:30:00+02",
            "2024-01-15T10:30:00+0200",
            "2024-01-15T10:30:00Z ",
            "2024-01-15T10:30:00ZZ",
            "+024-01-15T10:30:00Z",
            "2024-01-15T10:3é:00Z",
            "yesterday",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(InvalidTimestamp), "{text}");
            assert_eq!(Timestamp::bound(text).is_ok(), text.starts_with("1969"), "{text}");
        }
    }

    #[test]
    fn reads_every_form_of_rfc_3339() {
        let same = "2024-01-15T10:30:00.5Z".parse::<Timestamp>().unwrap();
        for text in [
            "2024-01-15t10:30:00.500z",
            "2024-01-15T10:30:00.500000000000000000Z",
            "2024-01-15T10:30:00.5-00:00",
            "2024-01-16T10:29:00.5+23:59",
            "2024-01-14T10:31:00.5-23:59",
        ] {
            assert_eq!(text.parse(), Ok(same), "{text}");
        }
        let midnight = "2017-01-01T00:00:00Z".parse::<Timestamp>().unwrap();
        for leap in
            ["2016-12-31T23:59:60Z", "2017-01-01T05:29:60+05:30", "2016-12-31T15:59:60.0-08:00"]
        {
            assert_eq!(leap.parse(), Ok(midnight), "{leap}");
        }
    }

    #[test]
    fn a_bound_is_the_first_time_that_is_not_before_it() {
        let bound = |text| Timestamp::bound(text).unwrap().as_millis();
        assert_eq!(bound("2024-01-15T10:30:00.001Z"), 1_705_314_600_001);
        assert_eq!(bound("2024-01-15T10:30:00.0010Z"), 1_705_314_600_001);
        assert_eq!(bound("2024-01-15T10:30:00.00100000000000001Z"), 1_705_314_600_002);
        assert_eq!(bound("0000-01-01T00:00:00+23:59"), 0);
        assert_eq!(bound("9999-12-31T23:59:59-23:59"), Timestamp::MAX.as_millis());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9TtZz:.+é-]{0,40}|\\PC{0,40}") {
            let _ = Timestamp::bound(&text);
        }

        #[test]
        fn what_it_prints_it_reads(millis in 0..=Timestamp::MAX.0) {
            let timestamp = Timestamp(millis);
            proptest::prop_assert_eq!(timestamp.to_string().parse(), Ok(timestamp));
        }
    }
}
