//! Reading: pages of any view, single entries, names.
//!
//! [`request`] is what a page is asked for with. [`snapshot`] is what was read of a scope's ledger. In
//! it [`window`] finds a page's entries, [`facets`] counts the values they have, and [`histogram`] how
//! they are spread over time; [`outline`] is all three. These are arithmetic without I/O, and say what
//! else they must know. [`page`] reads that, and then the entries.

mod entries;
mod entry;
mod facets;
mod histogram;
mod known;
mod ledger;
mod names;
mod outline;
mod page;
mod request;
mod rows;
mod runs;
mod snapshot;
mod window;

pub use facets::{FacetCount, Facets};
pub use histogram::{Buckets, Histogram, InvalidBuckets};
pub use page::PageError;
pub use request::{Anchor, Cursor, Order, Page, PageRequest, Start, TimeRange};
