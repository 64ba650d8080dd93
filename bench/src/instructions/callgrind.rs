//! A function's process under callgrind.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use bench::Failure;
use bench::emulator::Emulator;
use bench::function::{answer_of, set_environment};
use bench::machine::said_by;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::process::Command;

/// Runs `function` until it has answered `event` this many times, and counts the instructions of the
/// whole process. The profile, for `callgrind_annotate`, is left at `profile`.
///
/// # Errors
/// If the function does not run, or answers otherwise than with status 200.
pub(crate) async fn count(
    function: &Path,
    endpoint: &str,
    event: &Value,
    invocations: u32,
    profile: &Path,
) -> Result<u64, Failure> {
    let mut emulator = Emulator::start().await?;
    let mut out_file = std::ffi::OsString::from("--callgrind-out-file=");
    out_file.push(profile);
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--quiet"]).arg(out_file).arg(function);
    set_environment(&mut command, endpoint, emulator.address());
    let mut process =
        command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).spawn()?;
    let requests = async {
        for _ in 0..invocations {
            answer_of(&emulator.invoke(&event.to_string()).await?)?;
        }
        emulator.ready().await
    };
    tokio::select! {
        done = requests => done?,
        status = process.wait() => return Err(format!("the function ends: {}", status?).into()),
    }
    // A function is ended in the same way on Lambda; callgrind then writes its profile.
    let id = process.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
    kill_process(id.ok_or("the function has ended")?, Signal::TERM)?;
    process.wait().await?;
    total(&std::fs::read_to_string(profile)?)
}

/// The instructions of a whole profile: of each thread's part of it, if they are apart.
fn total(profile: &str) -> Result<u64, Failure> {
    let totals = profile.lines().filter_map(|line| line.strip_prefix("totals: "));
    let totals = totals.map(|total| total.trim().parse::<u64>()).collect::<Result<Vec<_>, _>>()?;
    if totals.is_empty() {
        return Err("callgrind's profile has no total".into());
    }
    Ok(totals.iter().sum())
}

/// The version of valgrind.
///
/// # Errors
/// If it is not installed.
pub(crate) fn version() -> Result<String, Failure> {
    said_by("valgrind", &["--version"])
        .map_err(|_| "valgrind is not installed; on Debian: apt-get install valgrind".into())
}

/// Where the profile of a run goes.
pub(crate) fn profile(folder: &Path, case: &str, invocations: u32) -> PathBuf {
    folder.join(format!("{}-{invocations}.callgrind", case.replace([' ', ',', '='], "-")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_of_a_profile_is_that_of_its_parts() {
        let profile = "events: Ir\nsummary: 4\n\nfn=(1) main\n1 4\n\ntotals: 4\n";
        assert_eq!(total(profile).unwrap(), 4);
        assert_eq!(total(&profile.repeat(3)).unwrap(), 12);
        assert!(total("events: Ir\n").is_err());
        assert!(total("totals: many\n").is_err());
    }
}
