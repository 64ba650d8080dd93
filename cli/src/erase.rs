//! `activities erase`: erases a user.

use activity_log::id::UserId;

use crate::failure::Failure;
use crate::target::Target;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Who
    #[arg(long)]
    user: UserId,
    /// Required, because nothing brings it back
    #[arg(long, required = true)]
    yes: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let store = arguments.target.store().await?;
    let erased = store.erase(arguments.user).await?;
    println!(
        "erased user {}: {} entries, {} heads, blocks, nodes and idempotency keys, {} names",
        arguments.user, erased.entries, erased.ledger, erased.names
    );
    Ok(())
}
