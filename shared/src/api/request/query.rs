//! The query string, read strictly: every parameter known, named once, and decodable.

use std::ops::RangeInclusive;

use percent_encoding::percent_decode_str;

use super::cursor::CURSOR_LENGTH;
use crate::api::ApiError;
use crate::time::Timestamp;

/// The longest query string that is read, in bytes, without its cursor: so each page of a list that can
/// be asked for can lead to the next. API Gateway takes a request line and headers of 10,240 bytes in all.
pub(crate) const MAX_LENGTH: usize = 8_192;

/// The same with a cursor.
pub(crate) const MAX_LENGTH_WITH_CURSOR: usize = MAX_LENGTH + "&cursor=".len() + CURSOR_LENGTH;

/// A parameter that means nothing: jQuery and its like put the time there, so that no cache answers.
const IGNORED: &str = "_";

/// The parameters of a query string, decoded (WHATWG URL, `application/x-www-form-urlencoded`).
/// An empty value counts as absent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    given: Vec<(String, String)>,
    /// The names that were read.
    known: Vec<&'static str>,
}

impl Query {
    /// Reads `query`. When all its parameters are read, [`Self::finish`] finds those that are unknown.
    ///
    /// # Errors
    /// [`ApiError::InvalidParameter`] for a name that stands twice, or a value that is not
    /// percent-encoded UTF-8; [`ApiError::QueryTooLong`].
    pub(crate) fn parse(query: Option<&str>) -> Result<Self, ApiError> {
        let query = query.unwrap_or_default();
        let has_cursor = query.split('&').any(|pair| pair.starts_with("cursor="));
        if query.len() > if has_cursor { MAX_LENGTH_WITH_CURSOR } else { MAX_LENGTH } {
            return Err(ApiError::QueryTooLong);
        }
        let mut given: Vec<(String, String)> = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).ok_or_else(|| invalid(name, "is not percent-encoded UTF-8"))?;
            if name == IGNORED {
                continue;
            }
            if given.iter().any(|(earlier, _)| *earlier == name) {
                return Err(invalid(&name, "is given more than once"));
            }
            let value =
                decode(value).ok_or_else(|| invalid(&name, "is not percent-encoded UTF-8"))?;
            given.push((name, value));
        }
        Ok(Self { given, known: Vec::new() })
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`ApiError::InvalidParameter`] for a parameter that nobody has read.
    pub(crate) fn finish(&self) -> Result<(), ApiError> {
        match self.given.iter().find(|(name, _)| !self.known.contains(&name.as_str())) {
            None => Ok(()),
            Some((name, _)) => {
                let known = self.known.join(", ");
                Err(invalid(name, &format!("is unknown; known are {known}")))
            }
        }
    }

    /// The value of a parameter, unless it is empty.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        let (_, value) =
            self.given.iter().find(|(given, value)| given == name && !value.is_empty())?;
        Some(value.clone())
    }

    /// All parameters that are not empty, in the order they were given.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let given = self.given.iter().filter(|(_, value)| !value.is_empty());
        given.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A parameter that is one of `choices`.
    ///
    /// # Errors
    /// [`ApiError::InvalidParameter`] if it is something else.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        name: &'static str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, ApiError> {
        let given = self.text(name);
        given.map(|given| choose(name, &given, choices)).transpose()
    }

    /// A parameter that is one of `choices`, or several with commas; empty ones are ignored.
    ///
    /// # Errors
    /// [`ApiError::InvalidParameter`] if one is something else.
    pub(crate) fn choices<T: Copy>(
        &mut self,
        name: &'static str,
        choices: &[(&str, T)],
    ) -> Result<Vec<T>, ApiError> {
        self.values(name).iter().map(|given| choose(name, given, choices)).collect()
    }

    /// A parameter that is one value, or several with commas; empty ones are ignored.
    pub(crate) fn values(&mut self, name: &'static str) -> Vec<String> {
        let given = self.text(name).unwrap_or_default();
        given.split(',').filter(|one| !one.is_empty()).map(str::to_owned).collect()
    }

    /// A parameter that is an instant, as a bound of the times in the log.
    ///
    /// # Errors
    /// [`ApiError::InvalidParameter`] if it is not written as RFC 3339 says.
    pub(crate) fn time(&mut self, name: &'static str) -> Result<Option<Timestamp>, ApiError> {
        const REASON: &str = "must be an RFC 3339 date and time such as 2024-01-15T10:30:00Z, \
                              with + written as %2B";
        let bound = self.text(name).as_deref().map(Timestamp::bound);
        bound.transpose().map_err(|_| invalid(name, REASON))
    }

    /// A parameter that is a number of `range`, written in decimal digits. One too large for 64 bits
    /// reads as the largest.
    ///
    /// # Errors
    /// [`ApiError::InvalidParameter`] if it is something else.
    pub(crate) fn number(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = if digits { Some(text.parse().unwrap_or(u64::MAX)) } else { None };
        match (number.filter(|number| range.contains(number)), range.into_inner()) {
            (Some(number), _) => Ok(Some(number)),
            (None, (min, u64::MAX)) => {
                Err(invalid(name, &format!("must be an integer from {min}")))
            }
            (None, (min, max)) => {
                Err(invalid(name, &format!("must be an integer from {min} to {max}")))
            }
        }
    }
}

/// Which of `choices` it is that was `given`.
fn choose<T: Copy>(name: &str, given: &str, choices: &[(&str, T)]) -> Result<T, ApiError> {
    let chosen = choices.iter().find(|(choice, _)| *choice == given);
    chosen.map(|(_, value)| *value).ok_or_else(|| {
        let choices: Vec<_> = choices.iter().map(|(choice, _)| *choice).collect();
        invalid(name, &format!("must be {}", choices.join(" or ")))
    })
}

pub(crate) fn invalid(name: &str, reason: &str) -> ApiError {
    // What is echoed is bounded; the caller knows the rest.
    let name = name.chars().take(64).collect();
    ApiError::InvalidParameter { name, reason: reason.to_owned() }
}

/// Decodes once; `None` if a percent sign is not followed by two hexadecimal digits, or the bytes
/// are not UTF-8.
fn decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let is_escape = |at: usize| {
        bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if (0..bytes.len()).any(|at| bytes[at] == b'%' && !is_escape(at)) {
        return None;
    }
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a route makes of a query that knows two parameters.
    fn read(query: &str) -> Result<[Option<String>; 2], ApiError> {
        let mut query = Query::parse(Some(query))?;
        let values = ["limit", "projectSlug"].map(|name| query.text(name));
        query.finish().map(|()| values)
    }

    fn fault(query: &str) -> Option<String> {
        match read(query) {
            Err(ApiError::InvalidParameter { name, .. }) => Some(name),
            _ => None,
        }
    }

    #[test]
    fn values_are_decoded_once_and_empty_ones_are_absent() {
        let [limit, slug] = read("projectSlug=a%2Bb+%25C3%C3%A9&limit=").unwrap();
        assert_eq!((limit, slug.as_deref()), (None, Some("a+b %C3é")));
        assert_eq!(Query::parse(None).unwrap(), Query::default());
        assert_eq!(Query::parse(Some("&&")).unwrap(), Query::default());
    }

    #[test]
    fn a_faulty_parameter_is_named() {
        assert_eq!(fault("Limit=5").as_deref(), Some("Limit"));
        assert_eq!(fault("limit=5&limit=5").as_deref(), Some("limit"));
        assert_eq!(fault("limit=&limit=5").as_deref(), Some("limit"));
        assert_eq!(fault("projectSlug=%zz").as_deref(), Some("projectSlug"));
        assert_eq!(fault("projectSlug=%C3").as_deref(), Some("projectSlug"));
        assert_eq!(fault("projectSlug=%").as_deref(), Some("projectSlug"));
        assert_eq!(fault("%6Cimit=5"), None);
        assert_eq!(fault("limit=1&_=1441835249458&_="), None);
    }

    #[test]
    fn a_number_is_decimal_digits_within_bounds() {
        let number = |text: &str| {
            let query = format!("limit={text}");
            Query::parse(Some(&query)).unwrap().number("limit", 0..=100).ok()
        };
        assert_eq!(number("0"), Some(Some(0)));
        assert_eq!(number("100"), Some(Some(100)));
        assert_eq!(number(""), Some(None));
        for text in ["101", "-1", "1.5", "1e1", "ten", "+1", "%2B1", "0x1", "99999999999999999999"]
        {
            assert_eq!(number(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_query_makes_it_panic(query in "[a-zA-Z%&=+0-9é]{0,60}") {
            let _ = read(&query);
        }

        #[test]
        fn what_a_client_encodes_is_what_is_read(slug in "\\PC{1,20}") {
            let encoded: String =
                percent_encoding::utf8_percent_encode(&slug, percent_encoding::NON_ALPHANUMERIC)
                    .collect();
            let query = format!("projectSlug={encoded}");
            let [_, read] = read(&query).unwrap();
            proptest::prop_assert_eq!(read, Some(slug));
        }
    }
}
