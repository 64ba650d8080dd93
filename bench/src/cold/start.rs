//! One start of a program, measured.

use std::process::Stdio;
use std::time::{Duration, Instant};

use bench::emulator::Emulator;
use bench::function::response_of;
use bench::linux::peak_memory;
use bench::{Failure, real};
use serde_json::Value;
use tokio::process::Command;

use crate::tls::Proxy;

/// Bytes in a MiB.
const MIB: f64 = 1_048_576.0;

/// How long a function waits for its event where its connections may have been closed: with and
/// without that, it has nothing left to do when the event comes.
const PAUSE: Duration = Duration::from_millis(20);

/// What one start took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    /// From the start of the process until it asked for an event.
    pub(crate) ready: Duration,
    /// From the start of the process until its first response was there.
    pub(crate) response: Duration,
    /// The most memory that it had by then, in MiB.
    pub(crate) peak_mib: f64,
}

/// What a first response took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct First {
    /// Handshakes before the function asked for an event.
    pub(crate) handshakes_before: u64,
    /// Handshakes from there until the response.
    pub(crate) handshakes: u64,
    /// From the event handed out to the response taken.
    pub(crate) response: Duration,
}

/// Starts the program that `command` makes for a Runtime API, and hands it `event` as soon as it asks.
///
/// # Errors
/// If it does not run, or answers otherwise than with status 200.
pub(crate) async fn measure(
    command: impl FnOnce(&str) -> Command,
    event: &Value,
) -> Result<Start, Failure> {
    let mut emulator = Emulator::start().await?;
    let mut command = command(emulator.address());
    let event = event.to_string();
    let started = Instant::now();
    let mut process = spawn(&mut command)?;
    let measured = async {
        emulator.ready().await?;
        let ready = started.elapsed();
        let response = emulator.invoke(&event).await?;
        let responded = started.elapsed();
        response_of(&response)?;
        Ok::<_, Failure>((ready, responded))
    };
    let (ready, response) = tokio::select! {
        measured = measured => measured?,
        status = process.wait() => return Err(format!("the function ends: {}", status?).into()),
    };
    let id = process.id().ok_or("the function has ended")?;
    let peak_mib = real(peak_memory(&id.to_string())?) / MIB;
    process.kill().await?;
    Ok(Start { ready, response, peak_mib })
}

/// The same for a function whose DynamoDB is behind `proxy`; if `is_closed`, the connections that it
/// has opened by then are closed before it gets the event.
///
/// # Errors
/// As of [`measure`].
pub(crate) async fn first_response(
    command: impl FnOnce(&str) -> Command,
    event: &Value,
    proxy: &Proxy,
    is_closed: bool,
) -> Result<First, Failure> {
    let mut emulator = Emulator::start().await?;
    let mut process = spawn(&mut command(emulator.address()))?;
    let before = proxy.handshakes();
    let measured = async {
        emulator.ready().await?;
        let ready = proxy.handshakes();
        if is_closed {
            proxy.close_connections().await?;
        }
        tokio::time::sleep(PAUSE).await;
        let response = emulator.invoke(&event.to_string()).await?;
        response_of(&response)?;
        Ok::<_, Failure>(First {
            handshakes_before: ready - before,
            handshakes: proxy.handshakes() - ready,
            response: response.elapsed,
        })
    };
    let first = tokio::select! {
        measured = measured => measured?,
        status = process.wait() => return Err(format!("the function ends: {}", status?).into()),
    };
    process.kill().await?;
    Ok(first)
}

fn spawn(command: &mut Command) -> std::io::Result<tokio::process::Child> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).spawn()
}
