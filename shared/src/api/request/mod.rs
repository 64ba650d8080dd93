//! What a request asks for, read once and strictly.
//!
//! Every parameter is read at the edge, into a type that holds nothing invalid, and its name stands in
//! one place: where it is read. What nobody has read when all are, is unknown, and so refused.

pub(super) mod accept;
pub(super) mod admit;
pub(super) mod context;
pub(super) mod cursor;
pub(super) mod include;
pub(super) mod list_parameters;
pub(super) mod query;
pub(super) mod scope;
