//! The outline of a page: all that it has but its entries, as far as the ledger says it. Nothing here
//! does I/O.
//!
//! Window, facets and histogram are taken of one snapshot, so that they count the same entries. What
//! they lack is named together, so that it is read together.

use super::facets::{Facets, facets};
use super::histogram::{Histogram, Needs, histogram};
use super::page_request::PageRequest;
use super::snapshot::Snapshot;
use super::time_positions::TimePositions;
use super::window::{NoWindow, Window, window};

/// All that a page has but its entries.
#[derive(Debug)]
pub(super) struct Outline {
    pub(super) window: Window,
    pub(super) facets: Option<Facets>,
    pub(super) histogram: Option<Histogram>,
}

/// Why there is no outline.
#[derive(Debug)]
pub(super) enum NoOutline {
    /// Something must be read first.
    Needs(Needs),
    /// The cursor names an entry that is newer than the head.
    Behind,
}

/// The outline of the page that `request` asks for. Entries whose positions are `at_hand` need not be
/// located.
pub(super) fn outline(
    request: &PageRequest,
    snapshot: &Snapshot,
    known: &TimePositions,
    at_hand: impl Fn(u64) -> bool,
) -> Result<Outline, NoOutline> {
    let window = match window(request, snapshot, known, at_hand) {
        Ok(window) => Ok(window),
        Err(NoWindow::Missing(parts)) => Err(parts),
        Err(NoWindow::Behind) => return Err(NoOutline::Behind),
    };
    let facets = request.facets.then(|| facets(request, snapshot, known)).transpose();
    let histogram =
        request.histogram.map(|buckets| histogram(request, buckets, snapshot, known)).transpose();
    match (window, facets, histogram) {
        (Ok(window), Ok(facets), Ok(histogram)) => Ok(Outline { window, facets, histogram }),
        (window, facets, histogram) => {
            let mut needs = histogram.err().unwrap_or_default();
            needs.parts.add(window.err());
            needs.parts.add(facets.err());
            Err(NoOutline::Needs(needs))
        }
    }
}
