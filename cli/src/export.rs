//! `activities export`: a user's names and log, in the form that `import` reads.

use std::io::{BufWriter, Write};

use activity_log::id::UserId;
use activity_log::store::{Order, PageRequest, Start, Store, TimeRange};
use activity_log::view::{Scope, View};
use serde::Serialize;

use crate::Failure;
use crate::line::{ActivityLine, EntityLine};
use crate::target::Target;

/// How many entries are read at a time.
const PAGE: usize = 1_000;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Whose log
    #[arg(long)]
    user: UserId,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let store = arguments.target.store().await?;
    export(&store, arguments.user, BufWriter::new(std::io::stdout())).await
}

/// Writes the names of `user` and then the log, oldest entry first.
pub(crate) async fn export(
    store: &Store,
    user: UserId,
    mut output: impl Write,
) -> Result<(), Failure> {
    let directory = store.directory(user).await?;
    let entities = directory
        .user
        .into_iter()
        .map(EntityLine::User)
        .chain(directory.projects.into_values().map(EntityLine::Project))
        .chain(directory.environments.into_values().map(EntityLine::Environment));
    for entity in entities {
        write(&mut output, &entity)?;
    }
    let mut start = Some(Start::Offset(0));
    while let Some(from) = start {
        let page = store
            .page(&PageRequest {
                view: View::of(Scope::User(user)),
                range: TimeRange::default(),
                order: Order::OldestFirst,
                start: from,
                limit: PAGE,
                is_whole: true,
            })
            .await?;
        start = page.next().map(Start::After);
        for activity in page.activities {
            write(&mut output, &ActivityLine::from(activity))?;
        }
    }
    Ok(output.flush()?)
}

fn write(output: &mut impl Write, line: &impl Serialize) -> Result<(), Failure> {
    serde_json::to_writer(&mut *output, line)?;
    Ok(output.write_all(b"\n")?)
}
