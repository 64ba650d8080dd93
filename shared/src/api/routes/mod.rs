//! The routes.

pub(super) mod list;
