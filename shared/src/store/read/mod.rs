//! Reading: pages of any view, single entries, names.
//!
//! [`request`] is what a page is asked for with. [`snapshot`] is what was read of a scope's ledger,
//! and [`window`] finds a page's entries in it; both are arithmetic without I/O, and say what else
//! they must know. [`page`] reads that, and then the entries.

mod entries;
mod entry;
mod ledger;
mod names;
mod page;
mod request;
mod rows;
mod runs;
mod snapshot;
mod window;

pub use page::PageError;
pub use request::{Cursor, Order, Page, PageRequest, Start, TimeRange};
