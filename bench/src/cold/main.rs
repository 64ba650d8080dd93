//! What it takes to start a function: until it asks Lambda for its first event, until its first
//! response is there, and how much memory by then; and what it saves that our functions call DynamoDB
//! while they initialise.
//!
//! The programs are started in turn, so that a busy machine slows all of them alike. DynamoDB is the
//! embedded one behind TLS, so that the first connection is as much work as on AWS, but takes no time
//! on a network. Each program is started once before anything is measured: its file is in memory then.

mod node;
mod start;
mod tls;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use activity_log_local::engine::Engine;
use activity_log_local::kit::TEMPLATE;
use bench::cold_start::{ColdStart, FirstResponse, NOT_MEASURED, Program, Spread, Warming};
use bench::function::set_environment;
use bench::machine::{Host, today};
use bench::results::{Results, System};
use bench::short_log::{fill, get_event};
use bench::{Failure, function};
use clap::Parser;
use peers::dynamodb::VARIABLES;
use serde_json::Value;
use tokio::process::Command;

use start::{First, Start, first_response, measure};
use tls::Proxy;

const LIST: &str = include_str!("../../../events/list-activities.json");

/// How many entries the log has.
const ENTRIES: u64 = 1_000;

/// What the start of a function takes
#[derive(Parser)]
struct Arguments {
    /// Where the functions are; beside this program's folder, in `release`, if absent
    #[arg(long, value_name = "DIR")]
    functions: Option<PathBuf>,
    /// How often each program is started
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    starts: u32,
    /// Writes the figures into this file, which `make bench` makes, in place of those that it has
    #[arg(long)]
    write: Option<PathBuf>,
}

/// A program that is measured.
struct Measured {
    name: String,
    program: PathBuf,
    /// A script, for a program that runs one.
    argument: Option<PathBuf>,
    /// The variables that it needs beside those of every function.
    variables: Vec<(&'static str, OsString)>,
    event: Value,
    /// Its name, for a function that calls DynamoDB while it initialises.
    function: Option<&'static str>,
}

impl Measured {
    /// The command that starts it, with DynamoDB at `endpoint` and this Runtime API.
    fn command(&self, endpoint: &str, runtime_api: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.argument);
        set_environment(&mut command, endpoint, runtime_api);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode, Failure> {
    let Arguments { functions, starts, write } = Arguments::parse();
    // Whether it can be written is known before anything is measured.
    let results = write.map(|path| Results::read(&path).map(|results| (path, results))).transpose();
    let results = match results {
        Ok(results) => results,
        Err(error) => {
            eprintln!("{error}\n`make bench` writes the file");
            return Ok(ExitCode::FAILURE);
        }
    };
    let functions = function::folder(functions)?;
    let figures = run(&functions, starts).await?;
    for table in figures.tables() {
        println!("{}\n", table.lines.join("\n"));
    }
    println!("Medians of {starts} starts, and in brackets the least and the most. {NOT_MEASURED}");
    if let Some((path, mut results)) = results {
        results.cold_start = Some(serde_json::to_value(figures)?);
        results.write(&path)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Measures everything.
async fn run(functions: &Path, starts: u32) -> Result<ColdStart, Failure> {
    let engine = Engine::in_memory(TEMPLATE).await?;
    let id = fill(&engine.endpoint(), ENTRIES).await?;
    node::fill(&engine.endpoint(), ENTRIES).await?;
    let endpoint = engine.endpoint();
    let upstream = endpoint.strip_prefix("http://").ok_or("the engine is not at an address")?;
    let proxy = Proxy::start(upstream).await?;
    let programs = programs(functions, &proxy, id)?;
    let mut warmed = Vec::new();
    for program in &programs {
        if let Some(function) = program.function {
            warmed.push(warming(function, program, &proxy, starts).await?);
        }
    }
    let figures = ColdStart {
        date: today(),
        host: Host::this()?,
        entries: ENTRIES,
        warming: warmed,
        programs: measure_all(&programs, &proxy, starts).await?,
    };
    drop(proxy);
    engine.stop().await;
    Ok(figures)
}

/// What is measured.
fn programs(functions: &Path, proxy: &Proxy, id: u64) -> Result<Vec<Measured>, Failure> {
    let list: Value = serde_json::from_str(LIST)?;
    let ours = |function: &'static str, event| {
        let program = functions.join(function);
        if !program.is_file() {
            return Err(Failure::from(format!("there is no {}", program.display())));
        }
        let name = format!("{}, `{function}`", System::Ours.label());
        let variables = vec![("SSL_CERT_FILE", proxy.all_certificates().into_os_string())];
        let function = Some(function);
        Ok(Measured { name, program, argument: None, variables, event, function })
    };
    let mut programs =
        vec![ours("list-activities", list.clone())?, ours("get-activity", get_event(id)?)?];
    match peers::node::find() {
        Ok(peer) => {
            let mut variables = vec![("NODE_EXTRA_CA_CERTS", proxy.own_certificate().into())];
            variables.extend(VARIABLES.map(|(name, value)| (name, value.into())));
            programs.push(Measured {
                name: "Node.js, usual DynamoDB design".to_owned(),
                program: peer.program.into(),
                argument: Some(peer.script),
                variables,
                event: list,
                function: None,
            });
        }
        Err(missing) => eprintln!("{} is left out: {missing}", System::Node.label()),
    }
    Ok(programs)
}

/// Starts all of `programs` in turn, this many times each.
async fn measure_all(
    programs: &[Measured],
    proxy: &Proxy,
    starts: u32,
) -> Result<Vec<Program>, Failure> {
    let mut measured = vec![Vec::new(); programs.len()];
    for round in 0..=starts {
        for (program, measured) in programs.iter().zip(&mut measured) {
            let command = |runtime_api: &str| program.command(proxy.endpoint(), runtime_api);
            let start = measure(command, &program.event).await?;
            if round > 0 {
                measured.push(start);
            }
        }
    }
    let programs = programs.iter().zip(&measured).map(|(program, measured)| {
        let spread =
            |of: &dyn Fn(&Start) -> f64| Spread::of(&measured.iter().map(of).collect::<Vec<_>>());
        Ok(Program {
            name: program.name.clone(),
            starts,
            ready_ms: spread(&|start| millis(start.ready))?,
            response_ms: spread(&|start| millis(start.response))?,
            peak_mib: spread(&|start| start.peak_mib)?,
        })
    });
    programs.collect()
}

/// Starts `program` in turn with the connections of its initialisation and without them, this many
/// times each.
async fn warming(
    function: &str,
    program: &Measured,
    proxy: &Proxy,
    starts: u32,
) -> Result<Warming, Failure> {
    let mut measured = [Vec::new(), Vec::new()];
    for round in 0..=starts {
        for (is_closed, measured) in [false, true].into_iter().zip(&mut measured) {
            let command = |runtime_api: &str| program.command(proxy.endpoint(), runtime_api);
            let first = first_response(command, &program.event, proxy, is_closed).await?;
            if round > 0 {
                measured.push(first);
            }
        }
    }
    let [warmed, reconnected] = &measured;
    let all = || warmed.iter().chain(reconnected);
    let before = all().map(|first| first.handshakes_before).min().unwrap_or_default();
    if all().any(|first| first.handshakes_before != before) {
        return Err("a function connects more often in one start than in another".into());
    }
    let summary = |measured: &[First]| {
        Ok::<_, Failure>(FirstResponse {
            response_ms: Spread::of(
                &measured.iter().map(|first| millis(first.response)).collect::<Vec<_>>(),
            )?,
            handshakes: measured.iter().map(|first| first.handshakes).max().unwrap_or_default(),
        })
    };
    Ok(Warming {
        function: function.to_owned(),
        starts,
        handshakes_before: before,
        warmed: summary(warmed)?,
        reconnected: summary(reconnected)?,
    })
}

/// Milliseconds.
fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
