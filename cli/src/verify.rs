//! `activities verify`: proves the log's invariants.

use std::collections::BTreeSet;

use activity_log::Report;
use activity_log::id::UserId;
use activity_log::store::{Verification, Verified};
use activity_log::view::Scope;
use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::failure::Failure;
use crate::progress::progress_bar;
use crate::target::Target;

/// How many users' logs are read side by side.
const SIDE_BY_SIDE: usize = 8;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only this user's log; every user's if absent
    #[arg(long)]
    user: Option<UserId>,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let store = arguments.target.store().await?;
    let users = match arguments.user {
        Some(user) => [(user, BTreeSet::new())].into(),
        None => store.users().await?,
    };
    let store = &store;
    let heads = users.keys().map(|user| store.head(Scope::User(*user)));
    let mut heads = stream::iter(heads).buffered(SIDE_BY_SIDE);
    let mut entries = 0;
    while let Some(head) = heads.try_next().await? {
        entries += head.total();
    }
    let bar = progress_bar(entries, "{bar:40} {percent}% of {human_len} entries, {eta} left");
    let bar = &bar;
    let proofs = users.iter().map(|(user, scopes)| async move {
        let progress = |entries| bar.inc(entries);
        let verification =
            Verification { also: scopes, progress: &progress, ..Verification::default() };
        let verified = store.verify(*user, &verification).await;
        verified.map_err(|error| format!("user {user}: {}", Report(&error)))
    });
    // In order, so that the first inconsistency is always the same one.
    let mut proofs = stream::iter(proofs).buffered(SIDE_BY_SIDE);
    let mut sum = Verified::default();
    while let Some(verified) = proofs.try_next().await? {
        sum.entries += verified.entries;
        sum.scopes += verified.scopes;
        sum.blocks += verified.blocks;
        sum.hash = verified.hash;
    }
    bar.finish_and_clear();
    println!(
        "verified: {} users, {} entries, {} scopes, {} blocks",
        users.len(),
        sum.entries,
        sum.scopes,
        sum.blocks
    );
    if let (Some(user), Some(hash)) = (arguments.user, sum.hash) {
        println!("the newest entry of user {user} has the hash {hash}");
    }
    Ok(())
}
