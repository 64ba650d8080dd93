//! `activities tail`: a user's log as it grows, an entry a line, for collectors of logs.
//!
//! With `--resume`, a file holds a note of where the next run goes on. The note is written after the lines
//! are out: a run that is killed has noted too little, never too much. So whatever reads the lines gets
//! every entry, and those since the last note perhaps again; an entry's id tells.

mod note;
mod output;

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use activity_log::Report;
use activity_log::id::UserId;
use activity_log::store::{Cursor, Order, Page, PageError, PageRequest, Start, Store, TimeRange};
use activity_log::time::Timestamp;
use activity_log::view::{Scope, View};

use crate::failure::Failure;
use crate::target::Target;

use note::{read_note, write_note};
use output::{Format, end_broken_line, write};

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
