//! What a request asks for, read once and strictly.

pub(in crate::api) mod accept;
pub(in crate::api) mod cursor;
pub(in crate::api) mod query;
