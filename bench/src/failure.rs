//! What a bench ends with when it fails.

use std::error::Error;

/// What a bench ends with when it fails.
pub type Failure = Box<dyn Error + Send + Sync>;
