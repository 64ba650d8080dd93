//! Where times fall among the positions of a scope, as far as an index has said it. Nothing here does I/O.

use std::collections::BTreeMap;

use super::snapshot::{Missing, Snapshot};
use crate::time::Timestamp;

/// For some times, how many entries of the scope are before each, at least: an index said so, which may
/// be late.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TimePositions(BTreeMap<Timestamp, u64>);

impl TimePositions {
    /// Notes that at least `count` entries are before `time`.
    pub(super) fn add(&mut self, time: Timestamp, count: u64) {
        self.0.insert(time, count);
    }

    /// Notes all that another one knows.
    pub(super) fn add_all(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether an index was asked about `time`.
    pub(super) fn has(&self, time: Timestamp) -> bool {
        self.0.contains_key(&time)
    }

    /// How many entries are before `time`, at least. What is before an earlier time is before a later
    /// one.
    pub(super) fn before(&self, time: Timestamp) -> u64 {
        self.0.range(..=time).map(|(_, count)| *count).max().unwrap_or(0)
    }

    /// What `count` says of the position that the last entry before `time` has. If that position is not
    /// known yet, this lacks also what `count` would need at the place where it most likely is.
    pub(super) fn ask<T>(
        &self,
        snapshot: &Snapshot,
        time: Timestamp,
        count: impl Fn(u64) -> Result<T, Missing>,
    ) -> Result<T, Missing> {
        let known = self.before(time).min(snapshot.total());
        match snapshot.before(time, known) {
            Ok(position) => count(position),
            Err(mut missing) => {
                missing.add(count(known).err());
                Err(missing)
            }
        }
    }
}

impl FromIterator<(Timestamp, u64)> for TimePositions {
    fn from_iter<T: IntoIterator<Item = (Timestamp, u64)>>(known: T) -> Self {
        Self(known.into_iter().collect())
    }
}
