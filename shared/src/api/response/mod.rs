//! What a request is answered with: a document, or a problem.

pub(super) mod activity;
pub(super) mod document;
pub(super) mod link;
pub(super) mod page;
pub(super) mod problem;
mod summary;
