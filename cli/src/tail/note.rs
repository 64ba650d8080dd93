//! The note of how far a log was read, as `activities tail --resume` keeps it in a file.
//!
//! The note is a cursor with some bytes of the log's hash chain. So a log that is not what it was is found
//! out, and no entry is taken for one that was there before.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use activity_log::id::{ActivityId, UserId};
use activity_log::store::{Anchor, Cursor, HashPrefix, SortKey};
use activity_log::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// The version of notes that this code writes and reads.
const VERSION: u32 = 1;

/// How far a log was read, as it is noted.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Note {
    version: u32,
    user_id: UserId,
    /// The last entry; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<NotedEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NotedEntry {
    position: u64,
    created_at: Timestamp,
    id: ActivityId,
    /// In hexadecimal digits.
    #[serde(with = "hex")]
    hash: HashPrefix,
}

/// Reads where to go on from `file`; at the beginning, if there is no such file.
pub(super) fn read_note(file: &Path, user: UserId) -> Result<Cursor, Failure> {
    /// What a note of any version has.
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let text = match fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Cursor::Beginning),
        text => text?,
    };
    let Versioned { version } = serde_json::from_str(&text)?;
    if version != VERSION {
        return Err(format!("it has the unknown version {version}").into());
    }
    let note: Note = serde_json::from_str(&text)?;
    if note.user_id != user {
        return Err(format!("it is of user {}, and not of user {user}", note.user_id).into());
    }
    Ok(note.after.map_or(Cursor::Beginning, |entry| {
        let NotedEntry { position, created_at, id, hash } = entry;
        Cursor::Entry(Anchor { position, at: SortKey { created_at, id }, hash })
    }))
}

/// Puts a note in the place of the one in `file`: whenever it is read, it is one of the two.
pub(super) fn write_note(file: &Path, user: UserId, cursor: Cursor) -> io::Result<()> {
    let after = match cursor {
        Cursor::Beginning => None,
        Cursor::Entry(Anchor { position, at: SortKey { created_at, id }, hash }) => {
            Some(NotedEntry { position, created_at, id, hash })
        }
    };
    let mut text = serde_json::to_string(&Note { version: VERSION, user_id: user, after })?;
    text.push('\n');
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = file.with_file_name(name);
    let mut written = File::create(&new)?;
    written.write_all(text.as_bytes())?;
    written.sync_all()?;
    fs::rename(new, file)
}

/// The first bytes of a hash as a text of JSON.
mod hex {
    use activity_log::store::HashPrefix;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    pub(super) fn serialize<S: Serializer>(hash: &HashPrefix, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{:016x}", u64::from_be_bytes(hash.0)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<HashPrefix, D::Error> {
        let text = String::deserialize(from)?;
        let number = u64::from_str_radix(&text, 16).map_err(D::Error::custom)?;
        Ok(HashPrefix(number.to_be_bytes()))
    }
}
