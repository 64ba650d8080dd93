//! `activities token`: a token on standard output, and nothing else.

use std::time::{SystemTime, UNIX_EPOCH};

use activity_log::auth::{TokenRules, issue};
use activity_log::config;
use activity_log::id::UserId;
use activity_log_local as local;

use crate::failure::Failure;

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

pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let token = if arguments.local {
        local_token(arguments.user, arguments.expires_in)?
    } else {
        let verifier = config::verifier(&config::environment)?;
        let secret = config::environment("JWT_SECRET")
            .ok_or("environment variable JWT_SECRET is not set")?;
        let rules = config::token_rules(&config::environment)?;
        let token = token(&secret, &rules, arguments.user, arguments.expires_in)?;
        // What the functions ask it, so that a token that they refuse is never printed.
        let header = format!("Bearer {token}");
        let outcome = verifier.caller(Some(header.as_bytes())).await;
        let caller =
            outcome.map_err(|error| format!("the functions would refuse this token: {error}"))?;
        if caller.user_id != arguments.user {
            // As `iss`, where the issuer is a number.
            return Err("JWT_USER_ID_CLAIM is a claim that has another meaning".into());
        }
        token
    };
    println!("{token}");
    Ok(())
}

/// A token for `user` of `activities dev`, good for `seconds`.
pub(crate) fn local_token(user: UserId, seconds: u64) -> Result<String, Failure> {
    token(local::JWT_SECRET, &TokenRules::default(), user, seconds)
}

fn token(secret: &str, rules: &TokenRules, user: UserId, seconds: u64) -> Result<String, Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    Ok(issue(secret, rules, user, now.saturating_add(seconds))?)
}
