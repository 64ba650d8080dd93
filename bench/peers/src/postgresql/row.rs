//! Rows as entries, and their places in the order of time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::value::RawValue;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use crate::Failure;
use crate::document::{Entry, Named, User, time};

/// What an entry shows, with its names. The entries are those of `a`.
pub(super) const SHOWN: &str = "
    SELECT a.id, a.user_id, a.project_id, a.environment_id, u.name, u.profile_image, p.slug, p.name,
        e.slug, e.name, a.resource_type, a.resource_id, a.action, a.description, a.metadata, a.created_at";

/// The names of those entries.
pub(super) const NAMES: &str = "
    LEFT JOIN users u ON u.id = a.user_id
    LEFT JOIN projects p ON p.id = a.project_id
    LEFT JOIN environments e ON e.id = a.environment_id";

/// Where an entry is in the order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) created_at: i64,
    pub(super) id: i64,
}

impl Place {
    pub(super) fn of(row: &Row) -> Result<Self, Failure> {
        Ok(Self { created_at: millis(row.try_get("created_at")?)?, id: row.try_get(0)? })
    }

    pub(super) fn encode(self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(format!("{}:{}", self.created_at, self.id))
    }

    pub(super) fn decode(text: &str) -> Option<Self> {
        let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (created_at, id) = text.split_once(':')?;
        Some(Self { created_at: created_at.parse().ok()?, id: id.parse().ok()? })
    }
}

/// A row of [`SHOWN`] as an entry.
pub(super) fn entry(row: &Row) -> Result<Entry, Failure> {
    let optional = |column| {
        row.try_get::<_, Option<i64>>(column)?.map(u64::try_from).transpose().map_err(Failure::from)
    };
    let named = |column| {
        let (slug, name) = (row.try_get(column)?, row.try_get(column + 1)?);
        Ok::<_, Failure>(Option::zip(slug, name).map(|(slug, name)| Named { slug, name }))
    };
    let user_id = u64::try_from(row.try_get::<_, i64>(1)?)?;
    let user: Option<String> = row.try_get(4)?;
    let profile_image = row.try_get(5)?;
    let metadata: Option<Json<Box<RawValue>>> = row.try_get(14)?;
    Ok(Entry {
        id: u64::try_from(row.try_get::<_, i64>(0)?)?,
        user_id,
        project_id: optional(2)?,
        environment_id: optional(3)?,
        user: user.map(|name| User { id: user_id, name, profile_image }),
        project: named(6)?,
        environment: named(8)?,
        resource_type: row.try_get(10)?,
        resource_id: optional(11)?,
        action: row.try_get(12)?,
        description: row.try_get(13)?,
        metadata: metadata.map(|Json(metadata)| metadata),
        created_at: time(millis(row.try_get(15)?)?)?,
    })
}

/// The time so many milliseconds after 1970 began.
pub(super) fn system_time(millis: i64) -> SystemTime {
    let distance = Duration::from_millis(millis.unsigned_abs());
    if millis < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance }
}

/// The milliseconds of a time since 1970.
pub(super) fn millis(time: SystemTime) -> Result<i64, Failure> {
    Ok(time.duration_since(UNIX_EPOCH)?.as_millis().try_into()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_to_the_place_that_it_was_made_of() {
        let place = Place { created_at: 1_705_314_600_000, id: (1 << 53) - 1 };
        assert_eq!(Place::decode(&place.encode()), Some(place));
        assert_eq!(Place::decode("AAAA"), None);
        assert_eq!(Place::decode("?"), None);
    }
}
