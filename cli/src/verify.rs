//! `activities verify`: proves the log's invariants.

use std::collections::BTreeSet;

use activity_log::Chain;
use activity_log::id::UserId;
use activity_log::store::Verified;
use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::Failure;
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
    let mut sum = Verified::default();
    let store = &store;
    let proofs = users.iter().map(|(user, scopes)| async move {
        let verified = store.verify(*user, scopes).await;
        verified.map_err(|error| format!("user {user}: {}", Chain(&error)))
    });
    // In order, so that the first contradiction is always the same one.
    let mut proofs = stream::iter(proofs).buffered(SIDE_BY_SIDE);
    while let Some(verified) = proofs.try_next().await? {
        sum.entries += verified.entries;
        sum.views += verified.views;
        sum.milestones += verified.milestones;
        sum.hash = verified.hash;
    }
    println!(
        "verified: {} users, {} entries, {} views, {} milestones",
        users.len(),
        sum.entries,
        sum.views,
        sum.milestones
    );
    if let (Some(user), Some(hash)) = (arguments.user, sum.hash) {
        println!("the newest entry of user {user} has the hash {hash}");
    }
    Ok(())
}
