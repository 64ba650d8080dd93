//! Error reports: errors with their causes, for logs and terminals.

use std::error::Error;
use std::fmt;

/// Shows an error and its causes in one line, leaving out a cause that the text so far contains.
///
/// ```
/// use activity_log::Report;
/// use activity_log::store::StoreError;
///
/// let cause = std::io::Error::other("no route to host");
/// let error = StoreError::Refused { operation: "TransactWriteItems", source: Box::new(cause) };
/// assert_eq!(
///     Report(&error).to_string(),
///     "DynamoDB refused TransactWriteItems each time it was tried: no route to host"
/// );
/// ```
pub struct Report<'a>(pub &'a dyn Error);

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.0.to_string();
        let mut cause = self.0.source();
        while let Some(error) = cause {
            let reason = error.to_string();
            if !text.contains(&reason) {
                text = format!("{text}: {reason}");
            }
            cause = error.source();
        }
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Step(&'static str, #[source] Option<Box<Step>>);

    #[test]
    fn causes_follow_their_error_once() {
        let bottom = Step("no route", None);
        let middle = Step("connect: no route", Some(Box::new(bottom)));
        let top = Step("call failed", Some(Box::new(middle)));
        assert_eq!(Report(&top).to_string(), "call failed: connect: no route");
    }
}
