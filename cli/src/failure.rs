//! What a command ends with when it fails.

use std::error::Error;

/// A message for a person: the error, with its causes.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;
