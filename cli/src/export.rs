//! `activities export`: a user's names and log, in the format that `import` reads.

use std::io::{BufWriter, Write};
use std::pin::pin;

use activity_log::id::UserId;
use activity_log::store::{Order, Store, TimeRange};
use activity_log::view::{Scope, View};
use futures_util::TryStreamExt;
use serde::Serialize;

use crate::failure::Failure;
use crate::line::{ActivityLine, End, EndLine, EntityLine};
use crate::target::Target;

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

/// Writes the names of `user`, then the log, oldest entry first, and at last how many there were.
pub(crate) async fn export(
    store: &Store,
    user: UserId,
    mut output: impl Write,
) -> Result<(), Failure> {
    let mut written = End::default();
    let directory = store.directory(user).await?;
    let entities = directory
        .user
        .into_iter()
        .map(EntityLine::User)
        .chain(directory.projects.into_values().map(EntityLine::Project))
        .chain(directory.environments.into_values().map(EntityLine::Environment));
    for entity in entities {
        write(&mut output, &entity)?;
        written.names += 1;
    }
    let whole = View::of(Scope::User(user));
    let mut entries = pin!(store.entries(whole, TimeRange::default(), Order::OldestFirst));
    while let Some(activity) = entries.try_next().await? {
        write(&mut output, &ActivityLine::from(activity))?;
        written.activities += 1;
    }
    write(&mut output, &EndLine::End(written))?;
    Ok(output.flush()?)
}

fn write(output: &mut impl Write, line: &impl Serialize) -> Result<(), Failure> {
    serde_json::to_writer(&mut *output, line)?;
    Ok(output.write_all(b"\n")?)
}
