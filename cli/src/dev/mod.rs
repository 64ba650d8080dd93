//! `activities dev`: the whole API on this machine.
//!
//! What only this command needs of the operating system is in the files of this folder: a guard that ends
//! the functions with it, processes, signals, and the user of a port.

pub(crate) mod guard;
mod port;
mod process;
mod stop;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use activity_log_local as local;
use activity_log_local::engine::Engine;
use indicatif::ProgressBar;
use tokio::process::Command;

use crate::failure::Failure;
use crate::import::{Lines, import};
use crate::target::DYNAMODB_PORT;
use crate::token::local_token;

use guard::Guard;
use port::check_port;
use stop::Stop;

/// Sample data: the reference's own examples, and enough around them to page through.
const SAMPLE: &str = include_str!("../../sample.ndjson");

/// The user of the sample data.
const SAMPLE_USER: u64 = 3;

/// How long the token that is printed is good for, in seconds.
const TOKEN_SECONDS: u64 = 24 * 60 * 60;

/// How long the functions may take to build and answer.
const PATIENCE: Duration = Duration::from_mins(45);

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Port of the API
    #[arg(long, default_value_t = 9000, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// Port of the embedded DynamoDB
    #[arg(long, default_value_t = DYNAMODB_PORT, value_parser = clap::value_parser!(u16).range(1..))]
    dynamodb_port: u16,
    /// Where to keep the data; in memory only if absent
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Start without the sample data
    #[arg(long)]
    empty: bool,
    /// Build the functions with optimisation
    #[arg(long)]
    release: bool,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let mut stop = Stop::new()?;
    let project = project_root()?;
    let template = std::fs::read_to_string(project.join("template.yaml"))?;
    check_cargo_lambda().await?;
    if arguments.port == arguments.dynamodb_port {
        return Err("--port and --dynamodb-port must differ".into());
    }
    check_port(arguments.port, "--port")?;
    check_port(arguments.dynamodb_port, "--dynamodb-port")?;

    say("starting the embedded DynamoDB");
    let data = arguments.data_dir.as_deref();
    let engine = Engine::open(data, arguments.dynamodb_port, &template).await?;
    let loaded = tokio::select! {
        () = load(&arguments, &engine) => true,
        () = stop.asked() => false,
    };
    let outcome =
        if loaded { run_functions(&arguments, &project, &engine, &mut stop).await } else { Ok(()) };
    engine.stop().await;
    outcome
}

/// Loads the sample data, unless told not to. A log that is kept in a folder and that has other
/// entries in its place stays as it is.
async fn load(arguments: &Arguments, engine: &Engine) {
    if arguments.empty {
        return;
    }
    say("loading the sample data");
    let store = local::store(&engine.endpoint());
    if let Err(failure) =
        import(&store, &mut Lines::new(SAMPLE.as_bytes(), false), &ProgressBar::hidden()).await
    {
        say(&format!("the sample data is left out: {failure}"));
    }
}

/// Runs the functions until they end or it is time to stop.
async fn run_functions(
    arguments: &Arguments,
    project: &Path,
    engine: &Engine,
    stop: &mut Stop,
) -> Result<(), Failure> {
    say("building the functions (the first time takes some minutes)");
    let mut functions = Guard::start(watch(arguments, project, engine)?)?;
    let outcome = tokio::select! {
        outcome = serve(arguments, &mut functions) => outcome,
        () = stop.asked() => Ok(()),
    };
    say("stopping");
    functions.stop().await;
    outcome
}

/// The command that runs the functions.
fn watch(arguments: &Arguments, project: &Path, engine: &Engine) -> std::io::Result<Command> {
    let mut command = guard::command("cargo")?;
    command.args(["lambda", "watch", "--invoke-address", "127.0.0.1", "--invoke-port"]);
    command.arg(arguments.port.to_string());
    if arguments.release {
        command.arg("--release");
    }
    command
        .current_dir(project)
        .envs(local::variables(&engine.endpoint()))
        .env_remove("AWS_SESSION_TOKEN")
        .env_remove("JWT_SECRET_PREVIOUS")
        .env_remove("JWT_JWKS_URL")
        .env_remove("JWT_USER_ID_CLAIM")
        .env_remove("JWT_ISSUER")
        .env_remove("JWT_AUDIENCE")
        .env_remove("JWT_LEEWAY_SECONDS")
        .env_remove("METRICS_NAMESPACE")
        .env_remove("DEAD_LETTER_QUEUE_URL")
        .env("PATH_PARAMETERS", "encoded");
    Ok(command)
}

/// Waits until all routes work, says how to use them, and waits until the functions end.
async fn serve(arguments: &Arguments, functions: &mut Guard) -> Result<(), Failure> {
    let user = SAMPLE_USER.try_into()?;
    let token = local_token(user, TOKEN_SECONDS)?;
    tokio::select! {
        outcome = wait_until_ready(arguments, &token) => outcome?,
        status = functions.wait() => return Err(ended(status)),
    }
    let port = arguments.port;
    println!(
        "\nSee the log of user {user}:\n\n  http://127.0.0.1:{port}/viewer#token={token}\n\n\
         Activity Logs is running at http://127.0.0.1:{port}/api/activities\n\n\
         A token of user {user}, good for a day:\n\n  {token}\n\nTry it:\n\n  \
         curl -H 'Authorization: Bearer {token}' 'http://127.0.0.1:{port}/api/activities?limit=2'\n\n\
         Ctrl-C stops it."
    );
    Err(ended(functions.wait().await))
}

/// Asks every route until the response of each is one of a route that works.
async fn wait_until_ready(arguments: &Arguments, token: &str) -> Result<(), Failure> {
    let bearer = format!("Bearer {token}");
    let started = Instant::now();
    // With or without entries to show: the route exists and its function reaches the database.
    let routes: [(&str, &[u16]); 4] = [
        ("/api/activities?limit=1", &[200]),
        ("/api/activities/my-project/production?limit=1", &[200, 404]),
        ("/api/activities/1", &[200, 403, 404]),
        ("/viewer", &[200]),
    ];
    for (path, statuses) in routes {
        let mut last: String;
        loop {
            last = match local::http::get(arguments.port, path, &[("authorization", &bearer)]).await
            {
                Ok(response) if statuses.contains(&response.status().as_u16()) => break,
                Ok(response) => format!("the response was {}", response.status()),
                Err(error) => error.to_string(),
            };
            if started.elapsed() > PATIENCE {
                return Err(format!("{path} does not work: {last}").into());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    Ok(())
}

/// What it means that the functions have ended by themselves.
fn ended(status: std::io::Result<std::process::ExitStatus>) -> Failure {
    match status {
        Ok(status) => format!("cargo lambda watch has ended ({status})").into(),
        Err(error) => error.into(),
    }
}

/// The folder with template.yaml: this one, or the nearest above it.
fn project_root() -> Result<PathBuf, Failure> {
    let here = std::env::current_dir()?;
    let root = here.ancestors().find(|folder| folder.join("template.yaml").is_file());
    root.map(Path::to_path_buf).ok_or_else(|| {
        "there is no template.yaml here or above; run this inside the project".into()
    })
}

async fn check_cargo_lambda() -> Result<(), Failure> {
    let version = Command::new("cargo").args(["lambda", "--version"]).stdin(Stdio::null()).output();
    match version.await {
        Ok(output) if output.status.success() => Ok(()),
        _ => Err("cargo-lambda is not installed: run `make run`, which installs it into the \
                  project, or `pip install cargo-lambda`"
            .into()),
    }
}

fn say(text: &str) {
    eprintln!("activities: {text}");
}
