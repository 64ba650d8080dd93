//! `activities verify`: proves the log's invariants.

use std::collections::BTreeSet;

use activity_log::id::UserId;
use activity_log::store::Verified;

use crate::Failure;
use crate::target::Target;

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
    for (user, scopes) in &users {
        let verified = store
            .verify(*user, scopes)
            .await
            .map_err(|error| format!("user {user}: {}", crate::chain(&error)))?;
        sum.entries += verified.entries;
        sum.views += verified.views;
        sum.milestones += verified.milestones;
    }
    println!(
        "verified: {} users, {} entries, {} views, {} milestones",
        users.len(),
        sum.entries,
        sum.views,
        sum.milestones
    );
    Ok(())
}
