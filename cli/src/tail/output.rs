//! The lines that `activities tail` writes.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use activity_log::store::Page;
use activity_log::time::Timestamp;
use clap::ValueEnum;
use serde::Serialize;

use crate::failure::Failure;
use crate::line::ActivityLine;

/// What a line is.
#[derive(Clone, Copy, Default, ValueEnum)]
pub(super) enum Format {
    /// An entry as `export` writes it
    #[default]
    Ndjson,
    /// An event of CloudEvents 1.0 in JSON, with the entry as its data
    Cloudevents,
}

/// Ends the line that a run before, which was killed, has left half written in the file that standard
/// output is; else the next line would be a part of it. The entry itself was not noted, and comes again.
pub(super) fn end_broken_line() -> Result<(), Failure> {
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

/// Writes the entries of `page`, and returns when they are out.
pub(super) fn write(page: Page, format: Format, output: impl Write) -> Result<(), Failure> {
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
