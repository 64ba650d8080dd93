//! What a request is answered with.

pub(in crate::api) mod document;
pub(in crate::api) mod link;
pub(in crate::api) mod render;
