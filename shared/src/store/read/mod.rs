//! Reading: pages of any view, single entries, names.
//!
//! | file | job |
//! |---|---|
//! | `page_request`, `page` | what a page is asked for with, and what it is |
//! | `snapshot` | what was read of a scope's ledger, and what that counts |
//! | `search` | where the entries are in it that a filter selects |
//! | `time_positions` | where times fall, as far as an index has said it |
//! | `window`, `facets`, `histogram` | in a snapshot: a page's entries, their values, their times |
//! | `outline` | all three of these, of one snapshot |
//! | `read_plan` | which of some numbered items are read together, and which one by one |
//! | `ledger`, `rows` | reads parts of a ledger, and rows of a list |
//! | `paging` | reads a page, with all of the above |
//! | `walk` | reads a whole list, page by page |
//! | `by_id` | reads entries by their ids |
//! | `names` | reads names, and finds a project or environment by its slug |
//!
//! From `page_request` to `read_plan` there is no I/O: these compute, and say what else they must know.

mod by_id;
mod facets;
mod histogram;
mod ledger;
mod names;
mod outline;
mod page;
mod page_request;
mod paging;
mod read_plan;
mod rows;
mod search;
mod snapshot;
mod time_positions;
mod walk;
mod window;

pub use facets::{FacetCount, Facets};
pub use histogram::Histogram;
pub use page::{Page, PageError};
pub use page_request::{
    Anchor, Buckets, Cursor, InvalidBuckets, Order, PageRequest, Start, TimeRange,
};
