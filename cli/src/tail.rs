//! `activities tail`: a user's log as it grows, an entry a line, for collectors of logs.
//!
//! With `--resume`, a file holds where the next run goes on. It is written after the lines are out, and
//! in place of the old one at once: a run that is killed has noted too little, never too much. So
//! whatever reads the lines gets every entry, and those since the last note perhaps again; an entry's
//! id tells. The note is a cursor with some bytes of the log's hash chain, so a log that is not what it
//! was is found out, and no entry is taken for one that was there before.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use activity_log::Report;
use activity_log::id::{ActivityId, UserId};
use activity_log::store::{
    Anchor, Cursor, HashPrefix, Order, Page, PageError, PageRequest, SortKey, Start, Store,
    TimeRange,
};
use activity_log::time::Timestamp;
use activity_log::view::{Scope, View};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::line::ActivityLine;
use crate::target::Target;

/// The version of notes that this code writes and reads.
const VERSION: u32 = 1;

/// The most entries that are written before it is noted how far it is.
const MAX_BATCH: usize = 1_000;

/// How long to wait after a failure that may pass; twice as long after each further one, up to
/// [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_mins(1);

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Whose log
    #[arg(long)]
    user: UserId,
    /// Wait for new entries, and go on until stopped
    #[arg(long)]
    follow: bool,
    /// How long to wait before asking for new entries again
    #[arg(long, value_name = "SECONDS", default_value_t = 5, requires = "follow",
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    interval: u64,
    /// Go on where this file says, and note there how far it is. If there is no such file, begin with
    /// the oldest entry
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// Only entries of this time or later (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = Timestamp::bound)]
    since: Option<Timestamp>,
    /// What a line is
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// How many entries are written, at the most, before it is noted how far it is
    #[arg(long, value_name = "ENTRIES", default_value = "1000", value_parser = batch)]
    batch: NonZeroUsize,
    #[command(flatten)]
    target: Target,
}

/// What a line is.
#[derive(Clone, Copy, Default, ValueEnum)]
enum Format {
    /// An entry as `export` writes it
    #[default]
    Ndjson,
    /// An event of CloudEvents 1.0 in JSON, with the entry as its data
    Cloudevents,
}

fn batch(text: &str) -> Result<NonZeroUsize, String> {
    let number = text.parse().ok().filter(|number: &NonZeroUsize| number.get() <= MAX_BATCH);
    number.ok_or_else(|| format!("must be a number from 1 to {MAX_BATCH}"))
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let store = arguments.target.store().await?;
    let user = arguments.user;
    let mut cursor = match &arguments.resume {
        None => Cursor::Beginning,
        Some(file) => read_note(file, user)
            .map_err(|error| format!("{}: {}", file.display(), Report(error.as_ref())))?,
    };
    let view = View::of(Scope::User(user));
    let mut request = PageRequest {
        range: TimeRange { since: arguments.since, until: None },
        order: Order::OldestFirst,
        is_whole: true,
        ..PageRequest::newest(view, arguments.batch.get())
    };
    end_broken_line()?;
    loop {
        request.start = Start::After(cursor);
        let page = next_page(&store, &request, arguments.follow).await;
        let page = page.map_err(|error| refusal(error, arguments.resume.as_deref()))?;
        let (resume, has_more) = (page.resume().unwrap_or(cursor), page.has_more);
        write(page, arguments.format, io::stdout().lock())?;
        if let Some(file) = arguments.resume.as_deref().filter(|_| resume != cursor) {
            write_note(file, user, resume)
                .map_err(|error| format!("{}: {error}", file.display()))?;
        }
        cursor = resume;
        if !has_more {
            if !arguments.follow {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_secs(arguments.interval)).await;
        }
    }
}

/// Ends the line that a run before, which was killed, has left half written in the file that standard
/// output is; else the next line would be a part of it. The entry itself was not noted, and comes again.
fn end_broken_line() -> Result<(), Failure> {
    let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let metadata = output.metadata()?;
    let Some(end) = metadata.len().checked_sub(1).filter(|_| metadata.is_file()) else {
        return Ok(());
    };
    let mut last = [0];
    // It is open for writing only. Where it cannot be read by its name, there is an empty line more.
    let is_read = File::open("/dev/stdout").and_then(|file| file.read_exact_at(&mut last, end));
    if is_read.is_err() || last != *b"\n" {
        io::stdout().write_all(b"\n")?;
    }
    Ok(())
}

/// Reads a page. Who follows waits for as long as what fails may pass.
async fn next_page(
    store: &Store,
    request: &PageRequest,
    is_patient: bool,
) -> Result<Page, PageError> {
    let mut pause = FIRST_PAUSE;
    loop {
        match store.page(request).await {
            Err(PageError::Store(error)) if is_patient && error.is_transient() => {
                eprintln!("activities: {}; trying again", Report(&error));
                tokio::time::sleep(pause).await;
                pause = MAX_PAUSE.min(2 * pause);
            }
            outcome => return outcome,
        }
    }
}

/// What to say of a page that cannot be read.
fn refusal(error: PageError, resume: Option<&Path>) -> Failure {
    match (error, resume) {
        (error @ PageError::Rewritten, Some(file)) => {
            let file = file.display();
            format!("{error}. Remove {file} to begin again with the oldest entry").into()
        }
        (error, _) => error.into(),
    }
}

/// Writes the entries of `page`, and returns when they are out.
fn write(page: Page, format: Format, output: impl Write) -> Result<(), Failure> {
    let mut output = BufWriter::new(output);
    for activity in page.activities {
        let (id, user, time) = (activity.id, activity.user_id, activity.created_at);
        let kind = activity.details.resource_type.clone();
        let resource = kind.as_ref().zip(activity.details.resource_id);
        let subject = resource.map(|(kind, id)| format!("{kind}/{id}"));
        let action = activity.details.action.clone();
        let data = ActivityLine::from(activity);
        match format {
            Format::Ndjson => serde_json::to_writer(&mut output, &data)?,
            Format::Cloudevents => {
                let event = CloudEvent {
                    specversion: "1.0",
                    id: id.to_string(),
                    source: format!("/users/{user}"),
                    r#type: match kind {
                        Some(kind) => format!("activity.{kind}.{action}"),
                        None => format!("activity.{action}"),
                    },
                    subject,
                    time,
                    datacontenttype: "application/json",
                    data,
                };
                serde_json::to_writer(&mut output, &event)?;
            }
        }
        output.write_all(b"\n")?;
    }
    Ok(output.flush()?)
}

/// An event as its JSON format has it (CloudEvents 1.0.2, "JSON Event Format"). An entry's id is unique
/// in all logs, and so is `source` with `id`, as it must be.
#[derive(Serialize)]
struct CloudEvent {
    specversion: &'static str,
    id: String,
    source: String,
    r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    time: Timestamp,
    datacontenttype: &'static str,
    data: ActivityLine,
}

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
fn read_note(file: &Path, user: UserId) -> Result<Cursor, Failure> {
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
fn write_note(file: &Path, user: UserId, cursor: Cursor) -> io::Result<()> {
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
