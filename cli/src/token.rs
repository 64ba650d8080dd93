//! `activities token`: a token on standard output, and nothing else.

use std::time::{SystemTime, UNIX_EPOCH};

use activity_log::auth::issue;
use activity_log::config;
use activity_log::id::UserId;
use activity_log_local as local;

use crate::Failure;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The user that the token names
    #[arg(long)]
    user: UserId,
    /// How long the token is good for, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    expires_in: u64,
    /// Sign with the secret of `activities dev` instead of JWT_SECRET
    #[arg(long)]
    local: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let secret = if arguments.local {
        local::JWT_SECRET.to_owned()
    } else {
        // The same checks as in the functions, so that a token is never made that they refuse.
        config::verifier(&config::environment)?;
        config::environment("JWT_SECRET").ok_or("environment variable JWT_SECRET is not set")?
    };
    let claim = config::environment("JWT_USER_ID_CLAIM").filter(|_| !arguments.local);
    let claim = claim.as_deref().unwrap_or("sub");
    println!("{}", token(&secret, claim, arguments.user, arguments.expires_in)?);
    Ok(())
}

/// A token for `user`, good for `seconds`.
pub(crate) fn token(
    secret: &str,
    claim: &str,
    user: UserId,
    seconds: u64,
) -> Result<String, Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    Ok(issue(secret, claim, user, now.saturating_add(seconds))?)
}
