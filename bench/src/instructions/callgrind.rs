//! A function's process under callgrind.

use std::path::{Path, PathBuf};

use bench::Failure;
use bench::function::{Function, response_of};
use bench::machine::said_by;
use serde_json::Value;

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
    let mut out_file = std::ffi::OsString::from("--callgrind-out-file=");
    out_file.push(profile);
    let arguments =
        [Path::new("--tool=callgrind"), Path::new("--quiet"), Path::new(&out_file), function];
    let mut function = Function::start(Path::new("valgrind"), &arguments, endpoint, &[]).await?;
    let event = event.to_string();
    for _ in 0..invocations {
        response_of(&function.invoke(&event).await?.0)?;
    }
    // Callgrind then writes its profile.
    function.end().await?;
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
