//! `activities`: the command-line tool of Activity Logs.

mod dev;
mod erase;
mod export;
mod failure;
mod import;
mod line;
mod progress;
mod tail;
mod target;
mod token;
mod verify;

use std::process::ExitCode;

use activity_log::Report;
use clap::{Parser, Subcommand};

use dev::guard;
use failure::Failure;

/// Activity Logs: run the API on this machine; import, export, follow, verify and erase logs.
///
/// All commands but `dev` and `token` use the ordinary AWS environment (region, credentials,
/// AWS_ENDPOINT_URL_DYNAMODB) and the table names in ACTIVITIES_TABLE, DIRECTORY_TABLE and
/// LEDGER_TABLE; with --local, those of `activities dev`. `import --check` needs none.
#[derive(Parser)]
#[command(name = "activities", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the API on this machine, with an embedded DynamoDB and sample data
    Dev(dev::Arguments),
    /// Print a token
    Token(token::Arguments),
    /// Import newline-delimited JSON
    Import(import::Arguments),
    /// Export a user's names and log as newline-delimited JSON
    Export(export::Arguments),
    /// Write a user's log as it grows, for collectors of logs
    Tail(tail::Arguments),
    /// Compute hashes, counts and positions anew, and name the first inconsistency
    Verify(verify::Arguments),
    /// Erase a user: entries, ledger and names
    Erase(erase::Arguments),
    /// Run a program that ends with the process that started this; `dev` uses it
    #[command(hide = true)]
    Guard(guard::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    run(Arguments::parse().command).await.unwrap_or_else(|failure| {
        eprintln!("activities: {}", Report(failure.as_ref()));
        ExitCode::FAILURE
    })
}

async fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Dev(arguments) => dev::run(arguments).await?,
        Command::Token(arguments) => token::run(&arguments).await?,
        Command::Import(arguments) => import::run(arguments).await?,
        Command::Export(arguments) => export::run(arguments).await?,
        Command::Tail(arguments) => tail::run(arguments).await?,
        Command::Verify(arguments) => verify::run(arguments).await?,
        Command::Erase(arguments) => erase::run(arguments).await?,
        Command::Guard(arguments) => return guard::run(arguments).await,
    }
    Ok(ExitCode::SUCCESS)
}
